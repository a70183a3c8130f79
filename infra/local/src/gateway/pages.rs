//! Pages that the local gateway serves beside the template's routes. They do not exist on AWS.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Response};

/// One page or file.
#[derive(Debug, Clone)]
pub struct Page {
    /// The exact path.
    pub path: &'static str,
    /// The media type.
    pub content_type: &'static str,
    /// The text.
    pub body: String,
}

/// The headers of every page. It may load from and connect to this origin only, and be shown in no frame.
const HEADERS: [(header::HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-cache"),
];

/// The page with this path, for a GET or HEAD.
pub(crate) fn answer(pages: &[Page], method: &Method, path: &str) -> Option<Response<Full<Bytes>>> {
    let page = pages.iter().find(|page| page.path == path && (method == Method::GET || method == Method::HEAD))?;
    let mut response = Response::new(Full::new(Bytes::from(page.body.clone())));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    headers.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_answers_its_own_path_to_those_who_only_read() {
        let pages = [Page { path: "/", content_type: "text/html; charset=utf-8", body: "hi".into() }];
        let response = answer(&pages, &Method::GET, "/").expect("it is there");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        assert!(answer(&pages, &Method::HEAD, "/").is_some());
        for (method, path) in [(Method::POST, "/"), (Method::GET, "/x"), (Method::GET, "//")] {
            assert!(answer(&pages, &method, path).is_none(), "{method} {path}");
        }
    }
}
