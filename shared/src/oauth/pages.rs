//! The pages a member sees: HTML without a script, under a policy that allows none.

use askama::Template;
use http::{HeaderValue, StatusCode, header};

use super::error::PageError;
use super::words::Choice;
use crate::http::{Response, empty, set};

const STYLE: &str = include_str!("../../templates/page.css");

/// The sign-in page.
#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct LoginPage<'a> {
    pub style: &'static str,
    pub plan: &'a str,
    /// The app that asks; `None` on the way to the account page.
    pub app: Option<&'a str>,
    pub request: &'a str,
    pub csrf: &'a str,
    pub username: &'a str,
    pub problem: Option<&'a str>,
    /// Whether there is a form for a name of the plan's own directory.
    pub local: bool,
    /// The providers with which they may sign in.
    pub providers: &'a [WayIn],
    /// Whether they just signed out.
    pub signed_out: bool,
}

/// A link on the sign-in page to a provider's page.
pub(super) struct WayIn {
    /// The plan's name for the provider.
    pub name: String,
    /// The path that leads there.
    pub path: String,
}

/// The page on which somebody with a code sets their first password.
#[derive(Template)]
#[template(path = "password.html")]
pub(super) struct PasswordPage<'a> {
    pub style: &'static str,
    pub plan: &'a str,
    pub request: &'a str,
    pub csrf: &'a str,
    pub username: &'a str,
    /// The code, which the form brings back.
    pub code: &'a str,
    pub problem: Option<&'a str>,
}

/// The page on which somebody chooses whose record an app shall see.
#[derive(Template)]
#[template(path = "choice.html")]
pub(super) struct ChoicePage<'a> {
    pub style: &'static str,
    pub plan: &'a str,
    pub app: &'a str,
    pub request: &'a str,
    pub csrf: &'a str,
    pub username: &'a str,
    pub persons: &'a [PersonChoice],
}

/// A person whose record an app may see.
pub(super) struct PersonChoice {
    /// Their Patient id, as the form sends it back.
    pub record: String,
    /// The full name.
    pub name: String,
    /// The year of birth.
    pub born: Option<String>,
    /// The relation, in words.
    pub relation: &'static str,
}

/// The consent page.
#[derive(Template)]
#[template(path = "consent.html")]
pub(super) struct ConsentPage<'a> {
    pub style: &'static str,
    pub plan: &'a str,
    pub app: &'a str,
    pub request: &'a str,
    pub csrf: &'a str,
    pub username: &'a str,
    /// The full name of the member for whom they act; `None` where the record is their own.
    pub member: Option<&'a str>,
    /// The Patient id of the record.
    pub record: &'a str,
    pub destination: &'a str,
    pub choices: &'a [Choice],
    pub problem: Option<&'a str>,
}

/// One app on the account page, with everything that the member allowed it on any of their devices.
pub(super) struct ConnectedApp {
    /// Its `client_id`, as the form sends it back.
    pub client: String,
    /// Its name.
    pub name: String,
    /// The day of the first permission.
    pub since: String,
    /// The day on which the last one ends by itself.
    pub until: String,
    /// The kinds of data that it may see, in a member's words.
    pub sees: Vec<Choice>,
}

/// A delegation on the account page, with what was allowed under it.
pub(super) struct PersonSection {
    /// Its id, as the form sends it back.
    pub delegation: String,
    /// The full name of the other person.
    pub name: String,
    /// The relation, in words.
    pub relation: &'static str,
    /// Its first day.
    pub since: String,
    /// The day on which it is over.
    pub ends: Option<String>,
    /// The apps that were allowed under it.
    pub apps: Vec<ConnectedApp>,
    /// Whether the reader may end it.
    pub can_end: bool,
}

/// The account page.
#[derive(Template)]
#[template(path = "account.html")]
pub(super) struct AccountPage<'a> {
    pub style: &'static str,
    pub plan: &'a str,
    pub username: &'a str,
    pub csrf: &'a str,
    /// Whether they have a record of their own.
    pub has_record: bool,
    pub apps: &'a [ConnectedApp],
    /// The members for whom they act.
    pub acts_for: &'a [PersonSection],
    /// The persons who act for them.
    pub acted_for_by: &'a [PersonSection],
    /// Whether something was just stopped.
    pub done: bool,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    style: &'static str,
    plan: &'a str,
    problem: &'a str,
}

/// The style that all pages carry.
pub(super) fn style() -> &'static str {
    STYLE
}

/// A page as an answer. `form_action` is where its form may lead besides us.
///
/// # Errors
/// [`PageError::Unrendered`]: no page is better than half of one.
pub(super) fn page(status: StatusCode, page: &impl Template, form_action: &str) -> Result<Response, PageError> {
    Ok(html(status, page.render()?, form_action))
}

fn html(status: StatusCode, text: String, form_action: &str) -> Response {
    crate::http::html(status, text, STYLE, format!("'self' {form_action}").trim())
}

/// A page that says what went wrong.
pub(super) fn error(error: &PageError, plan: &str) -> Response {
    let problem = match error {
        PageError::Store(error) => error.outage().page_text.to_owned(),
        PageError::Unrendered(_) | PageError::Unhashable(_) => UNRENDERED.to_owned(),
        told => told.to_string(),
    };
    let status = error.status();
    if status.is_server_error() {
        tracing::error!(%error, "a page failed");
    }
    let mut response = page(status, &ErrorPage { style: STYLE, plan, problem: &sentence(&problem) }, "")
        .unwrap_or_else(|_| html(StatusCode::INTERNAL_SERVER_ERROR, sentence(UNRENDERED), ""));
    match error {
        PageError::Throttled(seconds) => set(&mut response, header::RETRY_AFTER, &seconds.to_string()),
        PageError::Store(error) => error.outage().set_retry_after(&mut response),
        _ => {}
    }
    response
}

const UNRENDERED: &str = "our service failed; the fault is logged";

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

/// A redirect after which the browser fetches with GET, whatever it sent (RFC 9700 §4.12: never 307).
pub(super) fn see_other(location: &str, cookies: &[String]) -> Response {
    let mut response = empty(StatusCode::SEE_OTHER);
    set(&mut response, header::LOCATION, location);
    set_cookies(&mut response, cookies);
    response
}

/// Gives the browser cookies.
pub(super) fn set_cookies(response: &mut Response, cookies: &[String]) {
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use lambda_http::Body;

    use super::*;

    #[derive(Template)]
    #[template(source = "<p>half a page {{ value }}</p>", ext = "html")]
    struct Broken {
        value: Unprintable,
    }

    struct Unprintable;

    impl fmt::Display for Unprintable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }

    #[test]
    fn a_page_whose_template_fails_is_a_500_that_says_so() {
        let failed = page(StatusCode::OK, &Broken { value: Unprintable }, "").unwrap_err();
        let response = error(&failed, "Your health plan");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let Body::Text(text) = response.body() else { panic!("a page is text") };
        assert!(text.contains("Our service failed; the fault is logged.") && !text.contains("half a page"), "{text}");
    }
}
