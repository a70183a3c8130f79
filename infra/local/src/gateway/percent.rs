//! Percent-encoding (RFC 3986 §2.1).

use std::borrow::Cow;

/// Decodes a path; `None` if it is malformed or not UTF-8.
pub(crate) fn decode_path(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    String::from_utf8(decode(path.as_bytes())?).ok().map(Cow::Owned)
}

/// Decodes a name or a value of a query, where `+` is a space. Malformed text stays as it is.
pub(crate) fn decode_form(text: &str) -> String {
    let spaced = text.replace('+', " ");
    match decode(spaced.as_bytes()) {
        Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        None => spaced,
    }
}

fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(*rest.next()?).to_digit(16);
                let value = digit()? * 16 + digit()?;
                u8::try_from(value).ok()?
            }
            _ => *byte,
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_once_or_refused() {
        assert_eq!(decode_path("/a%2Fb%252F+").as_deref(), Some("/a/b%2F+"));
        for malformed in ["/%", "/%2", "/%zz", "/%ff"] {
            assert_eq!(decode_path(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn a_malformed_query_value_stays_as_it_is() {
        assert_eq!(decode_form("a+b%2B"), "a b+");
        assert_eq!(decode_form("100%+"), "100% ");
    }
}
