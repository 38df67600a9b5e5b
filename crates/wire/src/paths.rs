//! Every route of the server, named once.

/// `POST`: a user's name and password for a token pair.
pub const LOGIN: &str = "/login";
/// `POST`: a refresh token for the next pair.
pub const REFRESH: &str = "/refresh";
/// `POST`: ends the session.
pub const LOGOUT: &str = "/logout";
/// `GET`: who the bearer of the token is.
pub const ME: &str = "/me";
/// `GET` lists the caller's sessions, `DELETE` ends them all; `/sessions/{id}` is one of them.
pub const SESSIONS: &str = "/sessions";
/// `POST`: changes the caller's password.
pub const PASSWORD: &str = "/password";
/// `GET`: what a proxy asks before it lets a request pass.
pub const VERIFY: &str = "/verify";
/// `GET`: the revocations, as a signed snapshot or as a live feed.
pub const REVOCATIONS: &str = "/revocations";

/// `GET`: the public keys (RFC 7517).
pub const JWKS: &str = "/.well-known/jwks.json";
/// `GET`: the server's metadata where OpenID Connect Discovery looks for it.
pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
/// `GET`: the server's metadata where RFC 8414 looks for it.
pub const OAUTH_AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
/// `GET` at a guarded API: the metadata of a protected resource (RFC 9728).
pub const OAUTH_PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// `POST`: the OAuth token endpoint (RFC 6749 §3.2).
pub const OAUTH_TOKEN: &str = "/oauth/token";
/// `POST`: token introspection (RFC 7662).
pub const OAUTH_INTROSPECT: &str = "/oauth/introspect";
/// `POST`: token revocation (RFC 7009).
pub const OAUTH_REVOKE: &str = "/oauth/revoke";

/// The folder of the administrator's routes.
pub const ADMIN: &str = "/admin";
/// Users, for administrators.
pub const ADMIN_USERS: &str = "/admin/users";
/// OAuth clients, for administrators.
pub const ADMIN_CLIENTS: &str = "/admin/clients";
/// Sessions, for administrators.
pub const ADMIN_SESSIONS: &str = "/admin/sessions";
/// Signing keys, for administrators.
pub const ADMIN_KEYS: &str = "/admin/keys";
/// The audit log, for administrators.
pub const ADMIN_AUDIT: &str = "/admin/audit";

/// `GET`: the process is alive.
pub const HEALTHZ: &str = "/healthz";
/// `GET`: the process can do its work; the database was asked.
pub const READYZ: &str = "/readyz";
/// `GET`: counters in Prometheus' text format.
pub const METRICS: &str = "/metrics";
/// `GET`: the description of this API (OpenAPI 3.1).
pub const OPENAPI: &str = "/openapi.json";
