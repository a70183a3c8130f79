//! The account page of those who act, and of those for whom somebody acts.

use http::StatusCode;
use serde_json::json;
use tests::App;

use super::{delegate, json_of, stand, tokens};

/// Sends the form of the account page that `who` sees, with one button.
async fn press(app: &App, who: &str, button: (&str, &str)) -> tests::Reply {
    let mut browser = app.account(who).await;
    app.press(&mut browser, button).await
}

/// T163: each side sees its own, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_delegate_sees_for_whom_they_act_and_a_member_who_acts_for_them() {
    let app = stand().await;
    super::add_person(&app, "erik").await;
    delegate(&app, "dora", "alice", "proxy", &["--name", "Dora Helper"]).await;
    delegate(&app, "erik", "alice", "representative", &["--name", "Erik Other"]).await;
    app.sign_in("alice", "patient/Coverage.rs offline_access").await;
    tokens(&app, "dora", None).await;
    let doras = app.account("dora").await.page.body;
    assert!(doras.contains("You act for Given Family (born 1980)"), "{doras}");
    assert_eq!(doras.matches("name=\"stop-under\"").count(), 1, "{doras}");
    assert!(
        !doras.contains("Erik") && !doras.contains("name=\"stop\"") && !doras.contains("Your insurance coverage"),
        "{doras}"
    );
    let alices = app.account("alice").await.page.body;
    for words in [
        "People who may act for you",
        "Dora Helper, whom you chose to help",
        "Erik Other, your personal representative",
    ] {
        assert!(alices.contains(words), "{words}: {alices}");
    }
    assert_eq!(
        (alices.matches("name=\"stop-under\"").count(), alices.matches("name=\"end\"").count()),
        (1, 1),
        "{alices}"
    );
    let bobs = app.account("bob").await.page.body;
    assert!(!bobs.contains("Dora") && !bobs.contains("act for"), "{bobs}");
    app.finish().await;
}

/// T164: who may end what.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_ends_a_proxy_and_any_app_the_plan_the_rest_and_each_delegate_their_own() {
    let app = stand().await;
    super::add_person(&app, "erik").await;
    let proxy = delegate(&app, "dora", "alice", "proxy", &[]).await;
    let guardian = delegate(&app, "erik", "alice", "guardian", &[]).await;
    let [proxy, guardian] = [&proxy, &guardian].map(|told| told["id"].as_str().unwrap());
    let (doras, eriks) = (tokens(&app, "dora", None).await, tokens(&app, "erik", None).await);
    let own = app.sign_in("alice", "patient/*.rs").await;
    let alive = async |tokens: &tests::Tokens| app.fhir(tokens, "Patient/alice").await.status == StatusCode::OK;

    let (of_guardian, of_proxy) = (format!("{guardian}/app"), format!("{proxy}/app"));
    for (who, button) in [
        ("bob", ("end", proxy)),
        ("bob", ("stop-under", &*of_proxy)),
        ("dora", ("end", guardian)),
        ("dora", ("stop-under", &*of_guardian)),
        ("alice", ("end", guardian)),
        ("alice", ("end", "nothing.there")),
        ("alice", ("stop-under", "nothing")),
    ] {
        let refused = press(&app, who, button).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{who} {button:?}: {}", refused.body);
        assert!(!refused.body.contains("Given"), "{}", refused.body);
    }
    press(&app, "dora", ("do", "stop-all")).await;
    press(&app, "dora", ("stop", "app")).await;
    assert!(alive(&doras).await && alive(&eriks).await && alive(&own).await);

    press(&app, "alice", ("stop-under", &of_guardian)).await;
    assert!(!alive(&eriks).await && alive(&doras).await && alive(&own).await);
    let eriks = tokens(&app, "erik", None).await;
    press(&app, "alice", ("do", "stop-all")).await;
    assert!(!alive(&own).await && alive(&doras).await, "all of hers, and none that others allowed");
    press(&app, "alice", ("end", proxy)).await;
    assert!(!alive(&doras).await && alive(&eriks).await);
    press(&app, "erik", ("end", guardian)).await;
    assert!(!alive(&eriks).await);
    let told = json_of(&app, &["delegation", "list", "--for", "alice", "--all"]).await;
    let ends: Vec<_> = told["delegations"].as_array().unwrap().iter().map(|told| &told["ended_by"]).collect();
    assert_eq!(ends, [&json!("member"), &json!("delegate")]);
    let records = app.audit("Patient/alice").await;
    let ends: Vec<_> = records.iter().filter(|record| record["action"] == "end-delegation").collect();
    assert_eq!(ends.iter().map(|record| record["outcome"].as_str()).collect::<Vec<_>>(), ["member", "delegate"]);
    assert!(ends.iter().all(|record| record.contains_key("person") && record.contains_key("as")));
    app.finish().await;
}

/// T165: a delegation that the plan suspended is shown to nobody on a page.
#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_delegation_is_on_neither_page() {
    let app = stand().await;
    let told = delegate(&app, "alice", "kim", "parent", &[]).await;
    let id = told["id"].as_str().unwrap();
    json_of(&app, &["delegation", "end", id, "--reason", "a threat", "--suspend"]).await;
    let page = app.account("alice").await.page.body;
    assert!(!page.contains("Kim") && !page.contains("threat") && !page.contains("suspend"), "{page}");
    assert_eq!(press(&app, "alice", ("end", id)).await.status, StatusCode::FORBIDDEN);
    app.finish().await;
}
