//! A real browser: Chromium, driven by chromedriver. A dozen commands of the WebDriver protocol (W3C WebDriver 2) are
//! enough here. The crates that speak it bring a second HTTP stack, or a licence that this project does not use.

use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::tools::{missing_tool, path_of};

/// The window of a computer: width and height.
pub const DESKTOP: (u32, u32) = (1280, 900);

/// The window of a phone.
pub const PHONE: (u32, u32) = (390, 844);

/// The key of an element in WebDriver's answers (WebDriver §12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How long to wait for something to appear, in steps of 50 ms. On a busy machine a function takes seconds to start.
const STEPS: usize = 600;

/// A browser with one window. Dropping it ends chromedriver, and Chromium with chromedriver's pipe.
pub struct Chromium {
    session: String,
    client: Client<HttpConnector, Full<bytes::Bytes>>,
    size: std::sync::Mutex<(u32, u32)>,
    _driver: Child,
    _profile: TempDir,
}

impl Chromium {
    /// Starts a browser with a desktop window and a profile of its own. If this machine has no Chromium, says that
    /// `test` is skipped and returns `None`.
    pub async fn start(test: &str) -> Option<Chromium> {
        let Some(program) = path_of("chromium").or_else(|| path_of("google-chrome")) else {
            missing_tool(test, "chromium");
            return None;
        };
        let Some(driver) = path_of("chromedriver") else {
            missing_tool(test, "chromedriver");
            return None;
        };
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver starts");
        let port = port(&mut driver).await;
        let profile = tempfile::tempdir().expect("there is room for a profile");
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--hide-scrollbars",
            // Chromium ends when the other end of the pipe closes.
            "--remote-debugging-pipe",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let mut browser = Chromium {
            session: format!("http://127.0.0.1:{port}/session"),
            client: Client::builder(TokioExecutor::new()).build_http(),
            size: std::sync::Mutex::new(DESKTOP),
            _driver: driver,
            _profile: profile,
        };
        let capabilities = json!({"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"binary": program, "args": arguments}});
        let session = browser.post("", &json!({"capabilities": {"alwaysMatch": capabilities}})).await;
        browser.session = format!("{}/{}", browser.session, session["sessionId"].as_str().expect("a session"));
        browser.resize(DESKTOP).await;
        Some(browser)
    }

    /// Gives the window this size, whatever a window manager would allow.
    pub async fn resize(&self, (width, height): (u32, u32)) {
        *self.size.lock().expect("no test panics inside") = (width, height);
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics).await;
    }

    /// Opens a page and waits until it is loaded.
    pub async fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url})).await;
    }

    /// The URL of the window.
    pub async fn url(&self) -> String {
        let url = self.evaluate("return location.href").await;
        url.as_str().expect("a window is somewhere").to_owned()
    }

    /// Waits until a shown element matches the CSS selector.
    pub async fn wait_for(&self, selector: &str) {
        let script = "const e = document.querySelector(arguments[0]); return !!e && e.getClientRects().length > 0";
        self.wait_until(selector, script, selector).await;
    }

    /// Waits until the page shows a text.
    pub async fn wait_for_text(&self, text: &str) {
        self.wait_until(text, "return document.body.innerText.includes(arguments[0])", text).await;
    }

    async fn wait_until(&self, what: &str, script: &str, argument: &str) {
        for _ in 0..STEPS {
            if self.evaluate_with(script, argument).await == true {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let shown = self.evaluate("return document.body.innerText").await;
        panic!("{what:?} does not appear; {} shows: {shown}", self.url().await)
    }

    /// Waits for a form field and replaces its text.
    pub async fn fill(&self, selector: &str, text: &str) {
        let field = self.element(selector).await;
        self.post(&format!("/element/{field}/clear"), &json!({})).await;
        self.post(&format!("/element/{field}/value"), &json!({"text": text})).await;
    }

    /// Waits for an element and clicks it.
    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.post(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// The text of an element as a person sees it.
    pub async fn text(&self, selector: &str) -> String {
        let text = self.evaluate_with("return document.querySelector(arguments[0])?.innerText", selector).await;
        text.as_str().unwrap_or_else(|| panic!("there is no {selector}")).to_owned()
    }

    /// How many elements match.
    pub async fn count(&self, selector: &str) -> u64 {
        let count = self.evaluate_with("return document.querySelectorAll(arguments[0]).length", selector).await;
        count.as_u64().expect("a count is a number")
    }

    /// The value that a script returns.
    pub async fn evaluate(&self, script: &str) -> Json {
        self.evaluate_with(script, "").await
    }

    async fn evaluate_with(&self, script: &str, argument: &str) -> Json {
        self.post("/execute/sync", &json!({"script": script, "args": [argument]})).await
    }

    /// The number of pixels by which the page is wider than the window. `innerWidth` would not tell: a phone zooms out
    /// to show it all.
    pub async fn overflow(&self) -> i64 {
        let width = self.evaluate("return document.scrollingElement.scrollWidth").await;
        let window = self.size.lock().expect("no test panics inside").0;
        (width.as_i64().expect("a width is a number") - i64::from(window)).max(0)
    }

    /// Fails if the page is wider than the window, or if the browser complained about it.
    pub async fn is_in_order(&self, page: &str) {
        assert_eq!(self.overflow().await, 0, "{page} is wider than the window");
        assert_eq!(self.console_errors().await, Vec::<String>::new(), "{page}");
    }

    /// A PNG of the window.
    pub async fn screenshot(&self) -> Vec<u8> {
        let picture = self.call(Request::get(format!("{}/screenshot", self.session)), None).await;
        STANDARD.decode(picture.as_str().expect("a picture is text")).expect("in base64")
    }

    /// The console's complaints since the last call.
    pub async fn console_errors(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "browser"})).await;
        let entries = entries.as_array().expect("a log is a list");
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING");
        severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    async fn element(&self, selector: &str) -> String {
        self.wait_for(selector).await;
        let element = self.post("/element", &json!({"using": "css selector", "value": selector})).await;
        element[ELEMENT].as_str().expect("an element has an id").to_owned()
    }

    async fn devtools(&self, command: &str, parameters: &Json) {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters})).await;
    }

    async fn post(&self, command: &str, body: &Json) -> Json {
        self.call(Request::post(format!("{}{command}", self.session)), Some(body)).await
    }

    async fn call(&self, request: http::request::Builder, body: Option<&Json>) -> Json {
        let body = body.map(Json::to_string).unwrap_or_default();
        let request = request.body(Full::new(body.clone().into())).expect("a good URL");
        let response = self.client.request(request).await.expect("chromedriver answers");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("the answer comes whole").to_bytes();
        let mut answer: Json = serde_json::from_slice(&bytes).expect("chromedriver answers JSON");
        assert!(status.is_success(), "{body}: {} {}", answer["value"]["error"], answer["value"]["message"]);
        answer["value"].take()
    }
}

/// The port that chromedriver chose. Its further output is read and dropped: a full pipe would stop it.
async fn port(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().expect("it is piped")).lines();
    while let Some(line) = lines.next_line().await.expect("chromedriver writes text") {
        let port = line.rsplit_once("on port ").and_then(|(_, port)| port.trim_end_matches('.').parse().ok());
        // Its first line repeats the 0 it was given.
        if let Some(port) = port.filter(|port| *port != 0) {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return port;
        }
    }
    panic!("chromedriver ended before it listened")
}
