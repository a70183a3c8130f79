//! A member's record is what the plan's feeds come to in the end, whatever their order, their files, their runs and their mistakes:
//! as if only what counts had been sent, once. Feeds are random and their seed is fixed; what counts is said by [`oracle`].

mod feed;
mod oracle;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use feed::{Item, MEMBERS, MORE, RUNS, Says, feeds};
use http::StatusCode;
use oracle::{State, Store};
use patient_access::load::Source;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::{App, Tokens};
use tokio::runtime::Handle;

const EVERYTHING: &str = "patient/*.rs";

/// The record as a member's app gets it.
#[derive(Debug, PartialEq)]
struct Record {
    /// Everything of `$everything`, by `Type/id`, without what the server adds.
    whole: BTreeMap<String, Json>,
    /// The targets of all receipts together.
    received: BTreeSet<String>,
    /// The resources that searches find and include.
    found: BTreeMap<&'static str, BTreeSet<String>>,
    /// The statuses of reads by id.
    statuses: BTreeMap<String, StatusCode>,
}

/// Searches that follow what is derived: pointers, copies, receipts.
const SEARCHES: &[&str] = &[
    "Observation?_include=Observation:*",
    "Organization",
    "PractitionerRole?_include=PractitionerRole:*",
    "Practitioner",
    "Device",
    "Provenance?_include=Provenance:target",
    "DocumentReference?_include=DocumentReference:*",
];

fn is_receipt(key: &str) -> bool {
    key.starts_with("Provenance/received-")
}

fn key_of(resource: &Json) -> String {
    format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap())
}

async fn record(app: &App, tokens: &Tokens, keys: &BTreeSet<String>) -> Record {
    let (mut whole, mut received) = (BTreeMap::new(), BTreeSet::new());
    let mut next = Some(format!("Patient/{}/$everything", tokens.patient));
    while let Some(url) = next {
        let page = app.fhir_unguarded(tokens, &url).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        for mut resource in page.entries("match").into_iter().chain(page.entries("include")) {
            let key = key_of(&resource);
            if is_receipt(&key) {
                let targets = resource["target"].as_array().unwrap();
                received.extend(targets.iter().map(|target| target["reference"].as_str().unwrap().to_owned()));
                continue;
            }
            let meta = resource["meta"].as_object_mut().unwrap();
            meta.remove("versionId");
            meta.remove("lastUpdated");
            whole.insert(key, resource);
        }
        next = page.link("next");
    }
    let mut found = BTreeMap::new();
    for search in SEARCHES {
        let url = format!("{search}{}_count=100", if search.contains('?') { "&" } else { "?" });
        let page = app.fhir_unguarded(tokens, &url).await;
        assert_eq!(page.status, StatusCode::OK, "{search}: {}", page.body);
        let keys = page.matches().into_iter().chain(page.included()).filter(|key| !is_receipt(key));
        found.insert(*search, keys.collect());
    }
    let mut statuses = BTreeMap::new();
    for key in keys {
        statuses.insert(key.clone(), app.fhir_unguarded(tokens, key).await.status);
    }
    Record { whole, received, found, statuses }
}

/// A stack with the members, asked in this process.
struct World {
    stack: App,
    app: App,
}

impl World {
    async fn new() -> World {
        let stack = App::empty().await;
        let patients = MEMBERS.map(|name| json!({"resourceType": "Patient", "id": name, "name": [{"family": name}]}));
        stack.load(Source::Memory(patients.into())).await;
        for name in MEMBERS {
            stack.add_member(name, name).await;
        }
        let app = stack.inside(&Clock::System, stack.environment().clone()).await;
        World { stack, app }
    }

    async fn records(&self, keys: &BTreeSet<String>) -> Vec<Record> {
        let mut records = Vec::new();
        for name in MEMBERS {
            let tokens = self.app.sign_in(name, EVERYTHING).await;
            records.push(record(&self.app, &tokens, keys).await);
        }
        records
    }

    async fn finish(self) {
        self.app.finish().await;
        self.stack.finish().await;
    }
}

/// One line of a file, or one Bundle where it deletes.
fn line(says: &Says) -> Json {
    match says {
        Says::Is(resource) => resource.clone(),
        Says::Deleted(key) => json!({"resourceType": "Bundle", "type": "transaction",
            "entry": [{"request": {"method": "DELETE", "url": key}}]}),
    }
}

/// Loads a feed run by run, file by file.
async fn load(stack: &App, feed: &[Item]) {
    for run in 0..RUNS {
        let folder = tempfile::tempdir().unwrap();
        for file in 0..2 {
            let of_file = feed.iter().filter(|item| item.run == run && item.file == file);
            let lines: Vec<String> = of_file.map(|item| line(&item.says).to_string()).collect();
            if !lines.is_empty() {
                std::fs::write(folder.path().join(format!("{file}.ndjson")), lines.join("\n")).unwrap();
            }
        }
        if std::fs::read_dir(folder.path()).unwrap().next().is_some() {
            stack.load(Source::of_paths(&[folder.path().to_owned()]).unwrap()).await;
        }
    }
}

/// The first difference between the record after a feed and the record of what counts.
fn difference(member: &str, (after, wanted): (&Record, &Record), store: &Store) -> Option<String> {
    if after.whole != wanted.whole {
        let show = |record: &Record, other: &Record| -> Vec<String> {
            let differs = record.whole.iter().filter(|(key, value)| other.whole.get(*key) != Some(value));
            differs.map(|(_, value)| value.to_string()).collect()
        };
        return Some(format!("{member} has {:#?}, wanted {:#?}", show(after, wanted), show(wanted, after)));
    }
    if after.received != wanted.received {
        return Some(format!("{member}'s receipts name {:?}, wanted {:?}", after.received, wanted.received));
    }
    if after.found != wanted.found {
        return Some(format!("{member} finds {:#?}, wanted {:#?}", after.found, wanted.found));
    }
    for (key, status) in &after.statuses {
        let fresh = wanted.statuses[key];
        let may_be_gone = match store.get(key) {
            // A Provenance was whoever's its targets were, a Binary whoever's document named it.
            Some(State::Deleted { owners, .. }) => owners.is_empty() || owners.contains(member),
            _ => false,
        };
        let is_gone = *status == StatusCode::GONE && fresh == StatusCode::NOT_FOUND && may_be_gone;
        if *status != fresh && !is_gone {
            return Some(format!("{member} reads {key}: {status}, wanted {fresh}"));
        }
    }
    let tells_more = |resource: &&Json| resource.to_string().contains(MORE);
    let wrong = after.whole.values().filter(tells_more).find(|resource| {
        let Some(State::Is(provenance)) = store.get(&key_of(resource)) else { return true };
        !oracle::owns_all(provenance, member, store)
    });
    wrong.map(|resource| format!("{member} is told more than is theirs: {resource}"))
}

fn check(handle: &Handle, feed: &[Item]) -> Result<(), TestCaseError> {
    handle.block_on(async {
        let (store, keys) = (oracle::outcome(feed), oracle::keys(feed));
        let (after, fresh) = (World::new().await, World::new().await);
        load(&after.stack, feed).await;
        fresh.stack.load(Source::Memory(oracle::resources(&store))).await;
        let (records, wanted) = (after.records(&keys).await, fresh.records(&keys).await);
        after.finish().await;
        fresh.finish().await;
        for ((member, record), wanted) in MEMBERS.iter().zip(&records).zip(&wanted) {
            if let Some(difference) = difference(member, (record, wanted), &store) {
                return Err(TestCaseError::fail(difference));
            }
        }
        Ok(())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_what_the_feeds_come_to_whatever_their_order() {
    let runs = AtomicUsize::new(0);
    crate::properties::check(|handle| {
        let cases = std::env::var("PATIENT_ACCESS_FEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(24);
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
        let seed = std::env::var("PATIENT_ACCESS_FEEDS_SEED").ok().and_then(|text| text.parse().ok());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed.unwrap_or(7u8); 32]);
        let property = |feed: Vec<Item>| {
            runs.fetch_add(1, Relaxed);
            check(handle, &feed)
        };
        if let Err(error) = TestRunner::new_with_rng(config, rng).run(&feeds(), property) {
            panic!("{error}");
        }
    });
    println!("{} feeds about {} members", runs.into_inner(), MEMBERS.len());
}

/// Pointers are written before it shows that the store has a newer version.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_of_a_shared_resource_leads_nowhere() {
    let role = |clinic: &str, month: &str| {
        Says::Is(json!({"resourceType": "PractitionerRole", "id": "role1", "meta":
            {"lastUpdated": format!("2026-{month}-01T00:00:00Z")},
            "organization": {"reference": format!("Organization/{clinic}")}}))
    };
    let clinic = |id: &str| Says::Is(json!({"resourceType": "Organization", "id": id, "active": true}));
    let seen = Says::Is(json!({"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "x"},
        "subject": {"reference": "Patient/ann"}, "performer": [{"reference": "PractitionerRole/role1"}]}));
    let item = |run, says| Item { run, file: 0, says };
    let feed = vec![
        item(0, clinic("clinic1")),
        item(0, clinic("clinic2")),
        item(0, role("clinic1", "04")),
        item(1, seen),
        item(1, role("clinic2", "01")),
    ];
    crate::properties::check(|handle| check(handle, &feed)).expect("the newer version counts");
}

/// Loaded one after the other, an undated version lets an older one in after it, unless it is refused itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_undated_version_lets_an_older_one_in_only_if_it_would_be_taken_itself() {
    let about = |target: &str, date: Option<&str>, says: &str| {
        let mut provenance = json!({"resourceType": "Provenance", "id": "p1", "recorded": "2026-01-01T00:00:00Z",
            "target": [{"reference": target}], "agent": [{"who": {"display": says}}], "meta": {}});
        if let Some(date) = date {
            provenance["meta"]["lastUpdated"] = json!(date);
        }
        Says::Is(provenance)
    };
    let item = |run, says| Item { run, file: 0, says };
    for (target, what) in [("Observation/nowhere", "a refused one"), ("Patient/ann", "one that is taken")] {
        let feed = vec![
            item(0, about("Patient/ann", Some("2026-04-01T00:00:00Z"), "april")),
            item(1, about(target, None, "undated")),
            item(1, about("Patient/ann", Some("2026-01-01T00:00:00Z"), "january")),
        ];
        crate::properties::check(|handle| check(handle, &feed)).expect(what);
    }
}

/// A Provenance tells each member of a Device by whose that is now, not by whose it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_provenance_about_a_shared_device_follows_it_to_the_member_whose_it_becomes() {
    let device = |owner: Option<&str>| {
        let mut device = json!({"resourceType": "Device", "id": "pump", "modelNumber": "m0"});
        if let Some(owner) = owner {
            device["patient"] = json!({"reference": format!("Patient/{owner}")});
        }
        Says::Is(device)
    };
    let item = |run, says| Item { run, file: 0, says };
    for (targets, owner) in [(&["ann", "bert"][..], "ann"), (&["ann"], "bert"), (&["ann"], "ann")] {
        let mut of: Vec<Json> = vec![json!({"reference": "Device/pump"})];
        of.extend(targets.iter().map(|member| json!({"reference": format!("Patient/{member}")})));
        let provenance = json!({"resourceType": "Provenance", "id": "p1", "recorded": "2026-01-01T00:00:00Z",
            "target": of, "agent": [{"who": {"display": "somebody"}}]});
        let feed = vec![item(0, device(None)), item(0, Says::Is(provenance)), item(1, device(Some(owner)))];
        crate::properties::check(|handle| check(handle, &feed)).expect(owner);
    }
}
