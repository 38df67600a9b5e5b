//! What a reader copies out of a guide.

/// The first block of this language in the page `docs/guides/{page}.md`.
pub(crate) fn block(page: &str, language: &str) -> String {
    let path = format!("{}/../../docs/guides/{page}.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the guide is there");
    let fence = format!("```{language}\n");
    let (_, rest) = text
        .split_once(&fence)
        .unwrap_or_else(|| panic!("{page} shows a block of {language}"));
    let (block, _) = rest.split_once("```").expect("the block ends");
    block.to_owned()
}

/// The block with each of these addresses replaced; every one of them must be in it.
pub(crate) fn with(block: &str, replaced: &[(&str, String)]) -> String {
    replaced.iter().fold(block.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "'{from}' is in the guide's block");
        text.replace(from, to)
    })
}
