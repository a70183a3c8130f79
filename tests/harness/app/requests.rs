//! Requests to a stack, and the checks of every answer.

use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use serde_json::Value as Json;

use super::{App, Way};
use crate::browser::Tokens;
use crate::fixtures::CANARIES;
use crate::reply::Reply;

impl App {
    /// Sends a request as it is, and checks the headers that every answer must have.
    pub async fn send(&self, request: Request<String>) -> Reply {
        let reply = self.answer(request).await;
        assert!(reply.status.as_u16() < 500, "{} {}", reply.status, reply.body);
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{reply:?}");
        assert!(!reply.header("referrer-policy").is_empty() || reply.status == StatusCode::NO_CONTENT, "{reply:?}");
        reply
    }

    /// `POST` of a form, without any check of the answer.
    pub async fn post_unguarded(&self, path: &str, form: &[(&str, &str)], headers: HeaderMap) -> Reply {
        self.answer(posted(self.absolute(path), form, headers)).await
    }

    /// The answer to a request as it is, without any check.
    pub async fn answer(&self, request: Request<String>) -> Reply {
        let client = match &self.way {
            Way::Gateway(client) => client,
            // Their futures are large, and a test's thread is not.
            Way::Inside(inside) => return Box::pin(inside.answer(request)).await,
        };
        let response = client.request(request.map(|body| Full::new(body.into()))).await.expect("the gateway answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the answer comes whole").to_bytes();
        Reply::read(parts.status, parts.headers, body)
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url()) }
    }

    /// `GET`, without a token.
    pub async fn get(&self, path: &str) -> Reply {
        self.get_with(path, HeaderMap::new()).await
    }

    /// `GET` with headers.
    pub async fn get_with(&self, path: &str, headers: HeaderMap) -> Reply {
        let mut request = Request::get(self.absolute(path)).body(String::new()).expect("a good URL");
        *request.headers_mut() = headers;
        self.send(request).await
    }

    /// `POST` of a form, with headers.
    pub async fn post(&self, path: &str, form: &[(&str, &str)], headers: HeaderMap) -> Reply {
        self.send(posted(self.absolute(path), form, headers)).await
    }

    /// `GET` under `/fhir` with a token. The answer must show no other member's canary. If it has data, one new audit
    /// record must name exactly its resources.
    pub async fn fhir(&self, tokens: &Tokens, path: &str) -> Reply {
        let request = Request::get(self.absolute_fhir(path)).body(String::new()).expect("a good URL");
        self.fhir_request(tokens, request).await
    }

    /// `GET` under `/fhir` with a token, without any check of the answer.
    pub async fn fhir_unguarded(&self, tokens: &Tokens, path: &str) -> Reply {
        let request = Request::get(self.absolute_fhir(path));
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", tokens.access));
        self.answer(request.body(String::new()).expect("a good URL")).await
    }

    /// `GET` under `/fhir` with a token and only the checks of [`App::send`]. Returns the length of the answer, for
    /// measuring.
    pub async fn get_with_token(&self, tokens: &Tokens, path: &str) -> usize {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, format!("Bearer {}", tokens.access).parse().expect("a token is text"));
        self.get_with(&self.absolute_fhir(path), headers).await.body.len()
    }

    /// As [`App::fhir`], with a posted form.
    pub async fn fhir_post(&self, tokens: &Tokens, path: &str, form: &[(&str, &str)]) -> Reply {
        self.fhir_request(tokens, posted(self.absolute_fhir(path), form, HeaderMap::new())).await
    }

    fn absolute_fhir(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}/fhir/{path}", self.url()) }
    }

    /// As [`App::fhir`], with any request.
    pub async fn fhir_request(&self, tokens: &Tokens, mut request: Request<String>) -> Reply {
        let subject = format!("Patient/{}", tokens.patient);
        let before = self.audit(&subject).await;
        let bearer = format!("Bearer {}", tokens.access).parse().expect("a token is text");
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let url = request.uri().to_string();
        let reply = self.send(request).await;
        for (owner, canary) in CANARIES {
            let seen = reply.body.contains(canary)
                || reply.headers.values().any(|v| v.to_str().is_ok_and(|v| v.contains(canary)));
            assert!(
                tokens.patient == owner || !seen,
                "{url} shows {owner}'s data to {}: {}",
                tokens.patient,
                reply.body
            );
        }
        assert_eq!(reply.header("cache-control"), "no-store", "{url}");
        assert_eq!(reply.header("access-control-allow-origin"), "*", "{url}");
        if reply.status == StatusCode::OK {
            let mut records = self.audit(&subject).await;
            records.retain(|record| !before.contains(record));
            assert_eq!(records.len(), 1, "{url} was recorded once");
            let ids = records[0].get("ids").cloned().unwrap_or_default();
            let is_fhir = reply.header("content-type").starts_with("application/fhir+json");
            let given = if is_fhir { reply.json() } else { Json::Null };
            let count = match given["resourceType"].as_str() {
                Some("Bundle") => given["entry"]
                    .as_array()
                    .map_or(0, |entries| entries.iter().filter(|entry| entry["search"]["mode"] != "outcome").count()),
                _ => 1,
            };
            let recorded = match ids.split_once(" resources, ") {
                Some((count, _)) => count.parse().unwrap_or(usize::MAX),
                None => ids.split([' ', ',']).filter(|id| !id.is_empty()).count(),
            };
            assert_eq!(recorded, count, "{url}: the record names what was given out: {ids}");
        }
        reply
    }
}

fn posted(url: String, form: &[(&str, &str)], headers: HeaderMap) -> Request<String> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = Request::post(url).body(body).expect("a good URL");
    *request.headers_mut() = headers;
    let form = "application/x-www-form-urlencoded".parse().expect("it is one");
    request.headers_mut().insert(header::CONTENT_TYPE, form);
    request
}
