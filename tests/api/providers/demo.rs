//! The demo provider of a local stack, by its own pages.

use http::StatusCode;
use patient_access::demo_provider::{self, NAME, People};
use serde_json::json;
use tests::{App, AuthorizeOptions, Cookies, fixtures};

use super::foreign::ask;
use super::stand::signs_nobody_in;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_provider_signs_sample_members_in_by_the_number_on_their_card_and_remembers_them() {
    let app = App::with_samples(&["ada", "ben"]).await;
    let people = People::of(&fixtures::household(&["ada", "ben"]));
    let provider = demo_provider::start(&app.stack_to_work_on().await, people, 0).await.unwrap();
    let check = app.operate(&["identity-provider", "check", NAME, "--json"]).await.unwrap();
    assert!(check.contains("\"fits\":true") && check.contains("\"notes\":[]"), "{check}");

    let mut theirs = Cookies::default();
    for (who, more, page) in [("ada", "", true), ("ada", "", false), ("ben", "&another=1", true)] {
        let mut cookies = Cookies::default();
        let options = AuthorizeOptions::new(&app, "ada", "patient/*.rs openid");
        let asked = app.get(&format!("/oauth2/authorize?{}", options.query())).await;
        cookies.take(&asked);
        let door = app.get_with(asked.header("location"), cookies.headers()).await;
        assert!(door.body.contains("name=\"password\"") && door.body.contains("/login/demo-id?"), "{}", door.body);
        let (_, query) = asked.header("location").split_once('?').unwrap();
        let sent = app.get_with(&format!("/login/{NAME}?{query}{more}"), cookies.headers()).await;
        cookies.take(&sent);
        let mut reply = ask(&app, sent.header("location"), &theirs, None).await;
        assert_eq!(reply.status == StatusCode::OK, page, "it remembers who signed in: {reply:?}");
        if page {
            let hidden = reply.field("query").replace("&amp;", "&");
            let form = form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("query", &*hidden), ("person", who)])
                .finish();
            reply = ask(&app, &format!("{}/authorize", provider.issuer), &theirs, Some(form)).await;
            theirs.take(&reply);
        }
        let reply = ask(&app, reply.header("location"), &cookies, None).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{who}: {}", reply.body);
        let told = app.operate(&["member", "show", "--provider", NAME, "--subject", who, "--json"]).await.unwrap();
        assert!(told.contains(&format!("\"patient\":\"{who}\"")), "{told}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_provider_answers_its_one_client_alone_and_shows_no_page_where_none_is_wanted() {
    let app = App::with_samples(&["ada"]).await;
    let people = People::of(&fixtures::household(&["ada"]));
    let provider = demo_provider::start(&app.stack_to_work_on().await, people, 0).await.unwrap();
    let at = |query: &str| format!("{}/authorize?{query}", provider.issuer);
    let evil = "client_id=patient-access&redirect_uri=https://evil.example&response_type=code";
    let evil = format!("{evil}&code_challenge=x&code_challenge_method=S256");
    assert_eq!(ask(&app, &at(&evil), &Cookies::default(), None).await.status, StatusCode::BAD_REQUEST);
    let sent = app.get(&format!("/login/{NAME}")).await;
    let asked = sent.header("location");
    let none = ask(&app, &format!("{asked}&prompt=none"), &Cookies::default(), None).await;
    assert_eq!(none.redirected("error").as_deref(), Some("login_required"), "{none:?}");
    let form = "grant_type=authorization_code&code=none&code_verifier=x".to_owned();
    let token = ask(&app, &format!("{}/token", provider.issuer), &Cookies::default(), Some(form)).await;
    assert_eq!((token.status, token.json()), (StatusCode::UNAUTHORIZED, json!({"error": "invalid_client"})));

    // Somebody without a record gets our page that says so.
    let mut cookies = Cookies::default();
    cookies.take(&sent);
    let page = ask(&app, asked, &Cookies::default(), None).await;
    assert!(page.body.contains("DEMO ID") && page.body.contains("Somebody without a record"), "{}", page.body);
    let hidden = page.field("query").replace("&amp;", "&");
    let form = [("query", &*hidden), ("person", "stranger")];
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let chosen = ask(&app, &format!("{}/authorize", provider.issuer), &Cookies::default(), Some(form)).await;
    let reply = ask(&app, chosen.header("location"), &cookies, None).await;
    assert!(signs_nobody_in(&reply) && reply.body.contains("has not connected it to a record"), "{}", reply.body);
    app.finish().await;
}
