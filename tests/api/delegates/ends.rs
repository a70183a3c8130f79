//! The end of a delegation: nothing that was allowed under it outlives it, whenever the end comes.

use std::collections::BTreeMap;

use http::StatusCode;
use patient_access::stack::Stack;
use serde_json::{Value as Json, json};
use shared::clock::{Clock, Time};
use tests::{App, AuthorizeOptions, Browser, Tokens, operate_on, with_room};
use tokio::runtime::Runtime;

use super::{SCOPE, at_consent, code, delegate, end, json_of, stand, tokens};

async fn refreshed(app: &App, tokens: &Tokens) -> StatusCode {
    app.refresh(tokens).await.status
}

/// T041 T156: between choice and consent, consent and token, token and refresh, refresh and read.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_at_any_step_leaves_nothing_that_opens_the_record() {
    let app = stand().await;
    for suspend in [false, true] {
        let stop = async |delegation: &Json| {
            let id = delegation["id"].as_str().unwrap();
            if suspend {
                json_of(&app, &["delegation", "end", id, "--reason", "r", "--suspend"]).await;
            } else {
                end(&app, delegation).await;
            }
        };
        // A suspended one is ended for the next round.
        let again = async |delegation: &Json| {
            if suspend {
                end(&app, delegation).await;
            }
            delegate(&app, "dora", "kim", "representative", &[]).await
        };
        let first = delegate(&app, "dora", "kim", "representative", &[]).await;
        let browser = at_consent(&app, "dora", None).await;
        stop(&first).await;
        let refused = app.consent(&browser, "allow").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
        assert!(
            !refused.body.contains("Kim") && !refused.body.contains("the court"),
            "it is not told why: {}",
            refused.body
        );

        let second = again(&first).await;
        let code = code(&app, "dora", None).await;
        stop(&second).await;
        let refused = app.exchange(&code).await;
        assert_eq!(
            (refused.status, refused.json()["error"].as_str()),
            (StatusCode::BAD_REQUEST, Some("invalid_grant"))
        );

        let third = again(&second).await;
        let live = tokens(&app, "dora", None).await;
        assert_eq!(app.fhir(&live, "Patient/kim").await.status, StatusCode::OK);
        stop(&third).await;
        assert_eq!(refreshed(&app, &live).await, StatusCode::BAD_REQUEST);
        assert_eq!(app.fhir(&live, "Patient/kim").await.status, StatusCode::UNAUTHORIZED);

        let fourth = again(&third).await;
        let live = tokens(&app, "dora", None).await;
        let next = Tokens::of(&app.refresh(&live).await);
        stop(&fourth).await;
        assert_eq!(app.fhir(&next, "Patient/kim").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refreshed(&app, &next).await, StatusCode::BAD_REQUEST);
        let told = json_of(&app, &["delegation", "list", "--username", "dora", "--all"]).await;
        let states: Vec<&str> =
            told["delegations"].as_array().unwrap().iter().map(|d| d["state"].as_str().unwrap()).collect();
        assert!(!states.contains(&"active"), "{states:?}");
        if suspend {
            let id = fourth["id"].as_str().unwrap();
            let resumed = json_of(&app, &["delegation", "resume", id, "--reason", "it was a mistake"]).await;
            assert_eq!(resumed["state"], "active");
            assert_eq!(app.fhir(&next, "Patient/kim").await.status, StatusCode::UNAUTHORIZED, "what ended stays ended");
            tokens(&app, "dora", None).await;
        }
    }
    app.finish().await;
}

/// T157
#[test]
fn refreshing_never_moves_the_last_moment_and_every_time_in_an_answer_respects_it() {
    with_room(|| async {
        let app = stand().await;
        let told = delegate(&app, "dora", "kim", "proxy", &["--until", "2026-12-31"]).await;
        // 2027-01-01T05:00:00Z, midnight in New York, less half an hour.
        let last = Time(1_798_779_600_000);
        assert_eq!(told["ends_at"], last.to_string());
        let clock = Clock::fixed(last.plus_seconds(-1800));
        let inside = app.inside(&clock, BTreeMap::new()).await;
        let options = AuthorizeOptions::new(&inside, "dora", SCOPE);
        let code = inside.code(&options).await;
        let first = Tokens::of(&inside.exchange(&code).await);
        let next = Tokens::of(&inside.refresh(&first).await);
        for tokens in [&first, &next] {
            assert_eq!(
                (&tokens.answer["expires_in"], &tokens.answer["grant_expires_at"]),
                (&json!(1800), &json!(last.to_string()))
            );
        }
        clock.advance(1799);
        assert_eq!(inside.fhir(&next, "Patient/kim").await.status, StatusCode::OK);
        let code = inside.code(&options).await;
        clock.advance(1);
        assert_eq!(inside.fhir(&next, "Patient/kim").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(inside.refresh(&next).await.json()["error"], "invalid_grant");
        assert_eq!(inside.exchange(&code).await.json()["error"], "invalid_grant");
        let browser = inside.browse(&options).await.unwrap();
        let late = inside.log_in(&browser, "dora", &tests::fixtures::password("dora")).await;
        assert_eq!(late.status, StatusCode::FORBIDDEN, "there is nobody left to act for");
        drop(inside);
        app.finish().await;
    });
}

/// T158
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_last_day_moves_the_grants_and_a_past_one_ends_them() {
    let app = stand().await;
    let told = delegate(&app, "dora", "kim", "proxy", &[]).await;
    let id = told["id"].as_str().unwrap();
    let live = tokens(&app, "dora", None).await;
    let sooner = json_of(&app, &["delegation", "change", id, "--until", "2099-01-01"]).await;
    assert_eq!(
        (&sooner["ends_by"], &sooner["grants"], &sooner["grants_ended"]),
        (&json!("date"), &json!(1), &json!(0))
    );
    let next = Tokens::of(&app.refresh(&live).await);
    assert_eq!(app.fhir(&next, "Patient/kim").await.status, StatusCode::OK);
    let over = json_of(&app, &["delegation", "change", id, "--from", "2026-01-01", "--until", "2026-01-31"]).await;
    assert_eq!(
        (&over["state"], &over["ended_by"], &over["grants_ended"]),
        (&json!("ended"), &json!("date"), &json!(1))
    );
    assert_eq!(app.fhir(&next, "Patient/kim").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refreshed(&app, &next).await, StatusCode::BAD_REQUEST);
    app.finish().await;
}

/// T159
#[tokio::test(flavor = "multi_thread")]
async fn one_grant_more_than_a_delegation_holds_ends_the_oldest() {
    let app = stand().await;
    delegate(&app, "dora", "kim", "proxy", &[]).await;
    let first = tokens(&app, "dora", None).await;
    let second = tokens(&app, "dora", None).await;
    let options = AuthorizeOptions::new(&app, "dora", SCOPE);
    let mut browser = app.signed_in(&options).await;
    for _ in 2..shared::bounds::DELEGATION_GRANTS {
        let code = app.consent(&browser, "allow").await.redirected("code").unwrap();
        Tokens::of(&app.exchange(&code).await);
        let asked = app.get_with(&format!("/oauth2/authorize?{}", options.query()), browser.cookies.headers()).await;
        app.follow(&mut browser, &asked).await;
    }
    assert_eq!(app.fhir(&first, "Patient/kim").await.status, StatusCode::OK, "that many are alive");
    let code = app.consent(&browser, "allow").await.redirected("code").unwrap();
    let last = Tokens::of(&app.exchange(&code).await);
    assert_eq!(app.fhir(&first, "Patient/kim").await.status, StatusCode::UNAUTHORIZED);
    for live in [&second, &last] {
        assert_eq!(app.fhir(live, "Patient/kim").await.status, StatusCode::OK);
    }
    app.finish().await;
}

/// T160: exchanges and the end of their delegation at once: either the exchange is refused, or its grant ends with the delegation.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_and_exchanges_at_the_same_moment_leave_no_live_grant() {
    let app = stand().await;
    for _ in 0..5 {
        let told = delegate(&app, "dora", "kim", "proxy", &[]).await;
        let codes = [code(&app, "dora", None).await, code(&app, "dora", None).await, code(&app, "dora", None).await];
        let exchanges = futures_util::future::join_all(codes.iter().map(|code| app.exchange(code)));
        // The command blocks the thread that it is on, as a program of its own would.
        let (descriptor, id) = (app.descriptor(), told["id"].as_str().unwrap().to_owned());
        let end = tokio::task::spawn_blocking(move || {
            Runtime::new().unwrap().block_on(async {
                let stack = Stack::local(&descriptor).await.unwrap();
                operate_on(&stack, &["delegation", "end", &id, "--reason", "the court said so"]).await.unwrap()
            })
        });
        let (replies, ended) = tokio::join!(exchanges, end);
        ended.expect("the command ends");
        for reply in replies.iter().filter(|reply| reply.status == StatusCode::OK) {
            let tokens = Tokens::of(reply);
            assert_eq!(app.fhir(&tokens, "Patient/kim").await.status, StatusCode::UNAUTHORIZED);
            assert_eq!(refreshed(&app, &tokens).await, StatusCode::BAD_REQUEST);
        }
    }
    app.finish().await;
}

/// T161: exchanges under one delegation at once all succeed.
#[tokio::test(flavor = "multi_thread")]
async fn two_apps_that_exchange_at_once_both_get_tokens() {
    let app = stand().await;
    delegate(&app, "dora", "kim", "proxy", &[]).await;
    let codes = [code(&app, "dora", None).await, code(&app, "dora", None).await];
    let replies = futures_util::future::join_all(codes.iter().map(|code| app.exchange(code))).await;
    for reply in &replies {
        assert_eq!(app.fhir(&Tokens::of(reply), "Patient/kim").await.status, StatusCode::OK);
    }
    let told = json_of(&app, &["delegation", "list", "--for", "kim"]).await;
    assert_eq!(told["delegations"][0]["grants"], 2);
    app.finish().await;
}

/// T162: the member's own record ends: disabled, merged, removed.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_members_record_ends_what_others_were_granted_on_it() {
    for line in [
        &["member", "disable", "--username", "alice"][..],
        &["record", "remove", "alice", "--yes"],
        &["record", "merge", "alice", "kim", "--yes"],
    ] {
        let app = stand().await;
        delegate(&app, "dora", "alice", "proxy", &[]).await;
        let live = tokens(&app, "dora", None).await;
        assert_eq!(app.fhir(&live, "Patient/alice").await.status, StatusCode::OK);
        app.operate(line).await.unwrap();
        assert_eq!(app.fhir(&live, "Patient/alice").await.status, StatusCode::UNAUTHORIZED, "{line:?}");
        assert_eq!(refreshed(&app, &live).await, StatusCode::BAD_REQUEST, "{line:?}");
        let told = json_of(&app, &["delegation", "list", "--username", "dora"]).await;
        assert_eq!(told["delegations"], json!([]), "{line:?}");
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_delegate_opens_nothing_and_a_removed_one_acts_for_nobody() {
    let app = stand().await;
    delegate(&app, "dora", "kim", "proxy", &[]).await;
    let live = tokens(&app, "dora", None).await;
    app.operate(&["member", "disable", "--username", "dora"]).await.unwrap();
    assert_eq!(app.fhir(&live, "Patient/kim").await.status, StatusCode::UNAUTHORIZED);
    app.operate(&["member", "remove", "--username", "dora"]).await.unwrap();
    let told = json_of(&app, &["delegation", "list", "--for", "kim"]).await;
    assert_eq!(told["delegations"], json!([]));
    app.finish().await;
}

/// T022 T024 on the page of choice: a form from elsewhere, or of another session, chooses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_choice_counts_only_from_our_page_and_the_session_that_signed_in() {
    let app = stand().await;
    delegate(&app, "alice", "kim", "parent", &[]).await;
    let browser = app.signed_in(&AuthorizeOptions::new(&app, "alice", SCOPE)).await;
    let (request, csrf) = (browser.page.field("request"), browser.page.field("csrf"));
    let form =
        |csrf: &'static str| [("request", request.clone()), ("csrf", csrf.to_owned()), ("record", "kim".to_owned())];
    let forged = form("wrong");
    let pairs: Vec<(&str, &str)> = forged.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(app.post("/consent", &pairs, browser.cookies.headers()).await.status, StatusCode::FORBIDDEN);
    let good = [("request", request.as_str()), ("csrf", csrf.as_str()), ("record", "kim")];
    let mut foreign = browser.cookies.headers();
    foreign.insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(app.post("/consent", &good, foreign).await.status, StatusCode::FORBIDDEN);
    let other: Browser = app.account("bob").await;
    let others = app.post("/consent", &good, other.cookies.headers()).await;
    assert_eq!(others.status, StatusCode::BAD_REQUEST, "{}", others.body);
    let page = app.get_with(&format!("/consent?request={request}"), browser.cookies.headers()).await;
    assert!(page.body.contains("Whose record"), "nothing was chosen");
    app.finish().await;
}
