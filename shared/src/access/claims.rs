//! The claims of our access tokens (RFC 9068).

use serde::{Deserialize, Serialize};

/// The `typ` of an access token (RFC 9068 §2.1), so that an `id_token` or a client's assertion is never taken for one.
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// The claims of an access token (RFC 9068 §2.2).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessClaims {
    /// Our issuer.
    pub iss: String,
    /// Our FHIR base.
    pub aud: String,
    /// The person who signed in.
    pub sub: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// Its own id.
    pub jti: String,
    /// The app.
    pub client_id: String,
    /// The member whose record it opens: a Patient id.
    pub patient: String,
    /// The resource that stands for the person, where that is another one than the member's Patient: somebody who acts for the
    /// member is a `RelatedPerson/<id>` in the record, or nobody.
    #[serde(default, rename = "fhirUser", skip_serializing_if = "Option::is_none")]
    pub fhir_user: Option<String>,
    /// The grant it was issued under.
    pub grant: String,
    /// Its scopes. A long list is left out here, and read from the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}
