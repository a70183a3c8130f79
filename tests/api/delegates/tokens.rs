//! Whose record an app sees: the choice, the page that names it, and the tokens that say for whom and by whom.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::json;
use tests::{App, AuthorizeOptions, Browser, claims_of};

use super::{SCOPE, at_consent, code, delegate, stand, tokens};

/// Sends the consent form with these fields besides the request and its token.
async fn send(app: &App, browser: &Browser, more: &[(&str, &str)]) -> tests::Reply {
    let (request, csrf) = (browser.page.field("request"), browser.page.field("csrf"));
    let form = [&[("request", request.as_str()), ("csrf", csrf.as_str())], more].concat();
    app.post("/consent", &form, browser.cookies.headers()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_a_record_who_acts_for_one_member_goes_straight_on_and_tokens_name_both() {
    let app = stand().await;
    let told = delegate(&app, "dora", "kim", "guardian", &[]).await;
    let page = at_consent(&app, "dora", None).await.page;
    assert!(page.body.contains("asks to see the health record of Kim Minor"), "{}", page.body);
    let tokens = tokens(&app, "dora", None).await;
    let subject = format!("person_{}", app.person("dora").await);
    let user = format!("{}/fhir/RelatedPerson/{}", app.url(), told["related_person"].as_str().unwrap());
    assert_eq!(tokens.patient, "kim");
    let access = claims_of(&tokens.access);
    assert_eq!((access["sub"].as_str(), access["patient"].as_str()), (Some(&*subject), Some("kim")));
    let id_token = claims_of(tokens.answer["id_token"].as_str().unwrap());
    assert_eq!((id_token["sub"].as_str(), id_token["fhirUser"].as_str()), (Some(&*subject), Some(&*user)));
    let mut bearer = http::HeaderMap::new();
    bearer.insert("authorization", format!("Bearer {}", tokens.access).parse().unwrap());
    let userinfo = app.get_with("/oauth2/userinfo", bearer.clone()).await.json();
    assert_eq!((userinfo["sub"].as_str(), userinfo["fhirUser"].as_str()), (Some(&*subject), Some(&*user)));
    for token in [&tokens.access, tokens.refresh.as_ref().unwrap()] {
        let told = app.post("/oauth2/introspect", &[("token", token)], bearer.clone()).await.json();
        assert_eq!(
            (told["sub"].as_str(), told["fhirUser"].as_str(), told["patient"].as_str()),
            (Some(&*subject), Some(&*user), Some("kim"))
        );
    }
    assert_eq!(app.fhir(&tokens, "Patient/kim").await.status, StatusCode::OK);
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::NOT_FOUND);
    let records = app.audit("Patient/kim").await;
    for action in ["consent", "token", "userinfo", "read"] {
        let record = records.iter().find(|record| record["action"] == action).unwrap_or_else(|| panic!("{action}"));
        assert_eq!(
            (record["person"].as_str(), record["as"].as_str()),
            (&*app.person("dora").await, "guardian"),
            "{action}"
        );
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_related_person_is_found_by_search_has_a_provenance_and_is_what_fhir_user_opens() {
    let app = stand().await;
    let told = delegate(&app, "alice", "kim", "parent", &["--until", "2030-12-31"]).await;
    let id = told["related_person"].as_str().unwrap();
    let whole = tokens(&app, "alice", Some("kim")).await;
    let found = app.fhir(&whole, "RelatedPerson?patient=kim").await.json();
    let related = &found["entry"][0]["resource"];
    assert_eq!((related["id"].as_str(), related["name"][0]["text"].as_str()), (Some(id), Some("Given Family")));
    assert_eq!(
        (&related["relationship"][0]["coding"][0]["code"], &related["period"]["end"]),
        (&json!("PRN"), &json!("2030-12-31"))
    );
    let names: BTreeSet<&str> = related.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["id", "meta", "name", "patient", "period", "relationship", "resourceType"];
    assert_eq!(names, BTreeSet::from(expected), "and nothing else");
    let provenance = app.fhir(&whole, &format!("RelatedPerson?_id={id}&_revinclude=Provenance:target")).await.json();
    assert!(
        provenance["entry"].as_array().unwrap().iter().any(|entry| entry["resource"]["resourceType"] == "Provenance")
    );

    let mut browser = app.signed_in(&AuthorizeOptions::new(&app, "alice", "openid fhirUser")).await;
    app.choose(&mut browser, "kim").await;
    let code = app.consent(&browser, "allow").await.redirected("code").unwrap();
    let narrow = tests::Tokens::of(&app.exchange(&code).await);
    assert_eq!(claims_of(&narrow.access)["sub"], "alice", "who has a record is named by it, whomever they act for");
    assert_eq!(app.fhir(&narrow, &format!("RelatedPerson/{id}")).await.status, StatusCode::OK);
    assert_eq!(app.fhir(&narrow, "Patient/kim").await.status, StatusCode::FORBIDDEN, "and not the Patient for it");
    app.finish().await;
}

/// T026 T153: nothing skips the choice, and nobody chooses a member for whom they do not act.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_open_several_records_chooses_one_of_them_and_no_other() {
    let app = stand().await;
    delegate(&app, "alice", "kim", "parent", &[]).await;
    let mut browser = app.signed_in(&AuthorizeOptions::new(&app, "alice", SCOPE)).await;
    let page = &browser.page.body;
    for words in [
        "Whose record should this app see?",
        "Given Family",
        "born 1980",
        "Kim Minor",
        "born 2019",
        "you are the parent",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("bob") && !page.contains("CANARY"), "{page}");
    let skipped = send(&app, &browser, &[("decision", "allow"), ("scope", "patient/*.rs")]).await;
    assert!(skipped.redirected("code").is_none() && skipped.header("location").contains("/consent?"), "{skipped:?}");
    for other in ["bob", "carol", "nobody", "", "kim'"] {
        let refused = app.choose(&mut browser, other).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{other}: {}", refused.body);
        assert!(!refused.body.contains("CANARY"));
    }
    app.choose(&mut browser, "kim").await;
    assert!(browser.page.body.contains("health record of Kim Minor"), "{}", browser.page.body);
    let swapped = send(&app, &browser, &[("decision", "allow"), ("record", "alice"), ("scope", "patient/*.rs")]).await;
    assert_eq!(swapped.status, StatusCode::CONFLICT, "the form of another person's page decides nothing");
    let reply = app.consent(&browser, "allow").await;
    let tokens = tests::Tokens::of(&app.exchange(&reply.redirected("code").unwrap()).await);
    assert_eq!(tokens.patient, "kim");
    for path in ["Patient/alice", "Patient/bob", "Coverage/alice-coverage"] {
        assert_eq!(app.fhir(&tokens, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(app.fhir(&tokens, "Coverage?patient=alice").await.status, StatusCode::FORBIDDEN);
    app.finish().await;
}

/// T154: the choice belongs to the request of the app.
#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_choose_differently_and_each_gets_what_it_chose() {
    let app = stand().await;
    delegate(&app, "alice", "kim", "parent", &[]).await;
    let mut one = app.signed_in(&AuthorizeOptions::new(&app, "alice", SCOPE)).await;
    let path = format!("/oauth2/authorize?{}", AuthorizeOptions::new(&app, "alice", SCOPE).query());
    let asked = app.get_with(&path, one.cookies.headers()).await;
    let mut other = Browser { cookies: one.cookies.clone(), page: app.get("/login").await };
    app.follow(&mut other, &asked).await;
    assert!(other.page.body.contains("Whose record"), "a session does not choose: {}", other.page.body);
    app.choose(&mut one, "kim").await;
    app.choose(&mut other, "alice").await;
    for (tab, patient) in [(&one, "kim"), (&other, "alice")] {
        let code = app.consent(tab, "allow").await.redirected("code").unwrap();
        assert_eq!(tests::Tokens::of(&app.exchange(&code).await).patient, patient);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_with_neither_a_record_nor_a_delegation_reads_that_on_a_page() {
    let app = stand().await;
    delegate(&app, "dora", "kim", "proxy", &["--from", "2100-01-01"]).await;
    let browser = app.browse(&AuthorizeOptions::new(&app, "dora", SCOPE)).await.unwrap();
    let reply = app.log_in(&browser, "dora", &tests::fixtures::password("dora")).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(reply.body.contains("has not connected it to a record"), "{}", reply.body);
    assert_eq!(app.audit("user/dora").await[0]["outcome"], "no-record");
    app.finish().await;
}

/// T155: an app that acts for one member under two persons learns from the tokens of one nothing about the other's.
#[tokio::test(flavor = "multi_thread")]
async fn introspection_with_one_persons_token_tells_nothing_of_anothers() {
    let app = stand().await;
    delegate(&app, "dora", "alice", "proxy", &[]).await;
    let (own, doras) = (app.sign_in("alice", SCOPE).await, tokens(&app, "dora", None).await);
    let mut bearer = http::HeaderMap::new();
    bearer.insert("authorization", format!("Bearer {}", doras.access).parse().unwrap());
    let told = app.post("/oauth2/introspect", &[("token", &own.access)], bearer).await.json();
    assert_eq!(told, json!({"active": false}));
    assert_ne!(code(&app, "dora", None).await, "");
    app.finish().await;
}
