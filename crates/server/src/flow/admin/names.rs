//! What a user and a role may be called, whoever gives the name.

/// The longest user name, in bytes.
pub(super) const LONGEST: usize = 128;

/// Whether a user may have this name.
pub(super) fn is_username(text: &str) -> bool {
    text.len() <= LONGEST && is_word(text)
}

/// Whether these may be the names of roles, which are stored and sent as words.
pub(super) fn are_roles(roles: &[String]) -> bool {
    roles.iter().all(|role| is_word(role))
}

fn is_word(text: &str) -> bool {
    let apart = |character: char| character.is_whitespace() || character.is_control();
    !text.is_empty() && !text.contains(apart)
}
