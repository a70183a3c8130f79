//! The issuer: whose API this is, and the URL with which all its URLs begin.

use std::fmt;

use crate::loopback::is_loopback;

/// The issuer's URL without a trailing slash: `https://fhir.example.org`. FHIR base, endpoints and links are built from
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

impl Issuer {
    /// Accepts `https://host[:port]`, and `http` on a loopback host only (for one's own machine).
    ///
    /// # Errors
    /// [`WrongIssuer`] that says what is wrong with the URL.
    pub fn parse(text: &str) -> Result<Issuer, WrongIssuer> {
        let wrong = |why: &str| WrongIssuer(format!("ISSUER `{text}` {why}"));
        let url = url::Url::parse(text).map_err(|error| wrong(&format!("is no URL: {error}")))?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            _ => return Err(wrong("must be https (http is accepted on a loopback host only)")),
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(wrong("must be a scheme and a host alone, without path, query or user"));
        }
        Ok(Issuer(text.trim_end_matches('/').to_owned()))
    }

    /// The issuer of a deployment without a domain of its own: the API's host name as API Gateway tells it.
    pub fn of_host(domain: &str) -> Issuer {
        Issuer(format!("https://{domain}"))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `{issuer}/fhir`: the base of every FHIR URL and the `aud` of every access token.
    pub fn fhir_base(&self) -> String {
        format!("{}/fhir", self.0)
    }

    /// Whether this is a stack on one's own machine.
    pub fn is_loopback(&self) -> bool {
        url::Url::parse(&self.0).is_ok_and(|url| is_loopback(&url))
    }

    /// Whether browsers reach us over TLS: decides cookie names and HSTS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A URL that cannot be an issuer; the text says why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongIssuer(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_an_issuer_on_loopback_only() {
        assert!(Issuer::parse("http://127.0.0.1:9000").is_ok());
        assert!(Issuer::parse("https://fhir.example.org").is_ok());
        assert!(Issuer::parse("http://fhir.example.org").is_err());
        assert!(Issuer::parse("https://fhir.example.org/base").is_err());
        for host in ["127.0.0.1", "127.1", "[::1]", "localhost", "LOCALHOST"] {
            assert!(Issuer::parse(&format!("http://{host}:9000")).is_ok(), "{host}");
        }
        for host in ["127.0.0.2", "[::2]", "[::ffff:127.0.0.1]", "localhost.plan.example", "0.0.0.0"] {
            assert!(Issuer::parse(&format!("http://{host}:9000")).is_err(), "{host}");
        }
    }
}
