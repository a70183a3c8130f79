//! `cargo lambda watch` on top of `patient-access local --services-only`: the same API from another server.

use std::net::TcpListener;
use std::process::Stdio;

use http::{Method, Request};
use patient_access::stack::write_environment;
use serde_json::Value as Json;
use tests::{App, Tokens, checkout, missing_tool};
use tokio::process::{Child, Command};

const CONFIG: &str = "CargoLambda.toml";

/// `PATIENT_ACCESS_BLESS=1 cargo test --workspace --test api cargo_lambda_has_the_routes` writes the file.
#[test]
fn cargo_lambda_has_the_routes_of_the_template() {
    let expected = local_stack::watch_config(&checkout().join("template.yaml")).unwrap();
    let file = checkout().join(CONFIG);
    if std::env::var_os("PATIENT_ACCESS_BLESS").is_some() {
        std::fs::write(&file, &expected).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    let only = |these: &str, those: &str| {
        let lines = these.lines().filter(|line| !those.lines().any(|other| other == *line));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert!(
        written == expected,
        "{CONFIG} is not what template.yaml says; write it anew with\n\
         PATIENT_ACCESS_BLESS=1 cargo test --workspace --test api cargo_lambda_has_the_routes\n\
         missing:\n{}\ntoo much:\n{}",
        only(&expected, &written),
        only(&written, &expected)
    );
}

async fn cargo_lambda_is_here() -> bool {
    let output = Command::new("cargo-lambda").args(["lambda", "--version"]).output().await;
    output.is_ok_and(|output| output.status.success())
}

/// `cargo lambda watch` over the services of an [`App`].
struct Watch {
    child: Child,
    logs: tempfile::NamedTempFile,
}

impl Watch {
    async fn start(app: &App, port: u16) -> Watch {
        let environment = tempfile::NamedTempFile::new().unwrap();
        write_environment(environment.path(), app.environment()).unwrap();
        let logs = tempfile::NamedTempFile::new().unwrap();
        app.keep_logs(logs.reopen().unwrap());
        let child = Command::new("cargo-lambda")
            .args(["lambda", "watch", "-A", "127.0.0.1", "-P", &port.to_string(), "--env-file"])
            .arg(environment.path())
            .current_dir(checkout())
            .stdin(Stdio::null())
            .stdout(logs.reopen().unwrap())
            .stderr(logs.reopen().unwrap())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let watch = Watch { child, logs };
        for _ in 0..600 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                // The server has read its variables.
                return watch;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("cargo lambda watch does not listen: {}", watch.logs().join("\n"));
    }

    fn logs(&self) -> Vec<String> {
        String::from_utf8_lossy(&std::fs::read(&self.logs).unwrap()).lines().map(str::to_owned).collect()
    }

    /// Ends it, and its functions, as Ctrl-C in its terminal would.
    async fn interrupt(mut self) {
        let group = format!("-{}", self.child.id().unwrap());
        assert!(Command::new("kill").args(["-INT", "--", &group]).status().await.unwrap().success());
        self.child.wait().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cargo_lambda_watch_serves_the_same_api() {
    if !cargo_lambda_is_here().await {
        return missing_tool("cargo_lambda_watch_serves_the_same_api", "cargo-lambda");
    }
    let ours = App::start().await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let theirs = App::services_only(port).await.with_fixtures().await;
    let watch = Watch::start(&theirs, port).await;
    assert_eq!(theirs.url(), format!("http://127.0.0.1:{port}"), "the issuer is where cargo lambda listens");

    for ((name, expected), (_, got)) in without_token(&ours).await.into_iter().zip(without_token(&theirs).await) {
        assert_eq!(got, expected, "{name}");
    }
    let scope = "patient/*.rs openid fhirUser offline_access";
    let (expected, got) = (ours.sign_in("alice", scope).await, theirs.sign_in("alice", scope).await);
    assert_eq!(got.answer["scope"], expected.answer["scope"]);
    assert_eq!(with_token(&theirs, &got).await, with_token(&ours, &expected).await);

    let invoked = invoke(port, "metadata", "events/metadata/capability.json").await;
    assert_eq!(invoked["statusCode"], 200, "{invoked}");
    let invoked = invoke(port, "search", "events/search/form.json").await;
    assert_eq!(invoked["statusCode"], 401, "without a token there is no data: {invoked}");

    watch.interrupt().await;
    theirs.finish().await;
    ours.finish().await;
}

/// The answer to each request without a token: status, the headers that are ours, and the body.
async fn without_token(app: &App) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for (method, path) in [
        ("GET", "/fhir/metadata"),
        ("GET", "/fhir/.well-known/smart-configuration"),
        ("GET", "/.well-known/openid-configuration"),
        ("GET", "/fhir/Patient/alice"),
        ("GET", "/fhir/Patient?name=a&name=b"),
        ("POST", "/fhir/Patient/_search"),
        ("GET", "/fhir/Patient/alice/$everything"),
        ("PUT", "/fhir/Patient/alice"),
        ("DELETE", "/fhir/Patient/alice/$everything"),
        ("POST", "/fhir/metadata"),
        ("OPTIONS", "/fhir/Patient"),
        ("OPTIONS", "/oauth2/token"),
        ("OPTIONS", "/login"),
        ("GET", "/oauth2/token"),
        ("POST", "/oauth2/token"),
        ("GET", "/consent"),
        ("GET", "/fhir/a/b/c/d"),
        ("GET", "/elsewhere"),
        ("GET", "/"),
    ] {
        let method: Method = method.parse().unwrap();
        let request = Request::builder().method(&method).uri(format!("{}{path}", app.url())).body(String::new());
        let reply = app.send(request.unwrap()).await;
        let mut text = reply.status.to_string();
        for name in [
            "content-type",
            "allow",
            "access-control-allow-origin",
            "access-control-allow-methods",
            "www-authenticate",
            "cache-control",
            "content-security-policy",
            "vary",
            "location",
        ] {
            text.push_str(&format!("\n{name}: {}", reply.header(name)));
        }
        text.push_str(&format!("\n{}", reply.body));
        answers.push((format!("{method} {path}"), text.replace(app.url(), "BASE")));
    }
    answers
}

/// The answers to alice's app: the matches and includes of each search, in order.
async fn with_token(app: &App, tokens: &Tokens) -> Vec<(u16, Vec<String>, Vec<String>)> {
    let mut found = Vec::new();
    for path in [
        "Patient/alice",
        "Patient/bob",
        "Coverage?patient=alice",
        "ExplanationOfBenefit?patient=alice&_count=3&_sort=-created&_include=ExplanationOfBenefit:provider",
        "Observation?date=ge2025-06-05&date=lt2025-06-20",
        "Observation?no-such=1",
        "Patient/alice/$everything?_count=20",
    ] {
        let reply = app.fhir(tokens, path).await;
        let entries = reply.json()["entry"].as_array().cloned().unwrap_or_default();
        let urls = entries.iter().map(|entry| entry["fullUrl"].to_string().replace(app.url(), "BASE")).collect();
        found.push((reply.status.as_u16(), urls, reply.included()));
    }
    let reply = app.fhir_post(tokens, "Coverage/_search", &[("patient", "alice"), ("status", "active")]).await;
    found.push((reply.status.as_u16(), reply.matches(), Vec::new()));
    found
}

/// `cargo lambda invoke` with a file, as a developer uses it.
async fn invoke(port: u16, function: &str, event: &str) -> Json {
    let output = Command::new("cargo-lambda")
        .args(["lambda", "invoke", function, "--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()])
        .args(["--data-file", event, "--output-format", "json"])
        .current_dir(checkout())
        .output()
        .await
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{}", text(&output.stdout), text(&output.stderr)))
}
