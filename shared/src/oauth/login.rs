//! `GET` and `POST /login`: the member says who they are, to let an app in or to look after the apps that are.

use http::{StatusCode, header};

use super::authorize::session;
use super::error::PageError;
use super::member::{Member, canonical};
use super::pages::{LoginPage, page, see_other, set_cookies, style};
use super::request::{AuthorizationRequest, Stage};
use super::server::Server;
use super::session::{Cookie, Session, csrf};
use super::throttle::Attempt;
use crate::audit::AuditRecord;
use crate::bounds::{PASSWORD_BYTES, USERNAME_BYTES};
use crate::clock::Time;
use crate::http::{Request, Response, single};
use crate::issuer::Issuer;
use crate::secret::Secret;
use crate::store::auth::{Commit, Stored};

/// What somebody signs in for.
enum Purpose {
    /// An app's request, which waits for this browser.
    App { id: String, asked: Box<Stored<AuthorizationRequest>> },
    /// Their own account page.
    Account,
}

/// Shows the form.
pub(super) async fn show(server: &Server, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let pairs = request.query();
    let browser = Cookie::Browser.read(request, issuer);
    let purpose = purpose(server, single(&pairs, "request")?, browser.as_ref()).await?;
    let cookie = browser.clone().unwrap_or_else(|| server.random.secret());
    let hint = match &purpose {
        Purpose::App { asked, .. } => asked.record.login_hint.clone().unwrap_or_default(),
        Purpose::Account => String::new(),
    };
    let mut response = form(server, StatusCode::OK, &purpose, &cookie, &hint, None);
    if browser.is_none() {
        set_cookies(&mut response, &[Cookie::Browser.set(&cookie, issuer)]);
    }
    Ok(response)
}

/// Signs the member in. In order: the form is ours, what it is for waits for this browser, nobody has tried too often, the
/// password is right.
pub(super) async fn submit(server: &Server, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let pairs = posted(request, issuer)?;
    let field = |name: &str| Ok::<_, PageError>(single(&pairs, name)?.unwrap_or_default());
    let browser = Cookie::Browser.read(request, issuer).ok_or(PageError::Forged)?;
    if !csrf(&browser).matches(&Secret::from_client(field("csrf")?)) {
        return Err(PageError::Forged);
    }
    let purpose = purpose(server, single(&pairs, "request")?, Some(&browser)).await?;
    let (username, password) = (canonical(field("username")?), Secret::from_client(field("password")?));
    if username.is_empty() || username.len() > USERNAME_BYTES || password.reveal().len() > PASSWORD_BYTES {
        return Ok(form(server, StatusCode::BAD_REQUEST, &purpose, &browser, "", Some(WRONG)));
    }
    let attempt = Attempt::count(server, &username, &request.source_ip).await?;
    let (member, before) =
        tokio::try_join!(async { Ok(server.auth.get::<Member>(&username).await?) }, session(server, request, issuer))?;
    let (member, now) = (member.map(|stored| stored.record), server.clock.now());
    let right = Member::signs_in(member.as_ref(), &password);
    match member.filter(|_| right) {
        None => {
            event(server, request, format!("user/{username}"), "failed", &purpose).await?;
            Ok(form(server, StatusCode::UNAUTHORIZED, &purpose, &browser, &username, Some(WRONG)))
        }
        Some(member) => {
            attempt.take_back(server).await?;
            signed_in(server, request, issuer, &purpose, member, now, before).await
        }
    }
}

/// Opens a session under a new secret, so that one that somebody planted before the sign-in is worth nothing after it. The
/// session that this browser had before is over.
async fn signed_in(
    server: &Server,
    request: &Request,
    issuer: &Issuer,
    purpose: &Purpose,
    member: Member,
    auth_time: Time,
    before: Option<Stored<Session>>,
) -> Result<Response, PageError> {
    let cookie = server.random.secret();
    let session = Session {
        hash: cookie.hashed(),
        member: member.id,
        username: member.username,
        patient: member.patient,
        stamp: member.stamp,
        auth_time,
        ended: false,
    };
    event(server, request, format!("Patient/{}", session.patient), "ok", purpose).await?;
    let mut commit = Commit::default().create(&session);
    if let Some(before) = before {
        commit = commit.replace(&before, &before.record.clone().ended());
    }
    let location = match purpose {
        Purpose::App { id, asked } => {
            commit = commit.replace(asked, &asked.record.clone().signed_in(session.hash.clone()));
            format!("{issuer}/consent?request={id}")
        }
        Purpose::Account => format!("{issuer}/account"),
    };
    server.auth.commit(commit).await?;
    Ok(see_other(&location, &[Cookie::Session.set(&cookie, issuer)]))
}

/// The same words for an unknown name, a wrong password and a member who was stopped.
const WRONG: &str = "This name and password do not belong together. Check both and try again.";

/// What this browser signs in for: the app's request of that id, or, without one, the account page.
async fn purpose(server: &Server, id: Option<&str>, browser: Option<&Secret>) -> Result<Purpose, PageError> {
    let Some(id) = id.filter(|id| !id.is_empty()) else { return Ok(Purpose::Account) };
    let browser = browser.ok_or(PageError::Over)?;
    let asked = server.auth.get::<AuthorizationRequest>(&Secret::from_client(id).hashed().0).await?;
    let asked = asked
        .filter(|asked| !asked.record.is_expired(server.clock.now()) && asked.record.stage != Stage::Decided)
        .filter(|asked| asked.record.browser.is_of(browser))
        .ok_or(PageError::Over)?;
    Ok(Purpose::App { id: id.to_owned(), asked: Box::new(asked) })
}

impl Purpose {
    fn asked(&self) -> Option<&AuthorizationRequest> {
        match self {
            Purpose::App { asked, .. } => Some(&asked.record),
            Purpose::Account => None,
        }
    }
}

async fn event(
    server: &Server,
    request: &Request,
    subject: String,
    outcome: &'static str,
    purpose: &Purpose,
) -> Result<(), PageError> {
    let client = purpose.asked().map(|asked| asked.client.clone()).unwrap_or_default();
    let entry = AuditRecord { subject, action: "sign-in", outcome, client, ..AuditRecord::default() };
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
    server: &Server,
    status: StatusCode,
    purpose: &Purpose,
    browser: &Secret,
    username: &str,
    problem: Option<&str>,
) -> Response {
    let csrf = csrf(browser);
    let id = match purpose {
        Purpose::App { id, .. } => id,
        Purpose::Account => "",
    };
    let fields = LoginPage {
        style: style(),
        plan: &server.config.plan.name,
        app: purpose.asked().map(|asked| asked.client_name.as_str()),
        request: id,
        csrf: csrf.reveal(),
        username,
        problem,
    };
    page(status, &fields, "")
}
