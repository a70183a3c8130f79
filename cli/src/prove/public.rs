//! Checks that anybody can make: nobody signs in for them.

use anyhow::Result;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Value as Json, json};
use shared::secret::Secret;

use super::ground::STRANGER;
use super::http::{Asked, send};
use super::visit::{Visit, authorization, oauth_error};
use super::{Finding, Proof};

pub(super) async fn checks(proof: &mut Proof<'_>) {
    proof.check("discovery", "45 CFR 170.215(c): SMART App Launch, discovery; (e): OpenID Connect", discovery).await;
    proof
        .check(
            "versions",
            "42 CFR 422.119(c)(1), 45 CFR 170.215(a) and (b): FHIR R4 and US Core in versions that stand",
            versions,
        )
        .await;
    proof.check("documentation", "42 CFR 422.119(d): public documentation with nothing before it", documentation).await;
    proof.check("keys", "45 CFR 170.215(e): keys that verify an id_token, and no private one", keys).await;
    proof
        .check(
            "headers",
            "45 CFR 164.312(e)(1): transmission security; RFC 9700: pages that no other site can frame",
            headers,
        )
        .await;
    proof.check("cors", "SMART App Launch 2.2, CORS: web apps may call the API, and no script the pages", cors).await;
    proof.check("no-token", "45 CFR 164.312(a)(1) and (d): nothing without a token", no_token).await;
    proof
        .check("made-up-token", "45 CFR 164.312(d): a token that this server did not sign opens nothing", made_up_token)
        .await;
    proof
        .check(
            "redirect-uri",
            "SMART App Launch, RFC 9700 §2.1: no member is sent where the app did not register",
            redirect_uri,
        )
        .await;
    proof.check("pkce", "SMART App Launch, RFC 7636: no code without a challenge", pkce).await;
    proof.check("read-only", "45 CFR 164.312(c)(1): apps can change nothing", read_only).await;
    proof.check("tls", "45 CFR 164.312(e)(1): nothing in plain text", tls).await;
}

async fn discovery(visit: &mut Visit<'_>) -> Result<Finding> {
    let smart = visit.get("/fhir/.well-known/smart-configuration").await?.json();
    let others = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
    for path in others {
        if visit.get(path).await?.json() != smart {
            return Ok(Finding::fail(format!("{path} says something else than smart-configuration")));
        }
    }
    let issuer = visit.url("");
    let below = |name: &str| smart[name].as_str().is_some_and(|url| url.starts_with(&format!("{issuer}/")));
    let endpoints =
        ["authorization_endpoint", "token_endpoint", "revocation_endpoint", "introspection_endpoint", "jwks_uri"];
    if let Some(name) = endpoints.into_iter().find(|name| !below(name)) {
        return Ok(Finding::fail(format!("`{name}` is not below the issuer {issuer}: {}", smart[name])));
    }
    let has =
        |list: &str, value: &str| smart[list].as_array().is_some_and(|list| list.iter().any(|known| known == value));
    let wanted = [
        "launch-standalone",
        "permission-patient",
        "permission-v1",
        "permission-v2",
        "permission-offline",
        "sso-openid-connect",
    ];
    if let Some(missing) = wanted.into_iter().find(|capability| !has("capabilities", capability)) {
        return Ok(Finding::fail(format!("the capability {missing} is missing")));
    }
    Ok(Finding::of(
        smart["issuer"] == issuer && smart["code_challenge_methods_supported"] == json!(["S256"]),
        "The three documents are one, name this stack as issuer and PKCE with S256 alone.",
        format!(
            "the issuer is {}, the challenge methods are {}",
            smart["issuer"], smart["code_challenge_methods_supported"]
        ),
    ))
}

/// The adoption of US Core 3.1.1 ended on 2026-01-01 (docs/versions.md).
async fn versions(visit: &mut Visit<'_>) -> Result<Finding> {
    let statement = visit.get("/fhir/metadata").await?.json();
    let guides: Vec<&str> =
        statement["implementationGuide"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let us_core = guides.iter().find_map(|guide| guide.split_once("/hl7.fhir.us.core|")).map(|(_, version)| version);
    Ok(match (statement["fhirVersion"].as_str(), us_core) {
        (Some("4.0.1"), Some("3.1.1")) => Finding::fail(
            "the stack names US Core 3.1.1, whose adoption ended on 2026-01-01: set the parameter Guides to 6.1.0 or later",
        ),
        (Some("4.0.1"), Some(version)) => {
            Finding::pass(format!("FHIR 4.0.1, US Core {version}; {}.", guides.join(", ")))
        }
        (fhir, us_core) => {
            Finding::fail(format!("the CapabilityStatement names FHIR {fhir:?} and US Core {us_core:?}"))
        }
    })
}

async fn documentation(visit: &mut Visit<'_>) -> Result<Finding> {
    let page = visit.get("/documentation").await?;
    let is_page = page.status == StatusCode::OK && page.header("content-type").starts_with("text/html");
    if !is_page || page.headers.contains_key(header::SET_COOKIE) {
        return Ok(Finding::fail(format!(
            "/documentation is {} {} or sets a cookie",
            page.status,
            page.header("content-type")
        )));
    }
    let (described, statement) = (visit.get("/openapi.json").await?.json(), visit.get("/fhir/metadata").await?.json());
    let types = statement["rest"][0]["resource"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|resource| resource["type"].as_str());
    let missing: Vec<&str> = types
        .filter(|name| {
            described["paths"].get(format!("/fhir/{name}/{{id}}")).is_none()
                || !page.text().contains(&format!("id=\"{name}\""))
        })
        .collect();
    Ok(Finding::of(
        missing.is_empty() && described["paths"].is_object(),
        "A page and an OpenAPI description, open to anybody, with every type of the CapabilityStatement.",
        format!("they lack {}", missing.join(", ")),
    ))
}

async fn keys(visit: &mut Visit<'_>) -> Result<Finding> {
    let set = visit.get("/oauth2/jwks").await?.json();
    let keys = set["keys"].as_array().cloned().unwrap_or_default();
    let private = ["d", "p", "q", "dp", "dq", "qi", "k"];
    let is_good = |key: &Json| {
        key["kid"].is_string()
            && key["n"].as_str().is_some_and(|n| n.len() >= 342)
            && private.iter().all(|part| key.get(part).is_none())
    };
    Ok(Finding::of(
        !keys.is_empty() && keys.iter().all(is_good),
        format!("{} public keys of at least 2048 bits, each with an id.", keys.len()),
        "there is no key, a key has less than 2048 bits or no id, or a private part is published",
    ))
}

async fn headers(visit: &mut Visit<'_>) -> Result<Finding> {
    let is_https = visit.url("").starts_with("https://");
    for path in ["/fhir/metadata", "/fhir/Patient/x", "/oauth2/jwks", "/account", "/login", "/nothing-is-here"] {
        let reply = visit.get(path).await?;
        if reply.header("x-content-type-options") != "nosniff" {
            return Ok(Finding::fail(format!("{path} comes without X-Content-Type-Options: nosniff")));
        }
        if is_https && !reply.header("strict-transport-security").starts_with("max-age=") {
            return Ok(Finding::fail(format!("{path} comes without Strict-Transport-Security")));
        }
    }
    let page = visit.get("/login").await?;
    let policy = page.header("content-security-policy");
    let is_closed = policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'");
    Ok(Finding::of(
        is_closed && page.header("cache-control") == "no-store",
        "Every answer forbids sniffing and, with https, plain HTTP; the sign-in page allows no script, frame or cache.",
        format!("the sign-in page's policy is `{policy}`, its Cache-Control `{}`", page.header("cache-control")),
    ))
}

async fn cors(visit: &mut Visit<'_>) -> Result<Finding> {
    let mut origin = HeaderMap::new();
    origin.insert(header::ORIGIN, HeaderValue::from_static("https://app.example"));
    for (path, open) in
        [("/fhir/Patient", "*"), ("/oauth2/token", "*"), ("/oauth2/authorize", ""), ("/login", ""), ("/account", "")]
    {
        let reply = visit.with(Method::OPTIONS, path, &origin).await?;
        let (allowed, credentials) =
            (reply.header("access-control-allow-origin"), reply.header("access-control-allow-credentials"));
        if allowed != open || !credentials.is_empty() {
            return Ok(Finding::fail(format!(
                "{path} allows the origin `{allowed}`, with credentials: `{credentials}`"
            )));
        }
    }
    Ok(Finding::pass("Any origin may call the API without cookies; the pages are closed to scripts."))
}

async fn no_token(visit: &mut Visit<'_>) -> Result<Finding> {
    for path in [
        format!("/fhir/Patient/{STRANGER}"),
        "/fhir/Coverage".to_owned(),
        format!("/fhir/Patient/{STRANGER}/$everything"),
    ] {
        let reply = visit.get(&path).await?;
        let challenged = reply.header("www-authenticate").starts_with("Bearer");
        if reply.status != StatusCode::UNAUTHORIZED || !challenged || reply.json()["resourceType"] != "OperationOutcome"
        {
            return Ok(Finding::fail(format!(
                "{path} without a token is {}, not a 401 with a challenge and an OperationOutcome",
                reply.status
            )));
        }
    }
    Ok(Finding::pass("A read, a search and the whole record are each 401, with a challenge and an OperationOutcome."))
}

async fn made_up_token(visit: &mut Visit<'_>) -> Result<Finding> {
    // Unsigned, in the name of this server (RFC 8725 §2.1), and not a token at all.
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIiwicGF0aWVudCI6Im1hZGUtdXAtYnktcHJvdmUtMiJ9.";
    for token in [unsigned, "abc"] {
        let reply = visit.read(&format!("/fhir/Patient/{STRANGER}"), &Secret::from_client(token)).await?;
        if reply.status != StatusCode::UNAUTHORIZED || !reply.header("www-authenticate").contains("invalid_token") {
            return Ok(Finding::fail(format!("a made-up token is answered with {}", reply.status)));
        }
    }
    Ok(Finding::pass("An unsigned token and one that is none are each 401 invalid_token."))
}

async fn redirect_uri(visit: &mut Visit<'_>) -> Result<Finding> {
    let issuer = shared::issuer::Issuer::parse(&visit.url("")).map_err(|error| anyhow::anyhow!("{}", error.0))?;
    let query = authorization(
        &issuer,
        "patient/Patient.rs",
        &[
            ("redirect_uri", "https://elsewhere.example/"),
            ("state", "x"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ],
    );
    let reply = visit.get(&format!("/oauth2/authorize?{query}")).await?;
    Ok(Finding::of(
        reply.status == StatusCode::BAD_REQUEST && reply.header("location").is_empty(),
        "An address that the app did not register gets a page with the error, and nothing is sent there.",
        format!("it is answered with {} and leads to `{}`", reply.status, reply.header("location")),
    ))
}

async fn pkce(visit: &mut Visit<'_>) -> Result<Finding> {
    let issuer = shared::issuer::Issuer::parse(&visit.url("")).map_err(|error| anyhow::anyhow!("{}", error.0))?;
    let query = authorization(&issuer, "patient/Patient.rs", &[("state", "x")]);
    let reply = visit.get(&format!("/oauth2/authorize?{query}")).await?;
    let error = reply.redirected("error").unwrap_or_default();
    let plain = visit.post("/oauth2/token", &[("grant_type", "password"), ("client_id", super::ground::APP)]).await?;
    Ok(Finding::of(
        error == "invalid_request" && oauth_error(&plain) == "unsupported_grant_type",
        "A request without code_challenge is invalid_request, and there is no grant without a member's consent.",
        format!("without a challenge the answer is `{error}`; grant_type=password is `{}`", oauth_error(&plain)),
    ))
}

async fn read_only(visit: &mut Visit<'_>) -> Result<Finding> {
    for (method, path) in [
        (Method::PUT, "/fhir/Patient/x"),
        (Method::DELETE, "/fhir/Patient/x"),
        (Method::PATCH, "/fhir/Patient/x"),
        (Method::POST, "/fhir/Patient"),
    ] {
        let reply = visit.with(method.clone(), path, &HeaderMap::new()).await?;
        if reply.status != StatusCode::METHOD_NOT_ALLOWED {
            return Ok(Finding::fail(format!("{method} {path} is {}, not 405", reply.status)));
        }
    }
    Ok(Finding::pass("PUT, DELETE, PATCH and POST of a resource are each 405."))
}

async fn tls(visit: &mut Visit<'_>) -> Result<Finding> {
    let url = visit.url("/fhir/metadata");
    let Some(rest) = url.strip_prefix("https://") else {
        return Ok(Finding::skipped("the stack is on this machine alone, without TLS"));
    };
    let plain =
        send(Asked { method: Method::GET, url: &format!("http://{rest}"), headers: &HeaderMap::new(), form: None })
            .await;
    Ok(match plain {
        Ok(reply) if reply.status.is_success() => Finding::fail("plain HTTP is answered with data"),
        Ok(reply) => Finding::pass(format!("Plain HTTP is answered with {} and no data.", reply.status)),
        Err(_) => Finding::pass("Nothing answers plain HTTP."),
    })
}
