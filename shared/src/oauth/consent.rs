//! `GET` and `POST /consent`: the member says what the app may see.

use http::StatusCode;
use url::Url;

use super::authorize::{send_back, send_code, session};
use super::client::Client;
use super::error::{AuthorizeError, PageError};
use super::login::posted;
use super::pages::{ConsentPage, page, style};
use super::redirect_uri::{self, form_action};
use super::request::{AuthorizationRequest, Stage};
use super::server::Server;
use super::session::{Cookie, Session, csrf};
use super::words::{choices, kept};
use crate::audit::AuditRecord;
use crate::http::{Request, Response, single};
use crate::issuer::Issuer;
use crate::issuer::is_loopback;
use crate::scope::{Scope, Scopes};
use crate::secret::Secret;
use crate::store::auth::{Commit, Stored};

/// Shows what the app asks for.
pub(super) async fn show(server: &Server, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let pairs = request.query();
    let id = single(&pairs, "request")?.unwrap_or_default();
    let (asked, session, cookie) = waiting(server, request, issuer, id).await?;
    Ok(form(server, StatusCode::OK, &asked.record, &session, id, &cookie, None))
}

/// Takes the member's answer: a code for what they kept, or `access_denied`.
pub(super) async fn submit(server: &Server, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let pairs = posted(request, issuer)?;
    let field = |name: &str| Ok::<_, PageError>(single(&pairs, name)?.unwrap_or_default());
    let (id, given) = (field("request")?, Secret::from_client(field("csrf")?));
    let (asked, session, cookie) = waiting(server, request, issuer, id).await?;
    if !csrf(&cookie).matches(&given) {
        return Err(PageError::Forged);
    }
    let ticked: Vec<&str> = pairs.iter().filter(|(name, _)| name == "scope").map(|(_, value)| value.as_str()).collect();
    match field("decision")? {
        "allow" => {
            let offered = scopes(&asked.record);
            let kept = kept(&offered, &ticked);
            let shows_data = |scope: &Scope| matches!(scope, Scope::Resource(_) | Scope::FhirUser);
            if offered.iter().any(shows_data) && !kept.iter().any(shows_data) {
                let problem = Some("Tick at least one kind of data, or choose “Do not allow”.");
                return Ok(form(server, StatusCode::OK, &asked.record, &session, id, &cookie, problem));
            }
            allow(server, request, issuer, &asked, &session, &kept).await
        }
        "deny" => {
            event(server, request, &session, "denied", &asked.record.client, String::new()).await?;
            server.auth.commit(Commit::default().replace(&asked, &asked.record.clone().decided())).await?;
            let AuthorizationRequest { redirect_uri, state, .. } = &asked.record;
            Ok(send_back(redirect_uri, Some(state), issuer, &AuthorizeError::AccessDenied))
        }
        _ => Err(PageError::Malformed("the form says neither “allow” nor “deny”".into())),
    }
}

/// Makes the code and closes the request in one step, so that a second click makes no second code.
async fn allow(
    server: &Server,
    request: &Request,
    issuer: &Issuer,
    asked: &Stored<AuthorizationRequest>,
    session: &Session,
    kept: &Scopes,
) -> Result<Response, PageError> {
    // The request may have waited for a quarter of an hour: the app is asked for as it is registered now.
    let client = server.auth.get::<Client>(&asked.record.client).await?.map(|stored| stored.record);
    let registered = |client: &Client| {
        let uris = &client.redirect_uris;
        !client.disabled && uris.iter().any(|uri| redirect_uri::matches(uri, &asked.record.redirect_uri))
    };
    if !client.as_ref().is_some_and(registered) {
        return Err(PageError::Over);
    }
    let secret = server.random.secret();
    let code = asked.record.code(server, secret.hashed(), kept, session);
    event(server, request, session, "allowed", &code.client, code.scope.clone()).await?;
    server.auth.commit(Commit::default().create(&code).replace(asked, &asked.record.clone().decided())).await?;
    Ok(send_code(&asked.record, secret.reveal(), issuer))
}

/// The request that this very session signed in for, and the session.
async fn waiting(
    server: &Server,
    request: &Request,
    issuer: &Issuer,
    id: &str,
) -> Result<(Stored<AuthorizationRequest>, Session, Secret), PageError> {
    let cookie = Cookie::Session.read(request, issuer).ok_or(PageError::Over)?;
    let hash = Secret::from_client(id).hashed().0;
    let (asked, session) =
        tokio::join!(server.auth.get::<AuthorizationRequest>(&hash), session(server, request, issuer));
    let session = session?.ok_or(PageError::Over)?.record;
    let asked = asked?
        .filter(|asked| !asked.record.is_expired(server.clock.now()))
        .filter(|asked| asked.record.stage == Stage::SignedIn(session.hash.clone()))
        .ok_or(PageError::Over)?;
    Ok((asked, session, cookie))
}

async fn event(
    server: &Server,
    request: &Request,
    session: &Session,
    outcome: &'static str,
    client: &str,
    scope: String,
) -> Result<(), PageError> {
    let entry = AuditRecord {
        subject: format!("Patient/{}", session.patient),
        action: "consent",
        outcome,
        client: client.to_owned(),
        query: scope,
        ..AuditRecord::default()
    };
    Ok(server.audit.event(request, entry).await?)
}

fn scopes(asked: &AuthorizationRequest) -> Scopes {
    asked.scope.parse().unwrap_or_default()
}

fn form(
    server: &Server,
    status: StatusCode,
    asked: &AuthorizationRequest,
    session: &Session,
    id: &str,
    cookie: &Secret,
    problem: Option<&str>,
) -> Response {
    let csrf = csrf(cookie);
    let destination = Url::parse(&asked.redirect_uri).ok();
    // A private-use scheme has no host to speak of, whatever stands behind its slashes.
    let host = destination.as_ref().filter(|url| url.scheme() == "https" && !is_loopback(url));
    let host = host.and_then(|url| url.host_str());
    let destination = host.unwrap_or("the app on this device");
    let fields = ConsentPage {
        style: style(),
        plan: &server.config.plan.name,
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
