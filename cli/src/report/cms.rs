//! `patient-access report cms`: CMS's yearly report (42 CFR 422.119(f)).
//!
//! A member is counted once, under the contract at the moment of the year's first answer, so that the lines add up. Two answers or
//! more, in whichever apps, are more than once.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value as Json, json};
use shared::oauth::client::Client;
use shared::store::counts::{Answers, Counted, Synthetic};

use super::contract::{self, Element};
use crate::audit;
use crate::stack::Stack;
use crate::terminal::visible;

/// How many members' Coverages are read at once.
const AT_ONCE: usize = 32;

/// How it was counted, as the report says it.
const HOW: &str = "An answer counts when it gave an app at least one resource of the member's own (200, or a link to a document); answers \
    that say an app's copy is current, bare counts and errors do not. Data that a delegate got count for the member. A member counts \
    once, under the contract of the Coverage that was in force on the day of the year's first answer; two answers or more, in whichever \
    apps, are more than once. Days are in UTC. Test apps and synthetic members are left out. Answers are counted within a quarter of an \
    hour, from the audit; --verify counts the audit itself.";

/// The arguments of `report cms`.
#[derive(Args)]
pub struct CmsArguments {
    /// The calendar year
    #[arg(long, value_name = "YYYY", value_parser = clap::value_parser!(u16).range(1970..=9999))]
    year: u16,
    /// Count anew from every audit record, name each difference, and count what was not counted yet
    #[arg(long)]
    verify: bool,
    /// The element of a Coverage that is the contract, such as identifier[SYSTEM].value [default: the stack's setting]
    #[arg(long, value_name = "ELEMENT")]
    contract: Option<String>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// The counted answers of a year, by member and app.
type Count = BTreeMap<Counted, Answers>;

/// The report.
struct Report {
    year: String,
    /// Members and, of these, those more than once, by contract.
    contracts: BTreeMap<Option<String>, (usize, usize)>,
    /// The moment of the newest answer that is counted.
    counted_through: Option<String>,
    verified: Option<Verified>,
}

/// The result of counting anew.
struct Verified {
    rows: usize,
    differences: Vec<Json>,
}

impl CmsArguments {
    pub(super) async fn run(self, stack: &Stack) -> Result<(String, ExitCode)> {
        let year = self.year.to_string();
        let element: Element =
            self.contract.as_deref().or(stack.contract_element()).unwrap_or(contract::DEFAULT).parse()?;
        let counted = stack.counts().of_year(&year).await?;
        let (counted, verified) = if self.verify {
            let (count, verified) = verify(stack, &year, &counted).await?;
            (count, Some(verified))
        } else {
            (counted, None)
        };
        let report = report(stack, year, &element, counted, verified).await?;
        let differs = report.verified.as_ref().is_some_and(|verified| !verified.differences.is_empty());
        let text = if self.json { format!("{}\n", report.to_json()) } else { report.to_text() };
        Ok((text, if differs { ExitCode::from(3) } else { ExitCode::SUCCESS }))
    }
}

/// Counts the audit anew and compares. Answers that were not counted are counted now. Returns the audit's own count.
async fn verify(stack: &Stack, year: &str, counted: &Count) -> Result<(Count, Verified)> {
    let (mut naive, mut rows) = (BTreeMap::<Counted, BTreeSet<String>>::new(), 0);
    let mut missing = Vec::new();
    let of_year = |day: &str| day.get(..4) == Some(year);
    audit::rows::every(stack, of_year, |row, _| {
        let Some(patient) = row.patient().filter(|_| row.year() == year && row.counts()) else { return };
        rows += 1;
        let of = Counted { patient: patient.to_owned(), client: row.client().to_owned() };
        // Of the rows that the count does not name, two at most are needed to mend it.
        let known = counted.get(&of);
        let answers = naive.entry(of).or_default();
        if known.is_none_or(|known| known.again.is_none()) && answers.len() < 2 {
            missing.push(row.clone());
        }
        answers.insert(row.sort_key().to_owned());
    })
    .await?;
    let differences = differences(counted, &naive);
    stack.counts().add(&missing).await?;
    let count = naive.into_iter().filter_map(|(of, answers)| {
        let mut answers = answers.into_iter();
        Some((of, Answers { once: answers.next()?, again: answers.next() }))
    });
    Ok((count.collect(), Verified { rows, differences }))
}

/// Each difference between what was counted and the audit.
fn differences(counted: &Count, naive: &BTreeMap<Counted, BTreeSet<String>>) -> Vec<Json> {
    let none = BTreeSet::new();
    let mut found = Vec::new();
    for of in counted.keys().chain(naive.keys()).collect::<BTreeSet<_>>() {
        let (known, answers) = (counted.get(of), naive.get(of).unwrap_or(&none));
        let mut differ = |fault: &str, record: Option<&String>| {
            found.push(json!({"patient": of.patient, "app": of.client, "fault": fault, "record": record}));
        };
        for named in known.into_iter().flat_map(|known| [Some(&known.once), known.again.as_ref()]).flatten() {
            if !answers.contains(named) {
                differ("the audit has no such record", Some(named));
            }
        }
        match known {
            None => differ("not counted", answers.first()),
            Some(Answers { again: None, .. }) if answers.len() > 1 => {
                differ("the second answer is not counted", answers.iter().nth(1));
            }
            Some(_) => {}
        }
    }
    found
}

/// Adds up by contract, without test apps and synthetic members.
async fn report(
    stack: &Stack,
    year: String,
    element: &Element,
    counted: Count,
    verified: Option<Verified>,
) -> Result<Report> {
    let auth = stack.auth();
    let clients: BTreeSet<&String> = counted.keys().map(|of| &of.client).collect();
    let mut test_apps = BTreeSet::new();
    for client in clients {
        // An app that nobody registered is no test app: what it got counts.
        if auth.get::<Client>(client).await?.is_some_and(|stored| stored.record.is_test) {
            test_apps.insert(client.clone());
        }
    }
    let marks = auth.list::<Synthetic>(Synthetic::ALL).await?;
    let synthetic: BTreeSet<String> =
        marks.into_iter().filter(|mark| mark.record.stands).map(|mark| mark.record.patient).collect();
    let mut members = BTreeMap::<String, (String, usize)>::new();
    let mut counted_through = None;
    for (of, answers) in counted {
        counted_through = counted_through.max(answers.again.as_ref().map(moment)).max(Some(moment(&answers.once)));
        if test_apps.contains(&of.client) || synthetic.contains(&of.patient) {
            continue;
        }
        let count = 1 + usize::from(answers.again.is_some());
        let member = members.entry(of.patient).or_insert_with(|| (answers.once.clone(), 0));
        member.0 = member.0.clone().min(answers.once);
        member.1 += count;
    }
    let writer = stack.writer()?;
    let contracts = stream::iter(members).map(async |(patient, (first, answers))| {
        let coverages = writer.coverages(&patient).await?;
        anyhow::Ok((element.contract(&coverages, first.get(..10).unwrap_or_default()), answers))
    });
    let mut by_contract = BTreeMap::<Option<String>, (usize, usize)>::new();
    let mut contracts = std::pin::pin!(contracts.buffer_unordered(AT_ONCE));
    while let Some((contract, answers)) = contracts.try_next().await? {
        let line = by_contract.entry(contract).or_default();
        *line = (line.0 + 1, line.1 + usize::from(answers > 1));
    }
    Ok(Report { year, contracts: by_contract, counted_through, verified })
}

/// The moment in the sort key of an audit record.
fn moment(sort_key: impl AsRef<str>) -> String {
    sort_key.as_ref().split('#').next().unwrap_or_default().to_owned()
}

impl Report {
    fn totals(&self) -> (usize, usize) {
        self.contracts.values().fold((0, 0), |sum, line| (sum.0 + line.0, sum.1 + line.1))
    }

    fn to_json(&self) -> Json {
        let line = |(contract, (members, more)): (&Option<String>, &(usize, usize))| json!({"contract": contract, "members": members, "members_more_than_once": more});
        let (members, more) = self.totals();
        let verified = self.verified.as_ref().map(|verified| {
            json!({"agrees": verified.differences.is_empty(), "rows": verified.rows, "differences": verified.differences})
        });
        json!({"year": self.year, "contracts": self.contracts.iter().map(line).collect::<Vec<_>>(), "members": members,
            "members_more_than_once": more, "counted_through": self.counted_through, "how": HOW, "verified": verified})
    }

    fn to_text(&self) -> String {
        let mut text = format!("{:<24}{:>10}{:>16}\n", "contract", "members", "more than once");
        let (members, more) = self.totals();
        for (contract, (members, more)) in &self.contracts {
            let contract = contract.as_deref().map_or("(none)".to_owned(), visible);
            text += &format!("{contract:<24}{members:>10}{more:>16}\n");
        }
        text += &format!("{:<24}{members:>10}{more:>16}\n\n", format!("all of {}", self.year));
        let through = self.counted_through.as_deref().unwrap_or("(none)");
        text += &format!("The newest answer that is counted: {through}.\n{HOW}\n");
        if let Some(verified) = &self.verified {
            text += &format!(
                "\n{} audit records count; differences from what was counted: {}\n",
                verified.rows,
                verified.differences.len()
            );
            for difference in &verified.differences {
                text += &format!("  {}\n", visible(&difference.to_string()));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(patient: &str) -> Counted {
        Counted { patient: patient.into(), client: "app".into() }
    }

    #[test]
    fn each_difference_is_named_once_and_agreement_is_silent() {
        let answers = |once: &str, again: Option<&str>| Answers { once: once.into(), again: again.map(str::to_owned) };
        let counted = Count::from([
            (of("good"), answers("1", Some("2"))),
            (of("half"), answers("1", None)),
            (of("invented"), answers("9", None)),
        ]);
        let audit = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>();
        let naive = BTreeMap::from([
            (of("good"), audit(&["1", "2", "3"])),
            (of("half"), audit(&["1", "2"])),
            (of("new"), audit(&["4"])),
        ]);
        let found: Vec<String> = differences(&counted, &naive)
            .iter()
            .map(|difference| format!("{} {}", difference["patient"], difference["record"]))
            .collect();
        assert_eq!(found, [r#""half" "2""#, r#""invented" "9""#, r#""new" "4""#]);
    }
}
