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

#[tokio::test(flavor = "multi_thread")]
async fn text_is_found_whatever_its_case_and_accents_by_all_of_unicode() {
    let app = App::start().await;
    let relatives =
        [("fuss", "Thaddäus Fußgänger"), ("sofia", "ΑΛΈΞΗΣ Σοφός"), ("isil", "Işıl İnci"), ("hao", "Thị Hảo")];
    let of = |(id, name): (&str, &str)| {
        json!({"resourceType": "RelatedPerson", "id": id, "active": true, "patient": {"reference": "Patient/alice"},
            "name": [{"family": name}]})
    };
    assert!(app.load(Source::Memory(relatives.map(of).to_vec())).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    for (name, value, id) in [
        ("name", "THADDAUS FUSSGANGER", "fuss"),
        ("name", "thaddäus fußg", "fuss"),
        ("name", "Thadda\u{308}us FU\u{1e9e}G", "fuss"),
        ("name:contains", "SSG", "fuss"),
        ("name:contains", "ß", "fuss"),
        ("name:exact", "Thaddäus Fußgänger", "fuss"),
        ("name:exact", "Thaddäus Fussgänger", ""),
        ("name", "αλεξης σοφος", "sofia"),
        ("name", "Αλέξησ ΣΟΦΟΣ", "sofia"),
        ("name:contains", "Σ ", "sofia"),
        ("name:contains", "ıl inci", "isil"),
        ("name:contains", "il inci", ""),
        ("name", "İŞ", "isil"),
        ("name", "is", "isil"),
        ("name", "thi hao", "hao"),
        ("name", "THỊ HA\u{309}O", "hao"),
    ] {
        let found = found(&app, &tokens, "RelatedPerson", name, value).await;
        assert_eq!(found.join(" "), id, "{name}={value}");
    }
    let sorted = app.fhir(&tokens, "RelatedPerson?_sort=name&_count=2&name:missing=false").await;
    let next = app.fhir(&tokens, &sorted.link("next").unwrap()).await;
    let order = [sorted.matches(), next.matches()].concat();
    let order: Vec<&str> =
        order.iter().filter_map(|key| key.split('/').next_back()).filter(|id| *id != "kin").collect();
    assert_eq!(order, ["isil", "fuss", "hao", "sofia"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leap_second_lies_on_its_day_wherever_a_date_is_read() {
    let app = App::start().await;
    let measured = |id: &str, date: &str| {
        json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
            "subject": {"reference": "Patient/alice"}, "effectiveDateTime": date})
    };
    let feed = vec![
        measured("before", "1998-12-31T23:59:58Z"),
        measured("leap", "1998-12-31T18:59:60-05:00"),
        measured("after", "1999-01-01T00:00:00Z"),
        json!({"resourceType": "Encounter", "id": "stay", "status": "finished", "class": {"code": "IMP"}, "type": [{"text": "x"}],
            "subject": {"reference": "Patient/alice"}, "period": {"start": "1998-12-31T23:00:00Z", "end": "1998-12-31T23:59:60Z"}}),
    ];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    for (value, ids) in [
        ("1998-12-31T23:59:60Z", "leap"),
        ("1998-12-31T23:59Z", "before leap"),
        ("1998-12-31", "before leap"),
        ("lt1999-01-01T00:00:00Z", "before leap"),
        ("eb1998-12-31T23:59:60Z", "before"),
    ] {
        let found = found(&app, &tokens, "Observation", "date", value).await;
        let found: Vec<&String> =
            found.iter().filter(|id| ["before", "leap", "after"].contains(&id.as_str())).collect();
        let found = found.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(" ");
        assert_eq!(found, ids, "{value}");
    }
    let undated = found(&app, &tokens, "Observation", "date:missing", "true").await;
    assert!(!undated.contains(&"leap".to_owned()), "{undated:?}");
    assert_eq!(found(&app, &tokens, "Encounter", "date", "1998-12-31").await, ["stay"]);
    let ordered = app.fhir(&tokens, "Observation?date=lt2000&_sort=date").await.matches();
    assert_eq!(ordered, ["Observation/before", "Observation/leap", "Observation/after"]);
    for (query, told) in [
        ("start=1998-12-31T23:59:60Z&end=1998-12-31T23:59:60Z", "Encounter/stay Observation/leap"),
        ("start=1999-01-01&end=1999-01-02", "Observation/after"),
        (
            "start=1998-12-31&_since=1998-12-31T23:59:60Z&end=1998-12-31",
            "Encounter/stay Observation/before Observation/leap",
        ),
    ] {
        let types = "_type=Observation,Encounter";
        let reply = app.fhir(&tokens, &format!("Patient/alice/$everything?{types}&{query}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{query}: {}", reply.body);
        let mut keys = reply.matches();
        keys.retain(|key| !key.starts_with("Observation/alice"));
        keys.sort();
        assert_eq!(keys.join(" "), told, "{query}");
    }
    let recent = app.fhir(&tokens, "Observation?_lastUpdated=ge1998-12-31T23:59:60Z&_id=leap").await;
    assert_eq!(recent.matches(), ["Observation/leap"]);
    app.finish().await;
}

/// `docs/decisions/021-a-day-is-the-one-that-the-resource-names.md`
#[tokio::test(flavor = "multi_thread")]
async fn a_date_without_a_time_asks_for_the_day_that_the_resource_names() {
    let app = App::start().await;
    let measured = |id: &str, date: &str| {
        json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
            "subject": {"reference": "Patient/alice"}, "effectiveDateTime": date})
    };
    let visit = |id: &str, start: &str, end: &str| {
        json!({"resourceType": "Encounter", "id": id, "status": "finished", "class": {"code": "AMB"}, "type": [{"text": "x"}],
            "subject": {"reference": "Patient/alice"}, "period": {"start": start, "end": end}})
    };
    let feed = vec![
        measured("evening", "2019-05-06T20:45:00-06:00"),
        measured("day", "2019-05-06"),
        measured("morning", "2019-05-07T00:15:00+12:00"),
        measured("utc", "2019-05-07T02:45:00Z"),
        visit("night", "2019-11-02T23:00:00-04:00", "2019-11-03T22:30:00-05:00"),
    ];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let observed = async |value: &str| {
        let found = found(&app, &tokens, "Observation", "date", value).await;
        found.into_iter().filter(|id| !id.starts_with("alice")).collect::<Vec<_>>().join(" ")
    };
    for (value, ids) in [
        ("2019-05-06", "day evening"),
        ("2019-05-07", "morning utc"),
        ("2019-05", "day evening morning utc"),
        ("lt2019-05-07", "day evening"),
        ("le2019-05-06", "day evening"),
        ("eb2019-05-07", "day evening"),
        ("2019-05-07T02:45:00Z", "evening utc"),
        ("2019-05-06T12:15:00Z", "morning"),
        ("2019-05-06T20:45-06:00", "evening utc"),
        ("lt2019-05-06T18:00:00-06:00", "day morning"),
    ] {
        assert_eq!(observed(value).await, ids, "{value}");
    }
    for value in ["sa2019-05-06", "ge2019-05-07", "gt2019-05-06"] {
        assert_eq!(observed(value).await, "morning utc", "{value}");
    }
    for (value, found_by) in
        [("2019-11", true), ("ge2019-11-04", false), ("sa2019-11-01", true), ("eb2019-11-04", true)]
    {
        assert_eq!(found(&app, &tokens, "Encounter", "date", value).await.len(), usize::from(found_by), "{value}");
    }
    for (query, told) in [
        ("start=2019-05-07&end=2019-05-07", "Observation/morning Observation/utc"),
        ("start=2019-05-06&end=2019-05-06", "Observation/day Observation/evening"),
        ("start=2019-11-03&end=2019-11-03", "Encounter/night"),
        ("start=2019-11-04&end=2019-11-05", ""),
        ("start=2019-11-04T03:00:00Z&end=2019-11-05", "Encounter/night"),
    ] {
        let reply = app.fhir(&tokens, &format!("Patient/alice/$everything?_type=Observation,Encounter&{query}")).await;
        let mut keys = reply.matches();
        keys.sort();
        assert_eq!(keys.join(" "), told, "{query}");
    }
    app.finish().await;
}
