//! `GET` and `POST /account`: the member sees the apps that are connected, and stops them. It is SMART's
//! `management_endpoint`.

use std::collections::BTreeMap;

use http::StatusCode;

use super::error::PageError;
use super::events;
use super::pages::{AccountPage, ConnectedApp, page, see_other, style};
use super::parameters::Parameters;
use super::session::{self, Cookie, Session, csrf};
use super::state::Pages;
use super::words::choices;
use crate::access::grant::{self, Grant, Why};
use crate::clock::Time;
use crate::http::{Request, Response, single};
use crate::issuer::Issuer;
use crate::secret::Secret;
use crate::store::auth::{Commit, Stored};

/// Shows the connected apps. A member who is not signed in is sent to do that first.
pub(super) async fn show(pages: &Pages, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let (Some(session), Some(cookie)) = signed_in(pages, request, issuer).await? else {
        return Ok(see_other(&format!("{issuer}/login"), &[]));
    };
    let grants = live_grants(pages, &session.record).await?;
    // Only our own redirect knows this word, so that no link from elsewhere can claim that something was stopped.
    let done = single(&request.query(), "done")? == Some(done(&cookie).reveal());
    let csrf = csrf(&cookie);
    let fields = AccountPage {
        style: style(),
        plan: &pages.config().plan.name,
        username: &session.record.username,
        csrf: csrf.reveal(),
        apps: &connected(&grants),
        done,
    };
    page(StatusCode::OK, &fields, "")
}

/// Stops one app or all of them, or signs out. The form names an app, and its grants are looked up among the member's
/// own, so that nobody else's can be named.
pub(super) async fn submit(pages: &Pages, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let fields = Parameters::of_page(request, issuer)?;
    let (Some(session), Some(cookie)) = signed_in(pages, request, issuer).await? else {
        return Err(PageError::SignedOut);
    };
    if !csrf(&cookie).matches(&Secret::from_client(fields.field("csrf")?)) {
        return Err(PageError::Forged);
    }
    let stop = fields.one("stop")?;
    let ended = match fields.one("do")?.or(stop.map(|_| "stop")) {
        Some("sign-out") => {
            pages.state.auth.commit(Commit::default().replace(&session, &session.record.clone().ended())).await?;
            return Ok(see_other(&format!("{issuer}/login?signed-out=1"), &[Cookie::Session.clear(issuer)]));
        }
        Some("stop-all") => end(pages, request, &session.record, |_| true).await?,
        Some("stop") => end(pages, request, &session.record, |grant| stop == Some(&grant.client)).await?,
        _ => return Err(PageError::Malformed("the form says neither what to stop nor to sign out".into())),
    };
    let word = if ended == 0 { String::new() } else { format!("?done={}", done(&cookie).reveal()) };
    Ok(see_other(&format!("{issuer}/account{word}"), &[]))
}

fn done(cookie: &Secret) -> Secret {
    cookie.derived("done")
}

/// Ends those of the member's live grants that `which` chooses, and tells how many. Each end is recorded first. A grant
/// that cannot be ended now does not keep the others alive.
async fn end(
    pages: &Pages,
    request: &Request,
    session: &Session,
    which: impl Fn(&Grant) -> bool,
) -> Result<usize, PageError> {
    let (mut ended, mut failed) = (0, None);
    for grant in live_grants(pages, session).await?.iter().filter(|grant| which(grant)) {
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

/// The apps that hold the grants, in the order of their names.
fn connected(grants: &[Grant]) -> Vec<ConnectedApp> {
    let mut by_app: BTreeMap<(&str, &str), Vec<&Grant>> = BTreeMap::new();
    for grant in grants {
        by_app.entry((&grant.client_name, &grant.client)).or_default().push(grant);
    }
    let app = |((name, client), grants): ((&str, &str), Vec<&Grant>)| {
        let first = grants.iter().map(|grant| grant.created_at).min();
        let last = grants.iter().map(|grant| grant.expires_at).max();
        let scopes = grants.iter().map(|grant| grant.scope.as_str()).collect::<Vec<_>>().join(" ");
        ConnectedApp {
            client: client.to_owned(),
            name: name.to_owned(),
            since: day(first),
            until: day(last),
            sees: choices(&scopes.parse().unwrap_or_default()),
        }
    };
    by_app.into_iter().map(app).collect()
}

fn day(time: Option<Time>) -> String {
    time.map(Time::day).unwrap_or_default()
}
