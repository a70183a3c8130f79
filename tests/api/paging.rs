//! Paging under attack and under change: a `next` link carries a position and no authority, and a change between two
//! pages neither hides a resource nor repeats one.

use std::collections::BTreeMap;

use http::StatusCode;
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::{App, Fault, Tokens, Wire};

const EVERYTHING: &str = "patient/*.rs offline_access";

fn observation(id: &str, day: usize) -> Json {
    json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
        "subject": {"reference": "Patient/alice"}, "effectiveDateTime": format!("2024-01-{day:02}")})
}

/// Walks through all pages, and calls `between` after the first one. Returns how often each resource came.
async fn walk(app: &App, tokens: &Tokens, first: &str, between: impl AsyncFnOnce()) -> BTreeMap<String, usize> {
    let mut page = app.fhir(tokens, first).await;
    let mut between = Some(between);
    let mut found = BTreeMap::new();
    loop {
        assert_eq!(page.status, StatusCode::OK, "{first}: {}", page.body);
        for key in page.matches() {
            *found.entry(key).or_default() += 1;
        }
        if let Some(change) = between.take() {
            change().await;
        }
        let Some(next) = page.link("next") else { return found };
        page = app.fhir(tokens, &next).await;
    }
}

/// T091, for a search and for `$everything`
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_this_server_did_not_make_is_refused() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for first in ["Observation?_count=5", "Patient/alice/$everything?_count=5"] {
        let next = app.fhir(&tokens, first).await.link("next").unwrap();
        let (url, cursor) = next.split_once("_cursor=").unwrap();
        let cut = &cursor[..cursor.len() - 3];
        let json = form_urlencoded::byte_serialize(br#"{"search":"Observation:","at":[]}"#).collect::<String>();
        for bad in [cut, &cursor[1..], &format!("{cursor}A"), "!!!!", "%00", "", "e30", &json, &"A".repeat(6000)] {
            let reply = app.fhir(&tokens, &format!("{url}_cursor={bad}")).await;
            assert_eq!(
                (reply.status, reply.issue().0.as_str()),
                (StatusCode::BAD_REQUEST, "invalid"),
                "{first}: {bad}"
            );
        }
    }
    let next = app.fhir(&tokens, "Observation?_count=5").await.link("next").unwrap();
    let (url, _) = next.split_once("_cursor=").unwrap();
    let of_claims = app.fhir(&tokens, "ExplanationOfBenefit?_count=2").await.link("next").unwrap();
    let (_, of_another_type) = of_claims.split_once("_cursor=").unwrap();
    assert_eq!(app.fhir(&tokens, &format!("{url}_cursor={of_another_type}")).await.status, StatusCode::BAD_REQUEST);
    app.finish().await;
}

/// T092 and T093: another member's token, one with fewer scopes, and one whose grant has ended
#[tokio::test(flavor = "multi_thread")]
async fn a_next_link_gives_whoever_follows_it_their_own_and_no_more() {
    let app = App::start().await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    let search = app.fhir(&alice, "Observation?_count=5").await.link("next").unwrap();
    let everything = app.fhir(&alice, "Patient/alice/$everything?_count=5").await.link("next").unwrap();
    // The harness checks that bob gets only data of his own.
    let theirs = app.fhir(&bob, &search).await;
    assert!(theirs.status == StatusCode::OK && !theirs.body.contains("alice-"), "{}", theirs.body);
    assert_eq!(app.fhir(&bob, &everything).await.status, StatusCode::NOT_FOUND);

    let narrowed = app.sign_in("alice", "patient/Condition.rs").await;
    assert_eq!(app.fhir(&narrowed, &search).await.status, StatusCode::FORBIDDEN);
    let rest = app.fhir(&narrowed, &everything).await;
    assert!(rest.matches().iter().all(|key| key.starts_with("Condition/")), "{:?}", rest.matches());

    app.post("/oauth2/revoke", &[("token", &alice.access), ("client_id", "app")], http::HeaderMap::new()).await;
    for next in [&search, &everything] {
        assert_eq!(app.fhir(&alice, next).await.status, StatusCode::UNAUTHORIZED);
    }
    app.finish().await;
}

/// T094: resources are added before and behind the position, changed, and deleted
#[tokio::test(flavor = "multi_thread")]
async fn changes_between_two_pages_hide_nothing_and_repeat_nothing() {
    let app = App::start().await;
    let stay: Vec<Json> = (1..=20).map(|day| observation(&format!("stays-{day}"), day)).collect();
    app.load(Source::Memory(stay)).await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let queries = ["Observation?_count=4", "Observation?_count=4&_sort=date", "Patient/alice/$everything?_count=4"];
    for (round, first) in queries.iter().enumerate() {
        app.load(Source::Memory(vec![observation("goes", 15)])).await;
        let found = walk(&app, &tokens, first, async || {
            let mut changed = observation("stays-10", 10);
            changed["note"] = json!([{"text": format!("changed in round {round}")}]);
            let new = [observation(&format!("new-{round}-early"), 1), observation(&format!("new-{round}-late"), 28)];
            let url = json!({"request": {"method": "DELETE", "url": "Observation/goes"}});
            let deletion = json!({"resourceType": "Bundle", "type": "transaction", "entry": [url]});
            app.load(Source::Memory([vec![changed, deletion], new.to_vec()].concat())).await;
        })
        .await;
        for day in 1..=20 {
            assert_eq!(found.get(&format!("Observation/stays-{day}")), Some(&1), "{first}: {found:?}");
        }
        assert!(found.values().all(|count| *count == 1), "{first}: {found:?}");
    }
    app.finish().await;
}

/// T095: another member's record, a type out of scope, a malformed date, an interval that ends before it begins
#[tokio::test(flavor = "multi_thread")]
async fn everything_is_of_the_member_and_of_the_scopes() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/Patient.rs patient/Condition.rs").await;
    let (bobs, nobodys) =
        (app.fhir(&tokens, "Patient/bob/$everything").await, app.fhir(&tokens, "Patient/zzz/$everything").await);
    assert_eq!((bobs.status, &bobs.body), (StatusCode::NOT_FOUND, &nobodys.body));
    let typed = app.fhir(&tokens, "Patient/alice/$everything?_type=Condition,Observation").await;
    assert!(!typed.matches().is_empty() && typed.matches().iter().all(|key| key.starts_with("Condition/")));
    for bad in ["_since=2024-13", "start=2025-01-02&end=2025-01-01"] {
        let reply = app.fhir(&tokens, &format!("Patient/alice/$everything?{bad}")).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    app.finish().await;
}

/// T096 with a smaller member (the benchmark walks a large one), and T123: text that grows when JSON is escaped in JSON
#[tokio::test(flavor = "multi_thread")]
async fn no_page_is_larger_than_an_answer_may_be_whatever_is_in_it() {
    const LIMIT: usize = 6 << 20;
    let app = App::start().await;
    let text = "\"\\\n\u{1F600}é".repeat(20_000);
    let notes: Vec<Json> = (1..=28)
        .map(|day| {
            let mut resource = observation(&format!("quoted-{day}"), day);
            resource["note"] = json!([{"text": text}]);
            resource
        })
        .collect();
    let report = app.load(Source::Memory(notes)).await;
    assert!(report.is_clean(), "{report}");
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for first in ["Observation?_count=100", "Patient/alice/$everything"] {
        let (mut next, mut pages, mut found) = (Some(first.to_owned()), 0, Vec::new());
        while let Some(url) = next {
            let page = app.fhir(&tokens, &url).await;
            assert_eq!(page.status, StatusCode::OK);
            // The body travels to API Gateway as a string in JSON.
            let travels = serde_json::to_string(&page.body).unwrap().len();
            assert!(travels < LIMIT, "{first}: page {pages} is {travels} bytes");
            found.extend(page.matches().into_iter().filter(|key| key.contains("quoted-")));
            next = page.link("next");
            pages += 1;
        }
        found.sort();
        found.dedup();
        assert!(found.len() == 28 && pages > 1, "{first}: {} on {pages} pages", found.len());
    }
    app.finish().await;
}

/// T116: keys that a batch leaves unread are asked for again; if they never come there is no answer, rather than a
/// shorter one
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_leaves_keys_unread_never_makes_a_page_shorter() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let path = "/fhir/ExplanationOfBenefit?_include=ExplanationOfBenefit:*";
    let wire = Wire::new().await;
    wire.lead_to(app.environment());
    let inside = app.inside(&Clock::System, wire.environment()).await;
    let ask = async || {
        let request = http::Request::get(format!("{}{path}", app.url()));
        let bearer = format!("Bearer {}", tokens.access);
        inside.answer(request.header(http::header::AUTHORIZATION, bearer).body(String::new()).unwrap()).await
    };
    let whole = ask().await;
    assert!(whole.status == StatusCode::OK && !whole.included().is_empty(), "{}", whole.body);
    assert!(wire.calls().iter().any(|call| call.operation == "BatchGetItem"), "it reads in batches");
    for times in [1, 3] {
        wire.fail_times("BatchGetItem", Fault::Unprocessed, times);
        let reply = ask().await;
        assert_eq!(reply.status, StatusCode::OK, "{times}: {}", reply.body);
        assert_eq!((reply.matches(), reply.included()), (whole.matches(), whole.included()), "{times}");
        wire.mend();
    }
    wire.fail("BatchGetItem", Fault::Unprocessed);
    let reply = ask().await;
    assert_eq!((reply.status, reply.issue().0.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "transient"));
    assert!(!reply.body.contains("alice"), "{}", reply.body);
    app.finish().await;
}
