//! The audit: who saw what, when. No record, no response.
//!
//! A FHIR handler does not return a response, it returns a [`Disclosure`], and only [`Audit::release`] takes the
//! response out of it, after the record is written.

pub mod chain;
pub mod closing;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::access::Access;
use crate::bounds::{AUDIT_IDS, AUDIT_PARAMETERS, AUDIT_PATH, AUDIT_QUERY_BYTES};
use crate::clock::Clock;
use crate::fhir::reference::Reference;
use crate::http::{Request, Response};
use crate::secret::is_secret;
use crate::store::StoreError;
use crate::store::audit::AuditTable;
use crate::store::schema::member;

pub use crate::store::audit::AuditRecord;

/// A response with health data that must be recorded before it leaves.
pub struct Disclosure {
    response: Response,
    ids: Vec<Reference>,
    own: usize,
    outcome: &'static str,
}

impl Disclosure {
    /// A response that gives out `ids`, of which `own` are resources of the member's own.
    pub fn new(response: Response, ids: Vec<Reference>, own: usize) -> Disclosure {
        Disclosure { response, ids, own, outcome: "ok" }
    }

    /// A response with a link that leads to `ids`, of which `own` are the member's own.
    pub fn linked(response: Response, ids: Vec<Reference>, own: usize) -> Disclosure {
        Disclosure { response, ids, own, outcome: "linked" }
    }

    /// A response that gives nothing out: it only says that the app's copy is current.
    pub fn not_modified(response: Response) -> Disclosure {
        Disclosure { response, ids: Vec::new(), own: 0, outcome: "not-modified" }
    }
}

/// Writes the records.
#[derive(Clone)]
pub struct Audit {
    table: AuditTable,
    clock: Clock,
}

impl Audit {
    /// Into `table`.
    pub fn new(table: AuditTable, clock: Clock) -> Audit {
        Audit { table, clock }
    }

    /// Records a disclosure and gives the response out.
    ///
    /// # Errors
    /// [`StoreError`] where the record is not surely written; then nothing is given out.
    pub async fn release(
        &self,
        action: &'static str,
        access: &Access,
        request: &Request,
        disclosure: Disclosure,
    ) -> Result<Response, StoreError> {
        let ids = packed(&disclosure.ids);
        let given = disclosure.own;
        self.append(&AuditRecord { ids, given, ..self.of_access(action, disclosure.outcome, access, request) }).await?;
        Ok(disclosure.response)
    }

    /// Records that a request under a good token was refused.
    ///
    /// # Errors
    /// [`StoreError`] where the record is not surely written.
    pub async fn refused(
        &self,
        action: &'static str,
        outcome: &'static str,
        access: &Access,
        request: &Request,
    ) -> Result<(), StoreError> {
        self.append(&self.of_access(action, outcome, access, request)).await
    }

    /// Records what happened at sign-in, consent and the token endpoint.
    ///
    /// # Errors
    /// [`StoreError`] where the record is not surely written.
    pub async fn event(&self, request: &Request, entry: AuditRecord) -> Result<(), StoreError> {
        let entry = AuditRecord {
            time: self.clock.now().to_string(),
            request_id: request.request_id.clone(),
            source_ip: request.source_ip.clone(),
            ..entry
        };
        self.append(&entry).await
    }

    /// A record that could not be written rings an alarm (`infra/alarms.yaml`): from then on nobody gets their data.
    async fn append(&self, entry: &AuditRecord) -> Result<(), StoreError> {
        let written = self.table.append(entry).await;
        written.inspect_err(|error| {
            tracing::error!(alarm = "audit", action = entry.action, %error, "an audit record could not be written");
        })
    }

    fn of_access(
        &self,
        action: &'static str,
        outcome: &'static str,
        access: &Access,
        request: &Request,
    ) -> AuditRecord {
        let (grant, now) = (access.grant(), self.clock.now());
        // Clocks of two machines may differ: a record from before the request, or from long after it, tells nothing of its time.
        let taken = request.received.and_then(|received| u32::try_from(now.0 - received.0).ok());
        AuditRecord {
            subject: member(&grant.patient),
            time: now.to_string(),
            request_id: request.request_id.clone(),
            action,
            outcome,
            source_ip: request.source_ip.clone(),
            client: grant.client.clone(),
            grant: grant.id.clone(),
            query: asked(request),
            ids: String::new(),
            given: 0,
            acting: grant.acting_person(),
            milliseconds: taken.filter(|taken| *taken <= LONGEST_REQUEST),
        }
    }
}

/// The longest that a request may take, in milliseconds: API Gateway gives up after 30 seconds.
const LONGEST_REQUEST: u32 = 30_000;

/// Parameters by which apps send what opens something. They are no business of the audit.
const CREDENTIALS: [&str; 7] =
    ["access_token", "client_assertion", "client_secret", "id_token", "id_token_hint", "refresh_token", "token"];

/// The request: the path and the parsed parameters, posted or not.
fn asked(request: &Request) -> String {
    let mut pairs = request.query();
    pairs.extend(request.form().unwrap_or_else(|| posted(&request.body)));
    pairs.retain(|(name, _)| !CREDENTIALS.contains(&name.as_str()));
    let size: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    let longest =
        if size <= AUDIT_QUERY_BYTES { size } else { AUDIT_QUERY_BYTES / pairs.len().min(AUDIT_PARAMETERS) / 2 };
    let more = pairs.len().saturating_sub(AUDIT_PARAMETERS);
    let told =
        pairs.iter().take(AUDIT_PARAMETERS).map(|(name, value)| (in_short(name, longest), in_short(value, longest)));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(told);
    if more > 0 {
        query.append_pair("…", &format!("{more} more"));
    }
    let path: Vec<&str> = request.path.split('/').map(|step| if is_token(step) { A_TOKEN } else { step }).collect();
    let (path, query) = (in_short(&path.join("/"), AUDIT_PATH), query.finish());
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

/// The parameters of a body that is no form, as an operation reads them: R4's Parameters in JSON. Of any other body the
/// record has the beginning.
fn posted(body: &[u8]) -> Vec<(String, String)> {
    if body.is_empty() {
        return Vec::new();
    }
    let json = serde_json::from_slice(body).unwrap_or(Json::Null);
    let Some(parameters) = json["parameter"].as_array() else {
        let text = String::from_utf8_lossy(body);
        return vec![("body".to_owned(), text.split_whitespace().collect::<Vec<_>>().join(" "))];
    };
    let mut pairs = Vec::new();
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap_or_default();
        let members = parameter.as_object().into_iter().flatten();
        // Each value by itself: which of several counts is for the operation to say.
        pairs.extend(
            members
                .filter(|(member, _)| member.starts_with("value"))
                .map(|(_, value)| (name.to_owned(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))),
        );
    }
    pairs
}

/// Stands in a record where a token stood.
const A_TOKEN: &str = "(a token)";

/// A text as it is recorded: no token, and at most `longest` characters of it.
fn in_short(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        _ if is_token(text) => A_TOKEN.to_owned(),
        Some((end, _)) => format!("{}… ({} bytes in all)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// Whether a text has the form of a token: a signed one (RFC 7515 §7.1) or a refresh token.
fn is_token(text: &str) -> bool {
    let is_base64url = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let is_signed = text.starts_with("eyJ") && text.split('.').count() == 3 && text.split('.').all(is_base64url);
    is_signed || text.rsplit_once('.').is_some_and(|(_, secret)| is_secret(secret))
}

/// The list of what was given out: `Claim/a,b Coverage/c`. Of a long list the record has the count, the first and last
/// entry, and the SHA-256: the query in the same record can be run again, and its answer compared.
fn packed(ids: &[Reference]) -> String {
    let mut resource_types: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for reference in ids {
        resource_types.entry(&reference.resource_type).or_default().push(&reference.id);
    }
    let list: Vec<String> =
        resource_types.iter().map(|(resource_type, ids)| format!("{resource_type}/{}", ids.join(","))).collect();
    let list = list.join(" ");
    match ids {
        [first, .., last] if list.len() > AUDIT_IDS => {
            let hash = crate::secret::Secret::from_client(&list).hashed();
            format!("{} resources, {first} to {last}, sha256 {}", ids.len(), hash.0)
        }
        _ => list,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted_as(content_type: &str, query: &str, body: &str) -> String {
        let mut headers = http::HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, content_type.parse().unwrap());
        let (path, raw_query) = ("/fhir/DocumentReference/$docref".to_owned(), query.to_owned());
        asked(&Request { path, raw_query, headers, body: body.as_bytes().to_vec(), ..Request::default() })
    }

    #[test]
    fn what_was_posted_is_recorded_as_it_is_read_whatever_stands_around_it() {
        let blanks = " ".repeat(30_000);
        let parameters = format!(
            r#"{blanks}{{"x": "{blanks}", "resourceType": "Parameters", "parameter": [
                {{"y": "{blanks}", "name": "patient", "valueId": "alice"}},{blanks}
                {{"name": "type", "valueCoding": {{"system": "s", "code": "c"}}}}]}}"#
        );
        let recorded = posted_as("application/fhir+json", "_format=json", &parameters);
        assert_eq!(
            recorded,
            "/fhir/DocumentReference/$docref?_format=json&patient=alice&type=%7B%22system%22%3A%22s%22%2C%22code%22%3A%22c%22%7D"
        );
        let twice =
            format!(r#"{{"parameter": [{{"name": "patient", "valueString": "{blanks}", "valueId": "alice"}}]}}"#);
        assert!(posted_as("application/fhir+json", "", &twice).ends_with("&patient=alice"));
        let form = format!("a={blanks}&patient=alice&{}=&type=c", "n".repeat(30_000));
        let recorded = posted_as("application/x-www-form-urlencoded", "", &form);
        assert!(recorded.contains("&patient=alice&") && recorded.ends_with("&type=c"), "{recorded}");
        assert!(recorded.len() < 20 * 1024, "{}", recorded.len());
        let many = format!("{}patient=alice", "a=b&".repeat(100_000));
        let recorded = posted_as("application/x-www-form-urlencoded", "", &many);
        assert!(recorded.ends_with("=99873+more") && recorded.len() < 20 * 1024, "{recorded}");
        let recorded = posted_as("text/plain", "", &format!("{blanks}patient{blanks}alice"));
        assert_eq!(recorded, "/fhir/DocumentReference/$docref?body=patient+alice");
    }

    #[test]
    fn no_token_is_recorded_wherever_it_stands() {
        let signed = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
        let refresh = format!("{0}.{0}.{1}", "0123456789abcdef".repeat(2), "s".repeat(43));
        for name in CREDENTIALS {
            let recorded = posted_as("text/plain", &format!("{name}=opaque&patient=alice"), "");
            assert_eq!(recorded, "/fhir/DocumentReference/$docref?patient=alice", "{name}");
        }
        for token in [signed, &refresh] {
            let recorded = posted_as("text/plain", &format!("_id={token}"), "");
            assert_eq!(recorded, "/fhir/DocumentReference/$docref?_id=%28a+token%29");
            let request = Request { path: format!("/fhir/Patient/{token}"), ..Request::default() };
            assert_eq!(asked(&request), "/fhir/Patient/(a token)");
        }
        let ordinary = Request { path: "/fhir/Patient/a.b.c".to_owned(), ..Request::default() };
        assert_eq!(asked(&ordinary), "/fhir/Patient/a.b.c");
    }

    #[test]
    fn short_lists_are_written_out_and_long_ones_are_bounded() {
        let some: Vec<Reference> = ["b", "a"].iter().map(|id| Reference::new("Claim", id)).collect();
        assert_eq!(packed(&some), "Claim/b,a");
        let many: Vec<Reference> = (0..1000).map(|id| Reference::new("Claim", &id.to_string())).collect();
        assert!(packed(&many).starts_with("1000 resources, Claim/0 to Claim/999, sha256 "));
    }
}
