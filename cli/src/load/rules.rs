//! The fate of a resource that breaks a rule of R4: the rules' own classes, the stack's choice, and the operator's.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, bail};
use serde_json::Value as Json;
use shared::fhir::conformance::{Checked, Class, Finding, Rule, check};

use super::mend::drop_empty;
use super::reason::{Reason, ReasonCode};
use super::release::older;
use crate::call::WrongCall;

/// A reason, and a warning, name this many findings.
const MOST_NAMED: usize = 3;

/// The classes that rules have in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(BTreeMap<Rule, Class>);

impl Rules {
    /// Reads a stack's choice: `refuse:RULE` and `accept:RULE`, with blanks between them.
    ///
    /// # Errors
    /// There is no such rule, or it cannot be moved so.
    pub fn read(text: &str) -> Result<Rules> {
        let mut rules = Rules::default();
        for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
            match word.split_once(':') {
                Some(("refuse", name)) => rules.refuse(name)?,
                Some(("accept", name)) => rules.accept(name)?,
                _ => bail!(WrongCall(format!("`{word}` moves no rule: write refuse:RULE or accept:RULE"))),
            }
        }
        Ok(rules)
    }

    /// A resource that breaks this rule is refused.
    ///
    /// # Errors
    /// There is no such rule.
    pub fn refuse(&mut self, name: &str) -> Result<()> {
        self.0.insert(named(name)?, Class::Refused);
        Ok(())
    }

    /// A resource that breaks this rule is kept, with a warning.
    ///
    /// # Errors
    /// There is no such rule, or what breaks it is put right and needs no warning.
    pub fn accept(&mut self, name: &str) -> Result<()> {
        let rule = named(name)?;
        if rule.class() == Class::Mended {
            bail!(WrongCall(format!("what breaks the rule `{name}` is put right: there is nothing to accept")));
        }
        self.0.insert(rule, Class::Warned);
        Ok(())
    }

    /// The class of a rule: it decides the fate of a resource that breaks it.
    pub fn class(&self, rule: Rule) -> Class {
        self.0.get(&rule).copied().unwrap_or_else(|| rule.class())
    }

    /// The rules that have not their own class, by name, with the class that they have.
    pub fn moved(&self) -> BTreeMap<&'static str, &'static str> {
        let moved = self.0.iter().filter(|(rule, class)| rule.class() != **class);
        moved.map(|(rule, class)| (rule.name(), class_name(*class))).collect()
    }
}

fn named(name: &str) -> Result<Rule> {
    let all = || Rule::ALL.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(", ");
    Rule::named(name).ok_or_else(|| WrongCall(format!("`{name}` is no rule; these are: {}", all())).into())
}

/// The name of a class, as reports write it.
fn class_name(class: Class) -> &'static str {
    match class {
        Class::Refused => "refused",
        Class::Mended => "mended",
        Class::Warned => "warned",
    }
}

/// The findings at a resource that is kept.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The rules by which it was put right.
    pub mended: Vec<Rule>,
    /// The rules of which it is warned, each with what was found.
    pub warned: Vec<(Rule, String)>,
}

/// Puts a resource right where it can mean one thing only, and holds it against R4; or says why it is refused.
pub(super) fn admit(resource: &mut Json, rules: &Rules) -> Result<Notes, Reason> {
    let mut notes = Notes::default();
    if drop_empty(resource) {
        notes.mended.push(Rule::Empty);
    }
    let mut checked = check(resource);
    notes.mended.extend(checked.mend(resource, |rule| rules.class(rule) == Class::Mended));
    if notes.mended.iter().any(|rule| *rule != Rule::Empty) {
        drop_empty(resource);
        checked = check(resource);
    }
    let mut broken = broken(checked, resource);
    if notes.mended.contains(&Rule::Empty) && rules.class(Rule::Empty) == Class::Refused {
        broken
            .entry(Rule::Empty)
            .or_default()
            .push("it has null or empty properties, which R4 does not allow".to_owned());
    }
    let refused = broken.iter().find(|(rule, _)| rules.class(**rule) == Class::Refused);
    if let Some((rule, found)) = refused {
        return Err(Reason::new(ReasonCode::NotR4, format!("{}: {}", rule.name(), Few(found))));
    }
    let claimed = resource["meta"]["profile"][0].as_str();
    let stays = claimed.map(|claim| format!("; it claims {claim}, and that stays")).unwrap_or_default();
    notes.warned = broken.into_iter().map(|(rule, found)| (rule, format!("{}{stays}", Few(&found)))).collect();
    Ok(notes)
}

/// The findings, by the rule.
fn broken(checked: Checked, resource: &Json) -> BTreeMap<Rule, Vec<String>> {
    let mut broken = BTreeMap::<Rule, Vec<String>>::new();
    if let Some(marks) = older(resource["resourceType"].as_str().unwrap_or_default(), resource) {
        broken.entry(Rule::Release).or_default().push(marks);
    }
    // A reason of its own tells of a Binary's data.
    for Finding { rule, at, text } in checked.findings.into_iter().filter(|finding| finding.at != "Binary.data") {
        broken.entry(rule).or_default().push(format!("{at}: {text}"));
    }
    broken
}

/// The first of some findings.
struct Few<'a>(&'a [String]);

impl fmt::Display for Few<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join("; "))?;
        match self.0.len().saturating_sub(MOST_NAMED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn weight() -> Json {
        json!({"resourceType": "Observation", "id": "weight", "status": "final", "code": {"text": "x"},
            "subject": {"reference": "Patient/alice"}, "effectiveDateTime": "2024-01-02"})
    }

    #[test]
    fn a_rule_decides_what_becomes_of_a_resource() {
        let mut late = weight();
        late["effectiveDateTime"] = json!("2024-01-02T10:00:00+0000");
        let notes = admit(&mut late, &Rules::default()).unwrap();
        assert_eq!((notes.mended, &late["effectiveDateTime"]), (vec![Rule::Zone], &json!("2024-01-02T10:00:00+00:00")));

        let mut lacking = weight();
        lacking.as_object_mut().unwrap().remove("status");
        let notes = admit(&mut lacking, &Rules::default()).unwrap();
        assert_eq!(notes.warned.iter().map(|(rule, _)| *rule).collect::<Vec<_>>(), [Rule::Missing]);
        let strict = Rules::read("refuse:missing").unwrap();
        let reason = admit(&mut lacking, &strict).unwrap_err();
        assert!(
            reason.code == ReasonCode::NotR4 && reason.text.starts_with("missing: Observation: `status`"),
            "{reason}"
        );

        let mut wrong = weight();
        wrong["effectiveDateTime"] = json!("13/45/2026");
        assert!(admit(&mut wrong, &Rules::default()).unwrap_err().text.starts_with("format: "));
        let notes = admit(&mut wrong, &Rules::read("accept:format").unwrap()).unwrap();
        assert_eq!(notes.warned[0].0, Rule::Format);
    }

    #[test]
    fn a_rule_that_is_moved_is_named_and_a_wrong_one_is_refused() {
        let rules = Rules::read("refuse:missing accept:format refuse:shape").unwrap();
        assert_eq!(rules.moved(), BTreeMap::from([("missing", "refused"), ("format", "warned")]));
        for wrong in ["refuse:nothing", "missing", "accept:zone"] {
            assert!(Rules::read(wrong).unwrap_err().is::<WrongCall>(), "{wrong}");
        }
    }

    #[test]
    fn the_documentation_has_a_row_for_every_rule_in_its_class() {
        let text = include_str!("../../../docs/loading.md");
        let (_, section) = text.split_once("## Rules").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        let told: Vec<(&str, &str)> = rows.map(|(rule, rest)| (rule, rest.split(" |").next().unwrap())).collect();
        let rules: Vec<(&str, &str)> = Rule::ALL.iter().map(|rule| (rule.name(), class_name(rule.class()))).collect();
        assert_eq!(told, rules);
    }
}
