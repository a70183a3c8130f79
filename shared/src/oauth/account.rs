//! `GET` and `POST /account`: the member sees the apps that are connected, and stops them. It is SMART's
//! `management_endpoint`.

use http::StatusCode;

use super::connected::connected;
use super::error::PageError;
use super::pages::{AccountPage, page, see_other, style};
use super::parameters::Parameters;
use super::session::{self, Cookie, Session, csrf};
use super::state::Pages;
use super::{delegates, events};
use crate::access::grant::{self, Grant, Why};
use crate::http::{Request, Response, single};
use crate::issuer::Issuer;
use crate::secret::Secret;
use crate::store::auth::{Commit, Stored};

/// Shows the connected apps, and who acts for whom. Somebody who is not signed in is sent to do that first.
pub(super) async fn show(pages: &Pages, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let (Some(session), Some(cookie)) = signed_in(pages, request, issuer).await? else {
        return Ok(see_other(&format!("{issuer}/login"), &[]));
    };
    let session = session.record;
    let (grants, acts_for, acted_for_by) = tokio::try_join!(
        live_grants(pages, &session),
        delegates::acts_for(&pages.state, &session),
        delegates::acted_for_by(&pages.state, &session)
    )?;
    let own: Vec<Grant> = grants.into_iter().filter(is_own).collect();
    // Only our own redirect knows this word, so that no link from elsewhere can claim that something was stopped.
    let done = single(&request.query(), "done")? == Some(done(&cookie).reveal());
    let csrf = csrf(&cookie);
    let fields = AccountPage {
        style: style(),
        plan: &pages.config().plan.name,
        username: &session.username,
        csrf: csrf.reveal(),
        has_record: session.patient.is_some(),
        apps: &connected(&own),
        acts_for: &acts_for,
        acted_for_by: &acted_for_by,
        done,
    };
    page(StatusCode::OK, &fields, "")
}

/// Stops one app or all of them, ends a delegation, or signs out. The form names an app, and its grants are looked up among those that
/// the person may end, so that nobody else's can be named.
pub(super) async fn submit(pages: &Pages, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let fields = Parameters::of_page(request, issuer)?;
    let (Some(session), Some(cookie)) = signed_in(pages, request, issuer).await? else {
        return Err(PageError::SignedOut);
    };
    if !csrf(&cookie).matches(&Secret::from_client(fields.field("csrf")?)) {
        return Err(PageError::Forged);
    }
    let (stop, under, delegation) = (fields.one("stop")?, fields.one("stop-under")?, fields.one("end")?);
    let person = &session.record;
    let ended = match (fields.one("do")?, stop, under, delegation) {
        (Some("sign-out"), ..) => {
            pages.state.auth.commit(Commit::default().replace(&session, &session.record.clone().ended())).await?;
            return Ok(see_other(&format!("{issuer}/login?signed-out=1"), &[Cookie::Session.clear(issuer)]));
        }
        (Some("stop-all"), ..) => {
            let own = live_grants(pages, person).await?.into_iter().filter(is_own);
            end(pages, request, own.collect()).await?
        }
        (None, Some(client), ..) => {
            let own = live_grants(pages, person).await?.into_iter().filter(is_own);
            end(pages, request, own.filter(|grant| grant.client == client).collect()).await?
        }
        (None, None, Some(named), _) => {
            end(pages, request, delegates::grants(&pages.state, person, named).await?).await?
        }
        (None, None, None, Some(id)) => delegates::end(pages, request, person, id).await?,
        _ => return Err(PageError::Malformed("the form says neither what to stop nor to sign out".into())),
    };
    let word = if ended == 0 { String::new() } else { format!("?done={}", done(&cookie).reveal()) };
    Ok(see_other(&format!("{issuer}/account{word}"), &[]))
}

/// Whether somebody granted it in their own record.
fn is_own(grant: &Grant) -> bool {
    grant.acting.is_none()
}

fn done(cookie: &Secret) -> Secret {
    cookie.derived("done")
}

/// Ends these grants, and tells how many. Each end is recorded first. A grant that cannot be ended now does not keep the others alive.
async fn end(pages: &Pages, request: &Request, grants: Vec<Grant>) -> Result<usize, PageError> {
    let (mut ended, mut failed) = (0, None);
    for grant in &grants {
        let stopped = async {
            events::grant(&pages.audit, request, "stop", grant).await?;
            grant::end(&pages.state.auth, &grant.id, pages.state.clock.now(), Why::StoppedByMember).await
        };
        match stopped.await {
            Ok(_) => ended += 1,
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(ended), |error| Err(error.into()))
}

async fn signed_in(
    pages: &Pages,
    request: &Request,
    issuer: &Issuer,
) -> Result<(Option<Stored<Session>>, Option<Secret>), PageError> {
    Ok((session::current(&pages.state, request, issuer).await?, Cookie::Session.read(request, issuer)))
}

async fn live_grants(pages: &Pages, session: &Session) -> Result<Vec<Grant>, PageError> {
    let now = pages.state.clock.now();
    let grants = pages.state.auth.list::<Grant>(&session.member).await?;
    Ok(grants.into_iter().map(|stored| stored.record).filter(|grant| grant.is_live(now)).collect())
}
