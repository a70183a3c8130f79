//! The addresses that a member may be sent back to: which can be registered, and whether a request names a registered
//! one.

use url::Url;

use crate::bounds::REDIRECT_URI_BYTES;
use crate::loopback::is_loopback;

/// Why a redirect URI cannot be registered, and what would be right.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the redirect URI `{uri}` {why}")]
pub struct Unacceptable {
    uri: String,
    why: &'static str,
}

/// Accepts `https` URLs, loopback URLs for native apps, and private-use schemes with a dot (RFC 8252 §7).
///
/// # Errors
/// [`Unacceptable`]
pub fn registrable(uri: &str) -> Result<(), Unacceptable> {
    let refuse = |why| Err(Unacceptable { uri: uri.chars().take(REDIRECT_URI_BYTES).collect(), why });
    let illegal =
        |c: char| !c.is_ascii_graphic() || matches!(c, '*' | '\\' | '"' | '<' | '>' | '^' | '`' | '{' | '|' | '}');
    if uri.len() > REDIRECT_URI_BYTES {
        return refuse("is too long: 1024 characters are allowed");
    }
    if uri.contains(illegal) {
        return refuse(
            "must be exact: the characters of a URL (RFC 3986), without wildcard, space or control character",
        );
    }
    let Ok(url) = Url::parse(uri) else {
        return refuse("is no absolute URL such as https://app.example.org/callback");
    };
    if url.fragment().is_some() {
        return refuse("must not have a fragment: leave out everything from `#` on");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("must not name a user: leave out everything between `//` and `@`");
    }
    let written_out = |scheme| uri.starts_with(scheme);
    match url.scheme() {
        "https" if written_out("https://") => Ok(()),
        "http" if written_out("http://") && is_loopback(&url) => Ok(()),
        "http" => refuse("must be https; http is for 127.0.0.1, [::1] and localhost only"),
        "https" => refuse("must begin with https:// and a host"),
        scheme if scheme.contains('.') => Ok(()),
        _ => refuse("must be https, or a private-use scheme with a dot such as com.example.app:/callback"),
    }
}

/// Whether `asked` is the `registered` one: exactly, but for the port of a loopback address, which a native app learns
/// only when it opens it (RFC 8252 §7.3). `localhost` is a name, not an address, and is compared exactly.
pub fn matches(registered: &str, asked: &str) -> bool {
    registered == asked || portless(registered).is_some_and(|registered| portless(asked) == Some(registered))
}

/// A loopback URL without its port, cut out of the text as it was sent: nothing else is normalised.
fn portless(uri: &str) -> Option<(&'static str, &str)> {
    let address = ["http://127.0.0.1", "http://[::1]"].into_iter().find(|address| uri.starts_with(address))?;
    let rest = &uri[address.len()..];
    let path = match rest.strip_prefix(':') {
        Some(port) => {
            let end = port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len());
            port[..end].parse::<u16>().ok()?;
            &port[end..]
        }
        None => rest,
    };
    (path.is_empty() || path.starts_with(['/', '?'])).then_some((address, path))
}

/// The source that a page needs in `form-action` of its Content-Security-Policy, where its form ends in a redirect to
/// `uri`: browsers hold that redirect to the policy, too. It is an origin, or the scheme of a native app.
pub fn form_action(uri: &str) -> String {
    match Url::parse(uri) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url.origin().ascii_serialization(),
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_uris_can_be_registered_and_others_are_told_why_not() {
        for uri in [
            "https://app.example/cb",
            "https://app.example/cb?x=1",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:4000/cb",
            "http://[::1]/cb",
            "http://localhost:3000/cb",
            "com.example.app:/cb",
            "com.example.app://cb",
        ] {
            assert_eq!(registrable(uri), Ok(()), "{uri}");
        }
        for (uri, right) in [
            ("http://app.example/cb", "must be https"),
            ("http://127.0.0.2/cb", "127.0.0.1"),
            ("http://localhost.evil.example/cb", "localhost only"),
            ("javascript:alert(1)", "com.example.app:/callback"),
            ("data:text/html,x", "com.example.app:/callback"),
            ("file:///etc/passwd", "com.example.app:/callback"),
            ("myapp:/cb", "with a dot"),
            ("https://*.example/cb", "without wildcard"),
            ("https://app.example/*", "without wildcard"),
            ("https://app.example/a b", "space"),
            ("https://app.example/cb\n", "control"),
            ("https://app.example/caf\u{e9}", "RFC 3986"),
            ("https:\\\\app.example\\cb", "RFC 3986"),
            ("https:app.example/cb", "https://"),
            ("https://app.example/cb#f", "leave out everything from `#` on"),
            ("https://app.example@evil.example/cb", "leave out everything between"),
            ("/cb", "https://app.example.org/callback"),
            ("", "https://app.example.org/callback"),
        ] {
            let error = registrable(uri).unwrap_err().to_string();
            assert!(error.contains(right), "{error}");
        }
        assert!(registrable(&format!("https://app.example/{}", "a".repeat(REDIRECT_URI_BYTES))).is_err());
    }

    #[test]
    fn only_the_port_of_a_loopback_address_may_differ() {
        assert!(matches("http://127.0.0.1/cb", "http://127.0.0.1:51000/cb"));
        assert!(matches("http://[::1]:1/cb", "http://[::1]:2/cb"));
        let registered = "https://app.example/cb";
        for asked in [
            "https://app.example/cb/",
            "https://app.example/cb?x=1",
            "https://APP.example/cb",
            "https://app.example/%63b",
            "https://app.example/x/../cb",
            "https://app.example/cb ",
            "https://app.example/cb#f",
            "http://app.example/cb",
            "https://app.example@evil.example/cb",
            "https://app.example.evil.example/cb",
            "https://app.example:444/cb",
        ] {
            assert!(!matches(registered, asked), "{asked}");
        }
        assert!(!matches("http://localhost:3000/cb", "http://localhost:3001/cb"));
        assert!(!matches("http://127.0.0.1/cb", "http://127.0.0.1:1@evil.example/cb"));
        assert!(!matches("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb"));
        assert!(!matches("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb"));
    }

    #[test]
    fn form_action_names_the_origin_or_the_scheme() {
        assert_eq!(form_action("https://app.example/cb?x=1"), "https://app.example");
        assert_eq!(form_action("http://127.0.0.1:4000/cb"), "http://127.0.0.1:4000");
        assert_eq!(form_action("com.example.app:/cb"), "com.example.app:");
    }
}
