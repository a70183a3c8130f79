//! `patient-access audit show`: who saw what.

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use serde_json::{Value as Json, json};
use shared::clock;
use shared::oauth::sign_in::canonical;
use shared::store::audit::AuditRow;

use super::rows::{self, Kept};
use crate::call::WrongCall;
use crate::stack::Stack;
use crate::terminal::visible;

/// The arguments of `audit show`.
#[derive(Args)]
pub struct ShowArguments {
    #[command(flatten)]
    whose: Whose,
    /// From this moment or day on
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until this moment, or the end of this day
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// At most so many rows
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Go on after the rows before: the `next` of the last answer
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// Print the rows as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// The member whose record was touched: a Patient id
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    patient: Option<String>,
    /// The app; the whole audit is read
    #[arg(long, value_name = "CLIENT_ID")]
    app: Option<String>,
    /// The name with which somebody tried to sign in and no member was known
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
}

impl ShowArguments {
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        for (name, time) in [("--from", &self.from), ("--to", &self.to)] {
            if let Some(time) = time.as_ref().filter(|time| time.get(..10).and_then(clock::midnight).is_none()) {
                let wrong = format!("{name}: `{time}` is no moment: 2026-01-31 or 2026-01-31T12:00:00Z is needed");
                return Err(WrongCall(wrong).into());
            }
        }
        let after = self.after.as_deref().map(cursor).transpose()?;
        let day = |time: &Option<String>| time.as_ref().and_then(|time| time.get(..10)).map(str::to_owned);
        let (from, to) = (day(&self.from), day(&self.to));
        let is_chosen =
            |day: &str| from.as_deref().is_none_or(|from| from <= day) && to.as_deref().is_none_or(|to| day <= to);
        let mut found = Vec::<(AuditRow, Kept)>::new();
        let app = self.whose.app.clone();
        let is_asked = |row: &AuditRow| {
            let from = self.from.as_deref().is_none_or(|from| from <= row.time());
            // A day without a time stands for all of it: `2026-01-31` is no greater than what begins with it.
            let to = self.to.as_deref().is_none_or(|to| row.time() <= to || row.time().starts_with(to));
            let more = after.as_ref().is_none_or(|after| row.name() > *after);
            from && to && more && app.as_deref().is_none_or(|app| app == row.client())
        };
        let take = |row: AuditRow, kept| {
            if is_asked(&row) {
                found.push((row, kept));
            }
        };
        match (&self.whose.patient, &self.whose.username) {
            (Some(patient), _) => rows::about(stack, &format!("Patient/{patient}"), is_chosen, take).await?,
            (_, Some(name)) => rows::about(stack, &format!("user/{}", canonical(name)), is_chosen, take).await?,
            _ => rows::every(stack, is_chosen, take).await?,
        }
        found.sort_by_key(|(row, _)| row.name());
        let limit = usize::from(self.limit);
        let next = found.get(limit).and_then(|_| found.get(limit - 1)).map(|(row, _)| encoded(row));
        found.truncate(limit);
        Ok(if self.json { told(&found, next.as_deref()) } else { lines(&found, next.as_deref()) })
    }
}

/// A place among the rows, as `next` names it.
fn encoded(row: &AuditRow) -> String {
    let (sort_key, partition) = row.name();
    URL_SAFE_NO_PAD.encode(format!("{sort_key} {partition}"))
}

fn cursor(text: &str) -> Result<(String, String), WrongCall> {
    let place = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let place = place.as_deref().and_then(|place| place.split_once(' '));
    let place = place.map(|(sort_key, partition)| (sort_key.to_owned(), partition.to_owned()));
    place.ok_or_else(|| WrongCall(format!("--after: `{text}` is no `next` of an answer")))
}

fn told(rows: &[(AuditRow, Kept)], next: Option<&str>) -> String {
    let text = |text: &str| if text.is_empty() { Json::Null } else { json!(text) };
    let row = |(row, kept): &(AuditRow, Kept)| {
        json!({"time": row.time(), "request": row.request(), "action": row.attribute("action"), "outcome": row.outcome(),
            "patient": row.patient(), "person": null, "as": null, "app": text(row.client()), "grant": text(row.attribute("grant")),
            "query": text(row.attribute("query")), "given": text(row.attribute("ids")), "ip": text(row.attribute("ip")),
            "kept_in": kept.name()})
    };
    format!("{}\n", json!({"rows": rows.iter().map(row).collect::<Vec<_>>(), "next": next}))
}

fn lines(rows: &[(AuditRow, Kept)], next: Option<&str>) -> String {
    let mut text = String::new();
    for (row, kept) in rows {
        let [action, ip, query, ids] = ["action", "ip", "query", "ids"].map(|name| visible(row.attribute(name)));
        let (app, outcome) = (visible(row.client()), row.outcome());
        text += &format!("{}  {action:<12}{outcome:<14}{app:<26}{ip:<16}{}\n", row.time(), kept.name());
        for line in [query, ids].into_iter().filter(|line| !line.is_empty()) {
            text += &format!("    {line}\n");
        }
    }
    if let Some(next) = next {
        text += &format!("more: --after {next}\n");
    }
    text
}
