//! A provider's claim is looked up: the person is the member who has that identifier now, alone, or nobody.

use http::StatusCode;
use patient_access::load::{Report, Source};
use serde_json::{Value as Json, json};
use shared::bounds::{IDENTIFIER_BYTES, LED_MEMBERS, REPLACEMENTS};
use tests::Reply;

use super::stand::{Stand, signs_nobody_in};

const CARDS: &str = "http://plan.example/cards";

fn patient(id: &str, born: &str, cards: &[&str]) -> Json {
    let cards: Vec<Json> = cards.iter().map(|card| json!({"system": CARDS, "value": card})).collect();
    json!({"resourceType": "Patient", "id": id, "birthDate": born, "identifier": cards, "name": [{"family": "Doe"}]})
}

fn coverage(id: &str, member: &str, subscriber: &str, dependent: &str) -> Json {
    json!({"resourceType": "Coverage", "id": id, "status": "active", "subscriberId": subscriber, "dependent": dependent,
        "beneficiary": {"reference": format!("Patient/{member}")}, "payor": [{"display": "Plan"}]})
}

/// A Patient who was replaced, or who replaces another.
fn linked(patient: Json, kind: &str, others: &[&str]) -> Json {
    let link = |other: &&str| json!({"other": {"reference": format!("Patient/{other}")}, "type": kind});
    let mut patient = patient;
    let mut links = patient["link"].as_array().cloned().unwrap_or_default();
    links.extend(others.iter().map(link));
    patient["link"] = Json::Array(links);
    if kind == "replaced-by" {
        patient["active"] = false.into();
    }
    patient
}

fn deletion(of: &str) -> Json {
    json!({"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": of}}]})
}

/// A stand whose provider's claim `member` has this meaning.
async fn stand(names: &str) -> Stand {
    let stand = Stand::new().await;
    let set = format!("identity-provider set plan --issuer {} --client-id us --private-key-jwt", stand.provider.url);
    stand.operate(&format!("{set} --claim member --names {names}")).await;
    stand
}

impl Stand {
    async fn loaded(&self, resources: Vec<Json>) -> Report {
        let report = self.app.load(Source::Memory(resources)).await;
        assert!(report.is_clean(), "{report}");
        report
    }

    /// A person of that subject comes with these claims.
    async fn comes(&self, subject: &str, claims: &Json) -> Reply {
        let away = self.away().await;
        let mut all = self.claims(&away);
        all["sub"] = subject.into();
        all.as_object_mut().unwrap().remove("member");
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        self.back(&away, &all).await
    }

    /// Whether somebody who comes for the first time with these claims is signed in as that member.
    async fn is(&self, claims: &Json, member: &str) -> bool {
        let subject = shared::secret::Random::system().identifier();
        let reply = self.comes(&subject, claims).await;
        reply.status == StatusCode::SEE_OTHER && self.persons().await[&subject]["patient"] == member
    }

    /// The sentence of the page that somebody gets who comes for the first time with these claims, and is not signed in.
    async fn told(&self, claims: &Json) -> String {
        let reply = self.comes(&shared::secret::Random::system().identifier(), claims).await;
        assert!(signs_nobody_in(&reply), "{claims}: {reply:?}");
        reply.body
    }
}

const NO_RECORD: &str = "has not connected it to a record";
const UNCLEAR: &str = "record here fits your sign-in";

/// T173
#[tokio::test(flavor = "multi_thread")]
async fn a_number_signs_its_member_in_until_it_is_corrected_and_two_who_claim_one_do_not_come_in() {
    let stand = stand(&format!("identifier:{CARDS}")).await;
    let card = |card: &str| json!({"member": card});
    // A number that is also the Patient's id is one like any other; an id that is no number of theirs is none.
    stand.loaded(vec![patient("dora", "1980-02-03", &["D1", "dora"]), patient("emil", "1981-01-01", &[])]).await;
    assert!(stand.is(&card("D1"), "dora").await && stand.is(&card("dora"), "dora").await);
    for nobodys in ["D2", "emil", "d1", "D1 "] {
        assert!(stand.told(&card(nobodys)).await.contains(NO_RECORD), "{nobodys}");
    }
    assert_eq!(stand.comes("once", &card("D1")).await.status, StatusCode::SEE_OTHER);

    stand.loaded(vec![patient("dora", "1980-02-03", &["D2"])]).await;
    assert!(stand.told(&card("D1")).await.contains(NO_RECORD), "the number was corrected");
    assert!(stand.is(&card("D2"), "dora").await);
    let reply = stand.comes("once", &card("D1")).await;
    assert!(signs_nobody_in(&reply) && reply.body.contains("or to none"), "the tie was by that number: {}", reply.body);
    stand.operate("member change --provider plan --subject once --patient dora").await;
    assert_eq!(stand.comes("once", &card("D1")).await.status, StatusCode::SEE_OTHER, "the plan's tie stands");

    let report = stand.loaded(vec![patient("emil", "1981-01-01", &["D2"])]).await;
    assert_eq!(report.warned.get("one-identifier"), Some(&1), "{report}");
    assert!(stand.told(&card("D2")).await.contains(UNCLEAR));
    assert!(stand.app.audit("user/plan").await.iter().any(|record| record["outcome"] == "unclear-record"));
    stand.loaded(vec![deletion("Patient/emil")]).await;
    assert!(stand.is(&card("D2"), "dora").await, "it is one member's again");
    stand.app.finish().await;
}

/// T143
#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_no_text_or_a_birth_date_that_is_no_date_names_nobody() {
    let stand = stand("coverage:subscriberId --and-birth-date birthdate").await;
    stand.loaded(vec![patient("dora", "1980-02-03", &[]), coverage("c", "dora", "S", "01")]).await;
    let claims = |member: Json, born: Json| json!({"member": member, "birthdate": born});
    assert!(stand.is(&claims(json!("S"), json!("1980-02-03")), "dora").await);
    for (member, born, word) in [
        (Json::Null, json!("1980-02-03"), NO_RECORD),
        (json!(""), json!("1980-02-03"), NO_RECORD),
        (json!("S"), Json::Null, NO_RECORD),
        (json!("S"), json!(""), NO_RECORD),
        (json!("S"), json!("1980-02-04"), NO_RECORD),
        (json!(["S"]), json!("1980-02-03"), "do not understand"),
        (json!({"id": "S"}), json!("1980-02-03"), "do not understand"),
        (json!(7), json!("1980-02-03"), "do not understand"),
        (json!("x".repeat(1000)), json!("1980-02-03"), "do not understand"),
        (json!("S"), json!(["1980-02-03"]), "do not understand"),
        (json!("S"), json!("1980"), "do not understand"),
        (json!("S"), json!("02/03/1980"), "do not understand"),
    ] {
        let claims = claims(member, born);
        let told = stand.told(&claims).await;
        assert!(told.contains(word), "{claims}: {told}");
    }
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_of_one_number_is_told_apart_by_birth_date_and_twins_by_their_number_in_the_coverage() {
    let stand = stand("coverage:subscriberId --and-birth-date birthdate").await;
    let claims = |born: &str| json!({"member": "S", "birthdate": born, "suffix": "02"});
    // The Coverages of some come before their Patients.
    stand.loaded(vec![coverage("c-mother", "mother", "S", "00"), coverage("c-child", "child", "S", "01")]).await;
    assert!(stand.told(&claims("1980-02-03")).await.contains(NO_RECORD), "there is no Patient yet");
    let report = stand.loaded(vec![patient("mother", "1980-02-03", &[]), patient("child", "2010-01-01", &[])]).await;
    assert!(report.warned.is_empty(), "a family has one number: {report}");
    let twin = |id: &str| patient(id, "2015-05-05", &[]);
    let twins = [coverage("c-one", "one", "S", "02"), coverage("c-two", "two", "S", "03"), twin("one"), twin("two")];
    let report = stand.loaded(twins.to_vec()).await;
    assert!(report.warned.is_empty(), "their numbers differ: {report}");
    assert!(stand.is(&claims("1980-02-03"), "mother").await && stand.is(&claims("2010-01-01"), "child").await);
    assert!(stand.told(&claims("2015-05-05")).await.contains(UNCLEAR), "twins need a third");

    // The birth date is the Patient's, and follows it.
    stand.loaded(vec![patient("child", "2010-01-11", &[])]).await;
    assert!(stand.told(&claims("2010-01-01")).await.contains(NO_RECORD));
    assert!(stand.is(&claims("2010-01-11"), "child").await);
    stand.loaded(vec![coverage("c-child", "mother", "S", "01")]).await;
    assert!(stand.told(&claims("2010-01-11")).await.contains(NO_RECORD), "the Coverage moved to another member");
    stand.loaded(vec![deletion("Patient/mother")]).await;
    assert!(stand.told(&claims("1980-02-03")).await.contains(NO_RECORD), "the Patient was deleted");

    let set = format!("identity-provider set plan --issuer {} --client-id us --private-key-jwt", stand.provider.url);
    let third = "--names coverage:subscriberId --and-birth-date birthdate --and-dependent suffix";
    let told = stand.operate(&format!("{set} --claim member {third}")).await;
    assert_eq!((&told["names"], &told["and_dependent"]), (&json!("coverage:subscriberId"), &json!("suffix")));
    assert!(stand.is(&claims("2015-05-05"), "one").await);
    let report = stand.loaded(vec![coverage("c-two", "two", "S", "02")]).await;
    assert_eq!(report.warned.get("one-identifier"), Some(&1), "now nothing tells them apart: {report}");
    assert!(stand.told(&claims("2015-05-05")).await.contains(UNCLEAR));
    stand.app.finish().await;
}

/// T173
#[tokio::test(flavor = "multi_thread")]
async fn a_patient_who_was_replaced_leads_to_the_survivor_if_both_say_so_and_to_nobody_if_it_is_unclear() {
    let stand = stand(&format!("identifier:{CARDS}")).await;
    let card = |card: &str| json!({"member": card});
    let (old, new) = (patient("old", "1980-02-03", &["O"]), patient("new", "1980-02-03", &["N"]));
    stand.loaded(vec![old.clone(), new.clone()]).await;
    assert_eq!(stand.comes("once", &card("O")).await.status, StatusCode::SEE_OTHER);
    stand.loaded(vec![linked(old.clone(), "replaced-by", &["new"])]).await;
    assert!(stand.is(&card("O"), "old").await, "the survivor says nothing of it");
    stand.loaded(vec![linked(new.clone(), "replaces", &["old"])]).await;
    assert!(stand.is(&card("O"), "new").await && stand.is(&card("N"), "new").await);
    assert_eq!(stand.comes("once", &card("O")).await.status, StatusCode::SEE_OTHER);
    assert_eq!(stand.persons().await["once"]["patient"], "new", "the plan's own word moves a tie");
    let mut active = linked(old.clone(), "replaced-by", &["new"]);
    active["active"] = true.into();
    stand.loaded(vec![active]).await;
    assert!(stand.is(&card("O"), "old").await, "somebody who is active was not replaced");

    // A chain ends; a circle and two survivors do not.
    let last = linked(patient("last", "1980-02-03", &["L"]), "replaces", &["new"]);
    let both =
        |patient, replaces: &str, by: &[&str]| linked(linked(patient, "replaces", &[replaces]), "replaced-by", by);
    stand.loaded(vec![linked(old.clone(), "replaced-by", &["new"]), both(new.clone(), "old", &["last"]), last]).await;
    assert!(stand.is(&card("O"), "last").await && stand.is(&card("N"), "last").await);
    let circle = both(patient("last", "1980-02-03", &["L"]), "new", &["old"]);
    let report = stand.loaded(vec![circle, linked(both(old, "last", &["new"]), "replaces", &["last"])]).await;
    assert!(report.warned.get("circle-of-links").is_some_and(|count| *count > 0), "{report}");
    for number in ["O", "N", "L"] {
        assert!(stand.told(&card(number)).await.contains(UNCLEAR), "{number}");
    }
    let several = linked(patient("twice", "1980-02-03", &["T"]), "replaced-by", &["a", "b"]);
    let survivors = ["a", "b"].map(|id| linked(patient(id, "1980-02-03", &[]), "replaces", &["twice"]));
    let report = stand.loaded([vec![several], survivors.to_vec()].concat()).await;
    assert!(report.warned.get("two-survivors").is_some_and(|count| *count > 0), "{report}");
    let told = report.findings.iter().find(|finding| finding.rule == "two-survivors").unwrap();
    assert!(told.text.contains("Patient/twice") && told.text.contains("Patient/a, Patient/b"), "{}", told.text);
    assert!(stand.told(&card("T")).await.contains(UNCLEAR));
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_a_chain_and_a_crowd_may_be_as_long_as_their_bounds_and_no_longer() {
    let stand = stand(&format!("identifier:{CARDS}")).await;
    let card = |card: &str| json!({"member": card});
    let (most, more) = ("x".repeat(IDENTIFIER_BYTES), "x".repeat(IDENTIFIER_BYTES + 1));
    stand.loaded(vec![patient("long", "1980-02-03", &[&most, &more])]).await;
    assert!(stand.is(&card(&most), "long").await && stand.told(&card(&more)).await.contains("do not understand"));

    // Each Patient of a chain is replaced by the next; the first card is that many replacements from the end.
    let of = |at: usize| format!("link-{at}");
    let link = |at: usize| {
        let own = patient(&of(at), "1980-02-03", &[&of(at)]);
        let own = if at == 0 { own } else { linked(own, "replaces", &[&of(at - 1)]) };
        if at == REPLACEMENTS + 1 { own } else { linked(own, "replaced-by", &[&of(at + 1)]) }
    };
    stand.loaded((0..=REPLACEMENTS + 1).map(link).collect()).await;
    assert!(stand.told(&card("link-0")).await.contains(UNCLEAR));
    assert!(stand.is(&card("link-1"), &of(REPLACEMENTS + 1)).await);

    // All who have one number are one person, of whom this many ids are looked up.
    let all: Vec<String> = (0..=LED_MEMBERS).map(|at| format!("crowd-{at}")).collect();
    let member = |id: &String| linked(patient(id, "1980-02-03", &["C"]), "replaced-by", &["crowd"]);
    let crowd =
        linked(patient("crowd", "1980-02-03", &[]), "replaces", &all.iter().map(|id| &**id).collect::<Vec<_>>());
    stand.loaded(all.iter().skip(1).map(member).chain([crowd]).collect()).await;
    assert!(stand.is(&card("C"), "crowd").await);
    stand.loaded(vec![member(&all[0])]).await;
    assert!(stand.told(&card("C")).await.contains(UNCLEAR));
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_hears_whether_anybody_can_be_found() {
    let stand = stand("identifier:http://plan.example/nobodys").await;
    let check = async || stand.app.operate(&["identity-provider", "check", "plan", "--json"]).await;
    let told = format!("{:#}", check().await.unwrap_err());
    assert!(told.contains("no Patient is loaded by which"), "{told}");
    stand.loaded(vec![patient("dora", "1980-02-03", &["D1"]), coverage("c", "dora", "S", "01")]).await;
    let told = format!("{:#}", check().await.unwrap_err());
    assert!(told.contains(&format!("`{CARDS}`")), "it says which there are: {told}");
    let set = format!("identity-provider set plan --issuer {} --client-id us --private-key-jwt", stand.provider.url);
    for names in [format!("identifier:{CARDS}"), "coverage:subscriberId --and-birth-date b".to_owned()] {
        stand.operate(&format!("{set} --claim member --names {names}")).await;
        let told: Json = serde_json::from_str(&check().await.unwrap()).unwrap();
        assert_eq!((&told["fits"], &told["notes"]), (&json!(true), &json!([])));
    }
    stand.operate(&format!("{set} --claim member --names coverage:subscriberId")).await;
    let told = check().await.unwrap();
    assert!(told.contains("--and-birth-date"), "a family: {told}");
    for (line, word) in [
        ("--names patient --and-birth-date b", "a Patient id names one person"),
        ("--names identifier:x --and-dependent d", "no such number"),
        ("--names identifier:", "coverage:SYSTEM"),
    ] {
        let line = format!("{set} --claim member {line}");
        let told = stand.app.operate(&line.split(' ').collect::<Vec<_>>()).await.unwrap_err();
        assert!(format!("{told:#}").contains(word), "{line}: {told:#}");
    }
    stand.app.finish().await;
}

/// T174: a function that reads health data can open neither a client secret nor the key of identifiers: it may not ask KMS, and where it could,
/// what was sealed for one purpose does not open for another.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_sealed_for_one_purpose_opens_for_no_other() {
    use shared::secret::Secret;
    use shared::store::sealer::Context;
    let stand = stand(&format!("identifier:{CARDS}")).await;
    let sealer = stand.app.stack_to_work_on().await.sealer().unwrap();
    let context = |purpose, name: &str| Context { purpose, pairs: vec![("identity-provider", name.to_owned())] };
    let sealed = sealer.seal(&Secret::from_client("secret"), &context("identity-provider", "plan")).await.unwrap();
    assert!(sealer.open(&sealed, &context("identity-provider", "plan")).await.is_ok());
    for (purpose, name) in [("identity-provider", "second"), ("identifiers", "plan"), ("", "plan")] {
        assert!(sealer.open(&sealed, &context(purpose, name)).await.is_err(), "{purpose} {name}");
    }
    let rows = stand.app.stored("identifier-key").await;
    assert!(rows.len() == 1 && rows.values().all(|row| row["sealed"].as_str().unwrap().len() > 60), "{rows:?}");
    stand.app.finish().await;
}
