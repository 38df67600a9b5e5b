//! What an answer with tokens in it says to caches.

use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, PRAGMA};

/// RFC 6749 §5.1: both, the second for caches that know HTTP/1.0 alone.
pub(super) const NEVER_CACHED: [(HeaderName, &str); 2] =
    [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
