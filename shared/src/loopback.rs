//! The one rule for which URLs lead to one's own machine.

use url::Url;

/// Whether a URL leads to `127.0.0.1`, `[::1]` or `localhost`; no other loopback address or name counts.
pub(crate) fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
}
