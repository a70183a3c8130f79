//! Searches by system, type or version: R4's rules for tokens and canonicals.

use http::StatusCode;
use patient_access::load::Source;
use serde_json::json;
use tests::{App, Tokens};

/// Sends each query. Its matches are all or none of `all`.
async fn ask(app: &App, tokens: &Tokens, all: &str, queries: &[(&str, bool)]) {
    for (query, found) in queries {
        let (kind, pairs) = query.split_once('?').unwrap();
        let pairs = pairs.split('&').filter_map(|pair| pair.split_once('='));
        let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let url = format!("{kind}?{encoded}");
        let reply = app.fhir(tokens, &url).await;
        assert_eq!(reply.status, StatusCode::OK, "{query}: {}", reply.body);
        assert_eq!(reply.matches(), if *found { vec![all.to_owned()] } else { vec![] }, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_of_the_system_that_its_value_set_has_and_of_no_other() {
    let app = App::start().await;
    let of_alice = json!({"reference": "Patient/alice"});
    let feed = vec![
        json!({"resourceType": "Observation", "id": "odd", "status": "corrected", "code": {"text": "x"}, "subject": of_alice}),
        json!({"resourceType": "RelatedPerson", "id": "kin", "active": true, "gender": "female", "patient": of_alice}),
        json!({"resourceType": "Coverage", "id": "third", "status": "draft", "beneficiary": of_alice, "subscriberId": "S1",
            "payor": [{"reference": "Organization/payer"}]}),
    ];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let of_observations = "http://hl7.org/fhir/observation-status";
    ask(
        &app,
        &tokens,
        "Observation/odd",
        &[
            ("Observation?status=corrected", true),
            (&format!("Observation?status={of_observations}|corrected"), true),
            ("Observation?status=http://example.org|corrected", false),
            ("Observation?status=http://hl7.org/fhir/event-status|corrected", false),
            ("Observation?status=|corrected", false),
            ("Observation?status=http://example.org|&_id=odd", false),
            (&format!("Observation?status={of_observations}|&_id=odd"), true),
            ("Observation?status:not=http://example.org|corrected&_id=odd", true),
            (&format!("Observation?status:not={of_observations}|corrected&_id=odd"), false),
            ("Observation?_id=|odd", true),
            ("Observation?_id=http://example.org|odd", false),
        ],
    )
    .await;
    let booleans = "http://terminology.hl7.org/CodeSystem/special-values";
    ask(
        &app,
        &tokens,
        "RelatedPerson/kin",
        &[
            ("RelatedPerson?gender=http://hl7.org/fhir/administrative-gender|female", true),
            ("RelatedPerson?gender=http://hl7.org/fhir/administrative-gender|male", false),
            ("RelatedPerson?gender=http://example.org|female", false),
            ("RelatedPerson?active=true", true),
            (&format!("RelatedPerson?active={booleans}|true"), true),
            ("RelatedPerson?active=http://example.org|true", false),
        ],
    )
    .await;
    ask(
        &app,
        &tokens,
        "Coverage/third",
        &[
            ("Coverage?status=http://hl7.org/fhir/fm-status|draft", true),
            ("Coverage?status=http://hl7.org/fhir/explanationofbenefit-status|draft", false),
            ("Coverage?subscriber-id=S1", true),
            ("Coverage?subscriber-id=|S1", true),
            ("Coverage?subscriber-id=http://example.org|S1", false),
        ],
    )
    .await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_is_found_by_its_type_and_its_value_together() {
    let app = App::start().await;
    let kinds = "http://terminology.hl7.org/CodeSystem/v2-0203";
    let identifier = json!([
        {"type": {"coding": [{"system": kinds, "code": "MB"}, {"system": "urn:own", "code": "a|b"}]}, "value": "M1"},
        {"type": {"coding": [{"code": "SN"}], "text": "x"}, "system": "urn:subscribers", "value": "S1"},
        {"type": {"coding": [{"system": kinds, "code": "PI"}]}},
    ]);
    let feed = vec![json!({"resourceType": "Coverage", "id": "third", "status": "draft", "identifier": identifier,
        "beneficiary": {"reference": "Patient/alice"}, "payor": [{"reference": "Organization/payer"}]})];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    ask(
        &app,
        &tokens,
        "Coverage/third",
        &[
            (&format!("Coverage?identifier:of-type={kinds}|MB|M1"), true),
            (r"Coverage?identifier:of-type=urn:own|a\|b|M1", true),
            (&format!("Coverage?identifier:of-type={kinds}|MB|S1"), false),
            (&format!("Coverage?identifier:of-type={kinds}|MB|none,{kinds}|MB|M1"), true),
            (&format!("Coverage?identifier:of-type={kinds}|SN|S1"), false),
            ("Coverage?identifier:of-type=urn:subscribers|SN|S1", false),
            ("Coverage?identifier:of-type=urn:other|MB|M1", false),
            ("Coverage?identifier=urn:subscribers|S1", true),
            ("Coverage?identifier=|M1", true),
        ],
    )
    .await;
    for (query, code, words) in [
        ("Coverage?identifier:of-type=M1", "invalid", "system|code|value"),
        ("Coverage?identifier:of-type=MB|M1", "invalid", "system|code|value"),
        ("Coverage?identifier:of-type=|MB|M1", "invalid", "system|code|value"),
        ("Coverage?identifier:of-type=urn:x||M1", "invalid", "system|code|value"),
        ("Coverage?identifier:of-type=urn:x|MB|", "invalid", "system|code|value"),
        ("Coverage?identifier:of-type=urn:x|MB|M1|x", "invalid", "system|code|value"),
        ("Coverage?identifier:of-type=", "invalid", "no value"),
        ("Coverage?type:of-type=urn:x|MB|M1", "not-supported", ":of-type"),
        ("Coverage?subscriber-id:of-type=urn:x|MB|M1", "not-supported", ":of-type"),
    ] {
        let reply = app.fhir(&tokens, &query.replace('|', "%7C")).await;
        let (told, text) = reply.issue();
        assert_eq!((reply.status, told.as_str()), (StatusCode::BAD_REQUEST, code), "{query}: {text}");
        assert!(text.contains(words), "{query}: {text}");
    }
    let statement = app.get("/fhir/metadata").await.json();
    let rows = statement["rest"][0]["resource"].as_array().unwrap().iter();
    let coverage = rows.clone().find(|row| row["type"] == "Coverage").unwrap();
    let row = coverage["searchParam"].as_array().unwrap().iter().find(|row| row["name"] == "identifier").unwrap();
    assert!(row["documentation"].as_str().unwrap().contains("identifier:of-type=system|code|value"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_without_a_version_finds_every_claim_of_it() {
    let app = App::start().await;
    let own = "https://plan.example/StructureDefinition/lab-result";
    let of = |id: &str, claims: &str| {
        json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
            "subject": {"reference": "Patient/alice"}, "meta": {"profile": [claims]}})
    };
    let feed = vec![
        of("bare", own),
        of("first", &format!("{own}|1.4.0")),
        of("second", &format!("{own}|2.0.0-ballot")),
        of("other", &format!("{own}-2|1.4.0")),
    ];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    for (value, ids) in [
        (own.to_owned(), "bare first second"),
        (format!("{own}|1.4.0"), "first"),
        (format!(r"{own}\|1.4.0"), "first"),
        (format!("{own}|1"), ""),
        (format!("{own}|2.0.0-ballot,{own}-2"), "other second"),
        (own.strip_suffix("-result").unwrap().to_owned(), ""),
    ] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("_profile", &value).finish();
        let reply = app.fhir(&tokens, &format!("Observation?_sort=_id&{query}")).await;
        let ids = ids.split_whitespace().map(|id| format!("Observation/{id}")).collect::<Vec<_>>();
        assert_eq!(reply.matches(), ids, "{value}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canonical_without_a_version_finds_every_version_and_one_with_it_its_own() {
    let app = App::start().await;
    let feed = vec![json!({"resourceType": "QuestionnaireResponse", "id": "told", "status": "completed",
        "questionnaire": "http://example.org/q|1", "subject": {"reference": "Patient/alice"}})];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    ask(
        &app,
        &tokens,
        "QuestionnaireResponse/told",
        &[
            ("QuestionnaireResponse?questionnaire=http://example.org/q", true),
            ("QuestionnaireResponse?questionnaire=http://example.org/q|1", true),
            (r"QuestionnaireResponse?questionnaire=http://example.org/q\|1", true),
            ("QuestionnaireResponse?questionnaire=http://example.org/q|2", false),
            ("QuestionnaireResponse?questionnaire=http://example.org/q|", false),
            ("QuestionnaireResponse?questionnaire=http://example.org/", false),
            ("QuestionnaireResponse?questionnaire=http://example.org/q2,http://example.org/q", true),
        ],
    )
    .await;
    app.finish().await;
}
