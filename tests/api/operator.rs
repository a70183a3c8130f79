//! The rights that the documentation lists for the operator's role are those that the commands use, and no more.

use std::collections::{BTreeMap, BTreeSet};

use patient_access::load::Source;
use patient_access::stack::{Descriptor, Stack};
use serde_json::{Value as Json, json};
use shared::secret::Random;
use tests::{App, Call, Wire, checkout, operate_on};

use crate::load_faults::{after, before};

/// Rights by the place where they are needed, both as `operations.md` names them.
type Rights = BTreeMap<String, BTreeSet<String>>;

/// A resource that is stored in the bucket, because it is too long for a row.
fn long(patient: &str) -> Json {
    let text: Vec<String> = (0..10_000).map(|_| Random::system().identifier()).collect();
    json!({"resourceType": "Observation", "id": "long", "status": "final", "code": {"text": text.concat()},
        "subject": {"reference": format!("Patient/{patient}")}})
}

/// A Patient who is known by a number.
fn known(number: &str) -> Json {
    json!({"resourceType": "Patient", "id": "known", "identifier": [{"system": "http://plan.example", "value": number}]})
}

fn gone() -> Json {
    let request = json!({"method": "DELETE", "url": "Observation/long"});
    json!({"resourceType": "Bundle", "type": "transaction", "entry": [{"request": request}]})
}

/// Makes every kind of change that a feed can bring, and runs every command that changes an app, a member or a key.
async fn work(app: &App, stack: &Stack) {
    for feed in [
        before("x"),
        after("x"),
        after("x"),
        vec![long("bob")],
        vec![long("alice")],
        vec![long("alice"), gone()],
        vec![known("1")],
        vec![known("2")],
    ] {
        assert!(app.load_into(stack, Source::Memory(feed)).await.is_clean());
    }
    for line in [
        "app change app --name App",
        "app list",
        "app disable app",
        "app enable app",
        "member add --username eve --password eves-password --patient bob",
        "member password --username alice --password another-one",
        "member disable --username alice",
        "member enable --username alice",
        "keys rotate",
        "keys rotate --at-once",
        "keys rotate --compromised",
        "keys sync",
        "keys list",
        "keys retire",
    ] {
        let told = operate_on(stack, &line.split(' ').collect::<Vec<_>>()).await;
        assert!(told.is_ok(), "{line}: {told:?}");
    }
}

/// The place that a call goes to, and the right that it needs there.
fn needed(call: &Call, environment: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let place = |table: &Json| match table.as_str() {
        Some(table) if table == environment["RESOURCES_TABLE"] => "the resources table",
        Some(table) if table == environment["AUTH_TABLE"] => "the auth table",
        _ => "another table",
    };
    let right = |place: &str, right: &str| (place.to_owned(), right.to_owned());
    match call.operation.as_str() {
        "CreateKey" => vec![right("every key", "kms:CreateKey")],
        "GetKeyPolicy" | "GetPublicKey" | "PutKeyPolicy" | "ScheduleKeyDeletion" | "Sign" => {
            vec![right("the signing keys", &format!("kms:{}", call.operation))]
        }
        "GenerateMac" => vec![right("the key of identifiers", "kms:GenerateMac")],
        "HeadObject" => vec![right("the documents bucket", "s3:GetObject")],
        object if object.ends_with("Object") => vec![right("the documents bucket", &format!("s3:{object}"))],
        "TransactWriteItems" => {
            let writes =
                call.body["TransactItems"].as_array().unwrap().iter().flat_map(|item| item.as_object().unwrap());
            let of = |(kind, write): (&String, &Json)| {
                let kind =
                    if kind == "ConditionCheck" { "ConditionCheckItem".to_owned() } else { format!("{kind}Item") };
                right(place(&write["TableName"]), &format!("dynamodb:{kind}"))
            };
            writes.map(of).collect()
        }
        "BatchGetItem" => {
            let tables = call.body["RequestItems"].as_object().unwrap().keys();
            tables.map(|table| right(place(&Json::from(table.as_str())), "dynamodb:BatchGetItem")).collect()
        }
        operation => vec![right(place(&call.body["TableName"]), &format!("dynamodb:{operation}"))],
    }
}

/// The rights that `operations.md` lists.
fn documented() -> Rights {
    let page = std::fs::read_to_string(checkout().join("docs/operations.md")).unwrap();
    let list = page.split_once("The operator's role needs").unwrap().1.split_once("\n\n").unwrap().0;
    let rights = list.split("\n- ").skip(1).map(|entry| {
        let (head, rights) = entry.split_once(':').unwrap();
        let place = head.rsplit_once(", on ").unwrap().1;
        (place.to_owned(), rights.split('`').skip(1).step_by(2).map(str::to_owned).collect())
    });
    rights.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_role_needs_the_rights_that_the_documentation_lists_and_no_others() {
    let app = App::start().await;
    // A grant that the commands can end.
    app.sign_in("alice", "patient/*.rs").await;
    let wire = Wire::new().await;
    wire.lead_to(app.environment());
    let mut environment = app.environment().clone();
    environment.extend(wire.environment());
    let stack = Stack::local(&Descriptor { url: app.url().to_owned(), environment }).await.unwrap();
    work(&app, &stack).await;
    let mut used = Rights::new();
    for (place, right) in wire.calls().iter().flat_map(|call| needed(call, app.environment())) {
        used.entry(place).or_default().insert(right);
    }
    assert_eq!(used, documented());
    app.finish().await;
}
