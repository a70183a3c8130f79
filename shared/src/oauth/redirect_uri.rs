//! Where a member may be sent back to: what can be registered, and when a request names what was registered.

use url::{Host, Url};

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
    let refuse = |why| Err(Unacceptable { uri: uri.to_owned(), why });
    let Ok(url) = Url::parse(uri) else { return refuse("is no absolute URL") };
    if !uri.is_ascii() || uri.contains(['*', ' ']) || uri.chars().any(char::is_control) {
        return refuse("must be exact: ASCII, without wildcard, space or control character");
    }
    if url.fragment().is_some() {
        return refuse("must not have a fragment (#…)");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("must not name a user before the host");
    }
    match url.scheme() {
        "https" if url.host().is_some() => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "http" => refuse("must be https; http is for 127.0.0.1, [::1] and localhost only"),
        scheme if scheme.contains('.') => Ok(()),
        _ => refuse("must be https, or a private-use scheme with a dot such as com.example.app:/callback"),
    }
}

/// Whether `asked` is the `registered` one: exactly, but for the port of a loopback address, which a native app learns only
/// when it opens it (RFC 8252 §7.3). `localhost` is a name, not an address, and is compared exactly.
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

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.octets() == [127, 0, 0, 1],
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Where the page that sends the member back may go, for `form-action` of its Content-Security-Policy: browsers hold the
/// redirect that follows a form to it. An origin, or the scheme of a native app.
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
        ] {
            assert_eq!(registrable(uri), Ok(()), "{uri}");
        }
        for uri in [
            "http://app.example/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp:/cb",
            "https://*.example/cb",
            "https://app.example/cb#f",
            "https://app.example@evil.example/cb",
            "/cb",
            "",
            "http://127.0.0.2/cb",
        ] {
            assert!(registrable(uri).is_err(), "{uri}");
        }
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
