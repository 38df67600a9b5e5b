//! Whole programs that use Countersign, each in one file beside this one.
//!
//! - `tutorial.rs`: a login and a protected route with one shared secret, the Flask tutorial's answers
//! - `guarded.rs`: a route that only callers with a token of a Countersign server reach
//! - `client.rs`: signs in at a Countersign server and asks a protected route
//! - `kept.rs`: the same, with a login that is kept and shared by processes
//! - `service.rs`: signs in as itself at any OAuth 2 issuer

/// The README's programs are compiled with the documentation tests, so that they stay true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// And so are those of the guides.
#[cfg(doctest)]
#[doc = include_str!("../docs/guides/axum.md")]
struct AxumGuide;

/// See above.
#[cfg(doctest)]
#[doc = include_str!("../docs/guides/client.md")]
struct ClientGuide;
