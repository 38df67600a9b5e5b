//! Strangers' text on the way to a terminal: names, roles, claims.
//!
//! Nothing in it may steer the terminal, turn the direction of writing, or make two names look the
//! same. JSON is not made printable: a program gets what is stored.

/// The text with escapes in the place of what is not seen.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Control characters, line separators, those that set the direction of writing (UAX #9 §2), those
/// without width, and tags.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_steers_the_terminal_is_shown_as_an_escape() {
        assert_eq!(
            printable("a\u{1b}[2Jb\u{202e}c é"),
            "a\\u{1b}[2Jb\\u{202e}c é"
        );
        assert_eq!(printable("one\ntwo\u{9b}31m"), "one\\ntwo\\u{9b}31m");
    }

    #[test]
    fn two_names_do_not_look_the_same() {
        for unseen in [
            '\u{200b}',
            '\u{200d}',
            '\u{2060}',
            '\u{feff}',
            '\u{ad}',
            '\u{e0061}',
        ] {
            let name = printable(&format!("ad{unseen}a"));
            assert!(name.starts_with("ad\\u{") && name.is_ascii(), "{name}");
        }
    }
}
