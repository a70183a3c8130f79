//! `GET /login/{provider}` sends the browser to a provider, and `GET /login/{provider}/jwks` has the key of our assertions.

use serde_json::json;

use super::error::{silent, unavailable};
use super::metadata::{self, Metadata};
use super::request::{AuthenticationRequest, Bound};
use super::settings::{IdentityProvider, IdentityProviders};
use crate::http::{Request, Response, public_json, single};
use crate::issuer::Issuer;
use crate::oauth::error::PageError;
use crate::oauth::pages::see_other;
use crate::oauth::purpose::Purpose;
use crate::oauth::request::Wishes;
use crate::oauth::session::Cookie;
use crate::oauth::state::SignInEndpoint;
use crate::store::auth::Commit;
use url::Url;

/// Sends the browser to the provider's page. An app's request must wait for this very browser.
pub(in crate::oauth) async fn start(
    endpoint: &SignInEndpoint,
    request: &Request,
    issuer: &Issuer,
    name: &str,
) -> Result<Response, PageError> {
    let (state, pairs) = (&endpoint.state, request.query());
    let browser = Cookie::Browser.read(request, issuer);
    let providers = IdentityProviders::read(&state.auth);
    let purpose = Purpose::find(state, single(&pairs, "request")?, browser.as_ref());
    let (providers, purpose) = tokio::join!(providers, purpose);
    let (providers, purpose) = (providers?, purpose?);
    let provider = providers.named(name).ok_or(PageError::UnknownProvider)?;
    let metadata = match published(endpoint, issuer, provider).await {
        Ok(metadata) => metadata,
        Err(error) => return purpose.silently(state, issuer, &silent(&error)).await?.ok_or(error),
    };
    let browser = browser.unwrap_or_else(|| state.random.secret());
    let secret = state.random.secret();
    let asked = AuthenticationRequest {
        hash: secret.hashed(),
        provider: provider.name.clone(),
        browser: browser.hashed(),
        request: purpose.id().to_owned(),
        created_at: state.clock.now(),
        answered: false,
    };
    let another = single(&pairs, "another")?.is_some();
    let ours = ours(provider, issuer, secret.reveal(), &Bound::to(&browser, secret.reveal()));
    let location = address(&metadata, ours.into_iter().chain(wishes(&purpose, &metadata, another)))?;
    state.auth.commit(Commit::default().create(&asked)).await?;
    Ok(see_other(location.as_str(), &[Cookie::Browser.set(&browser, issuer)]))
}

/// The provider's metadata, kept for as long as it says.
pub(super) async fn published(
    endpoint: &SignInEndpoint,
    issuer: &Issuer,
    provider: &IdentityProvider,
) -> Result<Metadata, PageError> {
    let (url, loopback) = (metadata::address(&provider.issuer), issuer.is_loopback());
    let read = |text: &[u8]| Metadata::read(text, &provider.issuer, loopback);
    let metadata = endpoint.metadata.document(&url, (loopback, 0), read, |_| true).await;
    metadata.map_err(|error| unavailable(&provider.name, "its metadata", &error).into())
}

/// The parameters of our request (OpenID Connect Core §3.1.2.1, RFC 7636).
fn ours(provider: &IdentityProvider, issuer: &Issuer, state: &str, bound: &Bound) -> [(&'static str, String); 8] {
    [
        ("response_type", "code".to_owned()),
        ("client_id", provider.client_id.clone()),
        ("redirect_uri", provider.redirect_uri(issuer)),
        ("scope", provider.scope.clone()),
        ("state", state.to_owned()),
        ("nonce", bound.nonce.reveal().to_owned()),
        ("code_challenge", bound.verifier.hashed().0),
        ("code_challenge_method", "S256".to_owned()),
    ]
}

/// The app's wishes, passed on; and that of the person who uses another account than the provider remembers.
fn wishes(purpose: &Purpose, metadata: &Metadata, another: bool) -> Vec<(&'static str, String)> {
    let Wishes { login_hint, ui_locales, prompt, max_age } =
        purpose.asked().map(|asked| asked.wishes.clone()).unwrap_or_default();
    // Every provider knows `login`, on whose page another name can be given.
    let knows = |value: &str| metadata.prompt_values_supported.iter().any(|known| known == value);
    let choose = if knows("select_account") { "select_account" } else { "login" };
    let prompt = if another { Some(choose.to_owned()) } else { prompt };
    let given = [
        ("login_hint", login_hint.filter(|_| !another)),
        ("ui_locales", ui_locales),
        ("prompt", prompt),
        ("max_age", max_age.map(|seconds| seconds.to_string())),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn address(metadata: &Metadata, parameters: impl Iterator<Item = (&'static str, String)>) -> Result<Url, PageError> {
    // It was read before as one that may be used.
    let mut url = Url::parse(&metadata.authorization_endpoint)
        .map_err(|_| PageError::Malformed("the provider's address is none".into()))?;
    url.query_pairs_mut().extend_pairs(parameters);
    Ok(url)
}

/// The public key of our assertions. It signs no token of ours, and is no part of our own key set.
pub(in crate::oauth) async fn keys_of_ours(endpoint: &SignInEndpoint) -> Result<Response, PageError> {
    let key = endpoint.assertion_key().await?.map(|(_, public)| public);
    Ok(public_json(&json!({"keys": Vec::from_iter(key)})))
}
