//! Scope: words separated by single spaces (RFC 6749 §3.3), granted in full or in part.

use alloc::{string::String, vec::Vec};

/// More was asked for than there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded;

/// The part of `granted` that is asked for, each word once; `None` for all of it, which is what a
/// parameter without a value asks for as well (RFC 6749 §3.2).
pub(crate) fn narrowed(granted: &str, asked: Option<&str>) -> Result<Option<String>, Exceeded> {
    let mut chosen: Vec<&str> = Vec::new();
    for word in words(asked.unwrap_or_default()) {
        if !words(granted).any(|granted| granted == word) {
            return Err(Exceeded);
        }
        if !chosen.contains(&word) {
            chosen.push(word);
        }
    }
    Ok((!chosen.is_empty()).then(|| chosen.join(" ")))
}

/// The words that both have, in the order of the first.
pub(crate) fn shared(one: &str, other: &str) -> String {
    let both = words(one).filter(|word| words(other).any(|known| known == *word));
    both.collect::<Vec<_>>().join(" ")
}

/// The words of a scope.
pub(crate) fn words(scope: &str) -> impl Iterator<Item = &str> {
    scope.split(' ').filter(|word| !word.is_empty())
}

/// Whether this may be a word of a scope: printable ASCII without space, `"` and `\`.
pub fn is_word(text: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    !text.is_empty() && text.len() <= 128 && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_asked_is_everything_and_more_is_refused() {
        assert_eq!(narrowed("read write", None), Ok(None));
        assert_eq!(narrowed("read write", Some(" ")), Ok(None));
        let asked = narrowed("read write", Some("write  write"));
        assert_eq!(asked, Ok(Some("write".into())));
        for wider in ["admin", "read admin", "rea", "READ", "read\twrite"] {
            assert_eq!(
                narrowed("read write", Some(wider)),
                Err(Exceeded),
                "{wider}"
            );
        }
        assert_eq!(narrowed("", Some("read")), Err(Exceeded));
    }

    #[test]
    fn what_two_share_is_in_the_order_of_the_first() {
        assert_eq!(shared("a b c", "c x a"), "a c");
        assert_eq!(shared("a", ""), "");
    }

    #[test]
    fn a_word_is_what_rfc_6749_says() {
        for word in ["orders:read", "https://api.example/read", "!", "~"] {
            assert!(is_word(word), "{word}");
        }
        for other in ["", "a b", "\"", "a\\b", "é", "a\n", "\u{7f}"] {
            assert!(!is_word(other), "{other:?}");
        }
    }
}
