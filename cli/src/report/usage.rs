//! `patient-access report usage`: what apps asked for, by month.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use clap::Args;
use serde_json::{Value as Json, json};
use shared::store::audit::AuditRow;

use crate::audit;
use crate::call::WrongCall;
use crate::stack::Stack;
use crate::terminal::visible;

/// The arguments of `report usage`.
#[derive(Args)]
pub struct UsageArguments {
    /// The first month
    #[arg(long, value_name = "YYYY-MM")]
    from: String,
    /// The last month
    #[arg(long, value_name = "YYYY-MM")]
    to: String,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// The requests of one app in a month.
#[derive(Default)]
struct Line {
    members: BTreeSet<String>,
    requests: usize,
    refused: usize,
    failed: usize,
    limited: usize,
    /// The milliseconds of each request of which they are known.
    milliseconds: Vec<u32>,
}

impl Line {
    fn take(&mut self, row: &AuditRow) {
        self.requests += 1;
        self.members.extend(row.patient().map(str::to_owned));
        self.milliseconds.extend(row.milliseconds());
        match row.outcome() {
            "ok" | "linked" | "not-modified" => {}
            "exception" | "transient" => self.failed += 1,
            "throttled" | "too-costly" => self.limited += 1,
            _ => self.refused += 1,
        }
    }

    /// The time within which this part of a hundred requests were answered: the nearest rank. `None` where no time is known.
    fn percentile(&self, part: usize) -> Option<u32> {
        let mut sorted = self.milliseconds.clone();
        sorted.sort_unstable();
        sorted.get((sorted.len() * part).div_ceil(100).saturating_sub(1)).copied()
    }
}

impl UsageArguments {
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        for (name, month) in [("--from", &self.from), ("--to", &self.to)] {
            if !is_month(month) {
                return Err(
                    WrongCall(format!("{name}: `{month}` is no month: YYYY-MM is needed, such as 2026-01")).into()
                );
            }
        }
        let mut lines = BTreeMap::<(String, String), Line>::new();
        let months = self.from.as_str()..=self.to.as_str();
        let is_chosen = |day: &str| day.get(..7).is_some_and(|month| months.contains(&month));
        audit::rows::every(stack, is_chosen, |row, _| {
            let month = row.sort_key().get(..7).unwrap_or_default();
            if row.is_data_request() {
                lines.entry((month.to_owned(), row.client().to_owned())).or_default().take(&row);
            }
        })
        .await?;
        let rows: Vec<Json> = lines.iter().map(|((month, app), line)| told(month, app, line)).collect();
        if self.json {
            return Ok(format!("{}\n", json!({"rows": rows})));
        }
        let mut text = format!(
            "{:<9}{:<28}{:>8}{:>10}{:>9}{:>8}{:>9}{:>9}{:>9}\n",
            "month", "app", "members", "requests", "refused", "failed", "limited", "p50 ms", "p99 ms"
        );
        for ((month, app), line) in &lines {
            let milliseconds = |part| line.percentile(part).map_or_else(String::new, |taken| taken.to_string());
            text += &format!(
                "{month:<9}{:<28}{:>8}{:>10}{:>9}{:>8}{:>9}{:>9}{:>9}\n",
                visible(app),
                line.members.len(),
                line.requests,
                line.refused,
                line.failed,
                line.limited,
                milliseconds(50),
                milliseconds(99)
            );
        }
        Ok(text + HOW)
    }
}

/// The things that are counted, in words.
const HOW: &str = "\nEvery request to the FHIR server under a good token. Its time runs from the gateway to the record in the audit, which is \
    written before the answer leaves; a request that the gateway limits or that finds no table is in the logs and on the dashboard alone.\n";

fn told(month: &str, app: &str, line: &Line) -> Json {
    json!({"month": month, "app": app, "members": line.members.len(), "requests": line.requests, "refused": line.refused,
        "failed": line.failed, "limited": line.limited, "p50_ms": line.percentile(50), "p99_ms": line.percentile(99)})
}

fn is_month(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2);
    parts.is_some_and(|(year, month)| digits(year) && digits(month) && ("01"..="12").contains(&month))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_time_of_the_nearest_rank() {
        let of = |milliseconds: Vec<u32>| Line { milliseconds, ..Line::default() };
        let line = of((1..=200).rev().collect());
        assert_eq!((line.percentile(50), line.percentile(99)), (Some(100), Some(198)));
        assert_eq!((of(vec![7]).percentile(50), of(vec![7]).percentile(99)), (Some(7), Some(7)));
        assert_eq!(of(Vec::new()).percentile(50), None);
    }
}
