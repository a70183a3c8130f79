//! A provider of another kind, in Python: `PyPI`'s `oidc-provider-mock`. It announces neither PKCE nor that it names itself in its answers.

use std::process::Stdio;
use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tests::{App, AuthorizeOptions, Browser, Cookies, Tokens, missing_tool, path_of};
use tokio::process::{Child, Command};

use super::{Proof, ask, free_port, install_provider, set, sign_in_there, start};
use crate::providers::stand::signs_nobody_in;

/// The provider's program.
const PROGRAM: &str = "oidc-provider-mock";

/// Starts the provider, and waits until it listens.
async fn start_python(issuer: &str) -> Child {
    let claims = json!({"sub": "Alice", "member": "alice"}).to_string();
    let port = issuer.rsplit(':').next().expect("an issuer has a port");
    let child = Command::new(path_of(PROGRAM).expect("it was there before"))
        .args(["--port", port, "--user-claims", &claims])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    for _ in 0..300 {
        if tokio::net::TcpStream::connect(issuer.trim_start_matches("http://")).await.is_ok() {
            return child;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it does not listen");
}

/// Sends a browser to the provider of that name. Returns its cookies and the provider's page.
async fn sent(app: &App, name: &str) -> (Cookies, String) {
    let mut cookies = Cookies::default();
    let options = AuthorizeOptions::new(app, "alice", "patient/*.rs openid");
    let asked = app.get(&format!("/oauth2/authorize?{}", options.query())).await;
    cookies.take(&asked);
    let (_, query) = asked.header("location").split_once('?').expect("it has the request");
    let sent = app.get_with(&format!("/login/{name}?{query}"), cookies.headers()).await;
    cookies.take(&sent);
    (cookies, sent.header("location").to_owned())
}

/// The address that leads back to us, after somebody signed in on the page.
async fn signed_in(app: &App, page: &str) -> String {
    let reply = ask(app, page, &Cookies::default(), Some("sub=Alice".to_owned())).await;
    assert!(reply.status.is_redirection(), "{reply:?}");
    reply.header("location").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_of_another_kind_signs_members_in() {
    let test = "a_provider_of_another_kind_signs_members_in";
    if path_of(PROGRAM).is_none() {
        return missing_tool(test, PROGRAM);
    }
    let app = App::start().await;
    let issuer = format!("http://127.0.0.1:{}", free_port());
    let _running = start_python(&issuer).await;
    for (name, proof) in [("basic", Proof::Basic), ("post", Proof::Post)] {
        set(&app, name, &issuer, proof).await;
        let (mut cookies, page) = sent(&app, name).await;
        let back = signed_in(&app, &page).await;
        let reply = ask(&app, &back, &cookies, None).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{name}: {}", reply.body);
        cookies.take(&reply);
        let page = app.get_with(reply.header("location"), cookies.headers()).await;
        let code = app.consent(&Browser { cookies, page }, "allow").await.redirected("code").expect("there is a code");
        app.keep_secret(&code);
        let tokens = Tokens::of(&app.exchange(&code).await);
        assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK, "{name}");
        let check = app.operate(&["identity-provider", "check", name, "--json"]).await;
        let told = check.map_err(|error| format!("{error:#}")).unwrap_or_else(|error| error);
        assert!(told.contains("PKCE") || told.contains("client_secret_post"), "{told}");
        app.operate(&["identity-provider", "remove", name]).await.expect("it is there");
    }
    app.finish().await;
}

/// T176
#[tokio::test(flavor = "multi_thread")]
async fn of_two_providers_that_others_wrote_none_passes_its_answer_off_as_the_others() {
    let test = "of_two_providers_that_others_wrote_none_passes_its_answer_off_as_the_others";
    if let Some(tool) = [PROGRAM, "node", "npm"].iter().find(|tool| path_of(tool).is_none()) {
        return missing_tool(test, tool);
    }
    let app = App::start().await;
    let folder = match install_provider().await {
        Ok(folder) => folder,
        Err(told) => return missing_tool(test, &format!("a registry with the provider: {told}")),
    };
    let [one, two] = [(); 2].map(|()| format!("http://127.0.0.1:{}", free_port()));
    set(&app, "one", &one, Proof::Basic).await;
    set(&app, "two", &two, Proof::Basic).await;
    let _node = start(folder.path(), &app, ("one", &one), Proof::Basic, "RS256").await;
    let _python = start_python(&two).await;
    let moved = |back: &str, from: &str, to: &str| back.replace(&format!("/login/{from}/"), &format!("/login/{to}/"));

    let (cookies, page) = sent(&app, "one").await;
    let back = sign_in_there(&app, &one, &page, "Alice").await;
    assert!(signs_nobody_in(&ask(&app, &moved(&back, "one", "two"), &cookies, None).await), "one's answer at two");
    assert_eq!(ask(&app, &back, &cookies, None).await.status, StatusCode::SEE_OTHER, "and at its own place");
    let (cookies, page) = sent(&app, "two").await;
    let back = signed_in(&app, &page).await;
    assert!(signs_nobody_in(&ask(&app, &moved(&back, "two", "one"), &cookies, None).await), "two's answer at one");
    // A code of the one with the state of the other: the redirect URI is the other's, and so is the token endpoint.
    let (cookies, page) = sent(&app, "one").await;
    let own = sign_in_there(&app, &one, &page, "Alice").await;
    let code = |address: &str| address.split("code=").nth(1).and_then(|rest| rest.split('&').next()).map(str::to_owned);
    let (foreign, own_code) = (code(&back).expect("a code"), code(&own).expect("a code"));
    let mixed = own.replace(&own_code, &foreign);
    assert!(signs_nobody_in(&ask(&app, &mixed, &cookies, None).await), "two's code at one");
    app.finish().await;
}
