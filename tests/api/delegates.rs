//! People who act for members: each signs in as themselves, opens one record at a time, and never for longer than they may.

mod account;
mod command;
mod ends;
mod tokens;
mod units;

use serde_json::{Value as Json, json};
use tests::{App, AuthorizeOptions, Browser, Tokens, fixtures};

use patient_access::load::Source;

/// The scopes of most tests.
pub(super) const SCOPE: &str = "patient/*.rs openid fhirUser offline_access";

/// A stack on which `dora`, who has no record, can sign in, and `kim`, a child, has one.
pub(super) async fn stand() -> App {
    let app = App::start().await;
    let me = json!({"reference": "Patient/kim"});
    let record = vec![
        json!({"resourceType": "Patient", "id": "kim", "birthDate": "2019-05-20", "gender": "female",
            "name": [{"use": "official", "family": "Minor", "given": ["Kim"]}]}),
        json!({"resourceType": "Coverage", "id": "kim-coverage", "status": "active", "beneficiary": me,
            "payor": [{"reference": "Organization/payer"}], "period": {"start": "2025-01-01"}}),
    ];
    app.load(Source::Memory(record)).await;
    add_person(&app, "dora").await;
    app
}

/// Lets somebody sign in who has no record.
pub(crate) async fn add_person(app: &App, name: &str) {
    let password = fixtures::password(name);
    app.keep_secret(&password);
    app.operate(&["member", "add", "--username", name, "--not-yet", "--password", &password]).await.expect("it is new");
}

/// Runs a command, and reads the JSON that it prints.
pub(super) async fn json_of(app: &App, line: &[&str]) -> Json {
    let told = app.operate(&[line, &["--json"]].concat()).await;
    serde_json::from_str(&told.unwrap_or_else(|error| panic!("{line:?}: {error:#}"))).expect("it prints JSON")
}

/// Lets a person act for a member.
pub(crate) async fn delegate(app: &App, who: &str, patient: &str, relation: &str, more: &[&str]) -> Json {
    let line = ["delegation", "add", "--for", patient, "--username", who, "--as", relation];
    json_of(app, &[&line[..], &["--ground", "a paper", "--said-by", "enrolment"], more].concat()).await
}

/// Ends a delegation as the plan does.
pub(super) async fn end(app: &App, delegation: &Json) -> Json {
    let id = delegation["id"].as_str().unwrap();
    json_of(app, &["delegation", "end", id, "--reason", "the court said so"]).await
}

/// A browser in which somebody signed in for an app and, where there are several records, chose one.
pub(super) async fn at_consent(app: &App, who: &str, record: Option<&str>) -> Browser {
    let mut browser = app.signed_in(&AuthorizeOptions::new(app, who, SCOPE)).await;
    if let Some(record) = record {
        app.choose(&mut browser, record).await;
    }
    browser
}

/// A code for a record.
pub(super) async fn code(app: &App, who: &str, record: Option<&str>) -> String {
    let browser = at_consent(app, who, record).await;
    let reply = app.consent(&browser, "allow").await;
    let code = reply.redirected("code").unwrap_or_else(|| panic!("{reply:?}"));
    app.keep_secret(&code);
    code
}

/// Tokens for a record.
pub(super) async fn tokens(app: &App, who: &str, record: Option<&str>) -> Tokens {
    Tokens::of(&app.exchange(&code(app, who, record).await).await)
}
