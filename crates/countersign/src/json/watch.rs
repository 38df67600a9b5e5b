//! Who wants to know of the members that are read, and what is told.

/// Is told about the members of the outermost object.
pub(crate) trait Watch {
    /// The name of the member that comes next. Whoever knows it gives it a number below 64, the same
    /// each time and no other name's.
    fn name(&mut self, name: &str) -> Option<u8>;
    /// Where the value of the member named last stands in the text, and what was noticed about it.
    fn value(&mut self, start: usize, end: usize, seen: Seen);
}

/// What the reader noticed about a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen {
    /// A string that stands for itself: there is no escape in it.
    PlainText,
    /// A number of digits alone.
    Whole(u64),
    /// Anything else.
    Other,
}

impl<W: Watch> Watch for &mut W {
    #[inline]
    fn name(&mut self, name: &str) -> Option<u8> {
        (**self).name(name)
    }

    #[inline]
    fn value(&mut self, start: usize, end: usize, seen: Seen) {
        (**self).value(start, end, seen);
    }
}

/// Nobody listens.
pub(crate) struct Unwatched;

impl Watch for Unwatched {
    fn name(&mut self, _: &str) -> Option<u8> {
        None
    }
    fn value(&mut self, _: usize, _: usize, _: Seen) {}
}
