//! The one door to a terminal. Names of files, ids, texts and reasons come from feeds and apps: a character that a terminal
//! would obey, or that would turn or hide the text around it, is written as an escape.

use std::fmt::Write as _;
use std::io::{self, Write};

/// Whether a terminal, or the reader's eye, takes the character for something else than text: control characters, marks of
/// direction and of invisible spaces (Unicode, `Default_Ignorable_Code_Point`), separators of lines.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text on one line, with every such character escaped as JSON does it: a name that holds a line end cannot pass for two
/// lines.
pub fn visible(text: &str) -> String {
    escaped(text, is_obeyed)
}

/// Prints a text of one or more lines to the standard output. A reader that has gone away, such as `head`, is no error.
///
/// # Errors
/// The output cannot be written.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let text = escaped(text, |c| c != '\n' && is_obeyed(c));
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Tells the operator one line, on the standard error. Where nobody listens any more, nobody is told.
pub fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", visible(line));
}

fn escaped(text: &str, which: impl Fn(char) -> bool) -> String {
    if !text.contains(&which) {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if which(c) {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            for unit in units {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_passes() {
        for (text, shown) in [
            ("\u{1b}[2Jgone", r"\u001b[2Jgone"),
            ("a\nb\tc\r", r"a\u000ab\u0009c\u000d"),
            ("\u{9b}31m", r"\u009b31m"),
            ("user\u{202e}nosj.\u{2066}", r"user\u202enosj.\u2066"),
            ("\u{e0041}", r"\udb40\udc41"),
            ("Zoë Ω 中 🙂", "Zoë Ω 中 🙂"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn an_escaped_json_text_means_the_same() {
        let told = serde_json::json!({"place": "a\u{7f}\u{202e}\u{e0041}"});
        let shown = visible(&told.to_string());
        assert!(shown.is_ascii());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), told);
    }
}
