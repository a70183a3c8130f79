//! The pages of the demo provider. They look like nobody else's, so that it can be seen whose page it is.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use url::form_urlencoded;

use super::{Parameters, Person};

const FRAME: &str = include_str!("page.html");

/// The page on which somebody chooses who they are.
pub(super) fn choose(people: &[Person], asked: &Parameters) -> String {
    let mut pairs: Vec<(&String, &String)> = asked.iter().collect();
    pairs.sort_unstable();
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let hint = asked.get("login_hint").map(String::as_str).unwrap_or_default();
    let button = |person: &Person| {
        let focus = if person.subject == hint { " autofocus" } else { "" };
        let (subject, name) = (escaped(&person.subject), escaped(&person.name));
        format!("<button name=\"person\" value=\"{subject}\"{focus}><b>{name}</b><span>{subject}</span></button>\n")
    };
    let buttons: String = people.iter().map(button).collect();
    framed(&format!(
        "<h1>Who are you?</h1>\n<p>This provider asks for no password: it exists on this machine alone.</p>\n\
         <form method=\"post\" action=\"/authorize\"><input type=\"hidden\" name=\"query\" value=\"{}\">\n{buttons}\
         <button class=\"quiet\" name=\"person\" value=\"\">Cancel</button></form>",
        escaped(&query)
    ))
}

/// The page under `/`.
pub(super) fn welcome(people: &[Person]) -> String {
    let row = |person: &Person| {
        format!("<li><b>{}</b> <code>{}</code></li>\n", escaped(&person.name), escaped(&person.subject))
    };
    let rows: String = people.iter().map(row).collect();
    framed(&format!("<h1>A demo identity provider</h1>\n<p>It knows these people:</p>\n<ul>{rows}</ul>"))
}

/// A page that says what went wrong.
pub(super) fn error(why: &str) -> String {
    framed(&format!("<h1>That did not work</h1>\n<p>{}.</p>", escaped(why)))
}

/// A page as a response.
pub(super) fn html(text: &str, status: Option<StatusCode>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text.to_owned())));
    *response.status_mut() = status.unwrap_or(StatusCode::OK);
    // No `form-action`: it would count for the redirect that follows the form, too, which leads to the client.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn framed(content: &str) -> String {
    FRAME.replace("<!-- content -->", content)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
