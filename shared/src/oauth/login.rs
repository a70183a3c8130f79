//! `GET` and `POST /login`: the member signs in, to connect an app or to look after the apps that are connected.

use http::StatusCode;

use super::error::PageError;
use super::events;
use super::member::Member;
use super::pages::{LoginPage, PasswordPage, WayIn, page, see_other, set_cookies, style};
use super::parameters::Parameters;
use super::password::acceptable;
use super::provider::settings::{IdentityProvider, IdentityProviders};
use super::purpose::{Purpose, SignedIn};
use super::session::{self, Cookie, csrf};
use super::sign_in::{SignIn, Tried, Way, canonical};
use super::state::Pages;
use super::throttle::Attempt;
use super::whose::Records;
use crate::bounds::{TYPED_BYTES, USERNAME_BYTES};
use crate::http::{Request, Response, single};
use crate::issuer::Issuer;
use crate::secret::Secret;
use crate::store::auth::Commit;

/// The sign-in page: what it is for, and what it offers.
struct Door {
    purpose: Purpose,
    ways: IdentityProviders,
    /// Whether somebody wants to use another account than a provider remembers.
    another: bool,
    /// Whether they just signed out.
    signed_out: bool,
}

/// Shows the ways in. Where there is one provider and nothing else, the browser goes there at once.
pub(super) async fn show(pages: &Pages, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let pairs = request.query();
    let browser = Cookie::Browser.read(request, issuer);
    let (purpose, ways) =
        tokio::try_join!(Purpose::find(&pages.state, single(&pairs, "request")?, browser.as_ref()), ways_in(pages))?;
    let (another, signed_out) = (single(&pairs, "another")?.is_some(), single(&pairs, "signed-out")?.is_some());
    let door = Door { purpose, ways, another, signed_out };
    // A provider that remembers somebody who signed out would sign them in again at once.
    if let Some(only) = door.ways.only().filter(|_| !signed_out) {
        return Ok(see_other(&format!("{issuer}{}", door.path(&only.name)), &[]));
    }
    let cookie = browser.clone().unwrap_or_else(|| pages.state.random.secret());
    let hint = door.purpose.asked().and_then(|asked| asked.wishes.login_hint.clone()).unwrap_or_default();
    let mut response = form(pages, StatusCode::OK, &door, &cookie, &hint, None)?;
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
    let (purpose, ways) =
        tokio::try_join!(Purpose::find(state, fields.one("request")?, Some(&browser)), ways_in(pages))?;
    if !ways.local {
        return Err(PageError::UnknownProvider);
    }
    let door = Door { purpose, ways, another: false, signed_out: false };
    let purpose = &door.purpose;
    let (name, password) = (fields.field("username")?, Secret::from_client(fields.field("password")?));
    let is_too_long = name.len() > TYPED_BYTES || password.reveal().len() > TYPED_BYTES;
    let username = if is_too_long { String::new() } else { canonical(name) };
    if username.is_empty() || username.len() > USERNAME_BYTES {
        return form(pages, StatusCode::BAD_REQUEST, &door, &browser, "", Some(WRONG));
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
        return form(pages, StatusCode::UNAUTHORIZED, &door, &browser, &username, Some(WRONG));
    };
    let taken_back = async { attempt.take_back(state).await.map_err(PageError::from) };
    let records = async { Ok(Records::of(state, &member.id, member.patient.as_deref()).await?) };
    let ((), records) = tokio::try_join!(taken_back, records)?;
    let known_as = format!("user/{username}");
    if records.is_empty() {
        events::sign_in(audit, request, known_as, "no-record", client).await?;
        return Err(PageError::NoRecord);
    }
    let commit = match (tried, first_password(&fields)?) {
        (Tried::Code, Err(problem)) => return choose(pages, purpose, &browser, &username, &password, problem),
        (Tried::Code, Ok(chosen)) => {
            let with = sign_in.record.clone().with_password(&chosen, &state.random)?;
            Commit::default().replace(&sign_in, &with)
        }
        _ => Commit::default(),
    };
    let auth_time = Some(state.clock.now());
    let who = SignedIn { member: &member, records: &records, known_as, username, auth_time, acr: None };
    purpose.signed_in(state, audit, (request, issuer), who, before, (commit, None)).await
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

/// The same words for an unknown name, a wrong password and a member who was stopped.
const WRONG: &str = "This name and password do not belong together. Check both and try again.";

/// The ways in that the plan offers.
async fn ways_in(pages: &Pages) -> Result<IdentityProviders, PageError> {
    let ways = IdentityProviders::read(&pages.state.auth).await?;
    if ways.local || !ways.providers.is_empty() { Ok(ways) } else { Err(PageError::NoWayIn) }
}

impl Door {
    /// The path that leads to a provider's page.
    fn path(&self, provider: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(format!("/login/{provider}?"));
        if !self.purpose.id().is_empty() {
            query.append_pair("request", self.purpose.id());
        }
        if self.another {
            query.append_pair("another", "1");
        }
        query.finish().trim_end_matches('?').to_owned()
    }
}

fn form(
    pages: &Pages,
    status: StatusCode,
    door: &Door,
    browser: &Secret,
    username: &str,
    problem: Option<&str>,
) -> Result<Response, PageError> {
    let csrf = csrf(browser);
    let way = |provider: &'_ IdentityProvider| WayIn { name: provider.name.clone(), path: door.path(&provider.name) };
    let fields = LoginPage {
        style: style(),
        plan: &pages.config().plan.name,
        app: door.purpose.asked().map(|asked| asked.client_name.as_str()),
        request: door.purpose.id(),
        csrf: csrf.reveal(),
        username,
        problem,
        local: door.ways.local,
        signed_out: door.signed_out,
        providers: &door.ways.providers.iter().map(way).collect::<Vec<_>>(),
    };
    page(status, &fields, "")
}
