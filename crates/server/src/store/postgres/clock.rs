//! Which clock is gone by.
//!
//! Server processes have clocks of their own; the database has one. Where times of several processes
//! meet, it is the database's that counts: the swap of a refresh and its grace, the order in which
//! revocations and audit lines are noticed, and what is old enough to be deleted. What one process
//! decides by itself, such as when a session it opens expires, is told by its own clock.
//!
//! Both are the time at which the statement began, which an index can be searched by.

/// Whole seconds since 1970.
pub(super) const SECONDS: &str = "floor(extract(epoch from statement_timestamp()))::BIGINT";

/// Microseconds since 1970.
pub(super) const MICROS: &str =
    "floor(extract(epoch from statement_timestamp()) * 1000000)::BIGINT";
