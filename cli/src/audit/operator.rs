//! The operator's own acts are in the audit: every command on a stack, before it is carried out. No record, no act.

use anyhow::{Context, Result};
use shared::clock::Clock;
use shared::secret::Random;
use shared::store::audit::AuditRecord;

use crate::stack::Stack;

/// Options whose values are secrets.
const SECRETS: [&str; 1] = ["--password"];

/// Records a command line.
///
/// # Errors
/// The record is not surely written; then the command must not be carried out.
pub async fn record(stack: &Stack, arguments: &[String]) -> Result<()> {
    let who = stack.operator().await?;
    let record = AuditRecord {
        subject: format!("operator/{}", in_key(&who)),
        time: Clock::System.now().to_string(),
        request_id: Random::system().identifier(),
        action: "operate",
        outcome: "begun",
        query: without_secrets(arguments).join(" "),
        ..AuditRecord::default()
    };
    stack
        .audit()
        .append(&record)
        .await
        .context("the command is not carried out, because it cannot be recorded in the audit")
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
