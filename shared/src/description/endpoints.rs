//! The endpoints: every route of `template.yaml`, with what it takes and what it answers.

use super::answers::{Answer, BEARER, Body, CLIENT, DATA, DELETED, DOCUMENT, FHIR, HELD, PAGES, answer};
use crate::fhir::types::{Owner, ResourceType};
use crate::rest::controls::On;

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Anybody.
    Anyone,
    /// An app with a member's access token.
    Bearer,
    /// An app that proves who it is: a public one by its `client_id` alone.
    Client,
    /// An app that proves who it is, or shows an access token.
    ClientOrBearer,
    /// A person's browser. No app sends these requests itself.
    Browser,
    /// The plan's identity provider.
    Provider,
}

/// A parameter of an endpoint that is no search parameter and no control: of the query, of a form, or a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub name: &'static str,
    pub is_required: bool,
    /// Its values, where they are words.
    pub words: &'static [&'static str],
    pub text: &'static str,
}

/// The resource types for which a path with `{type}` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Types {
    /// The path has no `{type}`.
    None,
    All,
    /// Those that can be searched.
    Searched,
}

/// One endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub path: &'static str,
    pub methods: &'static [&'static str],
    /// The name of the function in a program.
    pub name: &'static str,
    pub text: &'static str,
    pub caller: Caller,
    pub types: Types,
    /// Whose rows of [`crate::rest::controls`] it takes.
    pub on: Option<On>,
    /// In the query, or, if it is posted, in the form.
    pub fields: &'static [Field],
    pub headers: &'static [Field],
    pub answers: &'static [&'static [Answer]],
}

impl Types {
    pub(super) fn has(self, resource_type: &ResourceType) -> bool {
        match self {
            Types::None => false,
            Types::All => true,
            Types::Searched => resource_type.owner != Owner::Attachment,
        }
    }
}

const fn must(name: &'static str, text: &'static str) -> Field {
    Field { name, is_required: true, words: &[], text }
}

const fn may(name: &'static str, text: &'static str) -> Field {
    Field { name, is_required: false, words: &[], text }
}

const fn word(field: Field, words: &'static [&'static str]) -> Field {
    Field { words, ..field }
}

const GET: &[&str] = &["GET", "HEAD"];
const POST: &[&str] = &["POST"];

const LENIENT: Field = may("Prefer", "`handling=lenient` leaves out parameters that this server does not know, and says so.");
const CONDITIONS: [Field; 2] = [
    may("If-None-Match", "The `ETag` of the copy that the app holds."),
    may("If-Modified-Since", "The `Last-Modified` of the copy that the app holds."),
];
const READ_HEADERS: &[Field] = &[LENIENT, CONDITIONS[0], CONDITIONS[1],
    may("Range", "Of a Binary in its own format: `bytes=0-65535`, one range."),
    may("If-Range", "With `Range`: the `ETag` of the part that the app has.")];

const AUTHORIZATION: &[Field] = &[
    word(must("response_type", "Always `code`."), &["code"]),
    must("client_id", "The app's id, from its registration."),
    must("redirect_uri", "One of the app's registered addresses, letter by letter."),
    must("scope", "The scopes that the app asks for, with spaces between them."),
    must("state", "A secret of the app's, which comes back with the answer. At most 2 KB."),
    must("aud", "The API endpoint: the FHIR base URL."),
    must("code_challenge", "BASE64URL(SHA-256(verifier)) (RFC 7636)."),
    word(must("code_challenge_method", "Always `S256`."), &["S256"]),
    may("nonce", "Comes back in the `id_token`. At most 2 KB."),
    may("prompt", "Pages that must or must not be shown: `none`, `login`, `consent`, `select_account`."),
    may("max_age", "The member signs in anew if they did so longer than this many seconds ago."),
    may("login_hint", "The name that the member probably signs in with."),
    word(may("response_mode", "Always `query`."), &["query"]),
];

const PROOF: [Field; 4] = [
    may("client_id", "The app's id; not with HTTP Basic or an assertion."),
    may("client_secret", "The secret of an app that has one, if it is not sent by HTTP Basic."),
    word(may("client_assertion_type", "With `client_assertion`."), &["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]),
    may("client_assertion", "A JWT that the app signs with its key (RFC 7523; RS384 or ES384)."),
];
const EXCHANGE: &[Field] = &[
    word(must("grant_type", "The kind of request."), &["authorization_code", "refresh_token"]),
    may("code", "With `authorization_code`: the code from the answer to the authorization request."),
    may("redirect_uri", "With `authorization_code`: the same as in the authorization request."),
    may("code_verifier", "With `authorization_code`: the secret behind `code_challenge`."),
    may("refresh_token", "With `refresh_token`: the newest refresh token."),
    may("scope", "With `refresh_token`: fewer scopes than were granted."),
    PROOF[0], PROOF[1], PROOF[2], PROOF[3],
];
const TOKEN: &[Field] = &[
    must("token", "The token."),
    may("token_type_hint", "The kind of token; it makes no difference."),
    PROOF[0], PROOF[1], PROOF[2], PROOF[3],
];

const REQUEST: Field = may("request", "The authorization request that waits for this browser.");
const CSRF: Field = may("csrf", "The page's own secret, which shows that the form is ours.");

const JSON: &[Answer] = &[answer(200, Body::Json("Discovery"), "The document.")];
const A_PAGE: &[Answer] = &[answer(200, Body::Page, "The page.")];
const ONWARD: &[Answer] = &[answer(303, Body::Empty, "`Location` leads to the next page, or back to the app.")];
const BUNDLE: &[Answer] = &[answer(200, Body::Fhir("Bundle"), "A searchset: a page of resources, and links to itself and the next.")];
const RESOURCE: &[Answer] = &[answer(200, Body::Fhir("{type}"), "The resource.")];

const ENDPOINT: Endpoint = Endpoint {
    path: "", methods: GET, name: "", text: "", caller: Caller::Anyone, types: Types::None, on: None, fields: &[], headers: &[],
    answers: &[],
};
const FHIR_ENDPOINT: Endpoint = Endpoint { caller: Caller::Bearer, headers: &[LENIENT], ..ENDPOINT };

/// All of them, in the order in which an app meets them.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { path: "/documentation", name: "documentation", text: "This page.", answers: &[A_PAGE], ..ENDPOINT },
    Endpoint { path: "/openapi.json", name: "openapi", text: "The same for programs, as OpenAPI 3.0.",
        answers: &[&[answer(200, Body::Json("Discovery"), "The description.")]], ..ENDPOINT },
    Endpoint { path: "/fhir/metadata", name: "capabilities", on: Some(On::Metadata),
        text: "The CapabilityStatement: types, search parameters, includes, operations, profiles.",
        answers: &[&[answer(200, Body::Fhir("CapabilityStatement"), "The statement.")], FHIR], ..ENDPOINT },
    Endpoint { path: "/fhir/.well-known/smart-configuration", name: "smartConfiguration",
        text: "Discovery (SMART App Launch): the endpoints below, scopes, and what this server can do.", answers: &[JSON], ..ENDPOINT },
    Endpoint { path: "/.well-known/openid-configuration", name: "openidConfiguration",
        text: "The same document (OpenID Connect Discovery).", answers: &[JSON], ..ENDPOINT },
    Endpoint { path: "/.well-known/oauth-authorization-server", name: "authorizationServer",
        text: "The same document (RFC 8414).", answers: &[JSON], ..ENDPOINT },
    Endpoint { path: "/.well-known/user-access-brands.json", name: "brands", headers: &CONDITIONS,
        text: "The plan in directories of apps (SMART, user-access brands).",
        answers: &[&[answer(200, Body::Fhir("Bundle"), "A collection with the plan's Organization and Endpoint.")], HELD], ..ENDPOINT },
    Endpoint { path: "/oauth2/jwks", name: "keys", text: "The keys that verify an `id_token` (RFC 7517).",
        answers: &[&[answer(200, Body::Json("KeySet"), "The key set.")]], ..ENDPOINT },
    Endpoint { path: "/oauth2/authorize", methods: &["GET", "HEAD", "POST"], name: "authorize", caller: Caller::Browser,
        text: "Asks the member for their permission. The app sends the member's browser here; the answer comes to its redirect URI, \
            with `code`, `state` and `iss`, or with `error`, `error_description`, `state` and `iss`.",
        fields: AUTHORIZATION, answers: &[ONWARD, PAGES], ..ENDPOINT },
    Endpoint { path: "/oauth2/token", methods: POST, name: "token", caller: Caller::Client,
        text: "Exchanges a code for tokens, or a refresh token for new ones.", fields: EXCHANGE,
        answers: &[&[answer(200, Body::Json("Tokens"), "The tokens.")], CLIENT], ..ENDPOINT },
    Endpoint { path: "/oauth2/revoke", methods: POST, name: "revoke", caller: Caller::Client,
        text: "Gives a token back, which ends the member's permission (RFC 7009).", fields: TOKEN,
        answers: &[&[answer(200, Body::Json("Nothing"), "It is no longer good, whether it was or not.")], CLIENT], ..ENDPOINT },
    Endpoint { path: "/oauth2/introspect", methods: POST, name: "introspect", caller: Caller::ClientOrBearer,
        text: "Tells an app what a token of its own is good for (RFC 7662).", fields: TOKEN,
        answers: &[&[answer(200, Body::Json("Introspection"), "The facts, or `active: false` alone.")], CLIENT, BEARER], ..ENDPOINT },
    Endpoint { path: "/oauth2/userinfo", methods: &["GET", "HEAD", "POST"], name: "userinfo", caller: Caller::Bearer,
        text: "Tells who signed in (OpenID Connect Core §5.3).",
        answers: &[&[answer(200, Body::Json("UserInfo"), "The person.")], BEARER], ..ENDPOINT },
    Endpoint { path: "/fhir/{type}", name: "search", types: Types::Searched, on: Some(On::Search),
        text: "Searches one type of resource within the member's record.", answers: &[BUNDLE, FHIR, DATA], ..FHIR_ENDPOINT },
    Endpoint { path: "/fhir/{type}/_search", methods: POST, name: "searchByForm", types: Types::Searched, on: Some(On::Search),
        text: "The same search, with its parameters as a form.", answers: &[BUNDLE, FHIR, DATA], ..FHIR_ENDPOINT },
    Endpoint { path: "/fhir/{type}/{id}", name: "read", types: Types::All, on: Some(On::Read), headers: READ_HEADERS,
        text: "Reads one resource.", answers: &[RESOURCE, HELD, FHIR, DATA, DELETED], ..FHIR_ENDPOINT },
    Endpoint { path: "/fhir/{type}/{id}/_history/{vid}", name: "readVersion", types: Types::All, on: Some(On::Read),
        headers: READ_HEADERS, text: "Reads one version of a resource. Only the current one is kept.",
        answers: &[RESOURCE, HELD, FHIR, DATA, DELETED], ..FHIR_ENDPOINT },
    Endpoint { path: "/fhir/Patient/{id}/$everything", methods: &["GET", "HEAD", "POST"], name: "everything", on: Some(On::Everything),
        text: "The member's whole record, page by page.", answers: &[BUNDLE, FHIR, DATA], ..FHIR_ENDPOINT },
    Endpoint { path: "/fhir/DocumentReference/$docref", methods: &["GET", "HEAD", "POST"], name: "docref", on: Some(On::Docref),
        text: "The newest document of each type, or all about care in a time (US Core).", answers: &[BUNDLE, FHIR, DATA],
        ..FHIR_ENDPOINT },
    Endpoint { path: "/login", name: "signInPage", caller: Caller::Browser, text: "The page on which a member signs in.",
        fields: &[REQUEST, may("another", "Another account is wanted."), may("signed-out", "Somebody just signed out.")],
        answers: &[A_PAGE, ONWARD, PAGES], ..ENDPOINT },
    Endpoint { path: "/login", methods: POST, name: "signIn", caller: Caller::Browser, text: "Signs a member in.",
        fields: &[REQUEST, CSRF, may("username", "The member's name."), may("password", "Their password, or a code."),
            may("new_password", "With a code: their first password."), may("again", "The same once more.")],
        answers: &[A_PAGE, &[answer(401, Body::Page, "Name and password do not belong together.")], ONWARD, PAGES], ..ENDPOINT },
    Endpoint { path: "/login/{provider}", methods: &["GET"], name: "signInWithProvider", caller: Caller::Browser,
        text: "Sends the browser to the plan's identity provider.",
        fields: &[REQUEST, may("another", "Another account is wanted.")], answers: &[ONWARD, PAGES], ..ENDPOINT },
    Endpoint { path: "/login/{provider}/answer", methods: &["GET"], name: "answerOfProvider", caller: Caller::Browser,
        text: "Where the identity provider sends the browser back to.",
        fields: &[may("code", "The provider's code."), may("state", "What the browser was sent with."), may("error", "Why there is no code."),
            may("error_description", "More about that."), may("iss", "The provider.")],
        answers: &[ONWARD, PAGES], ..ENDPOINT },
    Endpoint { path: "/login/{provider}/jwks", methods: &["GET"], name: "keysForProvider", caller: Caller::Provider,
        text: "The key that verifies our assertions at the identity provider.",
        answers: &[&[answer(200, Body::Json("KeySet"), "The key set.")], PAGES], ..ENDPOINT },
    Endpoint { path: "/login/{provider}/logout", methods: POST, name: "logoutByProvider", caller: Caller::Provider,
        text: "The identity provider tells that somebody signed out there.",
        fields: &[may("logout_token", "The provider's signed word (OpenID Connect Back-Channel Logout).")],
        answers: &[&[answer(200, Body::Json("Nothing"), "Their sessions here have ended."),
            answer(400, Body::Json("OAuthError"), "It is no logout token of that provider.")], PAGES], ..ENDPOINT },
    Endpoint { path: "/consent", name: "consentPage", caller: Caller::Browser,
        text: "The page on which a member decides what an app may see.", fields: &[REQUEST], answers: &[A_PAGE, ONWARD, PAGES], ..ENDPOINT },
    Endpoint { path: "/consent", methods: POST, name: "consent", caller: Caller::Browser, text: "The member's decision.",
        fields: &[REQUEST, CSRF, may("decision", "`allow` or `deny`."), may("scope", "A scope that is allowed; may be repeated.")],
        answers: &[A_PAGE, ONWARD, PAGES], ..ENDPOINT },
    Endpoint { path: "/account", name: "accountPage", caller: Caller::Browser,
        text: "The page on which a member sees the apps that they allowed.", answers: &[A_PAGE, ONWARD, PAGES], ..ENDPOINT },
    Endpoint { path: "/account", methods: POST, name: "account", caller: Caller::Browser, text: "Stops an app, or signs the member out.",
        fields: &[CSRF, may("stop", "The app that is stopped."), may("do", "`stop-all` or `sign-out`.")], answers: &[A_PAGE, ONWARD, PAGES], ..ENDPOINT },
];

/// The further answers to a read of a Binary.
pub(super) const OF_A_BINARY: &[Answer] = DOCUMENT;
