//! `GET` and `POST /oauth2/authorize`: an app asks for a member's permission (RFC 6749 §4.1.1, SMART App Launch 2.2).
//!
//! Until the app and its redirect URI are known to be good, errors go to a page; after that, back to the app.

use super::client::{Client, LONGEST_CLIENT_ID};
use super::code::AuthorizationCode;
use super::error::{AuthorizeError, PageError};
use super::pages::see_other;
use super::pkce::CodeChallenge;
use super::redirect_uri;
use super::request::{AuthorizationRequest, Stage};
use super::server::Server;
use super::session::{Cookie, Session};
use crate::config::Issuer;
use crate::http::{Request, Response, single};
use crate::scope::Scopes;
use crate::store::auth::Commit;

/// The longest `state` or `nonce` that is carried through: longer ones do not fit the redirect's line at API Gateway.
const LONGEST_STATE: usize = 2048;

/// A request of more parameters, or of more bytes in all, is nobody's.
const MOST_PARAMETERS: usize = 50;
const LARGEST_REQUEST: usize = 16 * 1024;

/// Somebody's sign-in that is asked for anew, or forbidden.
struct Prompt {
    /// `prompt=none`: no page may be shown.
    none: bool,
    /// `prompt=login`, or `max_age` has passed.
    login: bool,
}

/// Answers an authorization request with a redirect: to sign in, to consent, or back to the app with an error.
pub(super) async fn authorize(server: &Server, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let pairs = match request.method == http::Method::POST {
        true => request.form().ok_or_else(|| {
            PageError::Malformed("a posted request carries its parameters as application/x-www-form-urlencoded".into())
        })?,
        false => request.query(),
    };
    let size: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if pairs.len() > MOST_PARAMETERS || size > LARGEST_REQUEST {
        return Err(PageError::Malformed("the app's request is too long".into()));
    }
    let (client, redirect_uri) = trusted(server, &pairs).await?;
    let session = session(server, request, issuer).await?;
    let state = single(&pairs, "state").ok().flatten().filter(|state| state.len() <= LONGEST_STATE);
    let back = |error: &AuthorizeError| send_back(&redirect_uri, state, issuer, error);
    match checked(server, &pairs, &client, &redirect_uri, issuer, session.as_ref()) {
        Err(error) => Ok(back(&error)),
        Ok((asked, prompt)) => {
            let session = session.filter(|_| !prompt.login);
            match (prompt.none, &session) {
                (true, None) => Ok(back(&AuthorizeError::LoginRequired)),
                (true, Some(_)) => Ok(back(&AuthorizeError::ConsentRequired)),
                (false, _) => start(server, request, issuer, asked, session).await,
            }
        }
    }
}

/// The first checks: is this an app that we know, and an address that it registered? Nothing is sent there before.
async fn trusted(server: &Server, pairs: &[(String, String)]) -> Result<(Client, String), PageError> {
    let client_id =
        single(pairs, "client_id")?.ok_or(PageError::UntrustedApp("the app did not say who it is (client_id)"))?;
    let client = match client_id.len() <= LONGEST_CLIENT_ID {
        true => server.auth.get::<Client>(client_id).await?.map(|stored| stored.record),
        false => None,
    };
    let client = client
        .filter(|client| !client.disabled)
        .ok_or(PageError::UntrustedApp("this app is not registered here (client_id)"))?;
    let asked = single(pairs, "redirect_uri")?
        .ok_or(PageError::UntrustedApp("the app did not say where to send you back to (redirect_uri)"))?;
    if !client.redirect_uris.iter().any(|registered| redirect_uri::matches(registered, asked)) {
        return Err(PageError::UntrustedApp(
            "the app asks to send you to an address that it did not register (redirect_uri)",
        ));
    }
    Ok((client, asked.to_owned()))
}

/// The ordered checks of an authorization request by a known app. Whatever fails is told to the app.
fn checked(
    server: &Server,
    pairs: &[(String, String)],
    client: &Client,
    redirect_uri: &str,
    issuer: &Issuer,
    session: Option<&Session>,
) -> Result<(AuthorizationRequest, Prompt), AuthorizeError> {
    let invalid = |text: &str| AuthorizeError::InvalidRequest(text.to_owned());
    let get = |name: &str| single(pairs, name);
    no_duplicates(pairs)?;
    not_supported(pairs)?;
    match get("response_type")? {
        Some("code") => {}
        Some(_) => return Err(AuthorizeError::UnsupportedResponseType),
        None => return Err(invalid("response_type is missing; it must be `code`")),
    }
    let state = get("state")?.filter(|state| !state.is_empty()).ok_or_else(|| invalid("state is missing"))?;
    let nonce = get("nonce")?;
    if state.len() > LONGEST_STATE || nonce.is_some_and(|nonce| nonce.len() > LONGEST_STATE) {
        return Err(invalid("state and nonce have at most 2048 bytes"));
    }
    let aud = get("aud")?
        .or(get("resource")?)
        .ok_or_else(|| invalid("aud is missing; it must be this server's FHIR base"))?;
    if aud.trim_end_matches('/') != issuer.fhir_base() {
        return Err(AuthorizeError::InvalidRequest(format!("aud must be {}", issuer.fhir_base())));
    }
    if get("code_challenge_method")? != Some("S256") {
        return Err(invalid("code_challenge_method must be `S256` (PKCE, RFC 7636)"));
    }
    let challenge = get("code_challenge")?
        .and_then(CodeChallenge::parse)
        .ok_or_else(|| invalid("code_challenge must be the SHA-256 of the verifier in base64url: 43 characters"))?;
    let scope = scopes(client, get("scope")?)?;
    let prompt = prompt(server, get("prompt")?, get("max_age")?, session)?;
    let request = AuthorizationRequest {
        // The id is made when the request is stored.
        hash: server.random.secret().hashed(),
        client: client.id.clone(),
        client_name: client.name.clone(),
        redirect_uri: redirect_uri.to_owned(),
        scope: scope.to_string(),
        state: state.to_owned(),
        nonce: nonce.map(str::to_owned),
        challenge,
        browser: server.random.secret().hashed(),
        stage: Stage::Asked,
        created_at: server.clock.now(),
    };
    Ok((request, prompt))
}

/// RFC 6749 §3.1: "Request and response parameters MUST NOT be included more than once."
fn no_duplicates(pairs: &[(String, String)]) -> Result<(), AuthorizeError> {
    for (name, _) in pairs {
        single(pairs, name)?;
    }
    Ok(())
}

/// Parameters that would have us fetch or trust something: refused, and never fetched.
fn not_supported(pairs: &[(String, String)]) -> Result<(), AuthorizeError> {
    let has = |name: &str| pairs.iter().any(|(given, _)| given == name);
    if has("request") {
        return Err(AuthorizeError::RequestNotSupported);
    }
    if has("request_uri") {
        return Err(AuthorizeError::RequestUriNotSupported);
    }
    if has("registration") {
        return Err(AuthorizeError::RegistrationNotSupported);
    }
    Ok(())
}

fn scopes(client: &Client, scope: Option<&str>) -> Result<Scopes, AuthorizeError> {
    let text = scope.ok_or_else(|| AuthorizeError::InvalidScope("scope is missing".into()))?;
    let asked: Scopes =
        text.parse().map_err(|error: crate::scope::MalformedScope| AuthorizeError::InvalidScope(error.to_string()))?;
    let allowed = client.allowed(&asked);
    if allowed.is_empty() {
        let text = "none of these scopes is known here and allowed for this app; see scopes_supported";
        return Err(AuthorizeError::InvalidScope(text.into()));
    }
    Ok(allowed)
}

/// `prompt` and `max_age` (OpenID Connect Core §3.1.2.1).
fn prompt(
    server: &Server,
    prompt: Option<&str>,
    max_age: Option<&str>,
    session: Option<&Session>,
) -> Result<Prompt, AuthorizeError> {
    let words: Vec<&str> = prompt.unwrap_or_default().split(' ').collect();
    let none = words.contains(&"none");
    if none && words.len() > 1 {
        return Err(AuthorizeError::InvalidRequest("prompt=none stands alone".into()));
    }
    let max_age: Option<i64> = max_age
        .map(|text| {
            let seconds = text.parse().ok().filter(|seconds| *seconds >= 0);
            seconds.ok_or_else(|| AuthorizeError::InvalidRequest("max_age must be a number of seconds".into()))
        })
        .transpose()?;
    let too_old = session.zip(max_age).is_some_and(|(session, max_age)| {
        server.clock.now().seconds().saturating_sub(session.auth_time.seconds()) >= max_age
    });
    Ok(Prompt { none, login: too_old || words.contains(&"login") || words.contains(&"select_account") })
}

/// The session of the browser that asks, if somebody is signed in there.
pub(super) async fn session(server: &Server, request: &Request, issuer: &Issuer) -> Result<Option<Session>, PageError> {
    let Some(cookie) = Cookie::Session.read(request, issuer) else { return Ok(None) };
    let stored = server.auth.get::<Session>(&cookie.hashed().0).await?;
    Ok(stored.map(|stored| stored.record).filter(|session| !session.is_expired(server.clock.now())))
}

/// Stores the request, bound to this browser, and leads to its next page.
async fn start(
    server: &Server,
    request: &Request,
    issuer: &Issuer,
    asked: AuthorizationRequest,
    session: Option<Session>,
) -> Result<Response, PageError> {
    let id = server.random.secret();
    // A browser that came before keeps its cookie, or two tabs would push each other out.
    let browser = Cookie::Browser.read(request, issuer).unwrap_or_else(|| server.random.secret());
    let asked = AuthorizationRequest { hash: id.hashed(), browser: browser.hashed(), ..asked };
    let (page, asked) = match session {
        Some(session) => ("consent", asked.signed_in(session.hash)),
        None => ("login", asked),
    };
    server.auth.commit(Commit::default().create(&asked)).await?;
    let location = format!("{issuer}/{page}?request={}", id.reveal());
    Ok(see_other(&location, &[Cookie::Browser.set(&browser, issuer)]))
}

/// Sends the member back to the app without a code. Every answer names us (`iss`, RFC 9207), so that the app cannot be made
/// to take it for another server's.
pub(super) fn send_back(redirect_uri: &str, state: Option<&str>, issuer: &Issuer, error: &AuthorizeError) -> Response {
    let description = error.to_string();
    let mut answer = vec![("error", error.code()), ("error_description", &description)];
    answer.extend(state.map(|state| ("state", state)));
    answer.push(("iss", issuer.as_str()));
    see_other(&with_query(redirect_uri, &answer), &[])
}

/// Sends the member back to the app with a code.
pub(super) fn send_code(request: &AuthorizationRequest, code: &str, issuer: &Issuer) -> Response {
    let answer = [("code", code), ("state", &request.state), ("iss", issuer.as_str())];
    see_other(&with_query(&request.redirect_uri, &answer), &[])
}

/// Adds to a URI's query; what stands there stays (RFC 6749 §3.1.2).
fn with_query(uri: &str, answer: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).finish();
    format!("{uri}{}{query}", if uri.contains('?') { '&' } else { '?' })
}

impl AuthorizationRequest {
    /// The code that answers this request, for `scope` and the member of `session`; `hash` is the code's.
    pub(super) fn code(
        &self,
        server: &Server,
        hash: crate::secret::Hashed,
        scope: &Scopes,
        session: &Session,
    ) -> AuthorizationCode {
        AuthorizationCode {
            hash,
            client: self.client.clone(),
            redirect_uri: self.redirect_uri.clone(),
            challenge: self.challenge.clone(),
            grant: server.random.identifier(),
            patient: session.patient.clone(),
            username: session.username.clone(),
            scope: scope.to_string(),
            nonce: self.nonce.clone(),
            auth_time: session.auth_time,
            issued_at: server.clock.now(),
            spent: false,
        }
    }
}
