//! The rights of each function.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::{Value as Json, json};
use shared::fhir::types::ResourceType;

use super::{Resources, functions, of_type, texts};

/// Every action that a function needs, and its effect. No function may have an action that is not here: no wildcard, no
/// Scan, no Delete.
const ACTIONS: &[(&str, Effect)] = &[
    ("dynamodb:GetItem", Effect::Reads),
    ("dynamodb:BatchGetItem", Effect::Reads),
    ("dynamodb:Query", Effect::Reads),
    ("dynamodb:PutItem", Effect::Writes),
    ("dynamodb:UpdateItem", Effect::Writes),
    ("dynamodb:ConditionCheckItem", Effect::Reads),
    ("s3:GetObject", Effect::Reads),
    ("s3:PutObject", Effect::Writes),
    ("s3:ListBucket", Effect::Reads),
    ("kms:GetPublicKey", Effect::Reads),
    ("kms:Sign", Effect::Signs),
    ("kms:Decrypt", Effect::Opens),
];

#[derive(Clone, Copy, PartialEq)]
enum Effect {
    Reads,
    Writes,
    Signs,
    Opens,
}

/// Which function signs or opens with which key: one signs tokens; another signs our assertions at identity providers and opens what
/// is sealed for that.
const KEYS: [(&str, Effect, &str); 4] = [
    ("CloseFunction", Effect::Signs, "AuditKey"),
    ("TokenFunction", Effect::Signs, "SigningKey"),
    ("SignInFunction", Effect::Signs, "AssertionKey"),
    ("SignInFunction", Effect::Opens, "DataKey"),
];

/// The places of members' health data.
const HEALTH_DATA: [&str; 2] = ["ResourcesTable", "DocumentsBucket"];

/// One action on one thing.
pub(super) struct Right<'a> {
    pub(super) action: &'a str,
    /// The resource as the policy writes it.
    resource: &'a str,
    condition: &'a Json,
}

impl Right<'_> {
    /// The table, bucket or key.
    pub(super) fn thing(&self) -> &str {
        self.resource.split_once(".Arn").map_or(self.resource, |(thing, _)| thing)
    }

    /// The resource, and the part of it.
    fn place(&self) -> String {
        self.resource.replacen(".Arn", "", 1)
    }

    fn effect(&self) -> Option<Effect> {
        ACTIONS.iter().find(|(action, _)| *action == self.action).map(|(_, effect)| *effect)
    }
}

fn statements(function: &Json) -> impl Iterator<Item = &Json> {
    let policies = function["Policies"].as_array().into_iter().flatten();
    policies.flat_map(|policy| policy["Statement"].as_array().into_iter().flatten())
}

/// The rights that a function's own policy gives it, and those that the policies of keys give its role.
pub(super) fn rights<'a>(resources: &'a Resources, id: &str, function: &'a Json) -> Vec<Right<'a>> {
    let mut rights = Vec::new();
    for statement in statements(function).filter(|statement| statement["Effect"] == "Allow") {
        for action in texts(&statement["Action"]) {
            for resource in texts(&statement["Resource"]) {
                rights.push(Right { action, resource, condition: &statement["Condition"] });
            }
        }
    }
    let role = format!("{id}Role.Arn");
    for (resource, key) in of_type(resources, "AWS::KMS::Key") {
        let statements = key["Properties"]["KeyPolicy"]["Statement"].as_array().into_iter().flatten();
        for statement in statements.filter(|statement| texts(&statement["Principal"]["AWS"]).contains(&role.as_str())) {
            for action in texts(&statement["Action"]) {
                rights.push(Right { action, resource, condition: &statement["Condition"] });
            }
        }
    }
    rights
}

/// Records of the auth table that only the operator writes: apps, members, identity providers, and which keys exist.
const OPERATORS: [&str; 8] = [
    "client",
    "identifier",
    "identifier-key",
    "identifier-system",
    "identity-providers",
    "member",
    "replaced",
    "signing-keys",
];

/// The one exception: a person whom an identity provider signs in for the first time becomes known.
const MAKES_PERSONS: (&str, &str) = ("SignInFunction", "member");

/// The tables of which no function reads or writes any row.
const HELD: [&str; 2] = ["AuthTable", "ResourcesTable"];

impl Right<'_> {
    /// The partitions that it is held to, as the policy writes them; of a key, the purposes for which something was sealed. None where
    /// it is held to none.
    pub(super) fn partitions(&self) -> Vec<&str> {
        let tests = ["ForAllValues:StringLike", "ForAllValues:StringEquals"];
        let partitions = tests.iter().flat_map(|test| texts(&self.condition[*test]["dynamodb:LeadingKeys"]));
        partitions.chain(texts(&self.condition["StringEquals"]["kms:EncryptionContext:purpose"])).collect()
    }

    /// Whether it only adds to the audit table; or it is of the function that closes days, which reads rows and gives them an end.
    fn leaves_the_audit_as_it_is(&self, id: &str) -> bool {
        let ends = json!({"ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "ttl"]}});
        match (id, self.action) {
            (_, "dynamodb:PutItem") | ("CloseFunction", "dynamodb:BatchGetItem") => true,
            ("CloseFunction", "dynamodb:UpdateItem") => *self.condition == ends,
            _ => false,
        }
    }

    /// The fault in the rows that it reaches.
    fn fault_of_partitions(&self, id: &str) -> Option<String> {
        let (action, thing, partitions) = (self.action, self.thing(), self.partitions());
        if !HELD.contains(&thing) {
            return None;
        }
        let any_row = |partition: &&&str| {
            partition.starts_with('*') || ["home/", "unclaimed/"].iter().any(|kind| partition.starts_with(kind))
        };
        if partitions.is_empty() || partitions.iter().find(any_row).is_some() {
            return Some(format!("{id} may {action} rows of {thing} that it does not need"));
        }
        let is_operators = |partition: &&&str| {
            let kind = partition.split('#').next().unwrap_or_default();
            OPERATORS.contains(&kind) && (id, kind) != MAKES_PERSONS
        };
        let operators = partitions.iter().find(is_operators).filter(|_| self.effect() == Some(Effect::Writes));
        operators.map(|partition| format!("{id} may {action} {partition}, which only the operator writes"))
    }
}

pub(super) fn faults(resources: &Resources) -> Vec<String> {
    let mut faults = Vec::new();
    for (id, function) in functions(resources) {
        let rights = rights(resources, id, function);
        let policies = function["Policies"].as_array().map_or(0, Vec::len);
        if policies > 1 || (policies == 1 && function["Policies"][0]["Statement"].as_array().is_none_or(Vec::is_empty))
        {
            faults.push(format!("{id} has more than one policy, or one by name"));
        }
        for statement in statements(function) {
            let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
            let keys = statement.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
            faults
                .extend(keys.filter(|key| !known.contains(key)).map(|key| format!("{id} has a statement with {key}")));
        }
        for right in &rights {
            faults.extend(right.fault_of_partitions(id));
            let (action, thing) = (right.action, right.thing());
            if right.effect().is_none() {
                faults.push(format!("{id} may {action}, which is not an action that a function needs"));
            }
            let rest = right.resource.strip_prefix(thing).map(|rest| rest.strip_prefix(".Arn").unwrap_or(rest));
            let is_part = rest.is_some_and(|rest| {
                let parts = ["", "/documents/*", "/rows/*", "/days/*"];
                parts.contains(&rest) || rest.starts_with("/index/") && !rest.contains('*')
            });
            if !resources.contains_key(thing) || !is_part {
                faults.push(format!("{id} reaches {}, which is not one thing of this stack", right.resource));
            }
            match right.effect() {
                // The operator loads with rights of their own, so today no function writes health data.
                Some(Effect::Writes) if HEALTH_DATA.contains(&thing) && !id.starts_with("Ingest") => {
                    faults.push(format!("{id} writes {thing}, which only an ingest function may"));
                }
                Some(Effect::Signs) if !KEYS.contains(&(id, Effect::Signs, thing)) => {
                    faults.push(format!("{id} signs with {thing}"));
                }
                Some(Effect::Opens) if !KEYS.contains(&(id, Effect::Opens, thing)) => {
                    faults.push(format!("{id} opens what {thing} seals"));
                }
                Some(Effect::Opens) if right.condition["StringEquals"]["kms:EncryptionContext:purpose"].is_null() => {
                    faults.push(format!("{id} opens whatever {thing} seals"));
                }
                Some(Effect::Signs) if right.condition["StringEquals"]["kms:SigningAlgorithm"].is_null() => {
                    faults.push(format!("{id} signs with whatever algorithm"));
                }
                _ => {}
            }
            if thing == "AuditTable" && !right.leaves_the_audit_as_it_is(id) {
                faults.push(format!("{id} may {action} on AuditTable, which is append-only"));
            }
        }
        let reads_health_data = rights.iter().any(|right| HEALTH_DATA.contains(&right.thing()));
        for right in rights.iter().filter(|right| reads_health_data && right.effect() != Some(Effect::Reads)) {
            match right.thing() {
                "AuditTable" => {}
                thing if HEALTH_DATA.contains(&thing) => {}
                thing => faults.push(format!("{id} reads health data and writes {thing} or signs with it")),
            }
        }
    }
    faults
}

/// Partitions, with one word for those of the types that members share.
fn in_short(partitions: &[&str]) -> String {
    let is_shared = |name: &str| ResourceType::named(name).is_some_and(ResourceType::is_shared);
    let mut words: Vec<&str> = Vec::new();
    for partition in partitions {
        let word = if is_shared(partition.trim_end_matches("/*")) { "<shared type>/*" } else { partition };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(" ")
}

/// The rights of all functions, for people to read.
pub(super) fn table(resources: &Resources) -> String {
    let mut text = "The rights of each function. It has no others, except to write its own log.\n".to_owned();
    let mut users: BTreeMap<&str, [BTreeSet<&str>; 3]> = BTreeMap::new();
    for (id, _) in resources.iter().filter(|(_, resource)| !verbs(resource).is_empty()) {
        users.insert(id, <[_; 3]>::default());
    }
    for (id, function) in functions(resources) {
        let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let rights = rights(resources, id, function);
        for right in &rights {
            let partitions = right.partitions();
            let only = match right.condition.as_object().into_iter().flatten().next() {
                _ if !partitions.is_empty() => Some(format!(" of {}", in_short(&partitions))),
                test => test.map(|(_, test)| format!(" (only if {test})")),
            };
            let action = format!("{}{}", right.action, only.unwrap_or_default());
            places.entry(right.place()).or_default().insert(action.replace(['"', '{', '}'], ""));
            if let (Some(effect), Some((_, users))) =
                (right.effect(), users.iter_mut().find(|(thing, _)| **thing == right.thing()))
            {
                users[effect as usize].insert(id.trim_end_matches("Function"));
            }
        }
        writeln!(text, "\n{}", id.trim_end_matches("Function")).unwrap();
        if places.is_empty() {
            text += "  nothing\n";
        }
        for (place, actions) in places {
            let column = format!("\n  {:<30}", "");
            writeln!(text, "  {place:<30}{}", Vec::from_iter(actions).join(&column)).unwrap();
        }
    }
    text += "\nThe same by table, bucket and key. The operator loads health data with rights of their own.\n\
             DynamoDB, S3 and the logs use DataKey; only what is sealed for sign-in is opened with it by a function itself.\n";
    for (thing, users) in users {
        writeln!(text, "\n{thing}").unwrap();
        for (effect, verb) in verbs(&resources[thing]) {
            let users: Vec<&str> = users[*effect as usize].iter().copied().collect();
            let users = if users.is_empty() { "no function".to_owned() } else { users.join(", ") };
            writeln!(text, "  {verb:<15}{users}").unwrap();
        }
    }
    text
}

/// The effects on a resource that stores data or signs.
fn verbs(resource: &Json) -> &'static [(Effect, &'static str)] {
    match resource["Type"].as_str() {
        Some("AWS::DynamoDB::Table" | "AWS::S3::Bucket") => {
            &[(Effect::Reads, "read by"), (Effect::Writes, "written by")]
        }
        Some("AWS::KMS::Key") if resource["Properties"]["KeyUsage"] == "SIGN_VERIFY" => {
            &[(Effect::Reads, "public key for"), (Effect::Signs, "signs for")]
        }
        _ => &[],
    }
}
