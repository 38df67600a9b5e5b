//! The headers in which a forward-auth answer tells a proxy who the caller is.
//!
//! Each of them is set on every 200 answer, empty where there is nothing to say, so that a proxy
//! that copies them always overwrites what the client may have sent under the same name.

/// The subject, claim `sub`.
pub const SUBJECT: &str = "x-auth-subject";
/// The name the user signs in with, claim `preferred_username`.
pub const USERNAME: &str = "x-auth-username";
/// The roles, separated by commas.
pub const ROLES: &str = "x-auth-roles";
/// The scope, separated by spaces.
pub const SCOPE: &str = "x-auth-scope";

/// All of them.
pub const ALL: [&str; 4] = [SUBJECT, USERNAME, ROLES, SCOPE];
