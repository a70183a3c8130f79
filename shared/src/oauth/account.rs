//! `GET` and `POST /account`: the member sees which apps they let in, and stops them. It is SMART's `management_endpoint`.

use std::collections::BTreeMap;

use http::StatusCode;

use super::authorize::session;
use super::error::PageError;
use super::login::posted;
use super::pages::{AccountPage, page, see_other, style};
use super::server::Server;
use super::session::{Cookie, Session, csrf};
use super::token::event;
use super::words::{Choice, choices};
use crate::access::grant::{self, Grant, Why};
use crate::clock::Time;
use crate::http::{Request, Response, single};
use crate::issuer::Issuer;
use crate::secret::Secret;
use crate::store::auth::{Commit, Stored};

/// One app on the page: all that the member allowed it, on whichever of their devices.
pub(super) struct ConnectedApp {
    /// Its `client_id`, as the form sends it back.
    pub client: String,
    /// Its name.
    pub name: String,
    /// The day of the first permission.
    pub since: String,
    /// The day on which the last one ends by itself.
    pub until: String,
    /// What it may see, in a member's words.
    pub sees: Vec<Choice>,
}

/// Shows the connected apps; whoever is not signed in does that first.
pub(super) async fn show(server: &Server, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let (Some(session), Some(cookie)) = signed_in(server, request, issuer).await? else {
        return Ok(see_other(&format!("{issuer}/login"), &[]));
    };
    let grants = live_grants(server, &session.record).await?;
    // Only our own redirect knows this word, so that no link can say that something was stopped.
    let done = single(&request.query(), "done")? == Some(done(&cookie).reveal());
    let csrf = csrf(&cookie);
    let fields = AccountPage {
        style: style(),
        plan: &server.config.plan.name,
        username: &session.record.username,
        csrf: csrf.reveal(),
        apps: &connected(&grants),
        done,
    };
    Ok(page(StatusCode::OK, &fields, ""))
}

/// Stops one app or all of them, or signs out. The form names an app; which grants that ends is looked up among the member's
/// own, so that nobody else's can be named.
pub(super) async fn submit(server: &Server, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let pairs = posted(request, issuer)?;
    let (Some(session), Some(cookie)) = signed_in(server, request, issuer).await? else {
        return Err(PageError::SignedOut);
    };
    let given = Secret::from_client(single(&pairs, "csrf")?.unwrap_or_default());
    if !csrf(&cookie).matches(&given) {
        return Err(PageError::Forged);
    }
    let stop = single(&pairs, "stop")?;
    let ended = match single(&pairs, "do")?.or(stop.map(|_| "stop")) {
        Some("sign-out") => {
            server.auth.commit(Commit::default().replace(&session, &session.record.clone().ended())).await?;
            return Ok(see_other(&format!("{issuer}/login"), &[Cookie::Session.clear(issuer)]));
        }
        Some("stop-all") => end(server, request, &session.record, |_| true).await?,
        Some("stop") => end(server, request, &session.record, |grant| stop == Some(&grant.client)).await?,
        _ => return Err(PageError::Malformed("the form says neither what to stop nor to sign out".into())),
    };
    let word = if ended == 0 { String::new() } else { format!("?done={}", done(&cookie).reveal()) };
    Ok(see_other(&format!("{issuer}/account{word}"), &[]))
}

fn done(cookie: &Secret) -> Secret {
    cookie.derived("done")
}

/// Ends those of the member's live grants that `which` chooses, and tells how many. Each is recorded before it ends; one that
/// cannot be ended now keeps none of the others alive.
async fn end(
    server: &Server,
    request: &Request,
    session: &Session,
    which: impl Fn(&Grant) -> bool,
) -> Result<usize, PageError> {
    let (mut ended, mut failed) = (0, None);
    for grant in live_grants(server, session).await?.iter().filter(|grant| which(grant)) {
        let stopped = async {
            event(server, request, "stop", grant).await?;
            grant::end(&server.auth, &grant.id, server.clock.now(), Why::StoppedByMember).await
        };
        match stopped.await {
            Ok(_) => ended += 1,
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(ended), |error| Err(error.into()))
}

async fn signed_in(
    server: &Server,
    request: &Request,
    issuer: &Issuer,
) -> Result<(Option<Stored<Session>>, Option<Secret>), PageError> {
    Ok((session(server, request, issuer).await?, Cookie::Session.read(request, issuer)))
}

async fn live_grants(server: &Server, session: &Session) -> Result<Vec<Grant>, PageError> {
    let now = server.clock.now();
    let grants = server.auth.list::<Grant>(&session.member).await?;
    Ok(grants.into_iter().map(|stored| stored.record).filter(|grant| grant.is_live(now)).collect())
}

/// The grants, app by app in the order of their names.
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
