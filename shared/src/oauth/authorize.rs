//! `GET` and `POST /oauth2/authorize`: an app asks for a member's permission (RFC 6749 §4.1.1, SMART App Launch 2.2).
//!
//! Until the app and its redirect URI are known to be good, errors go to a page; after that, back to the app.

use super::client::Client;
use super::code::AuthorizationCode;
use super::error::{AuthorizeError, PageError};
use super::member::Member;
use super::pages::see_other;
use super::pkce::CodeChallenge;
use super::redirect_uri;
use super::request::{AuthorizationRequest, Stage};
use super::server::Server;
use super::session::{Cookie, Session};
use crate::access::grant;
use crate::access::is_supported;
use crate::bounds::{AUTHORIZE_BYTES, CLIENT_ID_BYTES, OAUTH_PARAMETERS, STATE_BYTES, USERNAME_BYTES};
use crate::http::{Request, Response, single};
use crate::issuer::Issuer;
use crate::scope::Scopes;
use crate::store::auth::{Commit, Stored};

/// Somebody's sign-in that is asked for anew, or forbidden.
struct Prompt {
    /// `prompt=none`: no page may be shown.
    none: bool,
    /// `prompt=login`, or `max_age` has passed.
    login: bool,
}

/// Where a request that fails a check is told so.
enum Stop {
    /// In a page: the app or its redirect URI is not known to be good.
    Page(PageError),
    /// At the app.
    App(Response),
}

impl<E: Into<PageError>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Page(error.into())
    }
}

/// Answers an authorization request with a redirect: to sign in, to consent, or back to the app with an error.
pub(super) async fn authorize(server: &Server, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    match checked(server, request, issuer).await {
        Ok((asked, session)) => start(server, request, issuer, asked, session).await,
        Err(Stop::App(response)) => Ok(response),
        Err(Stop::Page(error)) => Err(error),
    }
}

/// The ordered checks of an authorization request. Until the app and its redirect URI are known to be good, what fails is
/// told in a page (RFC 6749 §4.1.2.1); after that, to the app.
async fn checked(
    server: &Server,
    request: &Request,
    issuer: &Issuer,
) -> Result<(AuthorizationRequest, Option<Session>), Stop> {
    let pairs = parameters(request)?;
    let (client, session) = tokio::try_join!(known_client(server, &pairs), session(server, request, issuer))?;
    let redirect_uri = registered_redirect_uri(&client, &pairs)?;
    let session = session.map(|stored| stored.record);

    let echo = single(&pairs, "state").ok().flatten().filter(|state| state.len() <= STATE_BYTES);
    let told = |error: AuthorizeError| Stop::App(send_back(redirect_uri, echo, issuer, &error));
    no_duplicates(&pairs).map_err(told)?;
    nothing_to_fetch(&pairs).map_err(told)?;
    response_type(&pairs).map_err(told)?;
    let (state, nonce) = state_and_nonce(&pairs).map_err(told)?;
    audience(&pairs, issuer).map_err(told)?;
    let challenge = challenge(&pairs).map_err(told)?;
    let scope = scopes(&client, &pairs).map_err(told)?;
    let prompt = prompt(server, &pairs, session.as_ref()).map_err(told)?;
    let session = session.filter(|_| !prompt.login);
    match (prompt.none, &session) {
        (true, None) => return Err(told(AuthorizeError::LoginRequired)),
        (true, Some(_)) => return Err(told(AuthorizeError::ConsentRequired)),
        (false, _) => {}
    }

    let asked = AuthorizationRequest {
        // The ids are made when the request is stored.
        hash: server.random.secret().hashed(),
        browser: server.random.secret().hashed(),
        client: client.id.clone(),
        client_name: client.name.clone(),
        redirect_uri: redirect_uri.to_owned(),
        scope: scope.to_string(),
        state: state.to_owned(),
        nonce: nonce.map(str::to_owned),
        login_hint: login_hint(&pairs),
        challenge,
        stage: Stage::Asked,
        created_at: server.clock.now(),
    };
    Ok((asked, session))
}

/// The parameters, of the query or of the form (SMART App Launch 2.0, `authorize-post`).
fn parameters(request: &Request) -> Result<Vec<(String, String)>, PageError> {
    let pairs = match request.method == http::Method::POST {
        true => request.form().ok_or_else(|| {
            PageError::Malformed("a posted request carries its parameters as application/x-www-form-urlencoded".into())
        })?,
        false => request.query(),
    };
    let size: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if pairs.len() > OAUTH_PARAMETERS || size > AUTHORIZE_BYTES {
        return Err(PageError::Malformed("the app's request is too long".into()));
    }
    Ok(pairs)
}

/// Is this an app that we know?
async fn known_client(server: &Server, pairs: &[(String, String)]) -> Result<Client, PageError> {
    let client_id =
        single(pairs, "client_id")?.ok_or(PageError::UntrustedApp("the app did not say who it is (client_id)"))?;
    let client = match client_id.len() <= CLIENT_ID_BYTES {
        true => server.auth.get::<Client>(client_id).await?.map(|stored| stored.record),
        false => None,
    };
    client
        .filter(|client| !client.disabled)
        .ok_or(PageError::UntrustedApp("this app is not registered here (client_id)"))
}

/// Is this an address that the app registered? Nothing is sent there before.
fn registered_redirect_uri<'a>(client: &Client, pairs: &'a [(String, String)]) -> Result<&'a str, PageError> {
    let asked = single(pairs, "redirect_uri")?
        .ok_or(PageError::UntrustedApp("the app did not say where to send you back to (redirect_uri)"))?;
    if !client.redirect_uris.iter().any(|registered| redirect_uri::matches(registered, asked)) {
        return Err(PageError::UntrustedApp(
            "the app asks to send you to an address that it did not register (redirect_uri)",
        ));
    }
    Ok(asked)
}

fn invalid(text: &str) -> AuthorizeError {
    AuthorizeError::InvalidRequest(text.to_owned())
}

/// RFC 6749 §3.1: "Request and response parameters MUST NOT be included more than once."
fn no_duplicates(pairs: &[(String, String)]) -> Result<(), AuthorizeError> {
    for (name, _) in pairs {
        single(pairs, name)?;
    }
    Ok(())
}

/// Parameters that would have us fetch or trust something: refused, and never fetched.
fn nothing_to_fetch(pairs: &[(String, String)]) -> Result<(), AuthorizeError> {
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

fn response_type(pairs: &[(String, String)]) -> Result<(), AuthorizeError> {
    match single(pairs, "response_type")? {
        Some("code") => Ok(()),
        Some(_) => Err(AuthorizeError::UnsupportedResponseType),
        None => Err(invalid("response_type is missing; it must be `code`")),
    }
}

/// SMART requires `state`; what is carried through must fit the redirect.
fn state_and_nonce(pairs: &[(String, String)]) -> Result<(&str, Option<&str>), AuthorizeError> {
    let state = single(pairs, "state")?.filter(|state| !state.is_empty()).ok_or_else(|| invalid("state is missing"))?;
    let nonce = single(pairs, "nonce")?;
    if state.len() > STATE_BYTES || nonce.is_some_and(|nonce| nonce.len() > STATE_BYTES) {
        return Err(invalid("state and nonce have at most 2048 bytes"));
    }
    Ok((state, nonce))
}

/// `aud`, or `resource` (RFC 8707): a token for another server's data is never asked of us.
fn audience(pairs: &[(String, String)], issuer: &Issuer) -> Result<(), AuthorizeError> {
    let aud = single(pairs, "aud")?
        .or(single(pairs, "resource")?)
        .ok_or_else(|| invalid("aud is missing; it must be this server's FHIR base"))?;
    match aud.trim_end_matches('/') == issuer.fhir_base() {
        true => Ok(()),
        false => Err(AuthorizeError::InvalidRequest(format!("aud must be {}", issuer.fhir_base()))),
    }
}

/// PKCE, for every client and by S256 only (RFC 7636; SMART App Launch 2.0: `plain` SHALL NOT be supported).
fn challenge(pairs: &[(String, String)]) -> Result<CodeChallenge, AuthorizeError> {
    if single(pairs, "code_challenge_method")? != Some("S256") {
        return Err(invalid("code_challenge_method must be `S256` (PKCE, RFC 7636)"));
    }
    single(pairs, "code_challenge")?
        .and_then(CodeChallenge::parse)
        .ok_or_else(|| invalid("code_challenge must be the SHA-256 of the verifier in base64url: 43 characters"))
}

/// Of the scopes that are asked for, those that this server knows and the app is registered for.
fn scopes(client: &Client, pairs: &[(String, String)]) -> Result<Scopes, AuthorizeError> {
    let text = single(pairs, "scope")?.ok_or_else(|| AuthorizeError::InvalidScope("scope is missing".into()))?;
    let asked: Scopes =
        text.parse().map_err(|error: crate::scope::MalformedScope| AuthorizeError::InvalidScope(error.to_string()))?;
    let known: Scopes = asked.iter().filter(|scope| is_supported(scope)).cloned().collect();
    let allowed = client.allowed(&known);
    if allowed.is_empty() {
        let text = "none of these scopes is known here and allowed for this app; see scopes_supported";
        return Err(AuthorizeError::InvalidScope(text.into()));
    }
    Ok(allowed)
}

/// `prompt` and `max_age` (OpenID Connect Core §3.1.2.1).
fn prompt(server: &Server, pairs: &[(String, String)], session: Option<&Session>) -> Result<Prompt, AuthorizeError> {
    let words: Vec<&str> = single(pairs, "prompt")?.unwrap_or_default().split(' ').collect();
    let none = words.contains(&"none");
    if none && words.len() > 1 {
        return Err(invalid("prompt=none stands alone"));
    }
    let max_age: Option<i64> = single(pairs, "max_age")?
        .map(|text| {
            let seconds = text.parse().ok().filter(|seconds| *seconds >= 0);
            seconds.ok_or_else(|| invalid("max_age must be a number of seconds"))
        })
        .transpose()?;
    let too_old = session.zip(max_age).is_some_and(|(session, max_age)| {
        server.clock.now().seconds().saturating_sub(session.auth_time.seconds()) >= max_age
    });
    Ok(Prompt { none, login: too_old || words.contains(&"login") || words.contains(&"select_account") })
}

/// Who the app thinks will sign in (OpenID Connect Core §3.1.2.1): a first entry for the form, and never more than that.
fn login_hint(pairs: &[(String, String)]) -> Option<String> {
    let hint = single(pairs, "login_hint").ok().flatten()?;
    (hint.len() <= USERNAME_BYTES && !hint.contains(char::is_control)).then(|| hint.to_owned())
}

/// The session of the browser that asks, if somebody is signed in there and still may be.
pub(super) async fn session(
    server: &Server,
    request: &Request,
    issuer: &Issuer,
) -> Result<Option<Stored<Session>>, PageError> {
    let Some(cookie) = Cookie::Session.read(request, issuer) else { return Ok(None) };
    let stored = server.auth.get::<Session>(&cookie.hashed().0).await?;
    let Some(session) = stored.filter(|session| !session.record.is_over(server.clock.now())) else { return Ok(None) };
    let member = server.auth.get::<Member>(&session.record.username).await?;
    Ok(member.is_some_and(|member| member.record.knows(&session.record.stamp)).then_some(session))
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
            grant: grant::new_id(&session.member, &server.random),
            patient: session.patient.clone(),
            username: session.username.clone(),
            stamp: session.stamp.clone(),
            scope: scope.to_string(),
            nonce: self.nonce.clone(),
            auth_time: session.auth_time,
            issued_at: server.clock.now(),
            spent: false,
        }
    }
}
