//! A small OpenID provider for this machine: it shows the people it is given, and whoever is clicked is signed in. So the whole way by a
//! plan's provider can be seen in a browser. It listens on the loopback interface alone, and no template names it.
//!
//! It remembers who signed in, as real providers do, and asks again where `prompt` or `max_age` says so. It knows one client, by a secret,
//! with PKCE.

mod page;
mod token;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::random::uuid;
use crate::server::{self, Running};
use token::SigningKey;

/// A person who can sign in.
#[derive(Debug, Clone)]
pub struct Person {
    /// The provider's name for the person (`sub`).
    pub subject: String,
    /// The name on the page.
    pub name: String,
    /// The claims of the person's `id_token`, besides those of the protocol.
    pub claims: Map<String, Value>,
}

/// The one client that the provider knows, and its people.
#[derive(Debug, Clone)]
pub struct DemoProviderOptions {
    /// The port on 127.0.0.1; any free one where that is taken.
    pub port: u16,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// The one address to which a browser is sent back.
    pub redirect_uri: String,
    /// The people.
    pub people: Vec<Person>,
}

/// A running provider. It stops when dropped.
#[derive(Debug)]
pub struct DemoProvider {
    /// Its issuer.
    pub issuer: String,
    _server: Running,
}

/// A code that was not exchanged yet.
#[derive(Debug)]
struct Code {
    person: Person,
    nonce: Option<String>,
    challenge: String,
    auth_time: u64,
    ends_at: u64,
}

#[derive(Debug)]
struct State {
    issuer: String,
    options: DemoProviderOptions,
    key: SigningKey,
    codes: Mutex<HashMap<String, Code>>,
}

/// The parameters of a request.
type Parameters = HashMap<String, String>;

/// The cookie that remembers who signed in, and when.
const COOKIE: &str = "demo-provider";

/// A code is good this long, in seconds.
const CODE_SECONDS: u64 = 60;

/// The longest form.
const MAX_FORM: usize = 16 * 1024;

impl DemoProvider {
    /// Starts the provider.
    ///
    /// # Errors
    /// No port is free, or no key can be made.
    pub fn start(options: DemoProviderOptions) -> Result<DemoProvider> {
        let listener = server::listen(options.port).or_else(|_| server::listen(0)).context("the demo provider")?;
        let issuer = server::url(&listener)?;
        let state = State { issuer: issuer.clone(), options, key: SigningKey::generate()?, codes: Mutex::default() };
        let state = Arc::new(state);
        let service = service_fn(move |request| {
            let state = Arc::clone(&state);
            async move { Ok::<_, Infallible>(state.answer(request).await) }
        });
        Ok(DemoProvider { issuer, _server: server::spawn(server::serve(listener, service)) })
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let cookie = head.headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).and_then(remembered);
        let basic = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let query = parameters(head.uri.query().unwrap_or_default().as_bytes());
        let form = match server::read_body(body, MAX_FORM).await {
            Ok(body) => parameters(&body),
            Err(_) => return told(StatusCode::BAD_REQUEST, "the body cannot be read"),
        };
        match (&head.method, head.uri.path()) {
            (&Method::GET, "/.well-known/openid-configuration") => json_of(StatusCode::OK, &self.metadata()),
            (&Method::GET, "/jwks") => json_of(StatusCode::OK, &json!({"keys": [self.key.public()]})),
            (&Method::GET, "/authorize") => self.authorize(&query, cookie),
            (&Method::POST, "/authorize") => self.chosen(&form),
            (&Method::POST, "/token") => self.token(&form, basic),
            (&Method::GET, "/") => page::html(&page::welcome(&self.options.people), None),
            _ => told(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    fn metadata(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"], "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "prompt_values_supported": ["none", "login", "select_account"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    /// Shows the people, or goes on with the one who is remembered.
    fn authorize(&self, asked: &Parameters, cookie: Option<(String, u64)>) -> Response<Full<Bytes>> {
        if let Err(why) = self.known(asked) {
            return told(StatusCode::BAD_REQUEST, why);
        }
        let prompt = asked.get("prompt").map(String::as_str).unwrap_or_default();
        let is_asked = ["login", "select_account"].iter().any(|word| prompt.split(' ').any(|own| own == *word));
        let max_age = asked.get("max_age").and_then(|age| age.parse::<u64>().ok());
        let is_fresh = |at: u64| max_age.is_none_or(|age| seconds().saturating_sub(at) <= age);
        let known = cookie.filter(|(_, at)| !is_asked && is_fresh(*at)).and_then(|(subject, at)| {
            let person = self.options.people.iter().find(|person| person.subject == subject)?;
            Some((person.clone(), at))
        });
        match known {
            Some((person, at)) => self.back(asked, &self.code(asked, person, at), None),
            None if prompt == "none" => self.back(asked, &[("error", "login_required".to_owned())], None),
            None => page::html(&page::choose(&self.options.people, asked), None),
        }
    }

    /// Somebody was clicked.
    fn chosen(&self, form: &Parameters) -> Response<Full<Bytes>> {
        let asked = parameters(form.get("query").map(String::as_str).unwrap_or_default().as_bytes());
        if let Err(why) = self.known(&asked) {
            return told(StatusCode::BAD_REQUEST, why);
        }
        let subject = form.get("person").map(String::as_str).unwrap_or_default();
        let Some(person) = self.options.people.iter().find(|person| person.subject == subject) else {
            return self.back(&asked, &[("error", "access_denied".to_owned())], None);
        };
        let cookie = format!("{COOKIE}={subject}.{}; Path=/; HttpOnly; SameSite=Lax", seconds());
        let code = self.code(&asked, person.clone(), seconds());
        self.back(&asked, &code, Some(&cookie))
    }

    /// Whether the client may ask so. Nothing is sent to an address that is not its own.
    fn known(&self, asked: &Parameters) -> Result<(), &'static str> {
        let is = |name: &str, value: &str| asked.get(name).is_some_and(|own| own == value);
        let ours = is("client_id", &self.options.client_id) && is("redirect_uri", &self.options.redirect_uri);
        match ours && is("response_type", "code") && is("code_challenge_method", "S256") {
            true if asked.contains_key("code_challenge") => Ok(()),
            _ => Err("this is no request of the client that the demo provider knows"),
        }
    }

    fn code(&self, asked: &Parameters, person: Person, auth_time: u64) -> [(&'static str, String); 1] {
        let (code, now) = (uuid(), seconds());
        let nonce = asked.get("nonce").cloned();
        let challenge = asked.get("code_challenge").cloned().unwrap_or_default();
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|_, code| code.ends_at > now);
        codes.insert(code.clone(), Code { person, nonce, challenge, auth_time, ends_at: now + CODE_SECONDS });
        [("code", code)]
    }

    /// Sends the browser back to the client.
    fn back(&self, asked: &Parameters, answer: &[(&str, String)], cookie: Option<&str>) -> Response<Full<Bytes>> {
        let state = asked.get("state").map(|state| ("state", state.clone()));
        let all = answer.iter().cloned().chain(state).chain([("iss", self.issuer.clone())]);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::SEE_OTHER;
        let headers = [(header::LOCATION, Some(format!("{}?{query}", self.options.redirect_uri)))];
        let headers = headers.into_iter().chain([(header::SET_COOKIE, cookie.map(str::to_owned))]);
        for (name, value) in headers.filter_map(|(name, value)| Some((name, HeaderValue::try_from(value?).ok()?))) {
            response.headers_mut().insert(name, value);
        }
        response
    }

    /// Exchanges a code, once.
    fn token(&self, form: &Parameters, basic: Option<&str>) -> Response<Full<Bytes>> {
        let refused = |error: &str| json_of(StatusCode::BAD_REQUEST, &json!({"error": error}));
        if !token::is_client(basic, &self.options.client_id, &self.options.client_secret) {
            return json_of(StatusCode::UNAUTHORIZED, &json!({"error": "invalid_client"}));
        }
        let code = form.get("code").map(String::as_str).unwrap_or_default();
        let code = self.codes.lock().unwrap_or_else(PoisonError::into_inner).remove(code);
        let verifier = form.get("code_verifier").map(String::as_str).unwrap_or_default();
        let is_own = form.get("redirect_uri") == Some(&self.options.redirect_uri);
        let good = |code: &Code| is_own && code.ends_at > seconds() && token::challenge(verifier) == code.challenge;
        let Some(code) = code.filter(good) else { return refused("invalid_grant") };
        let mut claims = code.person.claims;
        claims.extend([
            ("iss".to_owned(), json!(self.issuer)),
            ("sub".to_owned(), json!(code.person.subject)),
            ("aud".to_owned(), json!(self.options.client_id)),
            ("iat".to_owned(), json!(seconds())),
            ("exp".to_owned(), json!(seconds() + 300)),
            ("auth_time".to_owned(), json!(code.auth_time)),
            ("nonce".to_owned(), json!(code.nonce)),
            ("preferred_username".to_owned(), json!(code.person.name)),
        ]);
        match self.key.sign(&Value::Object(claims)) {
            Ok(id_token) => {
                json_of(StatusCode::OK, &json!({"token_type": "Bearer", "access_token": uuid(), "id_token": id_token}))
            }
            Err(_) => refused("server_error"),
        }
    }
}

/// Seconds since 1970.
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn parameters(text: &[u8]) -> Parameters {
    form_urlencoded::parse(text).into_owned().collect()
}

/// The person whom a cookie remembers, and when they signed in.
fn remembered(cookies: &str) -> Option<(String, u64)> {
    let value = cookies.split("; ").find_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('='))?;
    let (subject, at) = value.rsplit_once('.')?;
    Some((subject.to_owned(), at.parse().ok()?))
}

fn json_of(status: StatusCode, json: &Value) -> Response<Full<Bytes>> {
    let mut response = server::json(status, json.to_string());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn told(status: StatusCode, why: &str) -> Response<Full<Bytes>> {
    page::html(&page::error(why), Some(status))
}
