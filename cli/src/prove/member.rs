//! Checks of what a member and the plan can stop, and of the audit and the reports behind it.

use anyhow::Result;
use http::StatusCode;

use super::ground::{self, APP, Ground, MEMBER};
use super::visit::{Visit, field, oauth_error};
use super::{Finding, Proof};
use crate::audit::verify;
use crate::stack::Stack;
use shared::clock::Clock;

pub(super) async fn checks(proof: &mut Proof<'_>, ground: &Ground) {
    let stack = proof.stack;
    proof
        .check(
            "member-stops-app",
            "45 CFR 170.315(g)(10): a member ends an app's access, within an hour",
            async |visit| member_stops_app(visit, ground).await,
        )
        .await;
    proof
        .check("plan-stops-app", "42 CFR 422.119(e): the plan ends an app's access", async |visit| {
            plan_stops_app(visit, ground, stack).await
        })
        .await;
    proof
        .check("person-removed", "45 CFR 164.308(a)(3)(ii)(C): access ends with the person", async |visit| {
            person_removed(visit, ground, stack).await
        })
        .await;
    proof.hindrance = None;
    proof
        .check("audit-days", "45 CFR 164.312(c)(1): the record of who saw what is as it was signed", async |_| {
            audit_days(stack).await
        })
        .await;
    proof
        .check("cms-figures", "42 CFR 422.119(f): made-up members and test apps are not reported", async |_| {
            cms_figures(stack).await
        })
        .await;
}

async fn member_stops_app(visit: &mut Visit<'_>, ground: &Ground) -> Result<Finding> {
    let tokens = visit.tokens(ground, "patient/Patient.rs offline_access").await?;
    let before = visit.read(&format!("/fhir/Patient/{MEMBER}"), &tokens.access).await?;
    let mut page = visit.browse("/account", None).await?;
    if page.status == StatusCode::SEE_OTHER {
        let door = visit.browse(page.header("location"), None).await?;
        let signed_in = visit.sign_in(&door, ground.username, &ground.password).await?;
        page = visit.browse(signed_in.header("location"), None).await?;
    }
    let csrf = field(&page.text(), "csrf");
    let stopped = visit.browse("/account", Some(&[("csrf", &csrf), ("stop", APP)])).await?;
    let after = visit.read(&format!("/fhir/Patient/{MEMBER}"), &tokens.access).await?;
    let refreshed = match &tokens.refresh {
        Some(token) => oauth_error(&visit.refresh(token).await?),
        None => "no refresh token".to_owned(),
    };
    Ok(Finding::of(
        before.status == StatusCode::OK && after.status == StatusCode::UNAUTHORIZED && refreshed == "invalid_grant",
        "After the member stopped the app on the account page its very next request is 401, and its refresh invalid_grant.",
        format!(
            "the app read with {} before, the page answered {}, then it read with {} and refreshed with `{refreshed}`",
            before.status, stopped.status, after.status
        ),
    ))
}

async fn plan_stops_app(visit: &mut Visit<'_>, ground: &Ground, stack: &Stack) -> Result<Finding> {
    let tokens = visit.tokens(ground, "patient/Patient.rs").await?;
    let before = visit.read(&format!("/fhir/Patient/{MEMBER}"), &tokens.access).await?;
    ground::stop_app(&stack.auth()).await?;
    let after = visit.read(&format!("/fhir/Patient/{MEMBER}"), &tokens.access).await?;
    let query = super::visit::authorization(stack.issuer(), "patient/Patient.rs", &[]);
    let anew = visit.get(&format!("/oauth2/authorize?{query}")).await?;
    Ok(Finding::of(
        before.status == StatusCode::OK
            && after.status == StatusCode::UNAUTHORIZED
            && anew.status == StatusCode::BAD_REQUEST,
        "After the plan stopped the app its very next request is 401, and no member can connect it.",
        format!(
            "the app read with {} before and {} after; a new connection is {}",
            before.status, after.status, anew.status
        ),
    ))
}

async fn person_removed(visit: &mut Visit<'_>, ground: &Ground, stack: &Stack) -> Result<Finding> {
    ground::clear(stack).await?;
    let asked = visit.browse("/account", None).await?;
    let page = visit.browse(asked.header("location"), None).await?;
    let refused = visit.sign_in(&page, ground.username, &ground.password).await?;
    Ok(Finding::of(
        refused.status == StatusCode::UNAUTHORIZED,
        "After the person was removed, the right password is 401.",
        format!("after the person was removed, a sign-in is answered with {}", refused.status),
    ))
}

/// The last thirty days: a longer time is for `audit verify`.
async fn audit_days(stack: &Stack) -> Result<Finding> {
    let now = Clock::System.now();
    let first = now.plus_seconds(-30 * 86_400).day();
    let days = verify::states(stack, |day| day >= first.as_str(), now).await?;
    let closed = days.iter().filter(|(_, state)| *state != "open").count();
    let bad: Vec<String> = days
        .iter()
        .filter(|(_, state)| !["good", "open"].contains(state))
        .map(|(day, state)| format!("{day} {state}"))
        .collect();
    Ok(match (closed, bad.is_empty()) {
        (0, _) => {
            Finding::skipped("no day of the last thirty is closed yet: the first is a day and an hour after its end")
        }
        (_, true) => Finding::pass(format!("{closed} closed days of the last thirty are as they were signed.")),
        (_, false) => Finding::fail(format!("`audit verify` finds: {}", bad.join(", "))),
    })
}

async fn cms_figures(stack: &Stack) -> Result<Finding> {
    Ok(Finding::of(
        ground::is_uncounted(&stack.auth()).await?,
        "Both made-up members and the app are marked, and `report cms` leaves marked ones out.",
        "a mark is missing: the report would count this run",
    ))
}
