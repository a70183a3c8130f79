//! Texts of a request: backslashes in values of a search (R4 search, "Escaping Search Parameters"), and values that are shown again.

/// Splits at `separator` where no backslash stands before it; the backslashes stay (R4 search, "Escaping").
pub fn split_escaped(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == separator && !escaped {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    parts
}

/// The text without the backslashes that escape `,`, `|`, `$` and themselves.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match (c, next) {
            ('\\', Some(next @ (',' | '|' | '$' | '\\'))) => {
                plain.push(next);
                chars.next();
            }
            _ => plain.push(c),
        }
    }
    plain
}

/// A text that somebody sent, short enough to be shown to them again.
pub fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_separator_belongs_to_the_value() {
        assert_eq!(split_escaped(r"a\,b,c", ','), [r"a\,b", "c"]);
        assert_eq!(split_escaped(r"a\\,b", ','), [r"a\\", "b"], "a backslash may be escaped itself");
        assert_eq!(unescape(r"a\,b\|c\$d\\e\f"), r"a,b|c$d\e\f");
    }
}
