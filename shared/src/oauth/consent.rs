//! `GET` and `POST /consent`: the person decides what the app may see, and before that in whose record, where they act for others.

use http::StatusCode;
use url::Url;

use super::choice;
use super::client::Client;
use super::code::AuthorizationCode;
use super::error::{AuthorizeError, PageError};
use super::pages::{ConsentPage, page, see_other, style};
use super::parameters::Parameters;
use super::redirect_uri::{self, form_action};
use super::request::AuthorizationRequest;
use super::session::csrf;
use super::state::Pages;
use super::waiting::Waiting;
use super::whose::{Whose, demographics};
use super::words::{choices, kept};
use super::{authorization_response, events};
use crate::http::{Request, Response, single};
use crate::issuer::Issuer;
use crate::loopback::is_loopback;
use crate::scope::{Scope, Scopes};
use crate::secret::Secret;
use crate::store::auth::Commit;

/// Shows what the app asks for, or first asks in whose record.
pub(super) async fn show(pages: &Pages, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let pairs = request.query();
    let waiting = Waiting::find(&pages.state, request, issuer, single(&pairs, "request")?.unwrap_or_default()).await?;
    match &waiting.asked.record.record {
        Some(chosen) if single(&pairs, "choose")?.is_none() => {
            let whose = Whose::find(&pages.state, &waiting.session, chosen).await?;
            form(pages, StatusCode::OK, &waiting, &whose, None).await
        }
        _ => choice::show(pages, &waiting).await,
    }
}

/// Takes the answer: a code for what was kept, `access_denied`, or the choice of a record.
pub(super) async fn submit(pages: &Pages, request: &Request, issuer: &Issuer) -> Result<Response, PageError> {
    let fields = Parameters::of_page(request, issuer)?;
    let (id, given) = (fields.field("request")?, Secret::from_client(fields.field("csrf")?));
    let waiting = Waiting::find(&pages.state, request, issuer, id).await?;
    if !csrf(&waiting.cookie).matches(&given) {
        return Err(PageError::Forged);
    }
    let record = fields.one("record")?;
    let Some(decision) = fields.one("decision")? else {
        return choice::take(pages, issuer, &waiting, record).await;
    };
    let asked = &waiting.asked.record;
    let Some(chosen) = asked.record.as_ref() else {
        // Nothing skips the choice.
        return Ok(see_other(&format!("{issuer}/consent?request={id}"), &[]));
    };
    let whose = Whose::find(&pages.state, &waiting.session, chosen).await?;
    if record.is_some_and(|record| record != chosen.patient) {
        let problem = Some("This page was about another person than you chose last. Read it again and decide.");
        return form(pages, StatusCode::CONFLICT, &waiting, &whose, problem).await;
    }
    match decision {
        "allow" => {
            let offered = scopes(asked);
            let kept = kept(&offered, &fields.all("scope"));
            let shows_data = |scope: &Scope| matches!(scope, Scope::Resource(_) | Scope::FhirUser);
            if offered.iter().any(shows_data) && !kept.iter().any(shows_data) {
                let problem = Some("Tick at least one kind of data, or choose “Do not allow”.");
                return form(pages, StatusCode::OK, &waiting, &whose, problem).await;
            }
            allow(pages, request, issuer, &waiting, &whose, &kept).await
        }
        "deny" => {
            let Waiting { asked, session, .. } = &waiting;
            events::consent(&pages.audit, request, session, ("denied", &whose), &asked.record.client, "").await?;
            pages.state.auth.commit(Commit::default().replace(asked, &asked.record.clone().decided())).await?;
            let AuthorizationRequest { redirect_uri, state, .. } = &asked.record;
            let error = AuthorizeError::AccessDenied;
            Ok(authorization_response::with_error(redirect_uri, Some(state), issuer, &error))
        }
        _ => Err(PageError::Malformed("the form says neither “allow” nor “deny”".into())),
    }
}

/// Makes the code and closes the request in one step, so that a second click makes no second code. Where the person acts for a
/// member, both happen only against the delegation as it was read.
async fn allow(
    pages: &Pages,
    request: &Request,
    issuer: &Issuer,
    Waiting { asked, session, .. }: &Waiting,
    whose: &Whose,
    kept: &Scopes,
) -> Result<Response, PageError> {
    // The request may have waited for a quarter of an hour: what counts is how the app is registered now.
    let state = &pages.state;
    let client = state.auth.get::<Client>(&asked.record.client).await?.map(|stored| stored.record);
    let registered = |client: &Client| {
        let uris = &client.redirect_uris;
        !client.disabled && uris.iter().any(|uri| redirect_uri::matches(uri, &asked.record.redirect_uri))
    };
    if !client.as_ref().is_some_and(registered) {
        return Err(PageError::Over);
    }
    let secret = state.random.secret();
    let (hash, now) = (secret.hashed(), state.clock.now());
    let code = AuthorizationCode::answering(&asked.record, session, (whose, kept), hash, &state.random, now);
    events::consent(&pages.audit, request, session, ("allowed", whose), &code.client, &code.scope).await?;
    let commit = Commit::default().create(&code).replace(asked, &asked.record.clone().decided());
    state.auth.commit(whose.delegation().into_iter().fold(commit, Commit::unchanged)).await?;
    Ok(authorization_response::with_code(&asked.record, secret.reveal(), issuer))
}

fn scopes(asked: &AuthorizationRequest) -> Scopes {
    asked.scope.parse().unwrap_or_default()
}

async fn form(
    pages: &Pages,
    status: StatusCode,
    Waiting { id, asked, session, cookie }: &Waiting,
    whose: &Whose,
    problem: Option<&str>,
) -> Result<Response, PageError> {
    let (asked, csrf) = (&asked.record, csrf(cookie));
    let destination = Url::parse(&asked.redirect_uri).ok();
    // A private-use scheme has no host that a member would know, even where its URI has one.
    let host = destination.as_ref().filter(|url| url.scheme() == "https" && !is_loopback(url));
    let host = host.and_then(|url| url.host_str());
    let destination = host.unwrap_or("the app on this device");
    let member = match whose {
        Whose::Own(_) => None,
        Whose::Anothers(_) => Some(demographics(&pages.state, whose.patient()).await?.name),
    };
    let fields = ConsentPage {
        style: style(),
        plan: &pages.config().plan.name,
        app: &asked.client_name,
        request: id,
        csrf: csrf.reveal(),
        username: &session.username,
        member: member.as_deref(),
        record: whose.patient(),
        destination,
        choices: &choices(&scopes(asked)),
        problem,
    };
    page(status, &fields, &form_action(&asked.redirect_uri))
}
