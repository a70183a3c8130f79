//! Text that members see must be text that they can see: a name with letters that nobody sees looks like another name, or
//! like none (UTS #39).

use unicode_normalization::char::is_combining_mark;

/// Why a text is not one for members' eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invisible {
    /// It has a character that nobody can see, or that changes how others are seen.
    #[error("nobody can see the character U+{:04X} in it", u32::from(*.0))]
    Character(char),
    /// It has no character with a shape of its own.
    #[error("it has nothing that can be seen")]
    Nothing,
}

/// Unicode's `Default_Ignorable_Code_Point` (`DerivedCoreProperties.txt`): nothing is drawn for them.
const IGNORABLE: &[(char, char)] = &[
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fff8}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Blank for other reasons: an empty braille cell, the separators of lines and paragraphs, and private use, which no font
/// has.
const BLANK: &[(char, char)] =
    &[('\u{2028}', '\u{2029}'), ('\u{2800}', '\u{2800}'), ('\u{e000}', '\u{f8ff}'), ('\u{f0000}', '\u{10ffff}')];

/// The blocks of Unicode's `Extended_Pictographic` that people use: pictures that a joiner may tie to others.
const PICTURES: &[(char, char)] = &[
    ('\u{203c}', '\u{203c}'),
    ('\u{2049}', '\u{2049}'),
    ('\u{2122}', '\u{2122}'),
    ('\u{2139}', '\u{2139}'),
    ('\u{2194}', '\u{21aa}'),
    ('\u{231a}', '\u{23ff}'),
    ('\u{24c2}', '\u{24c2}'),
    ('\u{25aa}', '\u{25fe}'),
    ('\u{2600}', '\u{27bf}'),
    ('\u{2934}', '\u{2935}'),
    ('\u{2b05}', '\u{2b55}'),
    ('\u{3030}', '\u{303d}'),
    ('\u{3297}', '\u{3299}'),
    ('\u{1f000}', '\u{1faff}'),
];

/// Joins the pictures beside it into one.
const JOINER: char = '\u{200d}';
/// Has the picture before it drawn in colours.
const IN_COLOURS: char = '\u{fe0f}';

fn is_among(c: char, ranges: &[(char, char)]) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// Whether a character can be seen by itself. A space can, between others.
pub fn is_seen(c: char) -> bool {
    let is_blank = c.is_control() || (c.is_whitespace() && c != ' ') || is_among(c, BLANK);
    !is_blank && !is_among(c, IGNORABLE)
}

/// Makes sure that every character of a text can be seen, and that there is one with a shape of its own.
///
/// # Errors
/// [`Invisible`]
pub fn check(text: &str) -> Result<(), Invisible> {
    let chars: Vec<char> = text.chars().collect();
    let is_picture = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| is_among(*c, PICTURES));
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1);
        let after_colours =
            before.filter(|before| chars[*before] == IN_COLOURS).and_then(|before| before.checked_sub(1));
        let seen = match c {
            JOINER => (is_picture(before) || is_picture(after_colours)) && is_picture(Some(at + 1)),
            IN_COLOURS => is_picture(before),
            c => is_seen(c),
        };
        if !seen {
            return Err(Invisible::Character(c));
        }
    }
    let has_shape = |c: &char| is_seen(*c) && *c != ' ' && !is_combining_mark(*c);
    chars.iter().any(has_shape).then_some(()).ok_or(Invisible::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_script_and_with_emoji_are_seen() {
        for name in [
            "My First App",
            "Zdrav\u{ed}čko+",
            "健康アプリ",
            "صحتي",
            "My 👩\u{200d}⚕\u{fe0f} app",
            "❤\u{fe0f}",
            "👨\u{200d}👩\u{200d}👧 Family",
            "🏳\u{fe0f}\u{200d}🌈",
            "e\u{301}t\u{e9}",
        ] {
            assert_eq!(check(name), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn a_character_that_nobody_sees_is_named() {
        for c in "\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{202e}\u{2028}\
                  \u{2060}\u{2066}\u{2800}\u{3000}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{e000}\u{e0041}\u{1d173}\u{a0}\n\t"
            .chars()
        {
            assert_eq!(check(&format!("App{c}")), Err(Invisible::Character(c)), "U+{:04X}", u32::from(c));
            assert!(!is_seen(c));
        }
        for text in ["a\u{200d}b", "👩\u{200d}", "\u{200d}👩", "👩\u{200d}\u{200d}👩", "👩 \u{200d}👩"] {
            assert_eq!(check(text), Err(Invisible::Character(JOINER)), "{text:?}");
        }
    }

    #[test]
    fn spaces_and_marks_alone_are_nothing() {
        for text in ["", " ", "   ", "\u{301}", " \u{301}\u{308}"] {
            assert_eq!(check(text), Err(Invisible::Nothing), "{text:?}");
        }
    }
}
