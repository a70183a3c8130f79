//! The cost of the way to a token, and of its later uses.

use http::{HeaderMap, header};
use serde_json::Value as Json;
use tests::{AuthorizeOptions, Tokens};

use crate::operations::Operation;
use crate::stage::Stage;

/// Goes the whole way once, as a member who has data already.
pub async fn authorization(stage: &Stage) -> Vec<Operation> {
    let app = &stage.app;
    app.add_member("way", "claims").await;
    let scope = "patient/*.rs openid fhirUser offline_access";
    let reply = app.authorize(&AuthorizeOptions::new(app, "way", scope)).await;
    let tokens = Tokens::of(&app.exchange(&reply.redirected("code").expect("a code")).await);
    let mut rows = Vec::new();
    for (what, route, status) in [
        ("authorize", "GET /oauth2/authorize", 303),
        ("sign in", "POST /login", 303),
        ("consent", "POST /consent", 303),
        ("token, for a code", "POST /oauth2/token", 200),
    ] {
        rows.push(last(stage, what, route, status, 1).await);
    }
    let before = app.answered("POST /oauth2/token", 200, 1).await.len();
    let refreshed = Tokens::of(&app.refresh(&tokens).await);
    rows.push(last(stage, "token, for a refresh token", "POST /oauth2/token", 200, before + 1).await);
    let mut bearer = HeaderMap::new();
    bearer.insert(header::AUTHORIZATION, format!("Bearer {}", refreshed.access).parse().expect("a token is text"));
    app.get_with("/oauth2/userinfo", bearer.clone()).await;
    rows.push(last(stage, "userinfo", "GET /oauth2/userinfo", 200, 1).await);
    app.post("/oauth2/introspect", &[("token", &refreshed.access)], bearer).await;
    rows.push(last(stage, "introspect", "POST /oauth2/introspect", 200, 1).await);
    app.account("way").await;
    rows.push(last(stage, "account page", "GET /account", 200, 1).await);
    let token = refreshed.refresh.as_deref().expect("offline_access was granted");
    app.post("/oauth2/revoke", &[("token", token), ("client_id", "app")], HeaderMap::new()).await;
    rows.push(last(stage, "revoke", "POST /oauth2/revoke", 200, 1).await);
    rows
}

/// The last log line about a route.
async fn last(stage: &Stage, what: &str, route: &str, status: u16, count: usize) -> Operation {
    let line: Json = stage.app.answered(route, status, count).await.pop().expect("there is a line");
    Operation::of_line(what, &line)
}
