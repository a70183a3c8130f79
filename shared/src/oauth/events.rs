//! The audit's records of sign-ins, consents and grants.

use super::member::Member;
use super::session::Session;
use super::whose::Whose;
use crate::access::delegation::{Delegation, EndedBy};
use crate::access::grant::Grant;
use crate::audit::{Audit, AuditRecord};
use crate::http::Request;
use crate::store::StoreError;
use crate::store::schema::member;

/// Records a sign-in, or an attempt at one. `subject` is `Patient/<id>`, or `user/<name>` after a failed attempt. `client` is the
/// app that the member signs in for; it is empty on the way to the account page.
pub(super) async fn sign_in(
    audit: &Audit,
    request: &Request,
    subject: String,
    outcome: &'static str,
    client: &str,
) -> Result<(), StoreError> {
    let record =
        AuditRecord { subject, action: "sign-in", outcome, client: client.to_owned(), ..AuditRecord::default() };
    audit.event(request, record).await
}

/// Records that a provider signed a member out.
pub(super) async fn signed_out(audit: &Audit, request: &Request, who: &Member) -> Result<(), StoreError> {
    let subject = who.patient.as_ref().map_or_else(|| format!("user/{}", who.id), |patient| member(patient));
    let record = AuditRecord { subject, action: "sign-out", outcome: "provider", ..AuditRecord::default() };
    audit.event(request, record).await
}

/// Records a member's decision about an app. `scope` is the part that they allowed, empty if they refused; the record has it as
/// its `query`.
pub(super) async fn consent(
    audit: &Audit,
    request: &Request,
    session: &Session,
    (outcome, whose): (&'static str, &Whose),
    client: &str,
    scope: &str,
) -> Result<(), StoreError> {
    let record = AuditRecord {
        subject: member(whose.patient()),
        action: "consent",
        outcome,
        client: client.to_owned(),
        query: scope.to_owned(),
        acting: whose.acting().map(|acting| (session.member.clone(), acting.relation.name())),
        ..AuditRecord::default()
    };
    audit.event(request, record).await
}

/// Records that somebody ended a delegation. `by` tells who: the member or the delegate.
pub(super) async fn delegation(
    audit: &Audit,
    request: &Request,
    by: EndedBy,
    delegation: &Delegation,
) -> Result<(), StoreError> {
    let record = AuditRecord {
        subject: member(&delegation.patient),
        action: "end-delegation",
        outcome: by.name(),
        acting: Some((delegation.person().to_owned(), delegation.relation.name())),
        ..AuditRecord::default()
    };
    audit.event(request, record).await
}

/// Records something that happened to a grant: a token, a refresh, a reuse, a revocation or a stop.
pub(super) async fn grant(
    audit: &Audit,
    request: &Request,
    action: &'static str,
    grant: &Grant,
) -> Result<(), StoreError> {
    let record = AuditRecord {
        subject: member(&grant.patient),
        action,
        outcome: "ok",
        client: grant.client.clone(),
        grant: grant.id.clone(),
        acting: grant.acting_person(),
        ..AuditRecord::default()
    };
    audit.event(request, record).await
}
