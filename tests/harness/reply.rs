//! An answer of the API, and questions that tests ask about it.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value as Json;

/// An answer of the API.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed: the search for other members' data must see through every encoding. Bytes that are no
    /// text are replaced.
    pub body: String,
    /// The body as it came over the wire.
    pub bytes: Bytes,
}

impl Reply {
    /// Reads an answer from the wire.
    pub(crate) fn read(status: StatusCode, headers: HeaderMap, bytes: Bytes) -> Reply {
        let coding = headers.get(header::CONTENT_ENCODING).map(http::HeaderValue::as_bytes);
        let mut plain = Vec::new();
        let mut source: Box<dyn Read> = match coding {
            None => Box::new(&bytes[..]),
            // An answer to `HEAD`: its headers are those of the answer to a `GET`.
            _ if bytes.is_empty() => Box::new(&bytes[..]),
            Some(b"gzip") => Box::new(flate2::read::GzDecoder::new(&bytes[..])),
            Some(b"zstd") => Box::new(zstd::Decoder::new(&bytes[..]).expect("zstd starts")),
            Some(other) => panic!("nobody asked for {}", other.escape_ascii()),
        };
        source.read_to_end(&mut plain).expect("an answer is compressed as its header says");
        drop(source);
        assert!(coding.is_none() || std::str::from_utf8(&plain).is_ok(), "only text is compressed");
        Reply { status, headers, body: String::from_utf8_lossy(&plain).into_owned(), bytes }
    }

    /// A header's text; empty if the header is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }

    /// The resources of a Bundle whose search mode is `mode`.
    pub fn entries(&self, mode: &str) -> Vec<Json> {
        let bundle = self.json();
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        entries
            .into_iter()
            .filter(|entry| entry["search"]["mode"] == mode)
            .map(|entry| entry["resource"].clone())
            .collect()
    }

    /// `Type/id` of the matches.
    pub fn matches(&self) -> Vec<String> {
        references(&self.entries("match"))
    }

    /// `Type/id` of the included resources.
    pub fn included(&self) -> Vec<String> {
        references(&self.entries("include"))
    }

    /// The Bundle's link of that name.
    pub fn link(&self, relation: &str) -> Option<String> {
        let bundle = self.json();
        let link = bundle["link"].as_array()?.iter().find(|link| link["relation"] == relation)?;
        link["url"].as_str().map(str::to_owned)
    }

    /// The place at which the link `next` goes on, as the cursor in it says.
    pub fn next_place(&self) -> Option<Json> {
        let next = self.link("next")?;
        let cursor = next.split("_cursor=").nth(1).expect("a next link has a cursor");
        Some(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).expect("base64url")).expect("JSON"))
    }

    /// A parameter of the URL to which the answer redirects.
    pub fn redirected(&self, name: &str) -> Option<String> {
        let (_, query) = self.header(header::LOCATION.as_str()).split_once('?')?;
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The value of a hidden field of the page's form.
    pub fn field(&self, name: &str) -> String {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_default();
        rest.split('"').next().unwrap_or_default().to_owned()
    }

    /// The values of the page's checkboxes.
    pub fn checkboxes(&self) -> Vec<String> {
        let boxes = self.body.split("type=\"checkbox\" name=\"scope\" value=\"").skip(1);
        boxes
            .filter_map(|rest| rest.split('"').next())
            .map(|value| value.replace("&#38;", "&").replace("&amp;", "&"))
            .collect()
    }

    /// The code and the text of an `OperationOutcome`.
    pub fn issue(&self) -> (String, String) {
        let outcome = self.json();
        assert_eq!(outcome["resourceType"], "OperationOutcome", "{}", self.body);
        let issue = &outcome["issue"][0];
        let text = |name: &str| issue[name].as_str().unwrap_or_default().to_owned();
        (text("code"), text("diagnostics"))
    }
}

fn references(resources: &[Json]) -> Vec<String> {
    resources
        .iter()
        .map(|resource| {
            format!("{}/{}", resource["resourceType"].as_str().unwrap_or("?"), resource["id"].as_str().unwrap_or("?"))
        })
        .collect()
}
