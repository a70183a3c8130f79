//! `patient-access prove`: asks a running stack from outside, as an app, a member's browser and a stranger would, whether it does what the
//! rules demand. It writes nothing but under two members whom it makes up ([`ground`]), and leaves no way in behind.

mod app;
mod evidence;
mod ground;
mod http;
mod member;
mod public;
mod visit;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use self::visit::Visit;
use crate::stack::{Stack, checkout};

/// The arguments of `prove`.
#[derive(Args)]
pub struct ProveArguments {
    /// The folder for evidence.html and evidence.json; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print the evidence as JSON
    #[arg(long)]
    json: bool,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Pass,
    Fail,
    Skipped,
}

/// The finding of a check, in a sentence.
struct Finding(Outcome, String);

impl Finding {
    fn pass(why: impl Into<String>) -> Finding {
        Finding(Outcome::Pass, why.into())
    }

    fn fail(why: impl Into<String>) -> Finding {
        Finding(Outcome::Fail, why.into())
    }

    fn skipped(why: impl Into<String>) -> Finding {
        Finding(Outcome::Skipped, why.into())
    }

    /// A pass where `holds`, else a failure with the other sentence.
    fn of(holds: bool, good: impl Into<String>, bad: impl Into<String>) -> Finding {
        if holds { Finding::pass(good) } else { Finding::fail(bad) }
    }
}

/// A check that was made.
struct Check {
    id: &'static str,
    duty: &'static str,
    outcome: Outcome,
    why: String,
    requests: String,
    sha256: Option<String>,
}

/// The checks of a run.
struct Proof<'a> {
    stack: &'a Stack,
    checks: Vec<Check>,
    /// Why the next checks cannot be made.
    hindrance: Option<&'static str>,
}

/// The reason where members sign in with a provider alone.
const NO_DIRECTORY: &str = "Members of this stack sign in with the plan's identity provider alone, and this command has nobody there. \
    Turn the plan's own directory on for the run: `patient-access identity-provider local on`.";

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::Skipped => "skipped",
        }
    }
}

impl ProveArguments {
    /// Makes the checks and writes the evidence. The exit code is 3 where a check failed.
    ///
    /// # Errors
    /// The made-up members, their person or the app cannot be made or removed; the evidence cannot be written.
    pub async fn run(self, stack: &Stack) -> Result<(String, ExitCode)> {
        std::fs::create_dir_all(&self.out).with_context(|| format!("cannot make {}", self.out.display()))?;
        let mut proof = Proof { stack, checks: Vec::new(), hindrance: None };
        let made = ground::make(stack, self.out.join("rejected.ndjson")).await;
        let checked = match &made {
            Ok(ground) => tokio::select! {
                () = proof.all(ground) => Ok(()),
                _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("the run was stopped")),
            },
            Err(_) => Ok(()),
        };
        // The ways in that were made for this run are closed, whether its checks passed or not.
        let cleared = ground::clear(stack).await;
        made?;
        checked?;
        cleared.context("the person `made-up-by-prove` or the app of that name is still there; run `prove` again")?;
        let evidence = evidence::Evidence::of(&proof).await;
        let (text, page) = (format!("{}\n", evidence.to_json()), evidence.to_html());
        for (name, content) in [("evidence.json", &text), ("evidence.html", &page)] {
            let file = self.out.join(name);
            std::fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
        }
        let has_failed = proof.checks.iter().any(|check| check.outcome == Outcome::Fail);
        let told = if self.json { text } else { evidence.to_text(&self.out) };
        Ok((told, if has_failed { ExitCode::from(3) } else { ExitCode::SUCCESS }))
    }
}

impl Proof<'_> {
    /// Every check, in the order in which an app and a member would come by.
    async fn all(&mut self, ground: &ground::Ground) {
        public::checks(self).await;
        self.hindrance = (!ground.can_sign_in).then_some(NO_DIRECTORY);
        app::checks(self, ground).await;
        member::checks(self, ground).await;
        for (id, duty, why) in NOT_FROM_OUTSIDE {
            self.checks.push(Check {
                id,
                duty,
                outcome: Outcome::Skipped,
                why: (*why).to_owned(),
                requests: String::new(),
                sha256: None,
            });
        }
    }

    /// Makes a check. An error on the way is a failure: it says what did not work.
    async fn check(
        &mut self,
        id: &'static str,
        duty: &'static str,
        look: impl AsyncFnOnce(&mut Visit<'_>) -> Result<Finding>,
    ) {
        let mut visit = Visit::new(self.stack.issuer());
        let Finding(outcome, why) = match self.hindrance {
            Some(hindrance) => Finding::skipped(hindrance),
            None => look(&mut visit).await.unwrap_or_else(|error| Finding::fail(format!("{error:#}"))),
        };
        let (requests, sha256) = visit.told();
        self.checks.push(Check { id, duty, outcome, why, requests, sha256 });
    }
}

/// Duties that nobody can see met by asking from outside.
#[rustfmt::skip]
const NOT_FROM_OUTSIDE: &[(&str, &str, &str)] = &[
    ("rate", "45 CFR 164.306(a)(2): protection against threats",
        "The gateway's limit is not tried: thousands of requests at once would disturb members. The template sets it (ThrottleRate)."),
    ("alarms", "42 CFR 422.119(c)(2): testing and monitoring",
        "Whether somebody reads the alarms shows in the account alone. `tests/api/template/watching.rs` shows that each rings."),
    ("timeliness", "42 CFR 422.119(b)(1): within one business day",
        "When a source sent its data is known to the plan alone. Receipts tell when they arrived here."),
    ("rest", "45 CFR 164.312(a)(2)(iv): encryption at rest",
        "It does not show from outside. The template sets it, and a test holds the template to it."),
    ("administrators", "45 CFR 164.308(a)(4): access of the plan's own people",
        "Who may use the operator's role is set in the AWS account."),
];

/// The commit that this command was built from, as far as the checkout tells.
fn commit() -> Option<String> {
    let root = checkout().ok()?;
    let git = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["describe", "--always", "--dirty", "--abbrev=40"])
        .output()
        .ok()?;
    let text = String::from_utf8(git.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| git.status.success() && !text.is_empty())
}
