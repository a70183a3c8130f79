//! The cost of acting for somebody: a data request pays nothing for it.

use http::StatusCode;
use serde_json::Value as Json;
use tests::{App, AuthorizeOptions, Tokens, fixtures};

use super::{SCOPE, delegate, stand};

/// Round trips, read units and write units of the last answer on a route, of which there are `count`.
async fn last(app: &App, route: &str, status: u16, count: usize) -> (u64, f64, f64) {
    let all = app.answered(route, status, count).await;
    let line: &Json = all.last().unwrap();
    let number = |name: &str| line[name].as_f64().unwrap_or_default();
    (line["waves"].as_u64().unwrap_or_default(), number("read_units"), number("write_units"))
}

/// The steps from sign-in to data, each with its cost.
async fn way(app: &App, who: &str, patient: &str) -> Vec<(&'static str, (u64, f64, f64))> {
    let mut steps = Vec::new();
    let options = AuthorizeOptions::new(app, who, SCOPE);
    let mut browser = app.browse(&options).await.unwrap();
    let signed_in = app.log_in(&browser, who, &fixtures::password(who)).await;
    steps.push(("sign in", last(app, "POST /login", 303, 1).await));
    app.follow(&mut browser, &signed_in).await;
    steps.push(("consent page", last(app, "GET /consent", 200, 1).await));
    let code = app.consent(&browser, "allow").await.redirected("code").unwrap();
    steps.push(("consent", last(app, "POST /consent", 303, 1).await));
    let tokens = Tokens::of(&app.exchange(&code).await);
    steps.push(("token", last(app, "POST /oauth2/token", 200, 1).await));
    let tokens = Tokens::of(&app.refresh(&tokens).await);
    steps.push(("refresh", last(app, "POST /oauth2/token", 200, 2).await));
    assert_eq!(app.fhir(&tokens, &format!("Patient/{patient}")).await.status, StatusCode::OK);
    steps.push(("read", last(app, "GET /fhir/{type}/{id}", 200, 1).await));
    steps
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_request_of_a_delegate_costs_what_a_members_own_does() {
    let (one, other) = (stand().await, stand().await);
    delegate(&other, "dora", "alice", "proxy", &[]).await;
    let (own, delegated) = (way(&one, "alice", "alice").await, way(&other, "dora", "alice").await);
    eprintln!("own: {own:?}\ndelegated: {delegated:?}");
    assert_eq!(own.last(), delegated.last(), "{own:?} {delegated:?}");
    let (_, (round_trips, read, _)) = own.last().unwrap();
    assert_eq!((*round_trips, *read), (2, 1.5));
    one.finish().await;
    other.finish().await;
}
