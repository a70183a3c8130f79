//! The way in with a provider that somebody else wrote, by its own pages: npm's `oidc-provider`. [`python`] is one of another kind.

mod python;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value as Json;
use tempfile::TempDir;
use tests::{App, AuthorizeOptions, Browser, Cookies, Reply, Tokens, binaries, checkout, missing_tool, path_of};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// The secret under which this server is registered there.
const SECRET: &str = "a client secret: 100% + colons";

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_somebody_else_wrote_signs_members_in() {
    let test = "a_provider_that_somebody_else_wrote_signs_members_in";
    if let Some(tool) = ["node", "npm"].iter().find(|tool| path_of(tool).is_none()) {
        return missing_tool(test, tool);
    }
    let (installed, app) = tokio::join!(install_provider(), App::start());
    let folder = match installed {
        Ok(folder) => folder,
        Err(told) => return missing_tool(test, &format!("a registry with the provider: {told}")),
    };
    app.keep_secret(SECRET);
    for (name, proof, algorithm) in [
        ("one", Proof::Basic, "RS256"),
        ("two", Proof::Key, "PS256"),
        ("three", Proof::Key, "ES256"),
        ("four", Proof::Post, "EdDSA"),
    ] {
        let issuer = format!("http://127.0.0.1:{}", free_port());
        set(&app, name, &issuer, proof).await;
        let _running = start(folder.path(), &app, (name, &issuer), proof, algorithm).await;
        let mut cookies = Cookies::default();
        let options = AuthorizeOptions::new(&app, "alice", "patient/*.rs openid");
        let asked = app.get(&format!("/oauth2/authorize?{}", options.query())).await;
        cookies.take(&asked);
        let sent = app.get_with(asked.header("location"), cookies.headers()).await;
        let sent = app.get_with(sent.header("location"), cookies.headers()).await;
        let back = sign_in_there(&app, &issuer, sent.header("location"), "Alice").await;
        let reply = ask(&app, &back, &cookies, None).await;
        let told = || app.logs().into_iter().filter(|line| line.contains("identity provider")).collect::<Vec<_>>();
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{name}: {:?}", told());
        cookies.take(&reply);
        let page = app.get_with(reply.header("location"), cookies.headers()).await;
        let consented = app.consent(&Browser { cookies, page }, "allow").await;
        let code = consented.redirected("code").unwrap();
        app.keep_secret(&code);
        let tokens = Tokens::of(&app.exchange(&code).await);
        assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK, "{name}");
        let told = app.operate(&["member", "show", "--provider", name, "--subject", "Alice", "--json"]).await.unwrap();
        assert_eq!(serde_json::from_str::<Json>(&told).unwrap()["patient"], "alice");
        app.operate(&["identity-provider", "remove", name]).await.unwrap();
    }
    app.finish().await;
}

/// Installs the provider in a folder, or tells what the registry answered.
async fn install_provider() -> Result<TempDir, String> {
    let folder = tempfile::tempdir().expect("there is room");
    for file in std::fs::read_dir(checkout().join("tests/identity-providers")).expect("the program is there") {
        let file = file.expect("the folder can be read");
        std::fs::copy(file.path(), folder.path().join(file.file_name())).expect("there is room");
    }
    let arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
    let output = Command::new("npm").args(arguments).current_dir(folder.path()).output().await;
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() { Ok(folder) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

/// How this server proves there who it is.
#[derive(Clone, Copy, PartialEq)]
pub enum Proof {
    Basic,
    Post,
    Key,
}

/// Sets the provider up, as the only way in.
async fn set(app: &App, name: &str, issuer: &str, proof: Proof) {
    let output = told(app, name, issuer, proof, SECRET).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!String::from_utf8_lossy(&output.stdout).contains(SECRET), "a secret is never told");
    let rows = app.stored("identity-providers").await;
    assert!(!format!("{rows:?}").contains(SECRET), "it is stored sealed");
    app.operate(&["identity-provider", "local", "off"]).await.unwrap();
}

/// Runs `identity-provider set` by the operator's own program, which reads the secret from standard input.
pub async fn told(app: &App, name: &str, issuer: &str, proof: Proof, secret: &str) -> std::process::Output {
    let _announced = app.announced();
    let proof = match proof {
        Proof::Basic => &["--client-secret-stdin"][..],
        Proof::Post => &["--client-secret-stdin", "--auth", "post"],
        Proof::Key => &["--private-key-jwt"],
    };
    let mut child = Command::new(binaries().join("patient-access"))
        .args(["identity-provider", "set", name, "--issuer", issuer, "--client-id", "us"])
        .args(["--claim", "member", "--names", "patient", "--stack", app.url()])
        .args(proof)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{secret}\n").as_bytes()).await.ok();
    child.wait_with_output().await.unwrap()
}

/// Starts the provider, and waits until it listens.
async fn start(folder: &Path, app: &App, (name, issuer): (&str, &str), proof: Proof, algorithm: &str) -> Child {
    let mut command = Command::new(path_of("node").expect("it was there before"));
    command
        .arg("provider.mjs")
        .current_dir(folder)
        .env("ISSUER", issuer)
        .env("REDIRECT_URI", format!("{}/login/{name}/answer", app.url()))
        .env("SIGNING", algorithm)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    match proof {
        Proof::Key => command.env("JWKS_URI", format!("{}/login/{name}/jwks", app.url())),
        Proof::Basic => command.env("CLIENT_SECRET", SECRET).env("METHOD", "client_secret_basic"),
        Proof::Post => command.env("CLIENT_SECRET", SECRET).env("METHOD", "client_secret_post"),
    };
    let mut child = command.spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let ready = async { while lines.next_line().await.expect("it prints text").is_some_and(|line| line != "ready") {} };
    tokio::time::timeout(Duration::from_secs(30), ready).await.expect("it listens");
    // It tells more later, and ends where nobody listens.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}

/// Signs in on the provider's own pages as a browser does, and returns the address that leads back to us.
async fn sign_in_there(app: &App, issuer: &str, address: &str, login: &str) -> String {
    let (mut cookies, mut address) = (Cookies::default(), address.to_owned());
    for _ in 0..12 {
        let reply = ask(app, &address, &cookies, None).await;
        cookies.take(&reply);
        if reply.status.is_redirection() {
            address = absolute(issuer, reply.header("location"));
        } else {
            let prompt = reply.field("prompt");
            let form = [("prompt", &*prompt), ("login", login), ("password", "any")];
            let sent = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            let (_, action) = reply.body.split_once("action=\"").unwrap_or_else(|| panic!("{reply:?}"));
            let reply = ask(app, &absolute(issuer, action.split('"').next().unwrap()), &cookies, Some(sent)).await;
            cookies.take(&reply);
            address = absolute(issuer, reply.header("location"));
        }
        if address.starts_with(app.url()) {
            return address;
        }
    }
    panic!("the provider leads in circles: {address}");
}

pub async fn ask(app: &App, address: &str, cookies: &Cookies, form: Option<String>) -> Reply {
    let method = if form.is_some() { http::Method::POST } else { http::Method::GET };
    let mut request = http::Request::builder().method(method).uri(address).body(form.unwrap_or_default()).unwrap();
    *request.headers_mut() = cookies.headers();
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    app.answer(request).await
}

fn absolute(issuer: &str, location: &str) -> String {
    if location.starts_with('/') { format!("{issuer}{location}") } else { location.replace("&amp;", "&") }
}
