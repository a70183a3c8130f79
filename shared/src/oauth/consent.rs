//! `GET` and `POST /consent`: the member decides what the app may see.

use http::StatusCode;
use url::Url;

use super::client::Client;
use super::code::AuthorizationCode;
use super::error::{AuthorizeError, PageError};
use super::pages::{ConsentPage, page, style};
use super::parameters::Parameters;
use super::redirect_uri::{self, form_action};
use super::request::{AuthorizationRequest, Stage};
use super::session::{self, Cookie, Session, csrf};
use super::state::{Pages, State};
use super::words::{choices, kept};
use super::{authorization_response, events};
use crate::http::{Request, Response, single};
use crate::issuer::Issuer;
use crate::loopback::is_loopback;
use crate::scope::{Scope, Scopes};
use crate::secret::Secret;
use crate::store::auth::{Commit, Stored};

/// Shows what the app asks for.
pub(super) async fn show(pages: &Pages, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let pairs = request.query();
    let id = single(&pairs, "request")?.unwrap_or_default();
    let (asked, session, cookie) = waiting(&pages.state, request, issuer, id).await?;
    form(pages, StatusCode::OK, &asked.record, &session, id, &cookie, None)
}

/// Takes the member's answer: a code for what they kept, or `access_denied`.
pub(super) async fn submit(pages: &Pages, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let fields = Parameters::of_page(request, issuer)?;
    let (id, given) = (fields.field("request")?, Secret::from_client(fields.field("csrf")?));
    let (asked, session, cookie) = waiting(&pages.state, request, issuer, id).await?;
    if !csrf(&cookie).matches(&given) {
        return Err(PageError::Forged);
    }
    match fields.field("decision")? {
        "allow" => {
            let offered = scopes(&asked.record);
            let kept = kept(&offered, &fields.all("scope"));
            let shows_data = |scope: &Scope| matches!(scope, Scope::Resource(_) | Scope::FhirUser);
            if offered.iter().any(shows_data) && !kept.iter().any(shows_data) {
                let problem = Some("Tick at least one kind of data, or choose “Do not allow”.");
                return form(pages, StatusCode::OK, &asked.record, &session, id, &cookie, problem);
            }
            allow(pages, request, issuer, &asked, &session, &kept).await
        }
        "deny" => {
            events::consent(&pages.audit, request, &session, "denied", &asked.record.client, "").await?;
            pages.state.auth.commit(Commit::default().replace(&asked, &asked.record.clone().decided())).await?;
            let AuthorizationRequest { redirect_uri, state, .. } = &asked.record;
            let error = AuthorizeError::AccessDenied;
            Ok(authorization_response::with_error(redirect_uri, Some(state), issuer, &error))
        }
        _ => Err(PageError::Malformed("the form says neither “allow” nor “deny”".into())),
    }
}

/// Makes the code and closes the request in one step, so that a second click makes no second code.
async fn allow(
    pages: &Pages,
    request: &Request,
    issuer: &Issuer,
    asked: &Stored<AuthorizationRequest>,
    session: &Session,
    kept: &Scopes,
) -> Result<Response, PageError> {
    // The request may have waited for a quarter of an hour: what counts is how the app is registered now.
    let state = &pages.state;
    let client = state.auth.get::<Client>(&asked.record.client).await?.map(|stored| stored.record);
    let registered = |client: &Client| {
        let uris = &client.redirect_uris;
        !client.disabled && uris.iter().any(|uri| redirect_uri::matches(uri, &asked.record.redirect_uri))
    };
    if !client.as_ref().is_some_and(registered) {
        return Err(PageError::Over);
    }
    let secret = state.random.secret();
    let (hash, now) = (secret.hashed(), state.clock.now());
    let code = AuthorizationCode::answering(&asked.record, session, kept, hash, &state.random, now);
    events::consent(&pages.audit, request, session, "allowed", &code.client, &code.scope).await?;
    state.auth.commit(Commit::default().create(&code).replace(asked, &asked.record.clone().decided())).await?;
    Ok(authorization_response::with_code(&asked.record, secret.reveal(), issuer))
}

/// The request that this very session signed in for, and the session.
async fn waiting(
    state: &State,
    request: &Request,
    issuer: &Issuer,
    id: &str,
) -> Result<(Stored<AuthorizationRequest>, Session, Secret), PageError> {
    let cookie = Cookie::Session.read(request, issuer).ok_or(PageError::Over)?;
    let hash = Secret::from_client(id).hashed().0;
    let (asked, session) =
        tokio::join!(state.auth.get::<AuthorizationRequest>(&hash), session::current(state, request, issuer));
    let session = session?.ok_or(PageError::Over)?.record;
    let asked = asked?
        .filter(|asked| !asked.record.is_expired(state.clock.now()))
        .filter(|asked| asked.record.stage == Stage::SignedIn(session.hash.clone()))
        .ok_or(PageError::Over)?;
    Ok((asked, session, cookie))
}

fn scopes(asked: &AuthorizationRequest) -> Scopes {
    asked.scope.parse().unwrap_or_default()
}

fn form(
    pages: &Pages,
    status: StatusCode,
    asked: &AuthorizationRequest,
    session: &Session,
    id: &str,
    cookie: &Secret,
    problem: Option<&str>,
) -> Result<Response, PageError> {
    let csrf = csrf(cookie);
    let destination = Url::parse(&asked.redirect_uri).ok();
    // A private-use scheme has no host that a member would know, even where its URI has one.
    let host = destination.as_ref().filter(|url| url.scheme() == "https" && !is_loopback(url));
    let host = host.and_then(|url| url.host_str());
    let destination = host.unwrap_or("the app on this device");
    let fields = ConsentPage {
        style: style(),
        plan: &pages.config().plan.name,
        app: &asked.client_name,
        request: id,
        csrf: csrf.reveal(),
        username: &session.username,
        destination,
        choices: &choices(&scopes(asked)),
        problem,
    };
    page(status, &fields, &form_action(&asked.redirect_uri))
}
