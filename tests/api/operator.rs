//! The rights that the documentation lists for the operator's role are those that the commands use, and no more.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use patient_access::audit::operator::record;
use patient_access::load::Source;
use patient_access::stack::{Descriptor, Stack};
use serde_json::{Value as Json, json};
use shared::secret::Random;
use tests::{App, Call, Wire, checkout, operate_on};

use crate::load_faults::{after, before};
use crate::members::at_the_door;

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
        "member list --state locked",
        "member change --username alice --new-username alicia",
        "member change --username alicia --patient bob",
        "member unlock --username bob",
        "member remove --username eve",
        "keys rotate",
        "keys rotate --at-once",
        "keys rotate --compromised",
        "keys sync",
        "keys list",
        "keys retire",
        "report cms --year 2026 --verify",
        "report synthetic --patient bob",
        "report usage --from 2026-01 --to 2026-12",
        "audit show --patient alice",
        "audit verify",
    ] {
        let told = operate_on(stack, &line.split(' ').collect::<Vec<_>>()).await;
        assert!(told.is_ok(), "{line}: {told:?}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "username,patient,state\nbob,bob,disabled\nfay,bob,\n").unwrap();
    operate_on(stack, &["member", "import", file.path().to_str().unwrap()]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    operate_on(stack, &["prove", "--out", folder.path().to_str().unwrap()]).await.unwrap();
}

/// An audit with a closed day, and an app that got data twice in a year that nobody counted.
async fn audited(app: &App, stack: &Stack) {
    let client = tests::dynamodb(app.environment());
    let put = async |moment: &str| {
        let mut request = client.put_item().table_name(&app.environment()["AUDIT_TABLE"]);
        for (name, text) in [("pk", "Patient/bob"), ("sk", moment), ("outcome", "ok"), ("client", "app")] {
            request = request.item(name, AttributeValue::S(text.to_owned()));
        }
        request.item("given", AttributeValue::N("1".to_owned())).send().await.unwrap();
    };
    put("2026-01-01T10:00:00.000Z#1").await;
    app.hand_over("archive").await;
    assert_ne!(app.invoke("close", &json!({})).await, json!([]));
    for moment in ["2026-01-01T10:00:00.000Z#1", "2026-01-01T10:00:00.000Z#2", "2026-01-01T10:00:00.000Z#3"] {
        put(moment).await;
        operate_on(stack, &["report", "cms", "--year", "2026", "--verify"]).await.unwrap();
    }
    record(stack, &["app".to_owned(), "list".to_owned()]).await.unwrap();
}

/// The place that a call goes to, and the right that it needs there.
fn needed(call: &Call, environment: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let place = |table: &Json| match table.as_str() {
        Some(table) if table == environment["RESOURCES_TABLE"] => "the resources table",
        Some(table) if table == environment["AUTH_TABLE"] => "the auth table",
        Some(table) if table == environment["AUDIT_TABLE"] => "the audit table",
        _ => "another table",
    };
    let right = |place: &str, right: &str| (place.to_owned(), right.to_owned());
    match call.operation.as_str() {
        "CreateKey" => vec![right("every key", "kms:CreateKey")],
        "GetPublicKey" if call.body["KeyId"].as_str() == environment.get("AUDIT_KEY").map(String::as_str) => {
            vec![right("the audit's key", "kms:GetPublicKey")]
        }
        "GetObject" if call.path.trim_matches('/') == environment["AUDIT_ARCHIVE"] => {
            vec![right("the audit's archive", "s3:ListBucket")]
        }
        object if call.path.starts_with(&format!("/{}/", environment["AUDIT_ARCHIVE"])) => {
            vec![right("the audit's archive", &format!("s3:{object}"))]
        }
        "GetKeyPolicy" | "GetPublicKey" | "PutKeyPolicy" | "ScheduleKeyDeletion" | "Sign" => {
            vec![right("the signing keys", &format!("kms:{}", call.operation))]
        }
        "Encrypt" | "Decrypt" => {
            let purpose = call.body["EncryptionContext"]["purpose"].as_str().unwrap_or_default();
            let place = format!(
                "the key of data (the output `DataKeyArn`), where the encryption context has the purpose `{purpose}`"
            );
            vec![right(&place, &format!("kms:{}", call.operation))]
        }
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
    // A wrong password, to be forgotten.
    app.log_in(&at_the_door(&app).await, "bob", "not the password").await;
    let wire = Wire::new().await;
    wire.lead_to(app.environment());
    let mut environment = app.environment().clone();
    environment.extend(wire.environment());
    let stack = Stack::local(&Descriptor { url: app.url().to_owned(), environment }).await.unwrap();
    audited(&app, &stack).await;
    // As on a stack into which nobody has loaded yet.
    let key =
        [("pk", "identifier-key#all"), ("sk", "-")].map(|(name, text)| (name, AttributeValue::S(text.to_owned())));
    let table = &app.environment()["AUTH_TABLE"];
    let request = tests::dynamodb(app.environment()).delete_item().table_name(table);
    key.into_iter().fold(request, |request, (name, value)| request.key(name, value)).send().await.unwrap();
    work(&app, &stack).await;
    let mut used = Rights::new();
    for (place, right) in wire.calls().iter().flat_map(|call| needed(call, app.environment())) {
        used.entry(place).or_default().insert(right);
    }
    assert_eq!(used, documented());
    app.finish().await;
}
