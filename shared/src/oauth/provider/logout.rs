//! `POST /login/{provider}/logout`: a provider tells that somebody signed out there (OpenID Connect Back-Channel Logout 1.0). Their
//! sessions here end; what apps were allowed stays.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::error::{ProviderError, untrusted};
use super::settings::{IdentityProvider, IdentityProviders};
use super::start::published;
use super::{answer, id_token, keys};
use crate::bounds::{ASSERTION_SECONDS, CLOCK_SKEW_SECONDS, KEY_SET_AGAIN_SECONDS};
use crate::clock::Time;
use crate::http::{Request, Response, json as respond, no_store};
use crate::issuer::Issuer;
use crate::oauth::claims::{Audience, NumericDate};
use crate::oauth::error::PageError;
use crate::oauth::events;
use crate::oauth::member::{Member, Subject};
use crate::oauth::session::{ProviderSession, Session};
use crate::oauth::sign_in::{SignIn, Way};
use crate::oauth::state::SignInEndpoint;
use crate::secret::Hashed;
use crate::store::auth::Commit;

/// The event that a logout token tells of.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims of a logout token (§2.4). It names a person, whose sessions all end, or one session alone.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: Option<String>,
    sid: Option<String>,
    iat: NumericDate,
    exp: NumericDate,
    events: Map<String, Json>,
}

/// Ends the sessions of the person whom the token names. A person whom we do not know is signed out already.
pub(in crate::oauth) async fn logout(
    endpoint: &SignInEndpoint,
    request: &Request,
    issuer: &Issuer,
    name: &str,
) -> Result<Response, PageError> {
    let ended = async {
        let providers = IdentityProviders::read(&endpoint.state.auth).await?;
        let provider = providers.named(name).ok_or(PageError::UnknownProvider)?;
        let form = request.form().unwrap_or_default();
        let tokens: Vec<&str> =
            form.iter().filter(|(name, _)| name == "logout_token").map(|(_, value)| &**value).collect();
        let &[token] = tokens.as_slice() else {
            return Err(untrusted(&provider.name, "it has no logout_token").into());
        };
        match verified(endpoint, issuer, provider, token).await? {
            Ends::All(subject) => end(endpoint, request, Subject { provider: provider.name.clone(), subject }).await,
            Ends::One(sid) => end_one(endpoint, request, &ProviderSession::named(&provider.name, &sid)).await,
        }
    };
    let mut response = match ended.await {
        Ok(()) => respond(StatusCode::OK, "application/json", "{}".to_owned()),
        // The provider may try again.
        Err(error @ PageError::Provider(ProviderError::Unavailable)) => return Err(error),
        Err(error) if error.status().is_server_error() => return Err(error),
        Err(_) => {
            let told =
                json!({"error": "invalid_request", "error_description": "this is no logout token of that provider"});
            respond(StatusCode::BAD_REQUEST, "application/json", told.to_string())
        }
    };
    no_store(&mut response);
    Ok(response)
}

/// The sessions that a logout token ends.
enum Ends {
    /// All of the person with that subject.
    All(String),
    /// The one that the provider calls so.
    One(String),
}

/// The sessions that a logout token ends if it passes the checks of §2.6.
async fn verified(
    endpoint: &SignInEndpoint,
    issuer: &Issuer,
    provider: &IdentityProvider,
    token: &str,
) -> Result<Ends, PageError> {
    let wrong = |why: &str| untrusted(&provider.name, why);
    let header = id_token::header(token, &["JWT", "logout+jwt"]).map_err(wrong)?;
    let metadata = published(endpoint, issuer, provider).await?;
    // Anybody can make a token up that names an unknown key.
    let set = answer::keys_of(endpoint, issuer, provider, &metadata, (&header, KEY_SET_AGAIN_SECONDS)).await?;
    let key = keys::one_of(&set, header.alg, header.kid.as_deref());
    let key = key.ok_or_else(|| wrong("its key is not exactly one of the provider's"))?;
    let all = id_token::signed(token, &header, key).map_err(wrong)?;
    if all.contains_key("nonce") {
        return Err(wrong("it has a nonce, so it is no logout token").into());
    }
    let claims = Claims::deserialize(Json::Object(all)).map_err(|_| wrong("a claim is missing or of a wrong type"))?;
    check(&claims, provider, endpoint.state.clock.now()).map_err(wrong)?;
    match (claims.sub, claims.sid) {
        (Some(subject), _) => Ok(Ends::All(subject)),
        (None, Some(sid)) => Ok(Ends::One(sid)),
        (None, None) => Err(wrong("it names neither a person nor a session (sub, sid)").into()),
    }
}

fn check(claims: &Claims, provider: &IdentityProvider, now: Time) -> Result<(), &'static str> {
    let (now, NumericDate(iat), NumericDate(exp)) = (now.seconds(), claims.iat, claims.exp);
    if claims.iss != provider.issuer || !claims.aud.are_all(|name| name == provider.client_id) {
        return Err("it is another issuer's, or not for us");
    }
    if now >= exp.saturating_add(CLOCK_SKEW_SECONDS) || iat > now.saturating_add(CLOCK_SKEW_SECONDS) {
        return Err("it has expired, or is from the future");
    }
    // An old one could be sent again and again.
    if now > iat.saturating_add(ASSERTION_SECONDS + CLOCK_SKEW_SECONDS) {
        return Err("it is older than five minutes");
    }
    if claims.events.get(EVENT).is_some_and(Json::is_object) { Ok(()) } else { Err("it tells of no logout") }
}

async fn end(endpoint: &SignInEndpoint, request: &Request, subject: Subject) -> Result<(), PageError> {
    let state = &endpoint.state;
    let Some(way) = state.auth.get::<SignIn>(&Way::Subject(subject).key()).await? else { return Ok(()) };
    let Some(member) = state.auth.get::<Member>(&way.record.member).await? else { return Ok(()) };
    events::signed_out(&endpoint.audit, request, &member.record).await?;
    let after = member.record.clone().signed_out(&state.random);
    Ok(state.auth.commit(Commit::default().replace(&member, &after)).await?)
}

/// Ends the session that a provider knows by this name. One that we do not know is over.
async fn end_one(endpoint: &SignInEndpoint, request: &Request, name: &Hashed) -> Result<(), PageError> {
    let auth = &endpoint.state.auth;
    let Some(known) = auth.get::<ProviderSession>(&name.0).await? else { return Ok(()) };
    let Some(session) = auth.get::<Session>(&known.record.session.0).await? else { return Ok(()) };
    if session.record.is_over(endpoint.state.clock.now()) {
        return Ok(());
    }
    if let Some(member) = auth.get::<Member>(&session.record.member).await? {
        events::signed_out(&endpoint.audit, request, &member.record).await?;
    }
    let ended = session.record.clone().ended();
    Ok(auth.commit(Commit::default().replace(&session, &ended)).await?)
}
