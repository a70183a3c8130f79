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
}

impl Line {
    fn take(&mut self, row: &AuditRow) {
        self.requests += 1;
        self.members.extend(row.patient().map(str::to_owned));
        match row.outcome() {
            "ok" | "linked" | "not-modified" => {}
            "exception" | "transient" => self.failed += 1,
            "throttled" | "too-costly" => self.limited += 1,
            _ => self.refused += 1,
        }
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
            "{:<9}{:<28}{:>8}{:>10}{:>9}{:>8}{:>9}\n",
            "month", "app", "members", "requests", "refused", "failed", "limited"
        );
        for ((month, app), line) in &lines {
            text += &format!(
                "{month:<9}{:<28}{:>8}{:>10}{:>9}{:>8}{:>9}\n",
                visible(app),
                line.members.len(),
                line.requests,
                line.refused,
                line.failed,
                line.limited
            );
        }
        Ok(text)
    }
}

/// The audit knows no latencies: the dashboard has them, by route.
fn told(month: &str, app: &str, line: &Line) -> Json {
    json!({"month": month, "app": app, "members": line.members.len(), "requests": line.requests, "refused": line.refused,
        "failed": line.failed, "limited": line.limited, "p50_ms": null, "p99_ms": null})
}

fn is_month(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2);
    parts.is_some_and(|(year, month)| digits(year) && digits(month) && ("01"..="12").contains(&month))
}
