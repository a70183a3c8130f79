//! Checks of an app that a member allows: sign-in, consent, tokens, and what they open.

use anyhow::{Context, Result};
use http::StatusCode;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value as Json;
use shared::secret::{Random, Secret};

use super::ground::{APP, CANARY, Ground, MEMBER, STRANGER};
use super::http::Reply;
use super::visit::{Tokens, Visit, oauth_error};
use super::{Finding, Proof};
use crate::audit;
use crate::stack::Stack;

/// The app asks for these, and the member keeps Observation back.
const SCOPE: &str = "patient/Patient.rs patient/Coverage.rs patient/Observation.rs openid fhirUser offline_access";

pub(super) async fn checks(proof: &mut Proof<'_>, ground: &Ground) {
    let stack = proof.stack;
    proof
        .check("wrong-password", "45 CFR 164.312(d): person authentication", async |visit| {
            wrong_password(visit, ground).await
        })
        .await;
    let mut tokens = None;
    proof
        .check(
            "consent",
            "42 CFR 422.119(a): data with the member's approval, and no more than they approve",
            async |visit| {
                let (finding, got) = consent(visit, ground).await?;
                tokens = got;
                Ok(finding)
            },
        )
        .await;
    proof
        .check("id-token", "45 CFR 170.215(e): OpenID Connect, an id_token that verifies", async |visit| {
            id_token(visit, of(tokens.as_ref())?).await
        })
        .await;
    proof
        .check("own-record", "42 CFR 422.119(b): the member's data as FHIR", async |visit| {
            own_record(visit, of(tokens.as_ref())?).await
        })
        .await;
    proof
        .check("scope", "45 CFR 164.312(a)(1): no data beyond the scopes", async |visit| {
            scope(visit, of(tokens.as_ref())?).await
        })
        .await;
    proof
        .check(
            "stranger-read",
            "45 CFR 164.312(a)(1): another member's resource looks as if it did not exist",
            async |visit| stranger_read(visit, of(tokens.as_ref())?).await,
        )
        .await;
    proof
        .check("stranger-search", "45 CFR 164.312(a)(1): no search finds another member's data", async |visit| {
            stranger_search(visit, of(tokens.as_ref())?).await
        })
        .await;
    proof
        .check("audit-row", "45 CFR 164.312(b): a record of each answer with data", async |visit| {
            audit_row(visit, of(tokens.as_ref())?, stack).await
        })
        .await;
    proof
        .check("limits", "45 CFR 164.306(a)(2): a request that asks for too much is refused or cut", async |visit| {
            limits(visit, of(tokens.as_ref())?).await
        })
        .await;
    proof
        .check("verifier", "SMART App Launch, RFC 7636: a code without its verifier is worth nothing", async |visit| {
            verifier(visit, ground).await
        })
        .await;
    proof
        .check(
            "code-once",
            "RFC 6749 §4.1.2: a code is exchanged once, and a second try ends what it gave",
            async |visit| code_once(visit, ground).await,
        )
        .await;
    proof
        .check(
            "refresh-replay",
            "RFC 9700 §4.14: a spent refresh token that comes back ends the grant",
            async |visit| refresh_replay(visit, ground).await,
        )
        .await;
    proof
        .check(
            "revocation",
            "RFC 7009: an app gives its token back, and it ends with the next request",
            async |visit| revocation(visit, ground).await,
        )
        .await;
}

/// The tokens of the check `consent`.
fn of(tokens: Option<&Tokens>) -> Result<&Tokens> {
    tokens.context("there is no token to ask with: the check `consent` failed")
}

async fn wrong_password(visit: &mut Visit<'_>, ground: &Ground) -> Result<Finding> {
    let wrong = Random::system().secret();
    let asked = visit.browse("/account", None).await?;
    let page = visit.browse(asked.header("location"), None).await?;
    let refused = visit.sign_in(&page, ground.username, &wrong).await?;
    Ok(Finding::of(
        refused.status == StatusCode::UNAUTHORIZED,
        "A wrong password is 401, and the page says no more than that name and password do not belong together.",
        format!("a wrong password is answered with {}", refused.status),
    ))
}

async fn consent(visit: &mut Visit<'_>, ground: &Ground) -> Result<(Finding, Option<Tokens>)> {
    let consented = visit.consent(ground, SCOPE, Some("patient/Observation")).await?;
    let reply = visit.exchange(&consented, &consented.verifier).await?;
    let tokens = Tokens::of(&reply, consented.nonce.clone())?;
    let kept = !tokens.scope.contains("Observation") && tokens.scope.contains("patient/Coverage.rs");
    let finding = Finding::of(
        kept && tokens.patient == MEMBER
            && consented.page.contains("Proof of duties")
            && reply.header("cache-control") == "no-store",
        format!("The page named the app; the member unticked one kind of data, and the app got `{}`.", tokens.scope),
        format!("the app got `{}` for the patient `{}`", tokens.scope, tokens.patient),
    );
    Ok((finding, Some(tokens)))
}

async fn id_token(visit: &mut Visit<'_>, tokens: &Tokens) -> Result<Finding> {
    let token = tokens.id_token.as_deref().context("there is no id_token")?;
    let keys: JwkSet = serde_json::from_value(visit.get("/oauth2/jwks").await?.json())?;
    let header = jsonwebtoken::decode_header(token)?;
    let key = keys.find(header.kid.as_deref().unwrap_or_default()).context("its key is not published")?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[APP]);
    validation.set_issuer(&[visit.url("")]);
    let claims = jsonwebtoken::decode::<Json>(token, &DecodingKey::from_jwk(key)?, &validation)?.claims;
    Ok(Finding::of(
        claims["nonce"] == tokens.nonce.as_str() && claims["sub"].is_string(),
        "It verifies with a published key, names this issuer, this app, the app's nonce and the person.",
        "its nonce is not the app's, or it names nobody",
    ))
}

async fn own_record(visit: &mut Visit<'_>, tokens: &Tokens) -> Result<Finding> {
    let patient = visit.read(&format!("/fhir/Patient/{MEMBER}"), &tokens.access).await?;
    let coverages = visit.read(&format!("/fhir/Coverage?patient={MEMBER}"), &tokens.access).await?;
    let ids = ids(&coverages);
    let is_fhir = [&patient, &coverages].iter().all(|reply| {
        reply.status == StatusCode::OK && reply.header("content-type").starts_with("application/fhir+json")
    });
    Ok(Finding::of(
        is_fhir
            && patient.json()["id"] == MEMBER
            && ids == [format!("{MEMBER}-coverage")]
            && patient.header("cache-control") == "no-store",
        "The Patient and their one Coverage come as FHIR JSON that no cache may keep.",
        format!("the Patient is {}, the Coverages are {} {ids:?}", patient.status, coverages.status),
    ))
}

async fn scope(visit: &mut Visit<'_>, tokens: &Tokens) -> Result<Finding> {
    let id = format!("/fhir/Observation/{MEMBER}-observation");
    for path in ["/fhir/Observation", &id] {
        let reply = visit.read(path, &tokens.access).await?;
        if reply.status != StatusCode::FORBIDDEN || !reply.header("www-authenticate").contains("insufficient_scope") {
            return Ok(Finding::fail(format!("{path}, which the member kept back, is {}", reply.status)));
        }
    }
    Ok(Finding::pass("What the member kept back is 403 by search and by id, and the answer names the scope."))
}

async fn stranger_read(visit: &mut Visit<'_>, tokens: &Tokens) -> Result<Finding> {
    let nobody = Random::system().identifier();
    for (theirs, none) in [
        (format!("/fhir/Patient/{STRANGER}"), format!("/fhir/Patient/{nobody}")),
        (format!("/fhir/Coverage/{STRANGER}-coverage"), format!("/fhir/Coverage/{nobody}")),
    ] {
        let (theirs, none) = (visit.read(&theirs, &tokens.access).await?, visit.read(&none, &tokens.access).await?);
        if theirs.status != StatusCode::NOT_FOUND || theirs.body != none.body || none.status != theirs.status {
            return Ok(Finding::fail(format!(
                "another member's resource is {}, and one that does not exist {}",
                theirs.status, none.status
            )));
        }
    }
    Ok(Finding::pass("Another member's Patient and Coverage are 404, byte for byte as ids that nobody has."))
}

async fn stranger_search(visit: &mut Visit<'_>, tokens: &Tokens) -> Result<Finding> {
    let named = visit.read(&format!("/fhir/Coverage?patient={STRANGER}"), &tokens.access).await?;
    let by_id = visit.read(&format!("/fhir/Coverage?_id={STRANGER}-coverage"), &tokens.access).await?;
    let everything = visit.read(&format!("/fhir/Patient/{STRANGER}/$everything"), &tokens.access).await?;
    let all = visit.read("/fhir/Coverage", &tokens.access).await?;
    let shown = [&named, &by_id, &everything, &all].iter().any(|reply| reply.text().contains(CANARY));
    let statuses = (named.status, by_id.status, everything.status);
    let right = named.status == StatusCode::FORBIDDEN
        && by_id.status == StatusCode::OK
        && ids(&by_id).is_empty()
        && everything.status.is_client_error();
    Ok(Finding::of(
        right && !shown,
        format!(
            "A search in another member's name is 403, their id is not found, their whole record is {}; none shows a mark of theirs.",
            everything.status.as_u16()
        ),
        format!("the answers are {statuses:?}; a mark of theirs is shown: {shown}"),
    ))
}

/// The ids of a Bundle's resources.
fn ids(bundle: &Reply) -> Vec<String> {
    let bundle = bundle.json();
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries.filter_map(|entry| entry["resource"]["id"].as_str()).map(str::to_owned).collect()
}

async fn audit_row(visit: &mut Visit<'_>, tokens: &Tokens, stack: &Stack) -> Result<Finding> {
    let reply = visit.read(&format!("/fhir/Coverage/{MEMBER}-coverage"), &tokens.access).await?;
    let request = reply.header("apigw-requestid").to_owned();
    let mut found = None;
    let take = |row: shared::store::audit::AuditRow, _| {
        if row.request() == request {
            found = Some((row.outcome().to_owned(), row.client().to_owned(), row.attribute("ids").to_owned()));
        }
    };
    audit::rows::about(stack, &format!("Patient/{MEMBER}"), |_| true, take).await?;
    Ok(match found {
        None => Finding::fail(format!(
            "the answer ({}) has the request id `{request}`, and the audit has no record of it",
            reply.status
        )),
        Some((outcome, client, ids)) => Finding::of(
            reply.status == StatusCode::OK
                && outcome == "ok"
                && client == APP
                && ids == format!("Coverage/{MEMBER}-coverage"),
            format!("The record of request {request} names the app and exactly the resource that was given out."),
            format!("the record of request {request} says {outcome}, {client}, {ids}"),
        ),
    })
}

async fn limits(visit: &mut Visit<'_>, tokens: &Tokens) -> Result<Finding> {
    let many: Vec<String> = (0..=shared::bounds::PARAMETERS).map(|number| format!("_id={number}")).collect();
    let refused = visit.read(&format!("/fhir/Coverage?{}", many.join("&")), &tokens.access).await?;
    let capped = visit.read("/fhir/Coverage?_count=1000000", &tokens.access).await?;
    let wrong = visit.read("/fhir/Coverage?colour=red", &tokens.access).await?;
    let echoed = capped.json()["link"][0]["url"].as_str().unwrap_or_default().to_owned();
    let largest = format!("_count={}", shared::bounds::LARGEST_PAGE);
    Ok(Finding::of(
        refused.status == StatusCode::BAD_REQUEST
            && wrong.status == StatusCode::BAD_REQUEST
            && echoed.contains(&largest),
        format!(
            "More than {} parameters are refused, a page has at most {}, and an unknown filter is refused, not ignored.",
            shared::bounds::PARAMETERS,
            shared::bounds::LARGEST_PAGE
        ),
        format!("the answers are {} and {}; a page of a million is `{echoed}`", refused.status, wrong.status),
    ))
}

async fn verifier(visit: &mut Visit<'_>, ground: &Ground) -> Result<Finding> {
    let consented = visit.consent(ground, "patient/Patient.rs", None).await?;
    let reply = visit.exchange(&consented, &Random::system().secret()).await?;
    Ok(Finding::of(
        oauth_error(&reply) == "invalid_grant",
        "The code with another verifier is invalid_grant.",
        format!("the code with another verifier is answered with {} `{}`", reply.status, oauth_error(&reply)),
    ))
}

async fn code_once(visit: &mut Visit<'_>, ground: &Ground) -> Result<Finding> {
    let consented = visit.consent(ground, "patient/Patient.rs", None).await?;
    let tokens = Tokens::of(&visit.exchange(&consented, &consented.verifier).await?, consented.nonce.clone())?;
    let before = visit.read(&format!("/fhir/Patient/{MEMBER}"), &tokens.access).await?;
    let again = visit.exchange(&consented, &consented.verifier).await?;
    let after = visit.read(&format!("/fhir/Patient/{MEMBER}"), &tokens.access).await?;
    Ok(Finding::of(
        before.status == StatusCode::OK
            && oauth_error(&again) == "invalid_grant"
            && after.status == StatusCode::UNAUTHORIZED,
        "The second exchange is invalid_grant, and the token of the first is 401 from then on.",
        format!(
            "the token was {} before and {} after the second exchange, which was `{}`",
            before.status,
            after.status,
            oauth_error(&again)
        ),
    ))
}

async fn refresh_replay(visit: &mut Visit<'_>, ground: &Ground) -> Result<Finding> {
    let first = visit.tokens(ground, "patient/Patient.rs offline_access").await?;
    let refresh = |tokens: &Tokens| {
        tokens.refresh.as_ref().map(|token| Secret::from_client(token.reveal())).context("there is no refresh token")
    };
    let second = Tokens::of(&visit.refresh(&refresh(&first)?).await?, String::new())?;
    let third = Tokens::of(&visit.refresh(&refresh(&second)?).await?, String::new())?;
    let replayed = visit.refresh(&refresh(&first)?).await?;
    let after = visit.read(&format!("/fhir/Patient/{MEMBER}"), &third.access).await?;
    Ok(Finding::of(
        oauth_error(&replayed) == "invalid_grant" && after.status == StatusCode::UNAUTHORIZED,
        "A refresh token of two refreshes ago is invalid_grant, and the newest access token is 401 from then on.",
        format!("it is answered with `{}`, and the newest token reads with {}", oauth_error(&replayed), after.status),
    ))
}

async fn revocation(visit: &mut Visit<'_>, ground: &Ground) -> Result<Finding> {
    let tokens = visit.tokens(ground, "patient/Patient.rs").await?;
    let revoked = visit.post("/oauth2/revoke", &[("token", tokens.access.reveal()), ("client_id", APP)]).await?;
    let after = visit.read(&format!("/fhir/Patient/{MEMBER}"), &tokens.access).await?;
    Ok(Finding::of(
        revoked.status == StatusCode::OK && after.status == StatusCode::UNAUTHORIZED,
        "After the revocation the next request is 401.",
        format!("the revocation is {}, the next request {}", revoked.status, after.status),
    ))
}
