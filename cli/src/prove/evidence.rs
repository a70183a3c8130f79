//! The evidence: a file for programs and a page for people, with the same in both.

use std::path::Path;

use serde_json::{Value as Json, json};
use shared::clock::Clock;

use super::visit::Visit;
use super::{Check, Outcome, Proof, commit};
use crate::terminal::visible;

/// The evidence of a run.
pub(super) struct Evidence<'a> {
    stack: String,
    /// The version that the stack tells.
    version: String,
    commit: Option<String>,
    time: String,
    checks: &'a [Check],
}

const STYLE: &str = "body{margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1b2733;font:16px/1.5 system-ui,sans-serif}\
    table{width:100%;border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.5rem .6rem;border-bottom:1px solid #d6dde3;\
    overflow-wrap:anywhere}pre{margin:0;font:.82rem/1.4 ui-monospace,monospace;white-space:pre-wrap}small{color:#5a6875}\
    .pass{color:#1d6b41;font-weight:600}.fail{color:#9b1c1c;font-weight:600}.skipped{color:#5a6875;font-weight:600}";

impl<'a> Evidence<'a> {
    pub async fn of(proof: &'a Proof<'_>) -> Evidence<'a> {
        let issuer = proof.stack.issuer();
        let statement = Visit::new(issuer).get("/fhir/metadata").await.map(|reply| reply.json()).unwrap_or_default();
        Evidence {
            stack: issuer.to_string(),
            version: statement["software"]["version"].as_str().unwrap_or("unknown").to_owned(),
            commit: commit(),
            time: Clock::System.now().to_string(),
            checks: &proof.checks,
        }
    }

    pub fn to_json(&self) -> Json {
        let check = |check: &Check| {
            json!({"id": check.id, "duty": check.duty, "result": check.outcome.name(), "why": check.why, "sha256": check.sha256,
                "requests": check.requests.lines().collect::<Vec<_>>()})
        };
        let checks: Vec<Json> = self.checks.iter().map(check).collect();
        json!({"stack": self.stack, "version": self.version, "commit": self.commit, "time": self.time, "checks": checks})
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.outcome == outcome).count()
    }

    fn summary(&self) -> String {
        let [pass, fail, skipped] = [Outcome::Pass, Outcome::Fail, Outcome::Skipped].map(|outcome| self.count(outcome));
        format!("{pass} checks passed, {fail} failed, {skipped} could not be made")
    }

    pub fn to_text(&self, folder: &Path) -> String {
        let lines = self.checks.iter().filter(|check| check.outcome != Outcome::Pass);
        let lines: Vec<String> = lines
            .map(|check| format!("{:<8} {:<18} {}\n", check.outcome.name(), check.id, visible(&check.why)))
            .collect();
        format!("{}{}: {}\n", lines.concat(), self.summary(), folder.join("evidence.html").display())
    }

    pub fn to_html(&self) -> String {
        let rows: Vec<String> = self
            .checks
            .iter()
            .map(|check| {
                let hash = check.sha256.as_deref().unwrap_or("none");
                format!(
                    "<tr><td><code>{}</code></td><td>{}</td><td class=\"{2}\">{2}</td><td>{3}<pre>{4}</pre><small>SHA-256 of the answers: \
                     {hash}</small></td></tr>\n",
                    escaped(check.id), escaped(check.duty), check.outcome.name(), escaped(&check.why), escaped(&check.requests)
                )
            })
            .collect();
        let rows = rows.concat();
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>Proof of duties</title><style>{STYLE}</style></head>\n<body><h1>Proof of duties: {}</h1>\n<p>{}. Asked from outside at \
             {}; the stack says that it is version {}, and this command is commit {}. All that was written is under two made-up members, \
             whom no report to CMS counts; the person and the app of the checks are gone.</p>\n<table><tr><th>Check</th><th>Duty</th>\
             <th>Result</th><th>What was asked and found</th></tr>\n{rows}</table></body></html>\n",
            escaped(&self.stack),
            escaped(&self.summary()),
            escaped(&self.time),
            escaped(&self.version),
            escaped(self.commit.as_deref().unwrap_or("unknown")),
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
