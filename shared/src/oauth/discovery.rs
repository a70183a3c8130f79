//! The documents that clients look up: `.well-known/smart-configuration` (SMART App Launch 2.2), `openid-configuration`
//! (OpenID Connect Discovery §3), `oauth-authorization-server` (RFC 8414), and the keys (RFC 7517).

use serde_json::{Value as Json, json};

use super::brands;
use crate::access::supported_scopes;
use crate::config::Plan;
use crate::http::{Response, allow_any_origin, public_json};
use crate::issuer::Issuer;
use crate::store::signer::PublicKey;

/// The capabilities of SMART's list that this server has.
const CAPABILITIES: &[&str] = &[
    "launch-standalone",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "context-standalone-patient",
    "sso-openid-connect",
    "permission-offline",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
    "authorize-post",
];

/// One document for all three places: a reader of one standard ignores the members that another defines.
pub fn configuration(issuer: &Issuer, plan: &Plan) -> Response {
    let mut response = public_json(&document(issuer, plan));
    allow_any_origin(&mut response);
    response
}

fn document(issuer: &Issuer, plan: &Plan) -> Json {
    let client_authentication = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    let with_public_clients: Vec<&str> = std::iter::once("none").chain(client_authentication).collect();
    json!({
        "issuer": issuer.as_str(),
        "jwks_uri": format!("{issuer}/oauth2/jwks"),
        "authorization_endpoint": format!("{issuer}/oauth2/authorize"),
        "token_endpoint": format!("{issuer}/oauth2/token"),
        "userinfo_endpoint": format!("{issuer}/oauth2/userinfo"),
        "revocation_endpoint": format!("{issuer}/oauth2/revoke"),
        "introspection_endpoint": format!("{issuer}/oauth2/introspect"),
        "service_documentation": format!("{issuer}/documentation"),
        "management_endpoint": format!("{issuer}/account"),
        "user_access_brand_bundle": brands::url(issuer, plan),
        "user_access_brand_identifier": brands::identifier(issuer, plan),
        "token_endpoint_auth_methods_supported": with_public_clients,
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "revocation_endpoint_auth_methods_supported": with_public_clients,
        "revocation_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "introspection_endpoint_auth_methods_supported": client_authentication,
        "introspection_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "scopes_supported": supported_scopes(),
        "code_challenge_methods_supported": ["S256"],
        "capabilities": CAPABILITIES,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "nonce", "fhirUser"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": false,
    })
}

/// The public keys that verify our tokens.
pub fn jwks(keys: &[PublicKey]) -> Response {
    let mut response = public_json(&json!({"keys": keys}));
    allow_any_origin(&mut response);
    response
}
