//! The audit: who saw what, when. No record, no response.
//!
//! A FHIR handler does not return a response, it returns a [`Disclosure`], and only [`Audit::release`] takes the
//! response out of it, after the record is written.

use std::collections::BTreeMap;

use crate::access::Access;
use crate::clock::Clock;
use crate::fhir::reference::Reference;
use crate::http::{Request, Response};
use crate::store::StoreError;
use crate::store::audit::AuditTable;

pub use crate::store::audit::AuditRecord;

/// A response with health data that must be recorded before it leaves.
pub struct Disclosure {
    response: Response,
    ids: Vec<Reference>,
    outcome: &'static str,
}

impl Disclosure {
    /// A response that gives out `ids`.
    pub fn new(response: Response, ids: Vec<Reference>) -> Disclosure {
        Disclosure { response, ids, outcome: "ok" }
    }

    /// A response with a link that leads to `ids`.
    pub fn linked(response: Response, ids: Vec<Reference>) -> Disclosure {
        Disclosure { response, ids, outcome: "linked" }
    }

    /// A response that gives nothing out: it only says that the app's copy is current.
    pub fn not_modified(response: Response) -> Disclosure {
        Disclosure { response, ids: Vec::new(), outcome: "not-modified" }
    }
}

/// Writes the records.
#[derive(Clone)]
pub struct Audit {
    table: AuditTable,
    clock: Clock,
}

impl Audit {
    /// Into `table`.
    pub fn new(table: AuditTable, clock: Clock) -> Audit {
        Audit { table, clock }
    }

    /// Records a disclosure and gives the response out.
    ///
    /// # Errors
    /// [`StoreError`] where the record is not surely written; then nothing is given out.
    pub async fn release(
        &self,
        action: &'static str,
        access: &Access,
        request: &Request,
        disclosure: Disclosure,
    ) -> Result<Response, StoreError> {
        let ids = packed(&disclosure.ids);
        self.append(&AuditRecord { ids, ..self.of_access(action, disclosure.outcome, access, request) }).await?;
        Ok(disclosure.response)
    }

    /// Records that a request under a good token was refused.
    ///
    /// # Errors
    /// [`StoreError`] where the record is not surely written.
    pub async fn refused(
        &self,
        action: &'static str,
        outcome: &'static str,
        access: &Access,
        request: &Request,
    ) -> Result<(), StoreError> {
        self.append(&self.of_access(action, outcome, access, request)).await
    }

    /// Records what happened at sign-in, consent and the token endpoint.
    ///
    /// # Errors
    /// [`StoreError`] where the record is not surely written.
    pub async fn event(&self, request: &Request, entry: AuditRecord) -> Result<(), StoreError> {
        let entry = AuditRecord {
            time: self.clock.now().to_string(),
            request_id: request.request_id.clone(),
            source_ip: request.source_ip.clone(),
            ..entry
        };
        self.append(&entry).await
    }

    /// A record that could not be written rings an alarm (`infra/alarms.yaml`): from then on nobody gets their data.
    async fn append(&self, entry: &AuditRecord) -> Result<(), StoreError> {
        let written = self.table.append(entry).await;
        written.inspect_err(|error| {
            tracing::error!(alarm = "audit", action = entry.action, %error, "an audit record could not be written");
        })
    }

    fn of_access(
        &self,
        action: &'static str,
        outcome: &'static str,
        access: &Access,
        request: &Request,
    ) -> AuditRecord {
        let grant = access.grant();
        AuditRecord {
            subject: format!("Patient/{}", grant.patient),
            time: self.clock.now().to_string(),
            request_id: request.request_id.clone(),
            action,
            outcome,
            source_ip: request.source_ip.clone(),
            client: grant.client.clone(),
            grant: grant.id.clone(),
            query: asked(request),
            ids: String::new(),
        }
    }
}

/// What was asked, posted or not. A token that somebody put into a query is no business of the audit.
fn asked(request: &Request) -> String {
    let mut pairs = request.query();
    match request.form() {
        Some(form) => pairs.extend(form),
        None if request.body.is_empty() => {}
        None => pairs.push(("body".to_owned(), String::from_utf8_lossy(&request.body).into_owned())),
    }
    pairs.retain(|(name, _)| name != "access_token");
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let text = if query.is_empty() { request.path.clone() } else { format!("{}?{query}", request.path) };
    match text.char_indices().nth(LONGEST_QUERY) {
        Some((end, _)) => format!("{}… ({} bytes in all)", &text[..end], text.len()),
        None => text,
    }
}

/// The longest query that is kept, in characters: every search that is answered fits, percent-encoded as it may be.
const LONGEST_QUERY: usize = 20 * 1024;

/// The longest list of ids that is written out, in bytes: with the rest of the row it fits one write unit of 1 KB.
const LONGEST_LIST: usize = 700;

/// The list of what was given out: `Claim/a,b Coverage/c`. Of a long list the record has the count, the first and last
/// entry, and the SHA-256: the query in the same record can be run again, and its answer compared.
fn packed(ids: &[Reference]) -> String {
    let mut resource_types: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for reference in ids {
        resource_types.entry(&reference.resource_type).or_default().push(&reference.id);
    }
    let list: Vec<String> =
        resource_types.iter().map(|(resource_type, ids)| format!("{resource_type}/{}", ids.join(","))).collect();
    let list = list.join(" ");
    match ids {
        [first, .., last] if list.len() > LONGEST_LIST => {
            let hash = crate::secret::Secret::from_client(&list).hashed();
            format!("{} resources, {first} to {last}, sha256 {}", ids.len(), hash.0)
        }
        _ => list,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lists_are_written_out_and_long_ones_are_bounded() {
        let some: Vec<Reference> = ["b", "a"].iter().map(|id| Reference::new("Claim", id)).collect();
        assert_eq!(packed(&some), "Claim/b,a");
        let many: Vec<Reference> = (0..1000).map(|id| Reference::new("Claim", &id.to_string())).collect();
        assert!(packed(&many).starts_with("1000 resources, Claim/0 to Claim/999, sha256 "));
    }
}
