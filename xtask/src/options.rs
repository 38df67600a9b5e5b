//! What a step may be told.

/// The same for every step of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// Leave out what needs other implementations where they are missing.
    pub(crate) skip_foreign: bool,
}
