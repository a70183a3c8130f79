//! Compressed answers: FHIR JSON shrinks to a twentieth or less, and what does not cross the network need not be waited for.
//!
//! BREACH, which reads a secret from the length of compressed answers, does not apply: it needs a browser that adds the secret
//! by itself to requests of the attacker's making. Data is given for a bearer token only, which no browser adds, and never for
//! a cookie; and no answer to a FHIR request repeats a secret. The description for the public holds none. The pages and the OAuth
//! answers, which hold some, are never compressed.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::{StatusCode, header};
use lambda_http::Body;

use crate::bounds::COMPRESSED_FROM;
use crate::http::fields::{list, parts, weight};
use crate::http::{Compressible, FHIR_JSON, Response, set};

/// A coding that we can write, the one that we would rather send first: zstd takes a fifth of gzip's time, for half the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Zstd,
    Gzip,
}

impl Coding {
    const ALL: [Coding; 2] = [Coding::Zstd, Coding::Gzip];

    /// Its name in HTTP (RFC 8878 §7.2, RFC 9110 §8.4.1.3).
    fn name(self) -> &'static str {
        match self {
            Coding::Zstd => "zstd",
            Coding::Gzip => "gzip",
        }
    }

    /// The levels are those after which the same page shrinks by little and takes twice the time.
    fn compress(self, text: &str) -> std::io::Result<Vec<u8>> {
        match self {
            Coding::Zstd => zstd::bulk::compress(text.as_bytes(), 3),
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
                encoder.write_all(text.as_bytes())?;
                encoder.finish()
            }
        }
    }
}

/// Compresses a FHIR answer, or one that is marked as [`Compressible`], as the client's `Accept-Encoding` takes it. Other answers stay
/// as they are, and so do documents' own bytes, which are no text here and mostly compressed already.
pub fn encode(response: &mut Response, accepted: Option<&str>) {
    let is_fhir = response.headers().get(header::CONTENT_TYPE).is_some_and(|resource_type| resource_type == FHIR_JSON);
    let is_marked = response.extensions().get::<Compressible>().is_some();
    let Body::Text(text) = response.body() else {
        // The answer that a 304 stands for has the header, too (RFC 9110 §15.4.5).
        if response.status() == StatusCode::NOT_MODIFIED {
            set(response, header::VARY, "Accept-Encoding");
        }
        return;
    };
    if !is_fhir && !is_marked {
        return;
    }
    let coding = accepted.and_then(preferred).filter(|_| text.len() >= COMPRESSED_FROM);
    let compressed = coding.and_then(|coding| Some((coding, coding.compress(text).ok()?)));
    set(response, header::VARY, "Accept-Encoding");
    if let Some((coding, bytes)) = compressed {
        set(response, header::CONTENT_ENCODING, coding.name());
        *response.body_mut() = Body::Binary(bytes);
    }
}

/// The coding that the client likes best of those we have; `None` where it would rather have the text as it is, or says nothing
/// of them (RFC 9110 §12.5.3).
fn preferred(accepted: &str) -> Option<Coding> {
    let codings: Vec<(String, u16)> = list(accepted)
        .map(|element| {
            let (coding, parameters) = parts(element);
            (coding.to_ascii_lowercase(), weight(&parameters))
        })
        .collect();
    let weight = |name: &str| {
        let is_named = |coding: &str| coding == name || (name == "gzip" && coding == "x-gzip");
        codings.iter().find(|(coding, _)| is_named(coding)).map(|(_, weight)| *weight)
    };
    let others = weight("*");
    let plain = weight("identity").unwrap_or(0);
    let mut best = None;
    for coding in Coding::ALL {
        let weight = weight(coding.name()).or(others).unwrap_or(0);
        if weight > 0 && weight >= plain && best.is_none_or(|(_, most)| weight > most) {
            best = Some((coding, weight));
        }
    }
    best.map(|(coding, _)| coding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_decides_and_we_break_ties() {
        for (accepted, expected) in [
            ("gzip", Some(Coding::Gzip)),
            ("x-gzip", Some(Coding::Gzip)),
            ("gzip, deflate, br, zstd", Some(Coding::Zstd)),
            ("GZIP;q=1.0, zstd;Q=0.5", Some(Coding::Gzip)),
            ("*", Some(Coding::Zstd)),
            ("zstd;q=0, *;q=0.001", Some(Coding::Gzip)),
            ("gzip;q=0.5, identity", None),
            ("gzip;q=0", None),
            ("gzip;q=0.000, zstd; q=0", None),
            ("identity;q=0, gzip;q=0.2", Some(Coding::Gzip)),
            ("br, deflate", None),
            ("gzip;q=x, zstd;q=-1", None),
            ("identity", None),
            ("", None),
        ] {
            assert_eq!(preferred(accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn an_answer_that_is_marked_is_compressed_whatever_it_is() {
        let mut response = Response::new(Body::Text("x".repeat(COMPRESSED_FROM)));
        set(&mut response, header::CONTENT_TYPE, "application/json");
        response.extensions_mut().insert(Compressible);
        encode(&mut response, Some("gzip"));
        assert_eq!(&response.headers()["content-encoding"], "gzip");
    }

    #[test]
    fn only_fhir_text_is_compressed_and_a_documents_own_bytes_are_not() {
        let answer = |body: Body, resource_type: &'static str| {
            let mut response = Response::new(body);
            set(&mut response, header::CONTENT_TYPE, resource_type);
            encode(&mut response, Some("gzip"));
            response
        };
        let long = "x".repeat(COMPRESSED_FROM);
        let compressed = answer(Body::Text(long.clone()), FHIR_JSON);
        assert_eq!(
            (&compressed.headers()["vary"], &compressed.headers()["content-encoding"]),
            (&"Accept-Encoding".parse().unwrap(), &"gzip".parse().unwrap())
        );
        assert!(matches!(compressed.body(), Body::Binary(bytes) if bytes.len() < 100));
        for (body, resource_type) in [
            (Body::Text(long.clone()), "text/html"),
            (Body::Text(long.clone()), "application/json"),
            (Body::Text("short".into()), FHIR_JSON),
            (Body::Binary(long.clone().into_bytes()), FHIR_JSON),
        ] {
            let response = answer(body.clone(), resource_type);
            assert!(!response.headers().contains_key("content-encoding"), "{resource_type}");
            assert_eq!(format!("{:?}", response.body()), format!("{body:?}"));
        }
    }
}
