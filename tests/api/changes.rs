//! Loaded resources change owner, are deleted, or come back. Nobody keeps another member's data, and a deleted resource
//! is reported as deleted.

mod documents;

use http::StatusCode;
use patient_access::load::{ReasonCode, Source, Tally};
use serde_json::{Value as Json, json};
use tests::{App, Tokens};

const EVERYTHING: &str = "patient/*.rs";

fn observation(id: &str, patient: &str) -> Json {
    json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
        "subject": {"reference": format!("Patient/{patient}")}})
}

/// A transaction that deletes, in the form of Bulk Data's `deleted` files (Bulk Data Access, "Response - Output
/// Files").
fn deletion(urls: &[&str]) -> Source {
    let entry = |url: &&str| json!({"request": {"method": "DELETE", "url": url}});
    let entries: Vec<Json> = urls.iter().map(entry).collect();
    Source::Memory(vec![json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})])
}

async fn status(app: &App, tokens: &Tokens, path: &str) -> StatusCode {
    app.fhir(tokens, path).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_was_another_members_leaves_their_record() {
    let app = App::start().await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    app.load(Source::Memory(vec![observation("mistaken", "alice")])).await;
    assert_eq!(status(&app, &alice, "Observation/mistaken").await, StatusCode::OK);
    let report = app.load(Source::Memory(vec![observation("mistaken", "bob")])).await;
    assert_eq!(report.total().stored, 1, "{report}");
    let (theirs, none) = (app.fhir(&alice, "Observation/mistaken").await, app.fhir(&alice, "Observation/none").await);
    assert_eq!((theirs.status, theirs.body), (StatusCode::NOT_FOUND, none.body), "as if it had never been there");
    assert!(app.fhir(&alice, "Observation?_id=mistaken").await.matches().is_empty());
    assert_eq!(status(&app, &bob, "Observation/mistaken").await, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_word_on_whose_it_is_changes_nothing() {
    let app = App::start().await;
    let dated = |patient: &str, date: &str| {
        let mut resource = observation("moved", patient);
        resource["meta"] = json!({"lastUpdated": date});
        resource
    };
    app.load(Source::Memory(vec![dated("alice", "2026-03-01T00:00:00Z")])).await;
    let report = app.load(Source::Memory(vec![dated("bob", "2026-02-01T00:00:00Z")])).await;
    assert_eq!(report.total().superseded, 1, "{report}");
    let alice = app.sign_in("alice", EVERYTHING).await;
    assert_eq!(status(&app, &alice, "Observation/moved").await, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_turns_out_to_be_a_members_own_is_shared_no_more() {
    let app = App::start().await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    let device = |patient: Option<&str>| {
        let mut device = json!({"resourceType": "Device", "id": "pump", "status": "active"});
        if let Some(patient) = patient {
            device["patient"] = json!({"reference": format!("Patient/{patient}")});
        }
        device
    };
    let mut uses = observation("uses", "alice");
    uses["device"] = json!({"reference": "Device/pump"});
    app.load(Source::Memory(vec![device(None), uses])).await;
    assert_eq!(status(&app, &alice, "Device/pump").await, StatusCode::OK);
    app.load(Source::Memory(vec![device(Some("bob"))])).await;
    assert_eq!(status(&app, &alice, "Device/pump").await, StatusCode::NOT_FOUND);
    assert_eq!(status(&app, &bob, "Device/pump").await, StatusCode::OK);
    app.load(Source::Memory(vec![device(None)])).await;
    assert_eq!(status(&app, &alice, "Device/pump").await, StatusCode::OK);
    assert_eq!(status(&app, &bob, "Device/pump").await, StatusCode::NOT_FOUND, "nothing of bob's refers to it");
    app.finish().await;
}

/// R4, "HTTP": a read of a deleted resource is 410.
/// The resources to which a shared one leads are in reach where one of the member's own refers to it, and not where only a shared one does.
#[tokio::test(flavor = "multi_thread")]
async fn a_shared_resource_comes_nearer_once_one_of_the_members_own_refers_to_it() {
    let app = App::start().await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let mut seen = observation("seen", "alice");
    seen["performer"] = json!([{"reference": "PractitionerRole/near"}]);
    let far = vec![
        seen,
        json!({"resourceType": "PractitionerRole", "id": "near", "organization": {"reference": "Organization/nearer"}}),
        json!({"resourceType": "Organization", "id": "nearer", "endpoint": [{"reference": "Endpoint/far"}]}),
        json!({"resourceType": "Endpoint", "id": "far", "status": "active"}),
    ];
    app.load(Source::Memory(far)).await;
    assert_eq!(status(&app, &alice, "Organization/nearer").await, StatusCode::OK);
    assert_eq!(status(&app, &alice, "Endpoint/far").await, StatusCode::NOT_FOUND, "three steps away");
    let coverage = json!({"resourceType": "Coverage", "id": "near", "status": "active",
        "beneficiary": {"reference": "Patient/alice"}, "payor": [{"reference": "Organization/nearer"}]});
    app.load(Source::Memory(vec![coverage])).await;
    assert_eq!(status(&app, &alice, "Endpoint/far").await, StatusCode::OK, "two steps away");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_the_plan_deletes_is_410() {
    let app = App::start().await;
    app.load(Source::Memory(vec![observation("wrong", "alice"), observation("right", "alice")])).await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let report = app.load(deletion(&["Observation/wrong", "Observation/never-there"])).await;
    assert_eq!(
        report.types["Observation"],
        Tally { read: 2, deleted: 1, unchanged: 1, ..Tally::default() },
        "{report}"
    );
    let gone = app.fhir(&alice, "Observation/wrong").await;
    assert_eq!((gone.status, gone.issue().0.as_str()), (StatusCode::GONE, "deleted"));
    assert_eq!(status(&app, &alice, "Observation/wrong/_history/1").await, StatusCode::GONE);
    assert_eq!(app.fhir(&alice, "Observation?_id=right,wrong").await.matches(), ["Observation/right"]);
    let whole = app.fhir(&alice, "Patient/alice/$everything?_type=Observation").await;
    assert!(whole.matches().iter().all(|key| key != "Observation/wrong"));
    let again = app.load(deletion(&["Observation/wrong"])).await;
    assert_eq!(again.total().unchanged, 1);
    app.load(Source::Memory(vec![observation("wrong", "alice")])).await;
    assert_eq!(
        app.fhir(&alice, "Observation/wrong").await.header("etag"),
        "W/\"3\"",
        "it is back as a version of its own"
    );
    // Some senders put the resource to be deleted, or null, beside the request.
    for beside in [observation("right", "alice"), Json::Null] {
        let request = json!({"method": "DELETE", "url": "Observation/right"});
        let entry = json!([{"resource": beside, "request": request}]);
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entry});
        assert!(app.load(Source::Memory(vec![bundle])).await.is_clean());
        assert_eq!(status(&app, &alice, "Observation/right").await, StatusCode::GONE);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_tells_nothing_to_another_member_nor_to_a_token_for_a_part() {
    let app = App::start().await;
    app.load(Source::Memory(vec![observation("wrong", "alice")])).await;
    app.load(deletion(&["Observation/wrong"])).await;
    let vitals = "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs";
    let part = app.sign_in("alice", &format!("patient/Observation.rs?category={vitals}")).await;
    let bob = app.sign_in("bob", EVERYTHING).await;
    for tokens in [&part, &bob] {
        let (gone, none) = (app.fhir(tokens, "Observation/wrong").await, app.fhir(tokens, "Observation/none").await);
        assert_eq!((gone.status, gone.body), (StatusCode::NOT_FOUND, none.body));
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_resource_can_be_deleted_too() {
    let app = App::start().await;
    let mut seen = observation("seen", "alice");
    seen["performer"] = json!([{"reference": "Practitioner/retired"}]);
    app.load(Source::Memory(vec![seen, json!({"resourceType": "Practitioner", "id": "retired"})])).await;
    app.load(deletion(&["Practitioner/retired"])).await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    assert_eq!(status(&app, &alice, "Practitioner/retired").await, StatusCode::GONE);
    assert_eq!(status(&app, &bob, "Practitioner/retired").await, StatusCode::NOT_FOUND);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_word_of_a_run_counts_be_it_a_deletion() {
    let app = App::start().await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let delete = json!({"resourceType": "Bundle", "type": "transaction",
        "entry": [{"request": {"method": "DELETE", "url": "Observation/brief"}}]});
    app.load(Source::Memory(vec![observation("brief", "alice"), delete.clone()])).await;
    assert_eq!(status(&app, &alice, "Observation/brief").await, StatusCode::NOT_FOUND, "it was never there");
    app.load(Source::Memory(vec![delete, observation("brief", "alice")])).await;
    assert_eq!(status(&app, &alice, "Observation/brief").await, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_names_no_resource_by_its_id_is_rejected() {
    let app = App::start().await;
    let urls = [
        "Observation?subject=Patient/alice",
        "",
        "Group/g",
        "https://elsewhere.example/Observation/1",
        "Observation/a/_history/1",
    ];
    let report = app.load(deletion(&urls)).await;
    assert_eq!(report.reasons, [(ReasonCode::BadDeletion.as_str(), 5)].into(), "{report}");
    app.finish().await;
}

/// A Provenance belongs to the owner of its targets, whichever run they came in.
#[tokio::test(flavor = "multi_thread")]
async fn a_provenance_may_come_after_what_it_is_about() {
    let app = App::start().await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    app.load(Source::Memory(vec![observation("first", "alice")])).await;
    let provenance = |target: &str| {
        json!({"resourceType": "Provenance", "id": "late", "recorded": "2026-01-01T00:00:00Z",
        "target": [{"reference": target}], "agent": [{"who": {"display": "a lab"}}]})
    };
    app.load(Source::Memory(vec![provenance("Observation/first")])).await;
    assert_eq!(status(&app, &alice, "Provenance/late").await, StatusCode::OK);
    app.load(Source::Memory(vec![observation("other", "bob"), provenance("Observation/other")])).await;
    assert_eq!(
        status(&app, &alice, "Provenance/late").await,
        StatusCode::NOT_FOUND,
        "its target is another member's now"
    );
    let report = app.load(Source::Memory(vec![provenance("Observation/unknown")])).await;
    assert_eq!(report.reasons, [(ReasonCode::UnknownTargets.as_str(), 1)].into());
    app.finish().await;
}

/// An app asks with the `ETag` of its copy, so no version number may ever mean two contents.
#[tokio::test(flavor = "multi_thread")]
async fn versions_go_on_counting_when_a_resource_comes_back() {
    let app = App::start().await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let mut numbers = Vec::new();
    for (status, patient) in [("final", "alice"), ("final", "bob"), ("amended", "alice")] {
        let mut resource = observation("wanders", patient);
        resource["status"] = json!(status);
        app.load(Source::Memory(vec![resource])).await;
        if patient == "alice" {
            numbers.push(app.fhir(&alice, "Observation/wanders").await.json()["meta"]["versionId"].clone());
        }
    }
    assert_eq!(numbers, [json!("1"), json!("3")]);
    app.finish().await;
}

/// A Patient's identifiers are those of the version that counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_only_a_superseded_version_had_leads_nowhere() {
    let app = App::start().await;
    let patient = |month: &str, value: &str| {
        json!({"resourceType": "Patient", "id": "renamed", "meta": {"lastUpdated": format!("2026-{month}-01T00:00:00Z")},
            "identifier": [{"system": "urn:plan:member", "value": value}]})
    };
    let mut named = observation("by-name", "alice");
    named["subject"]["reference"] = json!("Patient?identifier=urn:plan:member|former");
    let report = app.load(Source::Memory(vec![patient("01", "former"), patient("02", "own"), named.clone()])).await;
    assert_eq!(report.reasons, [(ReasonCode::OwnerNotAPatient.as_str(), 1)].into(), "{report}");
    named["subject"]["reference"] = json!("Patient?identifier=urn:plan:member|own");
    let report = app.load(Source::Memory(vec![patient("02", "own"), named])).await;
    assert!(report.is_clean(), "{report}");
    app.finish().await;
}

/// R4, "Bundle.entry.fullUrl": it identifies a resource, and two of them identify two.
#[tokio::test(flavor = "multi_thread")]
async fn resources_of_two_servers_under_one_id_are_both_refused() {
    let app = App::start().await;
    let entry = |server: &str| {
        json!({"fullUrl": format!("https://{server}.example/fhir/Patient/twin"),
            "resource": {"resourceType": "Patient", "id": "twin", "name": [{"family": server}]}})
    };
    let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": [entry("one"), entry("other")]});
    let report = app.load(Source::Memory(vec![bundle])).await;
    assert_eq!(report.reasons, [(ReasonCode::AmbiguousId.as_str(), 2)].into(), "{report}");
    app.finish().await;
}

/// A practitioner is read by everybody whose record refers to them.
#[tokio::test(flavor = "multi_thread")]
async fn a_shared_resource_that_names_a_member_is_refused() {
    let app = App::start().await;
    let mut practitioner = json!({"resourceType": "Practitioner", "id": "tells"});
    practitioner["extension"] = json!([{"url": "http://x.example/of", "valueReference": {"reference": "Patient/bob"}}]);
    let report = app.load(Source::Memory(vec![practitioner])).await;
    assert_eq!(report.reasons, [(ReasonCode::NamesAMember.as_str(), 1)].into(), "{report}");
    app.finish().await;
}
