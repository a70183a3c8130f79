//! `GET` and `POST /oauth2/authorize`: an app asks for a member's permission (RFC 6749 §4.1.1, SMART App Launch 2.2).
//!
//! The checks stand in [`checked`] in the order in which they are made.

use super::authorization_response;
use super::client::Client;
use super::error::{AuthorizeError, PageError};
use super::pages::see_other;
use super::parameters::Parameters;
use super::pkce::CodeChallenge;
use super::provider::settings::IdentityProviders;
use super::redirect_uri;
use super::request::{AuthorizationRequest, NONE, Stage, Wishes};
use super::session::{self, Cookie, Session};
use super::state::{Pages, State};
use super::whose::Records;
use crate::access::is_supported;
use crate::bounds::{CLIENT_ID_BYTES, STATE_BYTES, USERNAME_BYTES};
use crate::clock::Time;
use crate::http::{Request, Response};
use crate::issuer::Issuer;
use crate::scope::{MalformedScope, Scopes};
use crate::store::auth::Commit;

/// An app's wishes about pages (`prompt`, `max_age`).
struct Prompt {
    /// `prompt=none`: no page may be shown.
    none: bool,
    /// The member must sign in anew: `prompt=login`, `prompt=select_account`, or `max_age` has passed.
    login: bool,
    /// The same, as an identity provider is told of it.
    wishes: Wishes,
}

/// How a request that fails a check is answered.
enum Stop {
    /// With a page: the app or its redirect URI is not known to be good.
    Page(PageError),
    /// With a redirect back to the app.
    App(Response),
}

impl<E: Into<PageError>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Page(error.into())
    }
}

/// Answers an authorization request with a redirect: to sign in, to consent, or back to the app with an error.
pub(super) async fn authorize(pages: &Pages, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    match checked(&pages.state, request, issuer).await {
        Ok((asked, session)) => start(&pages.state, request, issuer, asked, session).await,
        Err(Stop::App(response)) => Ok(response),
        Err(Stop::Page(error)) => Err(error),
    }
}

/// The ordered checks of an authorization request. Until the app and its redirect URI are known to be good, a page
/// tells what fails (RFC 6749 §4.1.2.1); after that, the app is told.
async fn checked(
    state: &State,
    request: &Request,
    issuer: &Issuer,
) -> Result<(AuthorizationRequest, Option<Session>), Stop> {
    let asked = Parameters::of_authorization(request)?;
    let current = async { Ok(session::current(state, request, issuer).await?) };
    let (client, session) = tokio::try_join!(known_client(state, &asked), current)?;
    let redirect_uri = registered_redirect_uri(&client, &asked)?;
    let session = session.map(|stored| stored.record);

    let echo = asked.one("state").ok().flatten().filter(|state| state.len() <= STATE_BYTES);
    let told =
        |error: AuthorizeError| Stop::App(authorization_response::with_error(redirect_uri, echo, issuer, &error));
    asked.each_once().map_err(|duplicate| told(duplicate.into()))?;
    nothing_to_fetch(&asked).map_err(told)?;
    response_type(&asked).map_err(told)?;
    response_mode(&asked).map_err(told)?;
    let (app_state, nonce) = state_and_nonce(&asked).map_err(told)?;
    audience(&asked, issuer).map_err(told)?;
    let challenge = challenge(&asked).map_err(told)?;
    let scope = scopes(&client, &asked).map_err(told)?;
    let prompt = prompt(&asked, session.as_ref(), state.clock.now()).map_err(told)?;
    let session = session.filter(|_| !prompt.login);
    match (prompt.none, &session) {
        // An identity provider may know the person, and answers without a page, too.
        (true, None) if IdentityProviders::read(&state.auth).await?.only().is_some() => {}
        (true, None) => return Err(told(AuthorizeError::LoginRequired)),
        (true, Some(_)) => return Err(told(AuthorizeError::ConsentRequired)),
        (false, _) => {}
    }

    let asked = AuthorizationRequest {
        // The ids are made when the request is stored.
        hash: state.random.secret().hashed(),
        browser: state.random.secret().hashed(),
        client: client.id.clone(),
        client_name: client.name.clone(),
        redirect_uri: redirect_uri.to_owned(),
        scope: scope.to_string(),
        state: app_state.to_owned(),
        nonce: nonce.map(str::to_owned),
        wishes: prompt.wishes,
        challenge,
        stage: Stage::Asked,
        record: None,
        created_at: state.clock.now(),
    };
    Ok((asked, session))
}

/// The app, if it is registered and was not stopped.
async fn known_client(state: &State, asked: &Parameters) -> Result<Client, PageError> {
    let client_id =
        asked.one("client_id")?.ok_or(PageError::UntrustedApp("the app did not say who it is (client_id)"))?;
    let client = match client_id.len() <= CLIENT_ID_BYTES {
        true => state.auth.get::<Client>(client_id).await?.map(|stored| stored.record),
        false => None,
    };
    client
        .filter(|client| !client.disabled)
        .ok_or(PageError::UntrustedApp("this app is not registered here (client_id)"))
}

/// The address to send the member back to, if the app registered it. Nothing is sent there before that is known.
fn registered_redirect_uri<'a>(client: &Client, asked: &'a Parameters) -> Result<&'a str, PageError> {
    let uri = asked
        .one("redirect_uri")?
        .ok_or(PageError::UntrustedApp("the app did not say where to send you back to (redirect_uri)"))?;
    if !client.redirect_uris.iter().any(|registered| redirect_uri::matches(registered, uri)) {
        return Err(PageError::UnregisteredRedirect(uri.to_owned()));
    }
    Ok(uri)
}

fn invalid(text: &str) -> AuthorizeError {
    AuthorizeError::InvalidRequest(text.to_owned())
}

/// Refuses parameters that would have us fetch or trust something. Nothing is ever fetched for them.
fn nothing_to_fetch(asked: &Parameters) -> Result<(), AuthorizeError> {
    if asked.has("request") {
        return Err(AuthorizeError::RequestNotSupported);
    }
    if asked.has("request_uri") {
        return Err(AuthorizeError::RequestUriNotSupported);
    }
    if asked.has("registration") {
        return Err(AuthorizeError::RegistrationNotSupported);
    }
    Ok(())
}

fn response_type(asked: &Parameters) -> Result<(), AuthorizeError> {
    match asked.one("response_type")? {
        Some("code") => Ok(()),
        Some(_) => Err(AuthorizeError::UnsupportedResponseType),
        None => Err(invalid("response_type is missing; it must be `code`")),
    }
}

/// How the answer comes back (OAuth 2.0 Multiple Response Types §2.1). An app that asks for another way does not read the
/// query, or wants no code to stand in it.
fn response_mode(asked: &Parameters) -> Result<(), AuthorizeError> {
    match asked.one("response_mode")? {
        None | Some("query") => Ok(()),
        Some(_) => Err(invalid("response_mode must be `query`, or left out")),
    }
}

/// SMART requires `state`. It and `nonce` are carried through, and so must fit the redirect.
fn state_and_nonce(asked: &Parameters) -> Result<(&str, Option<&str>), AuthorizeError> {
    let state = asked.one("state")?.ok_or_else(|| invalid("state is missing"))?;
    let nonce = asked.one("nonce")?;
    if state.len() > STATE_BYTES || nonce.is_some_and(|nonce| nonce.len() > STATE_BYTES) {
        return Err(invalid("state and nonce have at most 2048 bytes"));
    }
    Ok((state, nonce))
}

/// `aud`, or `resource` (RFC 8707), or both: a token for another server's data is never asked of us.
fn audience(asked: &Parameters, issuer: &Issuer) -> Result<(), AuthorizeError> {
    let given = [asked.one("aud")?, asked.one("resource")?];
    if given == [None, None] {
        return Err(invalid("aud is missing; it must be this server's FHIR base"));
    }
    let base = issuer.fhir_base();
    match given.into_iter().flatten().all(|aud| aud.trim_end_matches('/') == base) {
        true => Ok(()),
        false => Err(AuthorizeError::InvalidRequest(format!("aud must be {base}"))),
    }
}

/// PKCE, for every client and by S256 only (RFC 7636; SMART App Launch 2.0: `plain` SHALL NOT be supported).
fn challenge(asked: &Parameters) -> Result<CodeChallenge, AuthorizeError> {
    if asked.one("code_challenge_method")? != Some("S256") {
        return Err(invalid("code_challenge_method must be `S256` (PKCE, RFC 7636)"));
    }
    asked
        .one("code_challenge")?
        .and_then(CodeChallenge::parse)
        .ok_or_else(|| invalid("code_challenge must be the SHA-256 of the verifier in base64url: 43 characters"))
}

/// Those of the requested scopes that this server knows and the app is registered for.
fn scopes(client: &Client, asked: &Parameters) -> Result<Scopes, AuthorizeError> {
    let text = asked.one("scope")?.ok_or_else(|| AuthorizeError::InvalidScope("scope is missing".into()))?;
    let scopes: Scopes =
        text.parse().map_err(|error: MalformedScope| AuthorizeError::InvalidScope(error.to_string()))?;
    let known: Scopes = scopes.iter().filter(|scope| is_supported(scope)).cloned().collect();
    let allowed = client.allowed(&known);
    if allowed.is_empty() {
        let text = "none of these scopes is known here and allowed for this app; see scopes_supported";
        return Err(AuthorizeError::InvalidScope(text.into()));
    }
    Ok(allowed)
}

/// `prompt` and `max_age` (OpenID Connect Core §3.1.2.1).
fn prompt(asked: &Parameters, session: Option<&Session>, now: Time) -> Result<Prompt, AuthorizeError> {
    let words: Vec<&str> = asked.one("prompt")?.unwrap_or_default().split(' ').collect();
    let none = words.contains(&NONE);
    if none && words.len() > 1 {
        return Err(invalid("prompt=none stands alone"));
    }
    let max_age: Option<i64> = asked
        .one("max_age")?
        .map(|text| {
            let seconds = text.parse().ok().filter(|seconds| *seconds >= 0);
            seconds.ok_or_else(|| invalid("max_age must be a number of seconds"))
        })
        .transpose()?;
    let is_older = |at: Time, max_age| now.seconds().saturating_sub(at.seconds()) >= max_age;
    // A sign-in at an unknown time may be of any age.
    let too_old =
        session.zip(max_age).is_some_and(|(session, max_age)| session.auth_time.is_none_or(|at| is_older(at, max_age)));
    // `consent` is always asked, and by us.
    let anew: Vec<&str> = words.into_iter().filter(|word| ["login", "select_account"].contains(word)).collect();
    let login = too_old || !anew.is_empty();
    let prompt = if none { Some(NONE.to_owned()) } else { (!anew.is_empty()).then(|| anew.join(" ")) };
    let wishes =
        Wishes { login_hint: short(asked, "login_hint"), ui_locales: short(asked, "ui_locales"), prompt, max_age };
    Ok(Prompt { none, login, wishes })
}

/// A wish that is only passed on: one that is too long is left out.
fn short(asked: &Parameters, name: &str) -> Option<String> {
    let wish = asked.one(name).ok().flatten()?;
    (wish.len() <= USERNAME_BYTES && !wish.contains(char::is_control)).then(|| wish.to_owned())
}

/// Stores the request, bound to this browser, and leads to its next page.
async fn start(
    state: &State,
    request: &Request,
    issuer: &Issuer,
    asked: AuthorizationRequest,
    session: Option<Session>,
) -> Result<Response, PageError> {
    let id = state.random.secret();
    // A browser that came before keeps its cookie: with a new one, the request of another tab would be lost.
    let browser = Cookie::Browser.read(request, issuer).unwrap_or_else(|| state.random.secret());
    let asked = AuthorizationRequest { hash: id.hashed(), browser: browser.hashed(), ..asked };
    let (page, asked) = match session {
        Some(session) => {
            let records = Records::of(state, &session.member, session.patient.as_deref()).await?;
            if records.is_empty() {
                return Err(PageError::NoRecord);
            }
            ("consent", asked.signed_in(session.hash, records.only()))
        }
        None => ("login", asked),
    };
    state.auth.commit(Commit::default().create(&asked)).await?;
    let location = format!("{issuer}/{page}?request={}", id.reveal());
    Ok(see_other(&location, &[Cookie::Browser.set(&browser, issuer)]))
}
