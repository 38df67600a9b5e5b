//! Whole programs that use Countersign, each in one file beside this one.
//!
//! - `tutorial.rs`: a login and a protected route with one shared secret, the Flask tutorial's answers
//! - `guarded.rs`: a route that only callers with a token of a Countersign server reach
//! - `client.rs`: signs in at a Countersign server and asks a protected route

/// The README's programs are compiled with the documentation tests, so that they stay true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// And so are those of the guide.
#[cfg(doctest)]
#[doc = include_str!("../docs/guides/axum.md")]
struct AxumGuide;
