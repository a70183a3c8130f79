//! The ground that the checks stand on: two members whom this command makes up, a person who signs in to the first, and an app. They are marked, so
//! that no report to CMS counts them, and the person and the app can do nothing before and after the run.

use anyhow::{Result, bail};
use indicatif::ProgressBar;
use serde_json::{Value as Json, json};
use shared::access::grant::{Grant, Why};
use shared::clock::Clock;
use shared::oauth::client::Client;
use shared::oauth::member::Member;
use shared::oauth::provider::settings::IdentityProviders;
use shared::oauth::sign_in::{SignIn, Way, in_directory};
use shared::oauth::throttle;
use shared::secret::{Random, Secret};
use shared::store::auth::{Auth, Commit, CommitError};
use shared::store::counts::Synthetic;

use crate::load::{Settings, Source, load_with};
use crate::member::{MemberCommand, Named, OneMember, end_all};
use crate::stack::Stack;

/// The member whose record the app reads.
pub(super) const MEMBER: &str = "made-up-by-prove-1";

/// Another member, of whom the app may learn nothing.
pub(super) const STRANGER: &str = "made-up-by-prove-2";

/// A text in every resource of the stranger's that no answer may show.
pub(super) const CANARY: &str = "canary-of-the-stranger";

/// The app.
pub(super) const APP: &str = "made-up-by-prove";

/// Where the app is sent an answer. Nobody listens there: the command reads the address itself.
pub(super) const REDIRECT_URI: &str = "http://127.0.0.1/made-up-by-prove";

/// The name with which the person signs in.
const USERNAME: &str = "made-up-by-prove";

/// The person, for as long as the checks run.
pub(super) struct Ground {
    /// The name.
    pub username: &'static str,
    /// Their password. Nobody is told: it is made for this run and ends with the person.
    pub password: Secret,
    /// Whether anybody can sign in with a name of the plan's own directory.
    pub can_sign_in: bool,
}

/// Makes all of it. It takes over the rest of a run that was killed.
///
/// # Errors
/// A Patient of these ids is there and not marked as made up; the stack does not answer.
pub(super) async fn make(stack: &Stack, rejected: std::path::PathBuf) -> Result<Ground> {
    let (auth, random, now) = (stack.auth(), Random::system(), Clock::System.now());
    for patient in [MEMBER, STRANGER] {
        mark(stack, &auth, patient).await?;
    }
    let settings = Settings { rejected: rejected.clone(), ..Settings::default() };
    let source = Source::Memory([record(MEMBER, ""), record(STRANGER, CANARY)].concat());
    let (report, ended) = load_with(stack, &source, settings, Clock::System, &ProgressBar::hidden()).await;
    ended?;
    if report.total().rejected > 0 {
        bail!("the made-up members cannot be loaded; {} says why", rejected.display());
    }
    remove_person(stack, &auth).await?;
    // The checks try wrong passwords, and several runs within a quarter of an hour would lock the name.
    throttle::unlock(&auth, USERNAME, now).await?;
    let password = random.secret();
    let (member, way) = in_directory(USERNAME, &password, Some(MEMBER), &random, now)?;
    committed(auth.commit(Commit::default().create(&member).create(&way)).await)?;
    let app = Client { is_test: true, ..Client::new(APP, "Proof of duties", &[REDIRECT_URI], now) };
    let commit = match auth.get::<Client>(APP).await? {
        Some(before) => Commit::default().replace(&before, &app),
        None => Commit::default().create(&app),
    };
    committed(auth.commit(commit).await)?;
    let ways =
        auth.get::<IdentityProviders>(IdentityProviders::KEY).await?.map(|stored| stored.record).unwrap_or_default();
    Ok(Ground { username: USERNAME, password, can_sign_in: ways.local })
}

/// Removes the person and stops the app. The two records stay, marked: nobody can sign in to them.
///
/// # Errors
/// The stack does not answer; the next run, or `member remove` and `app disable`, does it.
pub(super) async fn clear(stack: &Stack) -> Result<()> {
    let auth = stack.auth();
    stop_app(&auth).await?;
    remove_person(stack, &auth).await
}

/// Stops the app, as `app disable` does.
pub(super) async fn stop_app(auth: &Auth) -> Result<()> {
    if let Some(before) = auth.get::<Client>(APP).await?.filter(|app| !app.record.disabled) {
        let stopped = Client { disabled: true, ..before.record.clone() };
        committed(auth.commit(Commit::default().replace(&before, &stopped)).await)?;
    }
    let person = auth.get::<SignIn>(&Way::Username(USERNAME.to_owned()).key()).await?;
    if let Some(person) = person {
        let grants = auth.list::<Grant>(&person.record.member).await?;
        end_all(auth, grants, |grant| grant.client == APP, Why::AppStopped).await?;
    }
    Ok(())
}

/// Whether no report to CMS counts what the checks did.
pub(super) async fn is_uncounted(auth: &Auth) -> Result<bool> {
    let mut marked = auth.get::<Client>(APP).await?.is_some_and(|app| app.record.is_test);
    for patient in [MEMBER, STRANGER] {
        marked &= auth.get::<Synthetic>(patient).await?.is_some_and(|mark| mark.record.stands);
    }
    Ok(marked)
}

/// Marks a member as made up, before anything of theirs is there. A record that is there without the mark is somebody's.
async fn mark(stack: &Stack, auth: &Auth, patient: &str) -> Result<()> {
    let there = auth.get::<Synthetic>(patient).await?;
    if there.as_ref().is_some_and(|mark| mark.record.stands) {
        return Ok(());
    }
    if !stack.writer()?.patients(&[patient.to_owned()]).await?.is_empty() {
        bail!(
            "Patient/{patient} is there and not marked as made up. If it is nobody's, mark it: \
             `patient-access report synthetic --patient {patient}`"
        );
    }
    let mark = Synthetic { patient: patient.to_owned(), stands: true, changed_at: Clock::System.now() };
    let commit = match &there {
        Some(there) => Commit::default().replace(there, &mark),
        None => Commit::default().create(&mark),
    };
    committed(auth.commit(commit).await)
}

async fn remove_person(stack: &Stack, auth: &Auth) -> Result<()> {
    let Some(way) = auth.get::<SignIn>(&Way::Username(USERNAME.to_owned()).key()).await? else { return Ok(()) };
    let member = auth.get::<Member>(&way.record.member).await?;
    if member.is_some_and(|member| member.record.patient.as_deref() != Some(MEMBER)) {
        bail!("`{USERNAME}` signs in to another record than Patient/{MEMBER}: this person is not this command's");
    }
    let named = Named { username: Some(USERNAME.to_owned()), ..Named::default() };
    MemberCommand::Remove(OneMember { named, json: true }).run(stack).await.map(|_| ())
}

fn committed(result: Result<(), CommitError>) -> Result<()> {
    match result {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict) => bail!("another `prove` runs on this stack: let it end first"),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// A small record of a member.
fn record(patient: &str, mark: &str) -> Vec<Json> {
    let subject = json!({"reference": format!("Patient/{patient}")});
    let text = |text: &str| json!({"text": format!("{text} {mark}").trim()});
    vec![
        json!({"resourceType": "Patient", "id": patient, "active": true, "gender": "unknown", "birthDate": "1970-01-01",
            "identifier": [{"system": "urn:made-up-by-prove", "value": patient}],
            "name": [{"family": format!("Made-up {mark}").trim(), "given": [patient]}]}),
        json!({"resourceType": "Coverage", "id": format!("{patient}-coverage"), "status": "active", "beneficiary": subject,
            "type": text("made up"), "payor": [{"display": "nobody"}], "period": {"start": "2026-01-01"}}),
        json!({"resourceType": "Observation", "id": format!("{patient}-observation"), "status": "final", "subject": subject,
            "code": text("made up"), "effectiveDateTime": "2026-01-01", "valueInteger": 1}),
    ]
}
