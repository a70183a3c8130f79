//! Requests in every legal spelling: headers, formats, forms, lenient searches, HEAD; and what this server does not have, in words.

use std::collections::BTreeMap;

use http::{Method, Request, StatusCode};
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use tests::{App, Reply, Tokens};

/// The header of a form.
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

const EVERYTHING: &str = "patient/*.rs";

async fn ask(app: &App, tokens: &Tokens, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request = Request::get(format!("{}/fhir/{path}", app.url()));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    app.fhir_request(tokens, request.body(String::new()).unwrap()).await
}

/// The remarks in the outcome entry of a Bundle.
fn remarks(reply: &Reply) -> Vec<String> {
    let issues = |outcome: Json| outcome["issue"].as_array().unwrap().clone();
    let said = reply.entries("outcome").into_iter().flat_map(issues);
    said.map(|issue| format!("{}: {}", issue["severity"].as_str().unwrap(), issue["diagnostics"].as_str().unwrap()))
        .collect()
}

/// RFC 7240 §2
#[tokio::test(flavor = "multi_thread")]
async fn a_preference_counts_in_every_legal_spelling() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for (prefer, lenient) in [
        ("handling=lenient", true),
        ("handling=\"lenient\"", true),
        ("Handling=lenient", true),
        ("handling = lenient", true),
        ("respond-async; wait=10, handling=lenient; foo", true),
        ("return=minimal; x=\",handling=strict\" , HANDLING=\"lenient\"", true),
        ("handling=strict, handling=lenient", false),
        ("handling=\"strict\"", false),
        ("x=\"handling=lenient\"", false),
        ("handling", false),
    ] {
        let reply = ask(&app, &tokens, "Condition?colour=red", &[("prefer", prefer)]).await;
        let expected = if lenient { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        assert_eq!(reply.status, expected, "{prefer}: {}", reply.body);
    }
    app.finish().await;
}

/// R4 search, "Handling Errors"
#[tokio::test(flavor = "multi_thread")]
async fn a_lenient_search_leaves_out_all_that_is_unsupported_and_says_what() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for (query, words, kept) in [
        ("_sort=colour", "`_sort=colour`", ""),
        ("_sort=colour,-recorded-date", "`_sort=colour`", "_sort=-recorded-date"),
        ("_include=Condition:colour", "Condition refers by", ""),
        ("_revinclude=Nonsense:subject", "no type of this server", ""),
        ("_include:iterate=Condition:encounter", "iterate", ""),
        ("code:text=cold", ":text", ""),
        ("patient.name=x", "patient.name", ""),
        ("_has:Provenance:target:agent=x", "_has", ""),
        ("_filter=x", "_filter", ""),
        ("colour=red", "colour", ""),
        ("_count=0&colour=red", "colour", "_count=0"),
    ] {
        let strict = ask(&app, &tokens, &format!("Condition?{query}"), &[]).await;
        assert_eq!(strict.status, StatusCode::BAD_REQUEST, "{query}");
        let lenient = ask(&app, &tokens, &format!("Condition?{query}"), &[("prefer", "handling=lenient")]).await;
        assert_eq!(
            (lenient.status, &lenient.json()["total"]),
            (StatusCode::OK, &json!(2)),
            "{query}: {}",
            lenient.body
        );
        let link = lenient.link("self").unwrap();
        let told = link.split_once('?').map_or("", |(_, query)| query);
        assert_eq!(told, kept, "{query}: the self link says what was understood");
        let said = remarks(&lenient);
        assert!(said.iter().any(|text| text.starts_with("warning") && text.contains(words)), "{query}: {said:?}");
    }
    for query in [
        "recorded-date=soon",
        "_count=many",
        "_include=Condition",
        "clinical-status=",
        "_sort=",
        "_summary=half",
        "patient=bob",
    ] {
        let reply = ask(&app, &tokens, &format!("Condition?{query}"), &[("prefer", "handling=lenient")]).await;
        assert!(reply.status.is_client_error(), "{query} is malformed, or asks about somebody else: {}", reply.body);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_filter_nothing_are_left_out_with_a_word() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for path in [
        "Condition?_=1700000000000&_totalMethod=count",
        "Condition?_=1&_summary=count",
        "Patient/alice/$everything?_=1&_type=Condition",
        "DocumentReference/$docref?patient=alice&_=1",
    ] {
        let reply = ask(&app, &tokens, path, &[]).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
        let said = remarks(&reply);
        assert!(said.iter().any(|text| text.starts_with("information") && text.contains("`_`")), "{path}: {said:?}");
    }
    assert_eq!(ask(&app, &tokens, "Condition/alice-cold?_=1", &[]).await.status, StatusCode::OK);
    let unknown = ask(&app, &tokens, "Condition?__=1", &[]).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    app.finish().await;
}

/// R4 "HTTP", content types; RFC 9110 §8.3.1, §12.5.1
#[tokio::test(flavor = "multi_thread")]
async fn a_format_is_a_media_type_in_any_spelling_and_negotiation_is_one_door() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let paths = ["Patient/alice", "Patient", "Patient/alice/$everything", "Patient/alice/_history/1", "metadata"];
    for (accept, format, taken) in [
        (None, Some("json"), true),
        (None, Some("application/fhir%2Bjson"), true),
        (None, Some("application/fhir+json"), true),
        (None, Some("application/fhir%2Bjson;charset=utf-8"), true),
        (None, Some("application/fhir%2Bjson;%20fhirVersion=4.0"), true),
        (None, Some("Application/FHIR%2BJSON"), true),
        (None, Some("xml"), false),
        (None, Some("application/fhir%2Bxml"), false),
        (None, Some("nonsense"), false),
        (Some("application/fhir+xml"), None, false),
        (Some("application/fhir+xml"), Some("json"), true),
        (Some("application/fhir+json"), Some("xml"), false),
        (Some("Application/FHIR+JSON ; fhirVersion=\"4.0\""), None, true),
        (Some("application/fhir+json;q=0"), None, false),
        (Some("application/fhir+json;q=0, */*"), None, false),
        (Some("text/html, application/*;q=0.1"), None, true),
        (Some("text/html;x=\"application/json,\""), None, false),
        (Some(", ,"), None, true),
    ] {
        for path in paths {
            let query = format.map(|format| format!("?_format={format}")).unwrap_or_default();
            let headers: Vec<(&str, &str)> = accept.map(|accept| ("accept", accept)).into_iter().collect();
            let reply = if path == "metadata" {
                let request = headers
                    .iter()
                    .fold(Request::get(format!("{}/fhir/metadata{query}", app.url())), |request, (name, value)| {
                        request.header(*name, *value)
                    });
                app.send(request.body(String::new()).unwrap()).await
            } else {
                ask(&app, &tokens, &format!("{path}{query}"), &headers).await
            };
            let expected = if taken { StatusCode::OK } else { StatusCode::NOT_ACCEPTABLE };
            assert_eq!(reply.status, expected, "{path} {accept:?} {format:?}: {}", reply.body);
            assert!(taken || reply.issue().1.contains("ask for `application/fhir+json`"), "{}", reply.body);
        }
    }
    app.finish().await;
}

/// R4 "HTTP", search; RFC 9110 §8.3
#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_means_the_same_in_the_url_and_in_the_form_and_no_body_is_none() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let post = async |path: &str, headers: &[(&str, &str)], body: &str| {
        let request = Request::post(format!("{}/fhir/{path}", app.url()));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        app.fhir_request(&tokens, request.body(body.to_owned()).unwrap()).await
    };
    for (path, headers, body) in [
        ("Condition/_search?clinical-status=active", &[][..], ""),
        ("Condition/_search?clinical-status=active", &[FORM], ""),
        ("Condition/_search?clinical-status=active", &[("content-type", "application/json")], ""),
        ("Condition/_search", &[FORM], "clinical-status=active"),
        (
            "Condition/_search",
            &[("content-type", "Application/X-WWW-Form-Urlencoded ; charset=\"utf-8\"")],
            "clinical-status=active",
        ),
        ("Condition/_search?patient=alice", &[FORM], "clinical-status=active&patient=alice"),
        ("Condition/_search", &[FORM, ("accept", "application/fhir+xml")], "clinical-status=active&_format=json"),
    ] {
        let reply = post(path, headers, body).await;
        assert_eq!(reply.matches(), ["Condition/alice-asthma"], "{path} {headers:?} {body}: {}", reply.body);
    }
    let xml = post("Condition/_search", &[FORM], "_format=xml").await;
    assert_eq!(xml.status, StatusCode::NOT_ACCEPTABLE);
    let twice = post("Condition/_search?_count=1", &[FORM], "_count=1").await;
    assert_eq!((twice.status, twice.issue().0.as_str()), (StatusCode::BAD_REQUEST, "invalid"), "as twice in the URL");
    let json = post("Condition/_search", &[("content-type", "application/json")], "{}").await;
    assert!(
        json.status == StatusCode::BAD_REQUEST && json.issue().1.contains("x-www-form-urlencoded"),
        "{}",
        json.body
    );
    for (path, body) in [
        ("Patient/alice/$everything?_type=Coverage", ""),
        ("Patient/alice/$everything?_type=Coverage&_type=Coverage", ""),
        (
            "Patient/alice/$everything",
            r#"{"resourceType": "Parameters", "parameter": [{"name": "_type", "valueCode": "Coverage"}]}"#,
        ),
    ] {
        assert_eq!(
            post(path, &[("content-type", "application/fhir+json")], body).await.matches().len(),
            2,
            "{path} {body}"
        );
    }
    app.finish().await;
}

/// RFC 9110 §9.3.2
#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_a_get_without_its_content() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let narrow = app.sign_in("alice", "patient/Coverage.rs").await;
    let bearer = format!("Bearer {}", tokens.access);
    let narrow = format!("Bearer {}", narrow.access);
    let send = async |method: Method, path: &str, headers: &[(&str, &str)]| {
        let request = Request::builder().method(method).uri(format!("{}{path}", app.url()));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        app.send(request.body(String::new()).unwrap()).await
    };
    let told = |reply: &Reply| {
        let mut headers: BTreeMap<String, String> =
            reply.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        for fresh in ["date", "apigw-requestid", "content-security-policy", "set-cookie"] {
            headers.remove(fresh);
        }
        headers.retain(|name, value| name != "content-length" || value != "0");
        (reply.status, headers)
    };
    let lasting = |record: &BTreeMap<String, String>| {
        let mut record = record.clone();
        record.retain(|name, _| ["action", "outcome", "ids", "query", "client", "grant"].contains(&name.as_str()));
        record
    };
    for (path, headers) in [
        ("/fhir/Patient/alice", &[("authorization", bearer.as_str())][..]),
        ("/fhir/Patient/alice", &[("authorization", &bearer), ("accept-encoding", "gzip")]),
        ("/fhir/Patient/alice", &[("authorization", &bearer), ("if-none-match", "*")]),
        ("/fhir/Patient/alice/_history/1", &[("authorization", &bearer)]),
        ("/fhir/Observation?_count=3", &[("authorization", &bearer), ("accept-encoding", "zstd")]),
        ("/fhir/Observation?colour=red", &[("authorization", &bearer)]),
        ("/fhir/Patient/alice/$everything", &[("authorization", &bearer)]),
        ("/fhir/DocumentReference/$docref?patient=alice", &[("authorization", &bearer)]),
        ("/fhir/Patient/bob", &[("authorization", &bearer)]),
        ("/fhir/Patient/alice", &[("authorization", &narrow)]),
        ("/fhir/Patient/alice", &[("accept", "application/fhir+xml"), ("authorization", &bearer)]),
        ("/fhir/Patient/alice", &[]),
        ("/fhir/metadata", &[]),
        ("/fhir/.well-known/smart-configuration", &[]),
        ("/.well-known/user-access-brands.json", &[]),
        ("/oauth2/jwks", &[]),
        ("/oauth2/userinfo", &[]),
        ("/nowhere", &[]),
        ("/oauth2/authorize", &[]),
        ("/account", &[]),
    ] {
        let before = app.audit("Patient/alice").await.len();
        let get = send(Method::GET, path, headers).await;
        let between = app.audit("Patient/alice").await;
        let head = send(Method::HEAD, path, headers).await;
        let after = app.audit("Patient/alice").await;
        assert_eq!(told(&head), told(&get), "{path} {headers:?}");
        assert!(head.bytes.is_empty(), "{path}");
        let (of_get, of_head) = (&between[before..], &after[between.len()..]);
        assert_eq!(
            of_head.iter().map(lasting).collect::<Vec<_>>(),
            of_get.iter().map(lasting).collect::<Vec<_>>(),
            "{path}: the same is recorded"
        );
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_server_does_not_have_it_says() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for (path, words) in [
        ("Nonsense", "no resource type `Nonsense`"),
        ("Nonsense/a", "no resource type `Nonsense`"),
        ("observation", "no resource type `observation`"),
        ("_history", "no histories"),
        ("Patient/_history", "no histories"),
        ("Patient/alice/_history", "no histories"),
        ("Condition/alice-cold/_history", "no histories"),
        ("Patient/alice/Condition", "search `Condition?patient=alice`"),
        ("Patient/alice/*", "search `{type}?patient=alice`"),
        ("$export", "no operation `$export`"),
        ("Patient/$match", "no operation `$match`"),
        ("Patient/alice/$match", "no operation `$match`"),
        ("Claim/a/$submit", "no operation `$submit`"),
        ("", "base of the FHIR API"),
    ] {
        let reply = app.fhir(&tokens, path).await;
        let (code, text) = reply.issue();
        assert_eq!((reply.status, code.as_str()), (StatusCode::NOT_FOUND, "not-supported"), "{path}: {text}");
        assert!(text.contains(words), "{path}: {text}");
    }
    let narrow = app.sign_in("alice", "patient/Coverage.rs").await;
    assert_eq!(app.fhir(&narrow, "Nonsense").await.status, StatusCode::NOT_FOUND, "it is public knowledge");
    let (absent, theirs) = (app.fhir(&tokens, "Condition/none").await, app.fhir(&tokens, "Condition/bob-cold").await);
    assert_eq!((absent.status, &absent.body), (StatusCode::NOT_FOUND, &theirs.body));
    let form = app.fhir(&tokens, "Condition/_search").await;
    assert_eq!((form.status, form.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    app.finish().await;
}

/// RFC 9110 §15.5.6
#[tokio::test(flavor = "multi_thread")]
async fn a_slash_too_many_is_told_and_is_never_a_405_for_a_method_that_is_there() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for path in [
        "Patient/",
        "Patient/?_id=alice",
        "ExplanationOfBenefit/?patient=alice",
        "Patient/alice/",
        "metadata/",
        "/Patient",
        "Patient/alice/$everything/",
    ] {
        let reply = app.fhir(&tokens, path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}: {}", reply.body);
        assert!(reply.issue().1.contains("slash too many"), "{path}: {}", reply.body);
    }
    for (method, path) in [
        ("GET", "/oauth2/jwks/"),
        ("POST", "/oauth2/token/"),
        ("GET", "/.well-known/openid-configuration/"),
        ("HEAD", "/login/"),
        ("GET", "/account/"),
    ] {
        let request = Request::builder().method(method).uri(format!("{}{path}", app.url())).body(String::new());
        let reply = app.send(request.unwrap()).await;
        assert_eq!((reply.status, reply.header("allow")), (StatusCode::NOT_FOUND, ""), "{method} {path}");
        assert!(method == "HEAD" || reply.body.contains("slash too many"), "{path}: {}", reply.body);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_on_the_members_own_resources_may_name_anybody() {
    let app = App::start().await;
    let related = json!({"resourceType": "Patient", "id": "carol", "link": [{"other": {"reference": "Patient/alice"}, "type": "seealso"}]});
    assert!(app.load(Source::Memory(vec![related])).await.is_clean());
    let carol = app.sign_in("carol", EVERYTHING).await;
    for (query, found) in [
        ("Coverage?subscriber=Patient/alice", 1),
        ("Coverage?subscriber=Patient/bob", 0),
        ("Coverage?subscriber:Patient=alice&patient=carol", 1),
        ("Patient?link=Patient/alice", 1),
        ("Patient?link=Patient/bob", 0),
        ("ExplanationOfBenefit?payee=Patient/bob", 0),
    ] {
        let reply = app.fhir(&carol, query).await;
        assert_eq!((reply.status, reply.matches().len()), (StatusCode::OK, found), "{query}: {}", reply.body);
    }
    for query in [
        "Coverage?beneficiary=Patient/alice",
        "Coverage?patient=alice",
        "Observation?focus=Patient/alice",
        "Observation?subject=Patient/alice",
    ] {
        assert_eq!(app.fhir(&carol, query).await.status, StatusCode::FORBIDDEN, "{query} asks about another member");
    }
    // Whose Coverage a subscriber pays is not the subscriber's to see.
    let alice = app.sign_in("alice", EVERYTHING).await;
    assert_eq!(app.fhir(&alice, "Coverage?subscriber=Patient/alice").await.matches().len(), 0);
    app.finish().await;
}

/// R4 search, "Reference": an absolute URL under the server's own base is the relative reference.
#[tokio::test(flavor = "multi_thread")]
async fn a_reference_under_our_own_base_is_included_as_a_relative_one_is() {
    let app = App::start().await;
    let observation = json!({"resourceType": "Observation", "id": "absolute", "status": "final", "code": {"text": "x"},
        "subject": {"reference": "Patient/alice"}, "performer": [{"reference": format!("{}/fhir/Practitioner/doctor", app.url())}]});
    assert!(app.load(Source::Memory(vec![observation])).await.is_clean());
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let included = app.fhir(&tokens, "Observation?_id=absolute&_include=Observation:performer").await;
    assert_eq!(included.included(), ["Practitioner/doctor"]);
    let reverse = app.fhir(&tokens, "Practitioner?_id=doctor&_revinclude=Observation:performer").await;
    assert_eq!(reverse.included(), ["Observation/absolute"]);
    app.finish().await;
}
