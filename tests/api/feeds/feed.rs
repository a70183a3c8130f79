//! Random feeds about three members: what a plan may send, in whatever order, with its mistakes.

use std::fmt;

use proptest::prelude::{Just, Strategy, any};
use proptest::sample::select;
use proptest::{collection, option, prop_oneof};
use serde_json::{Value as Json, json};

/// The members.
pub(super) const MEMBERS: [&str; 3] = ["ann", "bert", "cleo"];

/// A text wherever a Provenance says more than its targets: only the owner of all of them may read it.
pub(super) const MORE: &str = "MORE-THAN-TARGETS";

/// One resource or one deletion of a feed.
#[derive(Clone)]
pub(super) struct Item {
    /// The run that loads it, from 0.
    pub run: usize,
    /// Its file in that run.
    pub file: usize,
    pub says: Says,
}

/// `run/file resource`, so that a feed that fails reads as one.
impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.says {
            Says::Is(resource) => write!(f, "{}/{} {resource}", self.run, self.file),
            Says::Deleted(key) => write!(f, "{}/{} DELETE {key}", self.run, self.file),
        }
    }
}

/// The statement of an item.
#[derive(Clone, Debug)]
pub(super) enum Says {
    /// A resource, as the source wrote it.
    Is(Json),
    /// `Type/id` is deleted.
    Deleted(String),
}

/// Runs of a random feed.
pub(super) const RUNS: usize = 3;

/// A feed: its items in the order of runs, files and lines.
pub(super) fn feeds() -> impl Strategy<Value = Vec<Item>> {
    let item = (0..RUNS, 0..2usize, says()).prop_map(|(run, file, says)| Item { run, file, says });
    collection::vec(item, 4..24).prop_map(|mut items| {
        items.sort_by_key(|item| (item.run, item.file));
        items
    })
}

fn says() -> impl Strategy<Value = Says> {
    let dated = (resources(), option::weighted(0.3, 1..=4u8)).prop_map(|(mut resource, month)| {
        if let Some(month) = month {
            resource["meta"] = json!({"lastUpdated": format!("2026-0{month}-01T00:00:00Z")});
        }
        Says::Is(resource)
    });
    prop_oneof![6 => dated, 1 => select(DELETABLE).prop_map(|key| Says::Deleted(key.to_owned()))]
}

const DELETABLE: &[&str] = &[
    "Observation/o1",
    "Observation/o2",
    "Observation/o3",
    "DocumentReference/d1",
    "Binary/b1",
    "Provenance/p1",
    "Practitioner/doctor1",
    "PractitionerRole/role1",
    "Organization/clinic1",
    "Device/pump",
];

/// The targets of Provenances.
const TARGETS: &[&str] = &[
    "Patient/ann",
    "Patient/bert",
    "Patient/cleo",
    "Observation/o1",
    "Observation/o2",
    "Observation/o3",
    "DocumentReference/d1",
    "Binary/b1",
    "Practitioner/doctor1",
    "Device/pump",
];

/// The shared resources to which a member's resource may refer.
const SHARED: &[&str] = &[
    "Practitioner/doctor1",
    "Practitioner/doctor2",
    "PractitionerRole/role1",
    "PractitionerRole/role2",
    "Organization/clinic1",
    "Organization/clinic2",
];

fn member() -> impl Strategy<Value = String> {
    select(&MEMBERS[..]).prop_map(|name| format!("Patient/{name}"))
}

fn named(stem: &'static str, count: u8) -> impl Strategy<Value = String> {
    (1..=count).prop_map(move |number| format!("{stem}{number}"))
}

fn reference(key: &str) -> Json {
    json!({"reference": key})
}

fn resources() -> impl Strategy<Value = Json> {
    prop_oneof![
        5 => observations(),
        2 => documents(),
        1 => binaries(),
        3 => provenances(),
        1 => practitioners(),
        2 => roles(),
        2 => organizations(),
        1 => devices(),
    ]
}

fn observations() -> impl Strategy<Value = Json> {
    let subject = prop_oneof![9 => member().prop_map(Some), 1 => Just(None)];
    (named("o", 3), subject, option::of(select(SHARED)), option::weighted(0.2, Just("Device/pump")), 0..3u8).prop_map(
        |(id, subject, performer, device, value)| {
            let mut resource = json!({"resourceType": "Observation", "id": id, "status": "final",
                "code": {"text": format!("value {value}")}});
            // Without a subject it is nobody's, and refused.
            if let Some(subject) = subject {
                resource["subject"] = reference(&subject);
            }
            if let Some(performer) = performer {
                resource["performer"] = json!([reference(performer)]);
            }
            if let Some(device) = device {
                resource["device"] = reference(device);
            }
            resource
        },
    )
}

fn documents() -> impl Strategy<Value = Json> {
    (member(), any::<bool>(), option::of(select(SHARED))).prop_map(|(subject, names, author)| {
        let mut attachment = json!({"contentType": "text/plain"});
        if names {
            attachment["url"] = json!("Binary/b1");
        }
        let mut resource = json!({"resourceType": "DocumentReference", "id": "d1", "status": "current",
            "subject": reference(&subject), "content": [{"attachment": attachment}]});
        if let Some(author) = author {
            resource["author"] = json!([reference(author)]);
        }
        resource
    })
}

fn binaries() -> impl Strategy<Value = Json> {
    select(&["aGVsbG8=", "d29ybGQ="][..])
        .prop_map(|data| json!({"resourceType": "Binary", "id": "b1", "contentType": "text/plain", "data": data}))
}

fn provenances() -> impl Strategy<Value = Json> {
    let who = prop_oneof![select(SHARED).prop_map(reference), member().prop_map(|key| reference(&key))];
    (named("p", 2), collection::vec(select(TARGETS), 1..4), who, any::<bool>()).prop_map(|(id, targets, who, more)| {
        let mut targets: Vec<Json> = targets.into_iter().map(reference).collect();
        targets.dedup();
        let mut resource = json!({"resourceType": "Provenance", "id": id, "recorded": "2026-01-01T00:00:00Z",
            "target": targets, "agent": [{"who": who}]});
        if more {
            resource["agent"][0]["who"]["display"] = json!(MORE);
            resource["agent"][0]["onBehalfOf"] = json!({"display": MORE});
            resource["reason"] = json!([{"text": MORE}]);
            resource["activity"] = json!({"text": MORE, "coding": [{"system": "http://plan.example/activity",
                "code": "update", "display": MORE}]});
            resource["text"] = json!({"status": "generated",
                "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{MORE}</div>")});
            resource["extension"] = json!([{"url": "http://plan.example/more", "valueString": MORE}]);
            resource["entity"] = json!([{"role": "source", "what": {"display": MORE}}]);
            resource["location"] = json!({"display": MORE});
        }
        resource
    })
}

fn practitioners() -> impl Strategy<Value = Json> {
    (named("doctor", 2), 0..2u8, any::<u8>()).prop_map(|(id, name, leaks)| {
        let mut resource =
            json!({"resourceType": "Practitioner", "id": id, "name": [{"family": format!("Doe {name}")}]});
        // A resource that everybody may read names no member. This one does, and is refused.
        if leaks < 40 {
            resource["extension"] =
                json!([{"url": "http://plan.example/patient", "valueReference": reference("Patient/bert")}]);
        }
        resource
    })
}

fn roles() -> impl Strategy<Value = Json> {
    (named("role", 2), option::of(named("doctor", 2)), option::of(named("clinic", 2))).prop_map(
        |(id, doctor, clinic)| {
            let mut resource = json!({"resourceType": "PractitionerRole", "id": id, "active": true});
            if let Some(doctor) = doctor {
                resource["practitioner"] = reference(&format!("Practitioner/{doctor}"));
            }
            if let Some(clinic) = clinic {
                resource["organization"] = reference(&format!("Organization/{clinic}"));
            }
            resource
        },
    )
}

fn organizations() -> impl Strategy<Value = Json> {
    (named("clinic", 2), option::weighted(0.3, named("clinic", 2)), 0..2u8).prop_map(|(id, whole, name)| {
        let mut resource =
            json!({"resourceType": "Organization", "id": id, "active": true, "name": format!("Clinic {name}")});
        if let Some(whole) = whole.filter(|whole| *whole != id) {
            resource["partOf"] = reference(&format!("Organization/{whole}"));
        }
        resource
    })
}

fn devices() -> impl Strategy<Value = Json> {
    (option::of(member()), 0..2u8).prop_map(|(patient, model)| {
        let mut resource = json!({"resourceType": "Device", "id": "pump", "modelNumber": format!("m{model}")});
        if let Some(patient) = patient {
            resource["patient"] = reference(&patient);
        }
        resource
    })
}
