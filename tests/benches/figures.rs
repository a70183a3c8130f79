//! `cargo bench --workspace --bench figures`: what a request costs, in figures that do not depend on the machine (calls, waves of
//! calls, read and write units, bytes), and some that do (size and init of each function, resources loaded a second). Release
//! build, real functions behind the local gateway, the sample members.

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::{HeaderMap, header};
use local_stack::{LocalStack, Options};
use patient_access::load::{Source, load};
use patient_access::sample;
use patient_access::stack::{Descriptor, Stack};
use serde_json::Value as Json;
use shared::clock::Clock;
use tests::{App, AuthorizeOptions, Tokens, binaries, checkout};

/// How often each function is started.
const STARTS: usize = 10;

#[tokio::main]
async fn main() {
    functions().await;
    requests().await;
}

/// Size and init (process start to the first request for work) of each function.
async fn functions() {
    let mut inits: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for _ in 0..STARTS {
        let options = Options {
            template: checkout().join("template.yaml"),
            binaries: binaries().to_owned(),
            ..Options::default()
        };
        let stack = LocalStack::start(options).await.expect("the stack starts");
        stack.warm().await;
        for log in stack.logs() {
            let init = log.line.strip_prefix("INIT_REPORT Init Duration: ").and_then(|text| text.strip_suffix(" ms"));
            if let Some(init) = init.and_then(|text| text.parse().ok()) {
                inits.entry(log.function).or_default().push(init);
            }
        }
        stack.shutdown().await;
    }
    println!("{:<20}{:>10}{:>26}", "function", "size MB", "init ms min/median/max");
    for (function, mut times) in inits {
        times.sort_by(f64::total_cmp);
        let binary = binaries().join(function.trim_end_matches("Function").to_lowercase());
        let size = std::fs::metadata(binary).map_or(0, |data| data.len());
        let (low, high) = (times[0], times[times.len() - 1]);
        #[expect(clippy::cast_precision_loss, reason = "megabytes with one decimal")]
        let size = size as f64 / 1e6;
        println!("{function:<20}{size:>10.1}{:>26}", format!("{low:.1} / {:.1} / {high:.1}", times[times.len() / 2]));
    }
}

/// What requests cost, by the functions' own log lines.
async fn requests() {
    let app = App::empty().await;
    let sample = sample::household();
    let count = sample.resources.len();
    let descriptor = Descriptor { url: app.url().to_owned(), environment: app.environment().clone() };
    let stack = Stack::local(&descriptor).await.expect("the stack has all parts");
    let rejected = PathBuf::from("/dev/null");
    let (started, source) = (Clock::System.now(), Source::Memory(sample.resources));
    let report = load(&stack, &source, &rejected, Clock::System, &indicatif::ProgressBar::hidden()).await;
    let took = (Clock::System.now().0 - started.0).max(1);
    println!(
        "\nloaded {count} resources in {took} ms; rejected {}",
        report.expect("the stack stores").total().rejected
    );
    app.add_member("ada", "ada").await;
    app.add_member("george", "george").await;
    println!("\n{:<74}{:>7}{:>7}{:>7}{:>7}{:>10}{:>8}", "request", "calls", "waves", "RU", "WU", "bytes", "ms");
    let reply = app.authorize(&AuthorizeOptions::new(&app, "ada", "patient/*.rs openid fhirUser offline_access")).await;
    let tokens = Tokens::of(&app.exchange(&reply.redirected("code").expect("a code")).await);
    let george = app.sign_in("george", "patient/*.rs").await;
    for (who, path, route) in [
        (&tokens, "Patient/ada", "GET /fhir/{type}/{id}"),
        (&tokens, "ExplanationOfBenefit?patient=ada&_count=20&_sort=-created", "GET /fhir/{type}"),
        (&tokens, "ExplanationOfBenefit?_count=50", "GET /fhir/{type}"),
        (&tokens, "ExplanationOfBenefit?_count=50&_include=ExplanationOfBenefit:*", "GET /fhir/{type}"),
        (&tokens, "Observation?_count=50", "GET /fhir/{type}"),
        (&tokens, "Patient/ada/$everything", "GET /fhir/Patient/{id}/{operation}"),
        (&george, "Observation?_count=50", "GET /fhir/{type}"),
        (&george, "Observation?code=4548-4", "GET /fhir/{type}"),
        (&george, "Patient/george/$everything", "GET /fhir/Patient/{id}/{operation}"),
    ] {
        // The second request: the first may have started the function.
        app.fhir(who, path).await;
        let before = app.answered(route, 200, 1).await.len();
        let started = Clock::System.now().0;
        let bytes = app.get_with_token(who, path).await;
        let took = Clock::System.now().0 - started;
        let line: Json = app.answered(route, 200, before + 1).await.pop().expect("a line");
        println!("{path:<74}{}{bytes:>10}{took:>8}", cost(&line));
    }
    authorization(&app, &tokens).await;
    app.finish().await;
}

/// What the way to a token costs, and what is done with it after.
async fn authorization(app: &App, tokens: &Tokens) {
    let show = async |what: &str, route: &str, status: u16| {
        let line: Json = app.answered(route, status, 1).await.pop().expect("a line");
        println!("{what:<74}{}", cost(&line));
    };
    show("authorize", "GET /oauth2/authorize", 303).await;
    show("sign in", "POST /login", 303).await;
    show("consent", "POST /consent", 303).await;
    show("token, for a code", "POST /oauth2/token", 200).await;
    let before = app.answered("POST /oauth2/token", 200, 1).await.len();
    let refreshed = Tokens::of(&app.refresh(tokens).await);
    app.answered("POST /oauth2/token", 200, before + 1).await;
    show("token, for a refresh token", "POST /oauth2/token", 200).await;
    let mut bearer = HeaderMap::new();
    bearer.insert(header::AUTHORIZATION, format!("Bearer {}", refreshed.access).parse().expect("a token is text"));
    app.get_with("/oauth2/userinfo", bearer.clone()).await;
    show("userinfo", "GET /oauth2/userinfo", 200).await;
    app.post("/oauth2/introspect", &[("token", &refreshed.access)], bearer).await;
    show("introspect, with an access token", "POST /oauth2/introspect", 200).await;
    app.account("ada").await;
    show("account", "GET /account", 200).await;
    let token = refreshed.refresh.as_deref().expect("offline_access was granted");
    app.post("/oauth2/revoke", &[("token", token), ("client_id", "app")], HeaderMap::new()).await;
    show("revoke", "POST /oauth2/revoke", 200).await;
}

/// Calls, waves, read and write units of a log line, as columns.
fn cost(line: &Json) -> String {
    ["calls", "waves", "read_units", "write_units"].map(|figure| format!("{:>7}", line[figure].to_string())).concat()
}
