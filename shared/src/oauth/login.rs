//! `GET` and `POST /login`: the member signs in, to connect an app or to look after the apps that are connected.

use http::StatusCode;

use super::error::PageError;
use super::events;
use super::member::{LastSignIn, Member};
use super::pages::{LoginPage, PasswordPage, page, see_other, set_cookies, style};
use super::parameters::Parameters;
use super::password::acceptable;
use super::request::{AuthorizationRequest, Stage};
use super::session::{self, Cookie, Session, csrf};
use super::sign_in::{SignIn, Tried, Way, canonical};
use super::state::{Pages, State};
use super::throttle::Attempt;
use crate::bounds::{TYPED_BYTES, USERNAME_BYTES};
use crate::http::{Request, Response, single};
use crate::issuer::Issuer;
use crate::secret::Secret;
use crate::store::auth::{Commit, Stored};
use crate::store::schema;

/// The reason for which somebody signs in.
enum Purpose {
    /// An app's request, which waits for this browser.
    App { id: String, asked: Box<Stored<AuthorizationRequest>> },
    /// Their own account page.
    Account,
}

/// Shows the form.
pub(super) async fn show(pages: &Pages, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let pairs = request.query();
    let browser = Cookie::Browser.read(request, issuer);
    let purpose = purpose(&pages.state, single(&pairs, "request")?, browser.as_ref()).await?;
    let cookie = browser.clone().unwrap_or_else(|| pages.state.random.secret());
    let hint = match &purpose {
        Purpose::App { asked, .. } => asked.record.login_hint.clone().unwrap_or_default(),
        Purpose::Account => String::new(),
    };
    let mut response = form(pages, StatusCode::OK, &purpose, &cookie, &hint, None)?;
    if browser.is_none() {
        set_cookies(&mut response, &[Cookie::Browser.set(&cookie, issuer)]);
    }
    Ok(response)
}

/// Signs the member in. The checks, in order: the form is ours; the app's request waits for this browser; nobody has
/// tried too often; the password is right.
pub(super) async fn submit(pages: &Pages, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let (state, fields) = (&pages.state, Parameters::of_page(request, issuer)?);
    let browser = Cookie::Browser.read(request, issuer).ok_or(PageError::Forged)?;
    if !csrf(&browser).matches(&Secret::from_client(fields.field("csrf")?)) {
        return Err(PageError::Forged);
    }
    let purpose = purpose(state, fields.one("request")?, Some(&browser)).await?;
    let (name, password) = (fields.field("username")?, Secret::from_client(fields.field("password")?));
    let is_too_long = name.len() > TYPED_BYTES || password.reveal().len() > TYPED_BYTES;
    let username = if is_too_long { String::new() } else { canonical(name) };
    if username.is_empty() || username.len() > USERNAME_BYTES {
        return form(pages, StatusCode::BAD_REQUEST, &purpose, &browser, "", Some(WRONG));
    }
    let attempt = Attempt::count(state, &username, &request.source_ip).await?;
    let way = Way::Username(username.clone()).key();
    let (sign_in, before) = tokio::try_join!(state.auth.get::<SignIn>(&way), session::current(state, request, issuer))?;
    let known = sign_in.as_ref().map(|stored| &stored.record);
    let member = state.auth.get::<Member>(SignIn::leads_to(known)).await?.map(|stored| stored.record);
    let (audit, client) = (&pages.audit, purpose.client());
    let tried = SignIn::tried(known, member.as_ref(), &password, state.clock.now());
    let (Some(sign_in), Some(member)) = (sign_in, member.filter(|_| tried != Tried::Refused)) else {
        events::sign_in(audit, request, format!("user/{username}"), "failed", client).await?;
        return form(pages, StatusCode::UNAUTHORIZED, &purpose, &browser, &username, Some(WRONG));
    };
    attempt.take_back(state).await?;
    let Some(patient) = &member.patient else {
        events::sign_in(audit, request, format!("user/{username}"), "no-record", client).await?;
        return Err(PageError::NoRecord);
    };
    let commit = match (tried, first_password(&fields)?) {
        (Tried::Code, Err(problem)) => return choose(pages, &purpose, &browser, &username, &password, problem),
        (Tried::Code, Ok(chosen)) => {
            let with = sign_in.record.clone().with_password(&chosen, &state.random)?;
            Commit::default().replace(&sign_in, &with)
        }
        _ => Commit::default(),
    };
    signed_in(pages, request, issuer, &purpose, (&member, patient, &username), before, commit).await
}

/// The password that somebody with a code chose, or the problem with it; no problem is told before they typed one.
fn first_password(fields: &Parameters) -> Result<Result<Secret, Option<&'static str>>, PageError> {
    let Some(chosen) = fields.one("new_password")? else { return Ok(Err(None)) };
    let chosen = Secret::from_client(chosen);
    let again = Secret::from_client(fields.one("again")?.unwrap_or_default());
    Ok(match (acceptable(&chosen), chosen.matches(&again)) {
        (Err(_), _) => Err(Some("Choose a password of 8 to 256 characters.")),
        (_, false) => Err(Some("The two passwords differ. Type the same one twice.")),
        (Ok(()), true) => Ok(chosen),
    })
}

/// Shows the page on which somebody with a code sets their first password.
fn choose(
    pages: &Pages,
    purpose: &Purpose,
    browser: &Secret,
    username: &str,
    code: &Secret,
    problem: Option<&str>,
) -> Result<Response, PageError> {
    let csrf = csrf(browser);
    let fields = PasswordPage {
        style: style(),
        plan: &pages.config().plan.name,
        request: purpose.id(),
        csrf: csrf.reveal(),
        username,
        code: code.reveal(),
        problem,
    };
    page(StatusCode::OK, &fields, "")
}

/// Opens a session under a new secret, so that a cookie that somebody planted before the sign-in is worth nothing after
/// it. The session that this browser had before ends.
async fn signed_in(
    pages: &Pages,
    request: &Request,
    issuer: &Issuer,
    purpose: &Purpose,
    (member, patient, username): (&Member, &str, &str),
    before: Option<Stored<Session>>,
    commit: Commit,
) -> Result<Response, PageError> {
    let auth_time = pages.state.clock.now();
    let cookie = pages.state.random.secret();
    let session = Session {
        hash: cookie.hashed(),
        member: member.id.clone(),
        username: username.to_owned(),
        patient: patient.to_owned(),
        stamp: member.stamp.clone(),
        auth_time,
        ended: false,
    };
    let subject = schema::member(&session.patient);
    events::sign_in(&pages.audit, request, subject, "ok", purpose.client()).await?;
    let mut commit = commit.create(&session).put(&LastSignIn { member: member.id.clone(), at: auth_time });
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
    pages.state.auth.commit(commit).await?;
    Ok(see_other(&location, &[Cookie::Session.set(&cookie, issuer)]))
}

/// The same words for an unknown name, a wrong password and a member who was stopped.
const WRONG: &str = "This name and password do not belong together. Check both and try again.";

/// Finds what this browser signs in for: the app's request of that id or, without an id, the account page.
async fn purpose(state: &State, id: Option<&str>, browser: Option<&Secret>) -> Result<Purpose, PageError> {
    let Some(id) = id.filter(|id| !id.is_empty()) else { return Ok(Purpose::Account) };
    let browser = browser.ok_or(PageError::Over)?;
    let asked = state.auth.get::<AuthorizationRequest>(&Secret::from_client(id).hashed().0).await?;
    let asked = asked
        .filter(|asked| !asked.record.is_expired(state.clock.now()) && asked.record.stage != Stage::Decided)
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

    /// The id of the app's request; empty on the way to the account page.
    fn id(&self) -> &str {
        match self {
            Purpose::App { id, .. } => id,
            Purpose::Account => "",
        }
    }

    /// The app that asks, by its id; empty on the way to the account page.
    fn client(&self) -> &str {
        self.asked().map(|asked| asked.client.as_str()).unwrap_or_default()
    }
}

fn form(
    pages: &Pages,
    status: StatusCode,
    purpose: &Purpose,
    browser: &Secret,
    username: &str,
    problem: Option<&str>,
) -> Result<Response, PageError> {
    let csrf = csrf(browser);
    let fields = LoginPage {
        style: style(),
        plan: &pages.config().plan.name,
        app: purpose.asked().map(|asked| asked.client_name.as_str()),
        request: purpose.id(),
        csrf: csrf.reveal(),
        username,
        problem,
    };
    page(status, &fields, "")
}
