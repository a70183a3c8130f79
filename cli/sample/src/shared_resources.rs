//! Resources that belong to no member: the directory, medications, questionnaires. Each is built when a resource refers
//! to it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{directory, medications, questionnaires};

/// Adds the shared resources that the given ones refer to, and those that these refer to in turn. References in
/// `already` are left out, and each one added is noted there.
pub(crate) fn with_shared(mut resources: Vec<Value>, already: &mut BTreeSet<String>) -> Vec<Value> {
    let mut from = 0;
    while from < resources.len() {
        let mut targets = BTreeSet::new();
        for resource in &resources[from..] {
            references(resource, &mut targets);
        }
        from = resources.len();
        for target in targets {
            if !already.contains(&target)
                && let Some(shared) = find(&target)
            {
                already.insert(target);
                resources.push(shared);
            }
        }
    }
    resources
}

fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|v| references(v, into)),
        Value::Object(map) => {
            for (key, v) in map {
                match v {
                    // A Questionnaire is named by its canonical URL, which ends like a reference.
                    Value::String(s) if key == "reference" || key == "questionnaire" => {
                        let tail = s.rsplitn(3, '/').collect::<Vec<_>>();
                        if let [id, kind, ..] = tail[..] {
                            into.insert(format!("{kind}/{id}"));
                        }
                    }
                    _ => references(v, into),
                }
            }
        }
        _ => {}
    }
}

/// The shared resource with a reference such as `Organization/riverside-pharmacy`; `None` for any other reference.
fn find(target: &str) -> Option<Value> {
    let (kind, id) = target.split_once('/')?;
    match kind {
        "Medication" => medications::find(id),
        "Questionnaire" => questionnaires::find(id),
        _ => directory::find(kind, id),
    }
}
