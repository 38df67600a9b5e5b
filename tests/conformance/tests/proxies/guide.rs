//! What a reader copies out of a guide, at the addresses of a test.

use countersign_conformance::guide::Guide;

/// The page's block with the name of this file, with each of these addresses replaced; every one of
/// them must be in it.
pub(crate) fn file(page: &str, name: &str, replaced: &[(&str, String)]) -> String {
    let guide = Guide::read(page);
    let block = guide.file(name).to_owned();
    replaced.iter().fold(block, |text, (from, to)| {
        assert!(text.contains(from), "'{from}' is in {name} of {page}");
        text.replace(from, to)
    })
}
