//! A visit to the stack: requests as a browser and an app send them, and a trace of each.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, bail};
use aws_lc_rs::digest::{Context as Digest, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value as Json;
use shared::issuer::Issuer;
use shared::secret::{Random, Secret};

use super::ground::{APP, Ground, REDIRECT_URI};
use super::http::{Asked, Reply, send};

/// The requests of one check, without anything secret, and the hash of the answers to them.
pub(super) struct Visit<'a> {
    issuer: &'a Issuer,
    /// The cookies of its browser.
    cookies: BTreeMap<String, String>,
    requests: String,
    hash: Digest,
}

/// The tokens that an app got.
pub(super) struct Tokens {
    pub access: Secret,
    pub refresh: Option<Secret>,
    pub id_token: Option<String>,
    /// The answer, without the tokens.
    pub scope: String,
    pub patient: String,
    pub nonce: String,
}

/// The end of a walk through the pages.
pub(super) struct Consented {
    /// The page that asked the member.
    pub page: String,
    pub code: Secret,
    pub verifier: Secret,
    pub nonce: String,
}

impl<'a> Visit<'a> {
    pub fn new(issuer: &'a Issuer) -> Visit<'a> {
        Visit { issuer, cookies: BTreeMap::new(), requests: String::new(), hash: Digest::new(&SHA256) }
    }

    /// The requests, a line each with the answer's status; and the SHA-256 of the answers' bodies, one after another.
    pub fn told(self) -> (String, Option<String>) {
        let hash = (!self.requests.is_empty()).then(|| hex::encode(self.hash.finish()));
        (self.requests, hash)
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.issuer) }
    }

    pub async fn ask(&mut self, asked: Asked<'_>) -> Result<Reply> {
        let line = format!("{} {}", asked.method, self.shown(asked.url));
        let reply = send(asked).await?;
        let _ = writeln!(self.requests, "{line}: {}", reply.status.as_u16());
        self.hash.update(&reply.body);
        Ok(reply)
    }

    /// A URL as the evidence has it: below the issuer, and of a request to sign in only the path.
    fn shown(&self, url: &str) -> String {
        let path = url.strip_prefix(self.issuer.as_str()).unwrap_or(url);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let is_plain = path.starts_with("/fhir/") && query.len() <= 200;
        match query {
            "" => path.to_owned(),
            query if is_plain => format!("{path}?{query}"),
            _ => format!("{path}?…"),
        }
    }

    pub async fn get(&mut self, path: &str) -> Result<Reply> {
        self.with(Method::GET, path, &HeaderMap::new()).await
    }

    pub async fn with(&mut self, method: Method, path: &str, headers: &HeaderMap) -> Result<Reply> {
        let url = self.url(path);
        self.ask(Asked { method, url: &url, headers, form: None }).await
    }

    /// `GET` with an access token.
    pub async fn read(&mut self, path: &str, token: &Secret) -> Result<Reply> {
        let mut headers = HeaderMap::new();
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.reveal()))?;
        bearer.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, bearer);
        self.with(Method::GET, path, &headers).await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Result<Reply> {
        let url = self.url(path);
        self.ask(Asked { method: Method::POST, url: &url, headers: &HeaderMap::new(), form: Some(form) }).await
    }

    /// A request of the browser, which keeps its cookies.
    pub async fn browse(&mut self, path: &str, form: Option<&[(&str, &str)]>) -> Result<Reply> {
        let mut headers = HeaderMap::new();
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers.insert(header::COOKIE, HeaderValue::try_from(cookies.join("; "))?);
        }
        let url = self.url(path);
        let method = if form.is_some() { Method::POST } else { Method::GET };
        let reply = self.ask(Asked { method, url: &url, headers: &headers, form }).await?;
        for cookie in reply.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(reply)
    }

    /// Fills in the sign-in page.
    pub async fn sign_in(&mut self, page: &Reply, username: &str, password: &Secret) -> Result<Reply> {
        let text = page.text();
        let (request, csrf) = (field(&text, "request"), field(&text, "csrf"));
        let form = [("request", &*request), ("csrf", &csrf), ("username", username), ("password", password.reveal())];
        self.browse("/login", Some(&form)).await
    }

    /// Asks for `scope`, signs in and consents to all but the scopes that begin with `but`.
    pub async fn consent(&mut self, ground: &Ground, scope: &str, but: Option<&str>) -> Result<Consented> {
        let random = Random::system();
        let (verifier, state, nonce) = (random.secret(), random.identifier(), random.identifier());
        let digest = aws_lc_rs::digest::digest(&SHA256, verifier.reveal().as_bytes());
        let challenge = URL_SAFE_NO_PAD.encode(digest);
        let query = authorization(
            self.issuer,
            scope,
            &[("state", &state), ("nonce", &nonce), ("code_challenge", &challenge), ("code_challenge_method", "S256")],
        );
        let asked = self.browse(&format!("/oauth2/authorize?{query}"), None).await?;
        let page = self.browse(asked.header("location"), None).await.context("there is no page to sign in")?;
        let signed_in = self.sign_in(&page, ground.username, &ground.password).await?;
        if signed_in.status != http::StatusCode::SEE_OTHER {
            bail!("the person who was made for this run could not sign in: {}", signed_in.status);
        }
        let page = self.browse(signed_in.header("location"), None).await?;
        let text = page.text().into_owned();
        let (request, csrf) = (field(&text, "request"), field(&text, "csrf"));
        let offered = checkboxes(&text);
        let kept = offered.iter().filter(|scope| but.is_none_or(|but| !scope.starts_with(but)));
        let mut form = vec![("request", &*request), ("csrf", &*csrf), ("decision", "allow")];
        form.extend(kept.map(|scope| ("scope", scope.as_str())));
        let answer = self.browse("/consent", Some(&form)).await?;
        if answer.redirected("state").as_deref() != Some(&state) {
            bail!("the answer to the consent does not bring the app's `state` back: {}", answer.status);
        }
        if answer.redirected("iss").as_deref() != Some(self.issuer.as_str()) {
            bail!("the answer to the consent does not name the issuer (RFC 9207)");
        }
        let code = answer.redirected("code").context("the member allowed it, and there is no code")?;
        Ok(Consented { page: text, code: Secret::from_client(&code), verifier, nonce })
    }

    /// Exchanges a code.
    pub async fn exchange(&mut self, consented: &Consented, verifier: &Secret) -> Result<Reply> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", consented.code.reveal()),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", APP),
            ("code_verifier", verifier.reveal()),
        ];
        self.post("/oauth2/token", &form).await
    }

    /// Uses a refresh token.
    pub async fn refresh(&mut self, token: &Secret) -> Result<Reply> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.reveal()), ("client_id", APP)];
        self.post("/oauth2/token", &form).await
    }

    /// Signs the person in and gets tokens.
    pub async fn tokens(&mut self, ground: &Ground, scope: &str) -> Result<Tokens> {
        let consented = self.consent(ground, scope, None).await?;
        Tokens::of(&self.exchange(&consented, &consented.verifier).await?, consented.nonce)
    }
}

impl Tokens {
    /// Reads the token endpoint's answer.
    pub fn of(reply: &Reply, nonce: String) -> Result<Tokens> {
        let answer = reply.json();
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        let access =
            text("access_token").with_context(|| format!("the token endpoint gives no token: {}", reply.status))?;
        Ok(Tokens {
            access: Secret::from_client(&access),
            refresh: text("refresh_token").map(|token| Secret::from_client(&token)),
            id_token: text("id_token"),
            scope: text("scope").unwrap_or_default(),
            patient: text("patient").unwrap_or_default(),
            nonce,
        })
    }
}

/// The query of an authorization request of the app's.
pub(super) fn authorization(issuer: &Issuer, scope: &str, more: &[(&str, &str)]) -> String {
    let base = issuer.fhir_base();
    let own = [("response_type", "code"), ("client_id", APP), ("scope", scope), ("aud", base.as_str())];
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(own).extend_pairs(more);
    if !more.iter().any(|(name, _)| *name == "redirect_uri") {
        query.append_pair("redirect_uri", REDIRECT_URI);
    }
    query.finish()
}

/// The value of a hidden field of the page's form.
pub(super) fn field(page: &str, name: &str) -> String {
    let rest = page.split_once(&format!("name=\"{name}\" value=\"")).map(|(_, rest)| rest).unwrap_or_default();
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn checkboxes(page: &str) -> Vec<String> {
    let boxes = page.split("type=\"checkbox\" name=\"scope\" value=\"").skip(1);
    boxes
        .filter_map(|rest| rest.split('"').next())
        .map(|value| value.replace("&#38;", "&").replace("&amp;", "&"))
        .collect()
}

/// The code of an OAuth error.
pub(super) fn oauth_error(reply: &Reply) -> String {
    match &reply.json()["error"] {
        Json::String(code) => code.clone(),
        _ => String::new(),
    }
}
