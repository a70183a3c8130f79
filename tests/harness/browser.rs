//! A member with a browser, and an app: the flow through the pages to tokens, as a whole and step by step.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value as Json;

use crate::app::App;
use crate::fixtures::password;
use crate::reply::Reply;

/// The code verifier of RFC 7636, appendix B, which every test uses.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The redirect URI of the test app.
pub const REDIRECT_URI: &str = "https://app.example/callback";

/// The token endpoint's answer.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The patient in context.
    pub patient: String,
    /// The access token.
    pub access: String,
    /// The refresh token, if one was granted.
    pub refresh: Option<String>,
    /// The whole answer.
    pub answer: Json,
}

/// An authorization request. Change what a test is about.
#[derive(Clone, Debug)]
pub struct AuthorizeOptions {
    /// The parameters of the authorize endpoint.
    pub parameters: Vec<(String, String)>,
    /// The member who signs in.
    pub username: String,
    /// The scopes that the member leaves ticked; `None` means all.
    pub ticked: Option<Vec<String>>,
}

impl AuthorizeOptions {
    /// A good app's request.
    pub fn new(app: &App, username: &str, scope: &str) -> AuthorizeOptions {
        let base = format!("{}/fhir", app.url());
        let parameters = [
            ("response_type", "code"),
            ("client_id", "app"),
            ("redirect_uri", REDIRECT_URI),
            ("scope", scope),
            ("state", "st&te=1 %"),
            ("aud", &base),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("nonce", "n-0S6_WzA2Mj"),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        AuthorizeOptions { parameters, username: username.to_owned(), ticked: None }
    }

    /// With one parameter changed, or left out if `value` is `None`.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<&str>) -> AuthorizeOptions {
        self.parameters.retain(|(given, _)| given != name);
        self.parameters.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    /// As a query string.
    pub fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.parameters).finish()
    }
}

impl App {
    /// Opens an authorization request as a browser does. Returns the answer itself if it leads to no page of ours.
    pub async fn browse(&self, options: &AuthorizeOptions) -> Result<Browser, Reply> {
        let mut cookies = Cookies::default();
        let reply = self.get(&format!("/oauth2/authorize?{}", options.query())).await;
        if !reply.header("location").starts_with(self.url()) {
            return Err(reply);
        }
        cookies.take(&reply);
        let page = self.get_with(reply.header("location"), cookies.headers()).await;
        Ok(Browser { cookies, page })
    }

    /// Signs in at the account page, as a browser does.
    pub async fn account(&self, username: &str) -> Browser {
        let mut cookies = Cookies::default();
        let reply = self.get("/account").await;
        let page = self.get(reply.header("location")).await;
        cookies.take(&page);
        let mut browser = Browser { cookies, page };
        let signed_in = self.log_in(&browser, username, &password(username)).await;
        match signed_in.status {
            StatusCode::SEE_OTHER => self.follow(&mut browser, &signed_in).await,
            _ => browser.page = signed_in,
        }
        browser
    }

    /// Sends the form of the account page that the browser shows, with one of its buttons, and follows the redirect.
    pub async fn press(&self, browser: &mut Browser, button: (&str, &str)) -> Reply {
        let csrf = browser.page.field("csrf");
        let reply = self.post("/account", &[("csrf", &csrf), button], browser.cookies.headers()).await;
        if reply.status == StatusCode::SEE_OTHER {
            self.follow(browser, &reply).await;
        }
        reply
    }

    /// Sends the sign-in form of the page that the browser shows.
    pub async fn log_in(&self, browser: &Browser, username: &str, password: &str) -> Reply {
        let (request, csrf) = (browser.page.field("request"), browser.page.field("csrf"));
        let form = [("request", request.as_str()), ("csrf", &csrf), ("username", username), ("password", password)];
        self.post("/login", &form, browser.cookies.headers()).await
    }

    /// Goes on to the page that an answer leads to.
    pub async fn follow(&self, browser: &mut Browser, reply: &Reply) {
        browser.cookies.take(reply);
        browser.page = self.get_with(reply.header("location"), browser.cookies.headers()).await;
    }

    /// Walks through the pages and returns the answer to the consent.
    pub async fn authorize(&self, options: &AuthorizeOptions) -> Reply {
        let mut browser = match self.browse(options).await {
            Ok(browser) => browser,
            Err(reply) => return reply,
        };
        let signed_in = self.log_in(&browser, &options.username, &password(&options.username)).await;
        if signed_in.status != StatusCode::SEE_OTHER {
            return signed_in;
        }
        self.follow(&mut browser, &signed_in).await;
        let page = &browser.page;
        let (request, csrf) = (page.field("request"), page.field("csrf"));
        let mut form = vec![("request", request.as_str()), ("csrf", &csrf), ("decision", "allow")];
        let offered = page.checkboxes();
        form.extend(options.ticked.as_ref().unwrap_or(&offered).iter().map(|scope| ("scope", scope.as_str())));
        let reply = self.post("/consent", &form, browser.cookies.headers()).await;
        if let Some(code) = reply.redirected("code") {
            self.keep_secret(&code);
        }
        reply
    }

    /// Opens an app's link to the authorize endpoint, signs in, allows everything, and returns the address to which the
    /// browser is sent.
    pub async fn allow_at(&self, link: &str, username: &str, password: &str) -> String {
        let mut cookies = Cookies::default();
        let reply = self.get(link).await;
        cookies.take(&reply);
        let page = self.get_with(reply.header("location"), cookies.headers()).await;
        let mut browser = Browser { cookies, page };
        let signed_in = self.log_in(&browser, username, password).await;
        self.follow(&mut browser, &signed_in).await;
        let reply = self.consent(&browser, "allow").await;
        self.keep_secret(&reply.redirected("code").unwrap_or_else(|| panic!("the member allowed it: {reply:?}")));
        reply.header("location").to_owned()
    }

    /// Exchanges a code as the public app.
    pub async fn exchange(&self, code: &str) -> Reply {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", "app"),
            ("code_verifier", VERIFIER),
        ];
        self.token(&form, HeaderMap::new()).await
    }

    /// Asks the token endpoint.
    pub async fn token(&self, form: &[(&str, &str)], headers: HeaderMap) -> Reply {
        let reply = self.post("/oauth2/token", form, headers).await;
        assert_eq!(reply.header("cache-control"), "no-store");
        for name in ["access_token", "refresh_token", "id_token"] {
            if let Some(secret) = reply.json()[name].as_str() {
                self.keep_secret(secret);
            }
        }
        reply
    }

    /// Signs `username` in and gets tokens for `scope`.
    pub async fn sign_in(&self, username: &str, scope: &str) -> Tokens {
        let reply = self.authorize(&AuthorizeOptions::new(self, username, scope)).await;
        let code = reply.redirected("code").unwrap_or_else(|| panic!("{reply:?}"));
        Tokens::of(&self.exchange(&code).await)
    }

    /// A browser in which `options.username` has signed in: it shows the consent page.
    pub async fn signed_in(&self, options: &AuthorizeOptions) -> Browser {
        let mut browser = self.browse(options).await.unwrap_or_else(|reply| panic!("{reply:?}"));
        let reply = self.log_in(&browser, &options.username, &password(&options.username)).await;
        self.follow(&mut browser, &reply).await;
        browser
    }

    /// Chooses a record on the page that asks whose record the app should see, and follows the redirect.
    pub async fn choose(&self, browser: &mut Browser, record: &str) -> Reply {
        let (request, csrf) = (browser.page.field("request"), browser.page.field("csrf"));
        let form = [("request", request.as_str()), ("csrf", &csrf), ("record", record)];
        let reply = self.post("/consent", &form, browser.cookies.headers()).await;
        if reply.status == StatusCode::SEE_OTHER {
            self.follow(browser, &reply).await;
        }
        reply
    }

    /// Sends the consent form that the browser shows, with everything ticked.
    pub async fn consent(&self, browser: &Browser, decision: &str) -> Reply {
        let (request, csrf) = (browser.page.field("request"), browser.page.field("csrf"));
        let mut form = vec![("request", request.as_str()), ("csrf", &csrf), ("decision", decision)];
        let offered = browser.page.checkboxes();
        form.extend(offered.iter().map(|scope| ("scope", scope.as_str())));
        self.post("/consent", &form, browser.cookies.headers()).await
    }

    /// A code for these options, with everything allowed.
    pub async fn code(&self, options: &AuthorizeOptions) -> String {
        let reply = self.authorize(options).await;
        reply.redirected("code").unwrap_or_else(|| panic!("{reply:?}"))
    }

    /// Refreshes as the public app.
    pub async fn refresh(&self, tokens: &Tokens) -> Reply {
        self.refresh_with(tokens, &[("client_id", "app")], HeaderMap::new()).await
    }

    /// Refreshes with more parameters, or another client's proof.
    pub async fn refresh_with(&self, tokens: &Tokens, more: &[(&str, &str)], headers: HeaderMap) -> Reply {
        let token = tokens.refresh.as_deref().expect("offline_access was granted");
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        form.extend(more);
        self.token(&form, headers).await
    }

    /// `GET` under `/fhir` with any text as the bearer token, and only the checks of [`App::send`].
    pub async fn with_bearer(&self, token: &str, path: &str) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().expect("a token is text"));
        self.get_with(&format!("/fhir/{path}"), headers).await
    }
}

impl Tokens {
    /// Reads the token endpoint's answer, which must be a success.
    pub fn of(reply: &Reply) -> Tokens {
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        let answer = reply.json();
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        Tokens {
            patient: text("patient").expect("there is a patient in context"),
            access: text("access_token").expect("there is a token"),
            refresh: text("refresh_token"),
            answer,
        }
    }
}

/// A browser on our pages.
#[derive(Debug)]
pub struct Browser {
    /// Its cookies.
    pub cookies: Cookies,
    /// The page that it shows.
    pub page: Reply,
}

/// A browser's cookies.
#[derive(Clone, Debug, Default)]
pub struct Cookies(BTreeMap<String, String>);

impl Cookies {
    /// Keeps the cookies that an answer sets.
    pub fn take(&mut self, reply: &Reply) {
        for cookie in reply.headers.get_all(header::SET_COOKIE) {
            let text = cookie.to_str().unwrap_or_default();
            let (name, value) = text.split(';').next().and_then(|pair| pair.split_once('=')).unwrap_or_default();
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The `Cookie` header, and the header that a browser adds to our own form.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let text: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        headers.insert(header::COOKIE, text.join("; ").parse().expect("cookies are text"));
        headers.insert("sec-fetch-site", "same-origin".parse().expect("it is text"));
        headers
    }
}

/// The `Authorization` header of HTTP Basic.
pub fn basic(id: &str, secret: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    headers.insert(header::AUTHORIZATION, value.parse().expect("it is text"));
    headers
}
