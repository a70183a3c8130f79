//! `GET` and `POST /login`: the member says who they are.

use http::{StatusCode, header};

use super::error::PageError;
use super::member::{Member, canonical};
use super::pages::{LoginPage, page, see_other, style};
use super::request::{AuthorizationRequest, Stage};
use super::server::Server;
use super::session::{Cookie, Session, csrf};
use super::throttle::Attempt;
use crate::audit::Entry;
use crate::config::Issuer;
use crate::http::{Request, Response, single};
use crate::secret::Secret;
use crate::store::auth::{Commit, Stored};

/// The longest password that is looked at: hashing is costly, and no person types more.
const LONGEST_PASSWORD: usize = 256;

/// Shows the form.
pub(super) async fn show(server: &Server, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let pairs = request.query();
    let id = single(&pairs, "request")?.unwrap_or_default();
    let (asked, browser) = waiting(server, request, issuer, id).await?;
    Ok(form(StatusCode::OK, &asked.record, id, &browser, "", None))
}

/// Signs the member in. In order: the form is ours, the request waits for this browser, nobody has tried too often, the
/// password is right.
pub(super) async fn submit(server: &Server, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let pairs = posted(request, issuer)?;
    let field = |name: &str| Ok::<_, PageError>(single(&pairs, name)?.unwrap_or_default());
    let (id, username) = (field("request")?, canonical(field("username")?));
    let browser = Cookie::Browser.read(request, issuer).ok_or(PageError::Forged)?;
    if !csrf(&browser).matches(&Secret::from_client(field("csrf")?)) {
        return Err(PageError::Forged);
    }
    let (asked, browser) = waiting(server, request, issuer, id).await?;
    let password = Secret::from_client(field("password")?);
    if username.is_empty() || username.len() > 128 || password.reveal().len() > LONGEST_PASSWORD {
        return Ok(form(StatusCode::BAD_REQUEST, &asked.record, id, &browser, "", Some(WRONG)));
    }
    let attempt = Attempt::count(server, &username, &request.source_ip).await?;
    let member = server.auth.get::<Member>(&username).await?.map(|stored| stored.record);
    let right = Member::signs_in(member.as_ref(), &password);
    match member.filter(|_| right) {
        None => {
            event(server, request, format!("user/{username}"), "failed", &asked.record.client).await?;
            Ok(form(StatusCode::UNAUTHORIZED, &asked.record, id, &browser, &username, Some(WRONG)))
        }
        Some(member) => {
            attempt.take_back(server).await?;
            // A new secret, so that a session somebody planted before the sign-in is worth nothing after it.
            let cookie = server.random.secret();
            let session = Session {
                hash: cookie.hashed(),
                username: member.username,
                patient: member.patient,
                auth_time: server.clock.now(),
            };
            event(server, request, format!("Patient/{}", session.patient), "ok", &asked.record.client).await?;
            let signed_in = asked.record.clone().signed_in(session.hash.clone());
            server.auth.commit(Commit::default().create(&session).replace(&asked, &signed_in)).await?;
            Ok(see_other(&format!("{issuer}/consent?request={id}"), &[Cookie::Session.set(&cookie, issuer)]))
        }
    }
}

/// The same words for an unknown name, a wrong password and a member who was stopped.
const WRONG: &str = "This name and password do not belong together. Check both and try again.";

/// The request that waits for this browser's sign-in.
async fn waiting(
    server: &Server,
    request: &Request,
    issuer: &Issuer,
    id: &str,
) -> Result<(Stored<AuthorizationRequest>, Secret), PageError> {
    let browser = Cookie::Browser.read(request, issuer).ok_or(PageError::Over)?;
    let asked = server.auth.get::<AuthorizationRequest>(&Secret::from_client(id).hashed().0).await?;
    let asked = asked
        .filter(|asked| !asked.record.is_expired(server.clock.now()) && asked.record.stage != Stage::Decided)
        .filter(|asked| asked.record.browser.is_of(&browser))
        .ok_or(PageError::Over)?;
    Ok((asked, browser))
}

async fn event(
    server: &Server,
    request: &Request,
    subject: String,
    outcome: &'static str,
    client: &str,
) -> Result<(), PageError> {
    let entry = Entry { subject, action: "sign-in", outcome, client: client.to_owned(), ..Entry::default() };
    Ok(server.audit.event(request, entry).await?)
}

/// The pairs of a form that came from a page of ours: a browser says so in `Sec-Fetch-Site`, an older one by `Origin`.
///
/// # Errors
/// [`PageError::Forged`] where another site sent it, [`PageError::Malformed`] where it is no form.
pub(super) fn posted(request: &Request, issuer: &Issuer) -> Result<Vec<(String, String)>, PageError> {
    let ours = match (request.header("sec-fetch-site"), request.header(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == issuer.as_str(),
        (None, None) => true,
    };
    if !ours {
        return Err(PageError::Forged);
    }
    request
        .form()
        .ok_or_else(|| PageError::Malformed("this page takes a form (application/x-www-form-urlencoded)".into()))
}

fn form(
    status: StatusCode,
    asked: &AuthorizationRequest,
    id: &str,
    browser: &Secret,
    username: &str,
    problem: Option<&str>,
) -> Response {
    let csrf = csrf(browser);
    let fields =
        LoginPage { style: style(), app: &asked.client_name, request: id, csrf: csrf.reveal(), username, problem };
    page(status, &fields, "")
}
