//! Searches by value: amounts, texts and dates as R4 compares them.

use http::StatusCode;
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use tests::{App, Tokens};

/// The ids of the matches.
async fn found(app: &App, tokens: &Tokens, kind: &str, name: &str, value: &str) -> Vec<String> {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
    let reply = app.fhir(tokens, &format!("{kind}?_sort=_id&{query}")).await;
    assert_eq!(reply.status, StatusCode::OK, "{name}={value}: {}", reply.body);
    let id = |key: String| key.split_once('/').map(|(_, id)| id.to_owned()).unwrap();
    reply.matches().into_iter().map(id).collect()
}

fn measurement(id: &str, quantity: &str) -> Json {
    let quantity: Json = serde_json::from_str(quantity).unwrap();
    json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
        "subject": {"reference": "Patient/alice"}, "valueQuantity": quantity})
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_are_compared_as_decimals_and_served_as_they_came() {
    let app = App::start().await;
    let amounts =
        [("a", "2.25"), ("b", "2.35"), ("c", "2.3000000000000000000000001"), ("d", "23.0e-1"), ("e", "2.349999999999")];
    let feed =
        amounts.map(|(id, value)| measurement(id, &format!(r#"{{"value":{value},"unit":"mmol","code":"mmol"}}"#)));
    assert!(app.load(Source::Memory(feed.to_vec())).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let found = async |value: &str| found(&app, &tokens, "Observation", "value-quantity", value).await.join("");
    for (value, ids) in [
        ("2.3||mmol", "acde"),
        ("2.4||mmol", "b"),
        ("2.30||mmol", "cd"),
        ("ne2.3||mmol", "b"),
        ("gt2.3||mmol", "bce"),
        ("le2.300||mmol", "ad"),
        ("sa2.35||mmol", ""),
        ("ap2.3||mmol", "abcde"),
        ("ap25e-1||mmol", "abcde"),
        ("ap2.6||mmol", "be"),
    ] {
        assert_eq!(found(value).await, ids, "{value}");
    }
    for (id, value) in amounts {
        let served = app.fhir(&tokens, &format!("Observation/{id}")).await.body;
        assert!(served.contains(&format!(r#""value":{value},"#)), "{served}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amount_with_a_comparator_lies_on_its_side_of_the_number() {
    let app = App::start().await;
    let of = |id: &str, comparator: &str| {
        measurement(id, &format!(r#"{{"value":40,"comparator":"{comparator}","unit":"pg","code":"pg"}}"#))
    };
    let mut parts = json!({"resourceType": "Observation", "id": "part", "status": "final", "code": {"text": "x"},
        "subject": {"reference": "Patient/alice"}});
    parts["component"] = json!([{"code": {"text": "y"},
        "valueQuantity": {"value": 40, "comparator": ">", "unit": "pg", "code": "pg"}}]);
    let same = measurement("same", r#"{"value":40,"unit":"pg","code":"pg"}"#);
    let onset = json!({"resourceType": "Condition", "id": "early", "code": {"text": "x"}, "subject": {"reference": "Patient/alice"},
        "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
        "onsetAge": {"value": 3, "comparator": "<", "unit": "years", "system": "http://unitsofmeasure.org", "code": "a"}});
    let feed = vec![of("below", "<"), of("most", "<="), of("least", ">="), of("over", ">"), same, parts, onset];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    for (value, ids) in [
        ("40", "same"),
        ("ne40", "below least most over"),
        ("lt40", "below most"),
        ("le40", "below least most same"),
        ("gt40", "least over"),
        ("ge40", "least most over same"),
        ("sa40", "over"),
        ("eb40", "below"),
        ("gt50", "least over"),
        ("lt30", "below most"),
        ("gt30", "below least most over same"),
    ] {
        let found = found(&app, &tokens, "Observation", "value-quantity", &format!("{value}||pg")).await;
        assert_eq!(found.join(" "), ids, "{value}");
    }
    assert_eq!(found(&app, &tokens, "Observation", "component-value-quantity", "gt40||pg").await, ["part"]);
    assert!(found(&app, &tokens, "Observation", "component-value-quantity", "40||pg").await.is_empty());
    let there = found(&app, &tokens, "Observation", "value-quantity:missing", "false").await;
    assert!(["below", "most", "least", "over"].iter().all(|id| there.contains(&(*id).to_owned())), "{there:?}");
    assert_eq!(found(&app, &tokens, "Condition", "onset-age", "lt3").await, ["early"]);
    assert!(found(&app, &tokens, "Condition", "onset-age", "3").await.is_empty());
    app.finish().await;
}
