//! `shared/src/store/schema.rs` lists every form of key and every attribute of the three tables: here the list is held against the
//! code, the templates, and the rows of a stack that is in use.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use patient_access::load::Source;
use serde_json::{Value as Json, json};
use tests::{App, AuthorizeOptions, IdentityProvider, Templates, checkout};

use crate::load_faults::{after, before};

/// One table as the schema describes it.
#[derive(Default)]
struct Described {
    /// Partition key and sort key of each kind of row.
    keys: Vec<(String, String)>,
    attributes: BTreeSet<String>,
}

fn schema() -> String {
    fs::read_to_string(checkout().join("shared/src/store/schema.rs")).unwrap()
}

/// The tables of the schema's own documentation.
fn described() -> BTreeMap<String, Described> {
    let mut tables = BTreeMap::<String, Described>::new();
    let mut name = String::new();
    for line in schema().lines().map_while(|line| line.strip_prefix("//!")) {
        if let Some(heading) = line.strip_prefix(" # `") {
            heading.trim_end_matches('`').clone_into(&mut name);
        }
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let code = |cell: &str| Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_owned());
        let table = tables.entry(name.clone()).or_default();
        match cells[..] {
            [pk, sk, _] if code(pk).is_some() => table.keys.push((code(pk).unwrap(), code(sk).unwrap())),
            [attribute, _, _, _] => table.attributes.extend(code(attribute)),
            _ => {}
        }
    }
    tables.remove("");
    tables
}

/// Whether a key has this form, in which `<…>` stands for some characters that are neither `/` nor `#`.
fn has_form(form: &str, key: &str) -> bool {
    let Some((literal, rest)) = form.split_once('<') else { return form == key };
    let (Some(key), Some((_, form))) = (key.strip_prefix(literal), rest.split_once('>')) else { return false };
    let most = key.find(['/', '#']).unwrap_or(key.len());
    (1..=most).filter(|end| key.is_char_boundary(*end)).any(|end| has_form(form, &key[end..]))
}

#[test]
fn a_form_of_key_tells_its_keys_from_others() {
    assert!(has_form("Patient/<owner>", "Patient/alice") && !has_form("Patient/<owner>", "Patient/"));
    assert!(
        has_form("~Binary/<id>/<Type>/<id>", "~Binary/b/Media/m") && !has_form("~Binary/<id>/<Type>/<id>", "~Binary/b")
    );
    assert!(!has_form("<Type>/<id>", "home/Media/m") && has_form("<instant>#<request>", "2026-01-01T00:00:00Z#r-1"));
}

#[test]
fn the_schema_describes_every_attribute_that_the_code_names_and_no_other() {
    let (described, text) = (described(), schema());
    assert_eq!(described.keys().collect::<Vec<_>>(), ["audit", "auth", "resources"]);
    for (name, table) in described {
        let (_, module) = text.split_once(&format!("pub(crate) mod {name} {{")).unwrap();
        let constants = module.split("\n}").next().unwrap().lines();
        let named = constants.filter_map(|line| line.split_once(": &str = \"")?.1.strip_suffix("\";"));
        assert_eq!(named.map(str::to_owned).collect::<BTreeSet<_>>(), table.attributes, "{name}");
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn every_kind_of_record_is_in_the_schema_and_policies_name_no_other_key() {
    let kind = |(pk, _): &(String, String)| pk.split_once('#').unwrap().0.to_owned();
    let tables = described();
    let described: BTreeSet<String> = tables["auth"].keys.iter().map(kind).collect();
    let mut kinds = BTreeSet::from(["count".to_owned(), "counted".to_owned()]);
    for path in sources(&checkout().join("shared/src")) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let named = ["const KIND: &'static str = \"", "const KIND: &str = \""].map(|begin| text.split(begin).skip(1));
        // Outside of the ground a kind may be a type of FHIR.
        let [records, rows] = named.map(|named| named.map(|rest| rest.split('"').next().unwrap().to_owned()));
        kinds.extend(records);
        kinds.extend(rows.filter(|_| path.starts_with(checkout().join("shared/src/store"))));
    }
    assert_eq!(kinds, described);
    let mut named = BTreeSet::new();
    for resource in Templates::read().resources().values() {
        leading_keys(resource, &mut named);
    }
    assert!(!named.is_empty(), "policies name the keys that a function may use");
    let partitions = &tables["resources"].keys;
    for key in named {
        let is_known = match key.split_once('#') {
            Some((kind, _)) => kinds.contains(kind),
            None => partitions.iter().any(|(pk, _)| has_form(pk, &key.replace('*', "any"))),
        };
        assert!(is_known, "a policy names `{key}`, and the schema has no such key");
    }
}

fn leading_keys(json: &Json, found: &mut BTreeSet<String>) {
    match json {
        Json::Object(properties) => {
            for (name, value) in properties {
                if name == "dynamodb:LeadingKeys" {
                    let keys = value.as_array().into_iter().flatten();
                    found.extend(keys.map(|key| key.as_str().expect("it is text").to_owned()));
                }
                leading_keys(value, found);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| leading_keys(item, found)),
        _ => {}
    }
}

#[test]
fn the_templates_tables_have_the_keys_the_index_and_the_end_that_the_schema_names() {
    let text = schema();
    let (_, index) = text.split_once("BY_DATE: Index = Index { name: \"").unwrap();
    let index = index.split('"').next().unwrap();
    let resources = Templates::read().resources();
    for (id, date) in [("ResourcesTable", true), ("AuthTable", false), ("AuditTable", false)] {
        let table = &resources[id]["Properties"];
        assert_eq!(
            (&table["KeySchema"][0]["AttributeName"], &table["KeySchema"][1]["AttributeName"]),
            (&json!("pk"), &json!("sk"))
        );
        let local = &table["LocalSecondaryIndexes"][0];
        let is_by_date = local["IndexName"] == index && local["KeySchema"][1]["AttributeName"] == "d";
        assert_eq!(is_by_date, date, "{id}");
    }
    let by_app = &resources["AuthTable"]["Properties"]["GlobalSecondaryIndexes"][0];
    assert_eq!(
        (&by_app["IndexName"], &by_app["KeySchema"][0]["AttributeName"], &by_app["KeySchema"][1]["AttributeName"]),
        (&json!("by-app"), &json!("app"), &json!("pk"))
    );
    for id in ["AuthTable", "AuditTable"] {
        assert_eq!(resources[id]["Properties"]["TimeToLiveSpecification"]["AttributeName"], "ttl", "{id}");
    }
}

/// Rows of every kind: loads with deletions, moves, documents and pointers; sign-ins, right and wrong; every kind of token.
#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_a_stack_in_use_is_as_the_schema_says() {
    let app = App::start().await;
    let known =
        |kind: &str| json!({"resourceType": kind, "id": "known", "identifier": [{"system": "s", "value": "1"}]});
    let nobodys = json!({"resourceType": "Binary", "id": "nobodys", "contentType": "a/b"});
    let (link, mut replaced) = (json!({"other": {"reference": "Patient/known"}, "type": "replaces"}), known("Patient"));
    (replaced["active"], replaced["birthDate"]) = (false.into(), "1980-01-01".into());
    replaced["link"] = json!([{"other": {"reference": "Patient/next"}, "type": "replaced-by"}]);
    let next = json!({"resourceType": "Patient", "id": "next", "link": [link]});
    for resources in [before("a"), after("a"), vec![nobodys, replaced, next, known("Organization")]] {
        app.load(Source::Memory(resources)).await;
    }
    let tokens = app.sign_in("alice", "patient/*.rs offline_access").await;
    app.refresh(&tokens).await;
    app.fhir(&tokens, "Patient/alice/$everything").await;
    let browser = app.browse(&AuthorizeOptions::new(&app, "alice", "patient/*.rs")).await.expect("the page comes");
    app.log_in(&browser, "alice", "not the password").await;
    let line = "delegation add --for bob --username alice --as proxy --ground g --said-by s";
    app.operate(&line.split(' ').collect::<Vec<_>>()).await.expect("it is new");
    let mut browser = app.signed_in(&AuthorizeOptions::new(&app, "alice", "patient/*.rs")).await;
    app.choose(&mut browser, "bob").await;
    app.consent(&browser, "deny").await;
    app.hand_over("count").await;
    let provider = IdentityProvider::start(&[]).await;
    let line = format!("identity-provider set plan --issuer {} --client-id us --private-key-jwt", provider.url);
    let line = format!("{line} --claim member --names patient");
    app.operate(&line.split(' ').collect::<Vec<_>>()).await.expect("it is set up");
    app.get("/login/plan").await;
    let client = tests::dynamodb(app.environment());
    for (name, table) in described() {
        let name = &app.environment()[&format!("{}_TABLE", name.to_uppercase())];
        let rows = client.scan().table_name(name).into_paginator().items().send();
        let rows = rows.collect::<Result<Vec<_>, _>>().await.expect("the table answers");
        let mut seen = BTreeSet::new();
        for row in rows {
            let (pk, sk) = (row["pk"].as_s().unwrap(), row["sk"].as_s().unwrap());
            // A member's rows are described first: `Patient/alice` looks like a shared resource's key, too.
            let form = table.keys.iter().find(|form| has_form(&form.0, pk) && has_form(&form.1, sk));
            let form = form.unwrap_or_else(|| panic!("{name}: no row of the schema has the key {pk} {sk}"));
            assert!(form.0 != form.1 || pk == sk, "{name}: {pk} {sk}");
            seen.insert(form);
            let attributes = row.keys().filter(|attribute| !["pk", "sk"].contains(&attribute.as_str()));
            let unknown: Vec<_> = attributes.filter(|attribute| !table.attributes.contains(*attribute)).collect();
            assert!(unknown.is_empty(), "{name}: {pk} {sk} has {unknown:?}");
        }
        let unseen: Vec<_> = table.keys.iter().filter(|form| !seen.contains(form)).map(|(pk, _)| pk.as_str()).collect();
        // No client proved itself by a key here, no key was rotated, what was to be derived again is done, and no run was cut short.
        let elsewhere = [
            "assertion#<hash>",
            "provider-session#<hash>",
            "signing-keys#all",
            "stopped-apps#all",
            "synthetic#all",
            "to-do",
            "operator/<name>",
            "load/<run>",
        ];
        assert!(unseen.iter().all(|pk| elsewhere.contains(pk)), "{name}: no row is of {unseen:?}");
    }
    app.finish().await;
}
