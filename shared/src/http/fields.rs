//! The grammar that header fields share (RFC 9110 §5.6): lists, parameters, quoted strings and weights. Every field is read
//! with these, so that every legal spelling means the same.

/// The elements of a list (§5.6.1.2): commas part them, and an empty one does not count.
pub fn list(text: &str) -> impl Iterator<Item = &str> {
    split(text, ',').map(trimmed).filter(|element| !element.is_empty())
}

/// An element of a list: its value, and its parameters (§5.6.6) with their names in lower case. A parameter that is malformed is left
/// out.
pub fn parts(element: &str) -> (&str, Vec<(String, String)>) {
    let mut parts = split(element, ';').map(trimmed);
    let value = parts.next().unwrap_or_default();
    (value, parts.filter_map(pair).collect())
}

/// `name`, `name=token` or `name="quoted string"`, with space around the `=` (RFC 7240 §2): the name in lower case and the value,
/// which is empty where there is none.
pub fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (trimmed(name), unquoted(trimmed(value))?),
        None => (trimmed(text), String::new()),
    };
    is_token(name).then(|| (name.to_ascii_lowercase(), value))
}

/// Whether the text is a token (§5.6.2).
pub fn is_token(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(legal)
}

/// The weight of an element in thousandths (§12.4.2): 1000 where it has none, 0 where its weight is no number. More digits than the
/// grammar has are cut off, for libraries write them.
pub fn weight(parameters: &[(String, String)]) -> u16 {
    let Some((_, text)) = parameters.iter().find(|(name, _)| name == "q") else { return 1000 };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return 0;
    }
    match whole.trim_start_matches('0') {
        "" => format!("{fraction:0<3}")[..3].parse().unwrap_or(0),
        _ => 1000,
    }
}

/// The parts of `text` between separators, of which those in a quoted string are none.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c => return c == separator && !quoted,
        }
        false
    })
}

/// Without the white space around it (§5.6.3).
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The value of a token or of a quoted string (§5.6.4).
fn unquoted(text: &str) -> Option<String> {
    let Some(open) = text.strip_prefix('"') else { return is_token(text).then(|| text.to_owned()) };
    let mut value = String::new();
    let mut characters = open.strip_suffix('"')?.chars();
    while let Some(c) = characters.next() {
        value.push(if c == '\\' { characters.next()? } else { c });
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_in_a_quoted_string_parts_nothing() {
        assert_eq!(list(r#" a , , "b,\",c" ,d"#).collect::<Vec<_>>(), ["a", r#""b,\",c""#, "d"]);
        let (value, parameters) = parts(r#"text/plain ; Charset="a;b" ;; x = "1\"2"; bad name=3"#);
        assert_eq!(value, "text/plain");
        assert_eq!(parameters, [("charset".into(), "a;b".into()), ("x".into(), "1\"2".into())]);
    }

    #[test]
    fn a_preference_is_read_in_every_legal_spelling() {
        for text in ["handling=lenient", "Handling=lenient", r#"handling="lenient""#, "handling = lenient"] {
            assert_eq!(pair(text), Some(("handling".into(), "lenient".into())), "{text}");
        }
        assert_eq!(pair("respond-async"), Some(("respond-async".into(), String::new())));
        for text in ["", "=x", "a b=c", "a=b c", "a=\"b"] {
            assert_eq!(pair(text), None, "{text}");
        }
    }

    #[test]
    fn a_weight_is_a_number_from_0_to_1() {
        let of = |text: &str| weight(&parts(&format!("x;{text}")).1);
        for (text, expected) in [
            ("", 1000),
            ("q=1", 1000),
            ("Q=0.5", 500),
            ("q=0.25", 250),
            ("q = 0.001", 1),
            ("q=0", 0),
            ("q=0.12345", 123),
            ("q=1.0000", 1000),
            ("q=2", 1000),
            ("q=x", 0),
            ("q=.5", 0),
            ("q=-1", 0),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
