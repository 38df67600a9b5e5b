//! What was probably meant by something mistyped.

/// The one among `known` that is nearest, if it is near: a letter in three may be wrong, or two.
pub(crate) fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &str| strsim::damerau_levenshtein(typed, known);
    known
        .min_by_key(|known| distance(known))
        .filter(|known| distance(known) <= typed.len().div_ceil(3).max(2))
}
