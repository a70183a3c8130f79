//! The rules of each profile: the elements that its snapshot makes mandatory, the codes that tell it from its
//! sisters, and those of its invariants that feeds break. Rules common to all guide versions are one row; additions of one
//! version are separate rows.

mod carin_bb;
mod payer;
mod us_core;
mod us_core_observations;

use super::predicate::Predicate;
use crate::guides::Guides::{self, UsCore3, UsCore6, UsCore7};

/// A condition that a profile sets, from one set of guides to another.
struct Rule {
    /// The profile's id.
    profile: &'static str,
    /// The first and the last set in which it asks this.
    sets: (Guides, Guides),
    /// All of these must hold.
    conditions: &'static [Predicate],
}

/// By guide and profile.
const TABLES: [&[Rule]; 4] = [us_core::RULES, us_core_observations::RULES, carin_bb::RULES, payer::RULES];

/// All that a profile asks in a set; nothing where no table knows the profile.
pub(super) fn rules(profile: &str, guides: Guides) -> impl Iterator<Item = &'static Predicate> {
    let applies = move |rule: &&Rule| rule.profile == profile && rule.sets.0 <= guides && guides <= rule.sets.1;
    TABLES.into_iter().flatten().filter(applies).flat_map(|rule| rule.conditions)
}

const fn rule(profile: &'static str, conditions: &'static [Predicate]) -> Rule {
    Rule { profile, sets: (UsCore3, UsCore7), conditions }
}

const fn in_3(profile: &'static str, conditions: &'static [Predicate]) -> Rule {
    Rule { profile, sets: (UsCore3, UsCore3), conditions }
}

const fn since_6(profile: &'static str, conditions: &'static [Predicate]) -> Rule {
    Rule { profile, sets: (UsCore6, UsCore7), conditions }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guides::Guide;
    use crate::profiles::Profile;
    use crate::types::TYPES;

    /// Profiles without rules, which no resource is said to meet: the abstract one of all explanations of benefits, and that of
    /// Questionnaires, which are no member's data.
    fn has_rules(profile: &Profile) -> bool {
        profile.id != "C4BB-ExplanationOfBenefit" && profile.guide != Guide::Sdc
    }

    #[test]
    fn every_profile_has_rules_and_every_rule_a_profile() {
        let mut ids = Vec::new();
        for guides in [UsCore3, UsCore6, UsCore7] {
            for profile in TYPES.iter().flat_map(|row| Profile::of(row.name, guides)) {
                assert_eq!(rules(profile.id, guides).next().is_some(), has_rules(profile), "{}", profile.id);
                ids.push(profile.id);
            }
        }
        for rule in TABLES.into_iter().flatten() {
            assert!(ids.contains(&rule.profile), "no set of guides has the profile {}", rule.profile);
        }
    }
}
