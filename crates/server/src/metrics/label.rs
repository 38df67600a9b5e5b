//! Label values as enums: all of them are known before anything is counted, and none can come from
//! whoever sends a request.

/// A value of one label.
pub trait Label: Copy {
    /// Every value, as it is written, in the order of [`place`](Self::place).
    const TEXTS: &'static [&'static str];

    /// Which of them this is.
    fn place(self) -> usize;

    /// As it is written.
    fn text(self) -> &'static str {
        Self::TEXTS.get(self.place()).copied().unwrap_or_default()
    }
}

/// An enum whose variants are label values. Where one is missing nothing can be counted as it.
macro_rules! labels {
    ($(#[$about:meta])* $vis:vis enum $name:ident {
        $($(#[$means:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$means])* $variant,)+
        }

        impl $crate::metrics::label::Label for $name {
            const TEXTS: &'static [&'static str] = &[$($text),+];

            fn place(self) -> usize {
                self as usize
            }
        }
    };
}
pub(crate) use labels;
