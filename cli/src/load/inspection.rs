//! `patient-access load --check`: reads a feed as a load does, stores nothing, and tells a data team what was found: for each file,
//! type, profile and rule how often, the first places, and what would be right.

mod claims;
mod page;
mod values;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use indicatif::ProgressBar;
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use shared::fhir::conformance::Rule;
use shared::fhir::guides::Guides;
use shared::fhir::profiles;
use shared::fhir::reference::{Reference, references_in};
use shared::fhir::types::ResourceType;

use self::claims::Identifiers;
use super::Settings;
use super::report::FileTally;
use super::rules::Rules;
use super::scratch::Scratch;
use super::source::{Content, Item, Source};
use super::survey::{Survey, check, check_deletion, named_owner};
use crate::stack::Stack;
use crate::terminal::visible;

/// A finding names this many places.
const MOST_PLACES: usize = 5;

/// The findings beside R4's own rules, each with what would be right.
const ADVICE: &[(&str, &str)] = &[
    ("claimed-profile", "Send what the profile asks for, or do not claim it"),
    ("reference-nowhere", "Send the resource too, unless an earlier load has stored it"),
    ("other-member", "Refer to a resource of the same member"),
    ("no-patient", "Send the member's Patient too, unless an earlier load has stored it"),
    ("two-sources", "Give each resource an id of its own: two of one id are two versions of one resource"),
    ("no-display", "Send `display`, or `text`: an app shows it to the member"),
    ("date-range", "Send the date of the event: it lies before 1900, or more than a year ahead"),
    ("total-differs", "`total` of a category is the sum of the items' adjudications of it"),
    (
        "payment-differs",
        "`payment.amount` is what was to be paid: the totals that go to the provider and to the member",
    ),
    ("claim-twice", "Give a claim one id in all its versions: two ids are two claims"),
];

/// Where something was found, and how often.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    file: usize,
    kind: String,
    profile: String,
    rule: String,
}

/// The findings of one rule.
#[derive(Clone, Debug, Default)]
struct Found {
    count: u64,
    /// The first places, each with what was found there.
    places: Vec<(String, String)>,
}

/// The findings of a feed.
#[derive(Debug, Default)]
pub struct Inspection {
    files: Vec<FileTally>,
    /// The resources that were read, by type.
    types: BTreeMap<String, u64>,
    /// The profiles that they claim, or would claim.
    profiles: BTreeMap<String, u64>,
    rules: BTreeMap<&'static str, &'static str>,
    found: BTreeMap<Key, Found>,
    /// The resources that a load would refuse.
    refused: u64,
}

/// The resource that is looked at.
struct At<'a> {
    place: &'a str,
    file: usize,
    kind: &'a str,
    profile: &'a str,
}

impl Inspection {
    fn find(&mut self, at: &At, rule: &str, text: String) {
        let (kind, profile, rule) = (at.kind.to_owned(), at.profile.to_owned(), rule.to_owned());
        let found = self.found.entry(Key { file: at.file, kind, profile, rule }).or_default();
        found.count += 1;
        if found.places.len() < MOST_PLACES {
            found.places.push((at.place.to_owned(), text));
        }
    }

    /// Whether a load would refuse nothing.
    pub fn is_clean(&self) -> bool {
        self.refused == 0
    }

    /// The findings, for scripts.
    pub fn to_json(&self) -> Json {
        let found = |(key, found): (&Key, &Found)| {
            let places = found.places.iter().map(|(place, text)| json!({"place": place, "text": text}));
            json!({
                "file": self.file(key.file), "type": key.kind, "profile": key.profile, "rule": key.rule,
                "count": found.count, "places": places.collect::<Vec<_>>(), "right": right(&key.rule),
            })
        };
        json!({
            "files": self.files,
            "types": self.types,
            "profiles": self.profiles,
            "rules": self.rules,
            "refused": self.refused,
            "found": self.found.iter().map(found).collect::<Vec<_>>(),
        })
    }

    /// The findings as one page that needs nothing else.
    pub fn to_html(&self) -> String {
        page::of(self)
    }

    fn file(&self, number: usize) -> String {
        self.files.get(number).map(|file| file.path.clone()).unwrap_or_default()
    }
}

/// The advice for a broken rule: what would be right.
fn right(rule: &str) -> String {
    let advice = ADVICE.iter().find(|(name, _)| *name == rule).map(|(_, advice)| (*advice).to_owned());
    let see = |section: &str| format!("docs/loading.md, \"{section}\", has the remedy of `{rule}`");
    advice.unwrap_or_else(|| see(if Rule::named(rule).is_some() { "Rules" } else { "Why a resource is rejected" }))
}

/// The findings as a table. Text of a feed stays on its line.
impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, count) in &self.types {
            writeln!(f, "{:<32}{count:>9} read", visible(kind))?;
        }
        for (profile, count) in &self.profiles {
            writeln!(f, "{count:>9} claim {}", visible(profile))?;
        }
        for (rule, class) in &self.rules {
            writeln!(f, "by choice, what breaks {rule} is {class}")?;
        }
        for (key, found) in &self.found {
            let profile = key.profile.rsplit('/').next().unwrap_or_default();
            writeln!(
                f,
                "{}: {} {} {}: {}",
                key.rule,
                found.count,
                visible(&key.kind),
                visible(profile),
                visible(&self.file(key.file))
            )?;
            for (place, text) in &found.places {
                writeln!(f, "    {}: {}", visible(place), visible(text))?;
            }
            writeln!(f, "    right: {}", right(&key.rule))?;
        }
        writeln!(f, "a load would refuse {} resources; nothing was stored", self.refused)
    }
}

/// Reads a feed, and finds what a load would.
///
/// # Errors
/// A file cannot be read.
pub fn inspect(
    stack: &Stack,
    source: &Source,
    settings: &Settings,
    clock: &Clock,
    bar: &ProgressBar,
) -> Result<Inspection> {
    let rules = settings.rules.clone().unwrap_or_else(|| stack.rules().clone());
    let bases: Vec<String> = [stack.issuer().fhir_base()].into_iter().chain(settings.bases.iter().cloned()).collect();
    let mut survey = Survey::of(source, (&bases, clock.now(), &settings.stop), &rules, bar)?;
    survey.decide()?;
    let inspection = Inspection { rules: rules.moved(), files: survey.tallies(source), ..Inspection::default() };
    let mut look = Look {
        survey,
        rules,
        guides: stack.guides(),
        now: clock.now().0,
        inspection,
        members: Scratch::default(),
        sources: Scratch::default(),
        identifiers: Identifiers::default(),
    };
    source.each(&mut |item, bytes| {
        settings.stop.check()?;
        bar.inc(bytes);
        look.at(item)
    })?;
    Ok(look.inspection)
}

/// The second reading.
struct Look {
    survey: Survey,
    rules: Rules,
    guides: Guides,
    now: i64,
    inspection: Inspection,
    /// The members without a Patient, each named once.
    members: Scratch<()>,
    /// The source of each resource.
    sources: Scratch<String>,
    identifiers: Identifiers,
}

impl Look {
    fn at(&mut self, item: Item) -> Result<()> {
        let Item { place, file, bundle, full_url, content, .. } = item;
        if let Some(tally) = self.inspection.files.get_mut(file) {
            tally.read += u64::from(!matches!(content, Content::Nothing));
        }
        let refused = |kind: &str, reason: &super::Reason| (kind.to_owned(), reason.clone());
        let (kind, reason) = match content {
            Content::Resource(mut resource) => {
                let name = super::type_of(&resource).to_owned();
                match check(&mut resource, full_url.as_deref(), &self.rules) {
                    Ok((kind, reference, notes)) => {
                        *self.inspection.types.entry(name).or_default() += 1;
                        if full_url.is_some() && resource.get("id").is_none() {
                            resource["id"] = json!(reference.id);
                        }
                        self.survey.names.resolve(bundle, &mut resource)?;
                        return self.resource(
                            (kind, &reference),
                            &resource,
                            notes,
                            (&place, file, full_url.as_deref()),
                        );
                    }
                    Err(reason) => refused(&name, &reason),
                }
            }
            Content::Deletion { url, .. } => match check_deletion(&url) {
                Ok(_) => return Ok(()),
                Err(reason) => refused(super::UNREADABLE, &reason),
            },
            Content::Unusable(reason, json) => refused(super::type_of(&json), &reason),
            Content::Manifest(_) | Content::Nothing => return Ok(()),
        };
        *self.inspection.types.entry(kind.clone()).or_default() += 1;
        if super::IGNORED.contains(&&*kind) {
            return Ok(());
        }
        if let Some(tally) = self.inspection.files.get_mut(file) {
            tally.rejected += 1;
        }
        self.inspection.refused += 1;
        let at = At { place: &place, file, kind: &kind, profile: "" };
        self.inspection.find(&at, reason.code.as_str(), reason.text);
        Ok(())
    }

    /// Looks at a resource that a load would take.
    fn resource(
        &mut self,
        (kind, reference): (&'static ResourceType, &Reference),
        resource: &Json,
        notes: super::Notes,
        (place, file, full_url): (&str, usize, Option<&str>),
    ) -> Result<()> {
        let own: Vec<&str> =
            resource["meta"]["profile"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        let profiles = match &own[..] {
            [] => profiles::met_by(self.guides, resource),
            own => own.iter().map(|claim| (*claim).to_owned()).collect(),
        };
        let first = profiles.first().cloned().unwrap_or_default();
        for profile in profiles {
            *self.inspection.profiles.entry(profile).or_default() += 1;
        }
        let at = At { place, file, kind: kind.name, profile: &first };
        for rule in notes.mended {
            self.inspection.find(&at, rule.name(), "it would be put right".to_owned());
        }
        for (rule, text) in notes.warned {
            self.inspection.find(&at, rule.name(), text);
        }
        for (claim, lack) in profiles::not_met(self.guides, resource) {
            self.inspection.find(&at, "claimed-profile", format!("{claim}: {lack}"));
        }
        if let Some(conflict) = self.survey.conflict(reference)? {
            self.inspection.find(&at, conflict.code.as_str(), conflict.text);
        }
        self.references(&at, (kind, reference), resource)?;
        self.sources(&at, reference, resource, full_url)?;
        for (rule, text) in values::findings(resource, self.now).into_iter().chain(claims::amounts(resource)) {
            self.inspection.find(&at, rule, text);
        }
        if let Some(text) = self.identifiers.again(reference, resource)? {
            self.inspection.find(&at, "claim-twice", text);
        }
        Ok(())
    }

    fn references(
        &mut self,
        at: &At,
        (kind, reference): (&'static ResourceType, &Reference),
        resource: &Json,
    ) -> Result<()> {
        let owner = named_owner(kind, resource).and_then(|name| Reference::parse(&name, &[]));
        if let Some(owner) = &owner
            && !self.survey.brings(owner)?
            && self.members.insert(&owner.id, &())?
        {
            self.inspection.find(at, "no-patient", format!("{owner} is not in these files"));
        }
        for target in references_in(resource) {
            if target == *reference
                || owner.as_ref() == Some(&target)
                || ResourceType::named(&target.resource_type).is_none()
            {
                continue;
            }
            if !self.survey.has(&target)? {
                self.inspection.find(at, "reference-nowhere", format!("{target} is not in these files"));
            } else if let (Some(owner), Some(other)) = (&owner, self.survey.owner(&target)?)
                && *owner != other
            {
                self.inspection.find(at, "other-member", format!("{target} is {other}'s, and this is {owner}'s"));
            }
        }
        Ok(())
    }

    /// Finds two resources of one id that two sources sent: by `meta.source`, else by the server in their `fullUrl`s.
    fn sources(&mut self, at: &At, reference: &Reference, resource: &Json, full_url: Option<&str>) -> Result<()> {
        let server =
            full_url.filter(|url| url.starts_with("http")).and_then(|url| url.strip_suffix(&format!("/{reference}")));
        let named = resource["meta"]["source"].as_str().map(|source| source.split('#').next().unwrap_or_default());
        let Some(source) = named.filter(|source| !source.is_empty()).or(server) else { return Ok(()) };
        match self.sources.get(&reference.to_string())? {
            None => self.sources.put(&reference.to_string(), &source.to_owned())?,
            Some(known) if known != source => {
                let text = format!("{reference} comes of {known} and of {source}");
                self.inspection.find(at, "two-sources", text);
            }
            Some(_) => {}
        }
        Ok(())
    }
}
