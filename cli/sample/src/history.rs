//! One member with a history of any length: several chronic illnesses, and as many contacts as the length needs.

use serde_json::Value;
use time::{Date, Duration};

use crate::catalog::illnesses::illness;
use crate::catalog::plans::ADVANTAGE;
use crate::catalog::services::service;
use crate::chart::Chart;
use crate::clinical::{self, ConditionCategory};
use crate::coverage::{PolicyHolder, coverage};
use crate::directory::doctor;
use crate::encounters;
use crate::life::{self, Physique};
use crate::observations::Drift;
use crate::patient;
use crate::person::Person;
use crate::random::Rng;
use crate::values::{ANCHOR, later};

/// A contact produces about this many resources.
const OF_A_CONTACT: usize = 10;

/// A history covers about ten years at most, or more if one contact a day is not enough. The pace is in whole days, at most 90,
/// so a history can be much shorter.
const DAYS: usize = 3650;

/// A part is complete once it has this many resources, before its claims and Provenances are written. This bounds the memory
/// that a history needs.
const PART: usize = 500;

/// The member's chronic illnesses.
const ILLNESSES: [&str; 4] = ["diabetes", "hypertension", "heart-failure", "low-back-pain"];

/// Illnesses that pass.
const PASSING: [&str; 3] = ["cold", "pharyngitis", "pneumonia"];

const DRIFTS: [Drift; 3] = [("4548-4", 7.4, 0.1), ("2345-7", 149.0, 2.0), ("2160-0", 1.8, 0.08)];

const BODY: Physique = Physique { height: 171.0, weight: 84.0, pressure: 134.0 };

/// A history under construction, written from the oldest contact on.
struct History {
    chart: Chart,
    next: Date,
    /// The days between contacts.
    pace: i64,
    /// The resources after which a part is complete: a fifth of the history, at most [`PART`].
    part: usize,
}

/// The history of the member `long-<seed>`: exactly `resources` resources, without the shared ones, in parts, the oldest first.
pub(crate) fn history(resources: usize, seed: u64) -> impl Iterator<Item = Vec<Value>> {
    let mut rest = resources;
    History::begin(resources, seed).map_while(move |mut part| {
        part.truncate(rest);
        rest -= part.len();
        (!part.is_empty()).then_some(part)
    })
}

impl History {
    fn begin(resources: usize, seed: u64) -> History {
        let contacts = (resources / OF_A_CONTACT).max(1);
        let pace = (DAYS / contacts).clamp(1, 90);
        let begin = ANCHOR - days(contacts * pace + 60);
        let mut rng = Rng::new(seed, 0x10_76);
        let birth = begin - Duration::days(rng.between(14_000, 18_000));
        let person =
            Person::invent(&mut rng, &format!("long-{seed}"), &format!("{}", 300_000_000 + seed % 1_000_000), birth);
        let mut chart = Chart::new(person, &ADVANTAGE, "okafor", rng);
        patient::patient(&mut chart);
        for year in begin.year()..=ANCHOR.year() {
            let new_year = |year| Date::from_ordinal_date(year, 1).unwrap_or(ANCHOR);
            coverage(
                &mut chart,
                &ADVANTAGE,
                new_year(year),
                new_year(year + 1) - Duration::days(1),
                &PolicyHolder::Own,
            );
        }
        for key in ILLNESSES {
            clinical::condition(&mut chart, illness(key), ConditionCategory::ProblemListItem, begin, None, None);
        }
        History { chart, next: begin, pace: i64::try_from(pace).unwrap_or(1), part: (resources / 5).min(PART) }
    }

    /// Writes one contact: a visit with all vital signs, a visit for an illness that passes, or a video visit.
    fn contact(&mut self) {
        let (chart, on) = (&mut self.chart, self.next);
        let key = chart.rng.pick(&ILLNESSES[..]);
        let ill = illness(key);
        let (reason, diagnosis) = (ill.sct, ill.icd10);
        match chart.rng.between(1, 10) {
            1..=4 => {
                let why = (reason, diagnosis);
                let physician = chart.doctor;
                let seen = life::visit(
                    chart,
                    &encounters::OFFICE_VISIT,
                    physician,
                    on,
                    why,
                    &[service("office-long")],
                    Some(BODY),
                );
                life::tests(chart, &["cmp"], &DRIFTS, physician, on, Some(&seen), diagnosis);
            }
            5..=7 => {
                let key = chart.rng.pick(&PASSING[..]);
                let length = chart.rng.between(4, 12);
                life::acute(chart, illness(key), on, length);
            }
            _ => {
                let specialist = doctor(ill.doctor);
                let why = (reason, diagnosis);
                let seen =
                    life::visit(chart, &encounters::VIDEO_VISIT, specialist, on, why, &[service("office")], None);
                life::tests(chart, &["a1c"], &DRIFTS, specialist, on, Some(&seen), diagnosis);
            }
        }
        // When the days run out, all further contacts fall on the last day, thirty days before the anchor. So the history
        // reaches its length, and no contact lies in the future.
        self.next = later(on, self.pace).min(ANCHOR - Duration::days(30));
    }
}

impl Iterator for History {
    type Item = Vec<Value>;

    fn next(&mut self) -> Option<Vec<Value>> {
        while self.chart.written().len() < self.part {
            self.contact();
        }
        Some(self.chart.part())
    }
}

fn days(count: usize) -> Duration {
    Duration::days(i64::try_from(count).unwrap_or(0))
}
