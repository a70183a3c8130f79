//! The operator's own acts are in the audit: every command on a stack, before it is carried out, and how it ended. No record, no act.
//! A record without an end is of a command that was cut short, or that still runs.

use anyhow::{Context, Result};
use shared::clock::{Clock, Time};
use shared::secret::Random;
use shared::store::audit::{AuditRecord, AuditTable};

use crate::stack::Stack;

/// An act that has begun.
pub struct Act {
    audit: AuditTable,
    subject: String,
    request_id: String,
    begun: Time,
    command: String,
}

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was carried out.
    Done,
    /// It was carried out, and found or refused something.
    Findings,
    /// It was not carried out, or not to its end.
    NotDone,
}

impl Ended {
    /// Its name in the audit.
    pub fn name(self) -> &'static str {
        match self {
            Ended::Done => "done",
            Ended::Findings => "findings",
            Ended::NotDone => "not-done",
        }
    }
}

impl Act {
    /// Records the end. It is a record of its own, under the same request id: no record is ever changed.
    ///
    /// # Errors
    /// The record is not surely written. The act itself stands.
    pub async fn ended(self, ended: Ended) -> Result<()> {
        // A key has the moment and the request: the end is at least a millisecond later.
        let time = Clock::System.now().max(Time(self.begun.0 + 1));
        let record = AuditRecord {
            subject: self.subject,
            time: time.to_string(),
            request_id: self.request_id,
            action: "operate",
            outcome: ended.name(),
            query: self.command,
            ..AuditRecord::default()
        };
        self.audit.append(&record).await.context("the end of the command is not recorded in the audit")
    }
}

/// Options whose values are secrets.
const SECRETS: [&str; 1] = ["--password"];

/// Records a command line.
///
/// # Errors
/// The record is not surely written; then the command must not be carried out.
pub async fn record(stack: &Stack, arguments: &[String]) -> Result<Act> {
    let who = stack.operator().await?;
    let act = Act {
        audit: stack.audit(),
        subject: format!("operator/{}", in_key(&who)),
        request_id: Random::system().identifier(),
        begun: Clock::System.now(),
        command: without_secrets(arguments).join(" "),
    };
    let record = AuditRecord {
        subject: act.subject.clone(),
        time: act.begun.to_string(),
        request_id: act.request_id.clone(),
        action: "operate",
        outcome: "begun",
        query: act.command.clone(),
        ..AuditRecord::default()
    };
    let written = act.audit.append(&record).await;
    written.context("the command is not carried out, because it cannot be recorded in the audit")?;
    Ok(act)
}

/// A name without the characters that part a key.
fn in_key(who: &str) -> String {
    who.replace(['/', '#'], ":")
}

fn without_secrets(arguments: &[String]) -> Vec<String> {
    let mut told = Vec::new();
    let mut is_secret = false;
    for argument in arguments {
        let (name, value) = argument.split_once('=').unzip();
        if std::mem::replace(&mut is_secret, SECRETS.contains(&argument.as_str())) {
            told.push("(a secret)".to_owned());
        } else if let (Some(name), Some(_)) = (name.filter(|name| SECRETS.contains(name)), value) {
            told.push(format!("{name}=(a secret)"));
        } else {
            told.push(argument.clone());
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_recorded_however_it_was_written() {
        let line = |text: &str| without_secrets(&text.split(' ').map(str::to_owned).collect::<Vec<_>>()).join(" ");
        assert_eq!(line("member add --password hunter22 --patient a"), "member add --password (a secret) --patient a");
        assert_eq!(line("member add --password=hunter22 --patient a"), "member add --password=(a secret) --patient a");
    }

    #[test]
    fn a_name_parts_no_key() {
        assert_eq!(in_key("arn:aws:sts::1:assumed-role/Officer/ann#1"), "arn:aws:sts::1:assumed-role:Officer:ann:1");
    }
}
