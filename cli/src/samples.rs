//! The sample members and the sample app of a local stack.

use std::fmt;
use std::path::PathBuf;

use anyhow::Result;
use indicatif::ProgressBar;
use sample_members::{Sample, SampleMember};
use shared::clock::Clock;
use shared::oauth::client::Client;
use shared::oauth::sign_in::in_directory;
use shared::secret::{Random, Secret};
use shared::store::auth::{Commit, CommitError};

use crate::load::{Source, load};
use crate::stack::{Descriptor, Stack};
use crate::terminal::tell;
use crate::{delegation, demo};

/// The sample app's client id: a public app on this machine.
pub const CLIENT_ID: &str = "sample-app";

/// The sample app's redirect URI. Nothing needs to listen there: the code is in the browser's address bar.
pub const REDIRECT_URI: &str = "http://127.0.0.1:8000/callback";

/// The installed samples, printed for the terminal by `Display`.
pub struct Installed {
    members: Vec<SampleMember>,
    issuer: String,
}

/// Loads the sample members, and registers them and the sample app. Registrations that exist already stay.
///
/// # Errors
/// The stack does not answer, or a sample is rejected, which would be a fault of this project.
pub async fn install(descriptor: &Descriptor, sample: Sample) -> Result<Installed> {
    let stack = Stack::local(descriptor).await?;
    tell(&format!("loading {} resources of the sample members", sample.resources.len()));
    let now = Clock::System.now();
    let source = Source::Memory(sample.resources);
    let rejected = PathBuf::from("rejected-samples.ndjson");
    let report = load(&stack, &source, &rejected, Clock::System, &ProgressBar::hidden()).await?;
    anyhow::ensure!(report.is_clean(), "a sample was rejected:\n{report}");
    let members = sample.members;
    for member in &members {
        let password = Secret::from_client(&member.password);
        let (person, way) =
            in_directory(&member.username, &password, member.patient.as_deref(), &Random::system(), now)?;
        keep(&stack, Commit::default().create(&person).create(&way)).await?;
    }
    act_for_each_other(&stack).await?;
    let app = Client::new(CLIENT_ID, "Sample App", &[REDIRECT_URI], now);
    keep(&stack, Commit::default().create(&app)).await?;
    Ok(Installed { members, issuer: descriptor.url.clone() })
}

/// The delegations of the household: who acts for whom, as what, and the last day, counted from today.
const DELEGATIONS: &[(&str, &str, &str, Option<i64>)] = &[
    // It ends on a birthday.
    ("maria", "leo", "parent", None),
    ("sam", "george", "representative", None),
    // It ended yesterday.
    ("sam", "ada", "proxy", Some(-1)),
];

/// Lets those of the household act for each other. Delegations that exist already stay.
async fn act_for_each_other(stack: &Stack) -> Result<()> {
    let (ages, now) = (stack.ages(), Clock::System.now());
    for (person, patient, relation, last) in DELEGATIONS {
        let day = |days: i64| ages.day(now.plus_seconds(days * 86_400)).to_string();
        let days = (day(last.map_or(0, |last| last - 30)), last.map(day));
        delegation::Add::made_up(person, patient, relation, days).keep(stack).await?;
    }
    Ok(())
}

/// Registers the demo app, which works with any members.
///
/// # Errors
/// The stack does not answer.
pub async fn register_demo(descriptor: &Descriptor) -> Result<()> {
    let stack = Stack::local(descriptor).await?;
    keep(&stack, Commit::default().create(&demo::client(&descriptor.url, Clock::System.now()))).await
}

async fn keep(stack: &Stack, new: Commit) -> Result<()> {
    match stack.auth().commit(new).await {
        Ok(()) | Err(CommitError::Conflict) => Ok(()),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "sample members (user name, password, Patient id):")?;
        for member in &self.members {
            let patient = member.patient.as_deref().unwrap_or("-");
            writeln!(f, "  {:<10} {:<22} {:<16} {}", member.username, member.password, patient, member.story)?;
        }
        // The code_challenge is that of RFC 7636, appendix B; the README's tour uses its verifier.
        let scope = "patient/ExplanationOfBenefit.read%20patient/Coverage.read%20patient/Patient.read%20openid%20fhirUser%20offline_access";
        writeln!(f, "\nsample app: client_id {CLIENT_ID}, redirect_uri {REDIRECT_URI}; sign in and consent here:")?;
        writeln!(
            f,
            "  {}/oauth2/authorize?response_type=code&client_id={CLIENT_ID}&redirect_uri={REDIRECT_URI}&scope={scope}&state=abc&aud={0}/fhir&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
            self.issuer
        )
    }
}
