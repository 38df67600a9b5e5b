//! A verified caller in front of an HTTP handler.
//!
//! ```text
//!   request -> bearer token -> seen before? -> key -> verified -> revoked? -> Caller<C>
//! ```
//!
//! # An axum route behind a guard
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use countersign_guard::{Caller, Guard};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let guard = Guard::follow("http://127.0.0.1:7800", "api").await?;
//!     let hello = async |caller: Caller| format!("Hello, {}", caller.username().unwrap_or("you"));
//!     let app = Router::new().route("/hello", get(hello)).with_state(guard);
//!     axum::serve(tokio::net::TcpListener::bind("127.0.0.1:5000").await?, app).await?;
//!     Ok(())
//! }
//! ```
//!
//! [`Guard::follow`] asks the issuer where its keys and its revocations are and stays up to date in
//! the background: a rotated key is accepted, a session that ended is refused within a second, and
//! no request waits for the network.
//!
//! # Tokens of other issuers
//!
//! Any issuer with discovery (OpenID Connect, RFC 8414) will do, if the tokens are told what they
//! are like. The claims type of a guard is [`AccessClaims`](countersign::AccessClaims) unless
//! another is named; it asks for what RFC 9068 §2.2 does: `iss`, `sub`, `aud`, `exp`, `iat`, `jti`
//! and `client_id`, `scope` as one text, `roles` as an array, and the header's `typ` is `at+jwt`. The
//! tokens of Auth0, Entra ID, Keycloak and Okta lack one or the other and are refused with
//! `missing_claim`, `bad_claim` or `wrong_type`. For them there is [`AnyClaims`], which asks for `sub`
//! alone, or a type of the application's own:
//!
//! ```no_run
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! use countersign_guard::{AnyClaims, Guard};
//!
//! let guard = Guard::builder("https://id.example/realms/shop", "orders")
//!     .claims::<AnyClaims>()
//!     .any_typ()
//!     .roles_claim("realm_access.roles")
//!     .follow()
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! # When the issuer is away
//!
//! An issuer that cannot be reached changes nothing at first: the last good keys serve, and so do
//! the revocations that are known. For how long is the owner's choice
//! ([`GuardBuilder::keys_good_for`], [`GuardBuilder::stale`]); how old both are can be read for a
//! health check ([`Guard::health`]).
//!
//! # A whole router, or any tower service
//!
//! ```
//! use axum::{Router, body::Body, routing::get};
//! use countersign::{Algorithm, SigningKey};
//! use countersign_guard::Guard;
//! use http::{Request, StatusCode};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = SigningKey::generate(Algorithm::ES256)?;
//! let guard = Guard::builder("https://id.example", "orders").key(key.verifying_key()).build()?;
//!
//! let app = Router::new()
//!     .route("/orders", get(async || "your orders"))
//!     .layer(guard.layer().require_scope("orders:read"));
//!
//! let answer = app.oneshot(Request::get("/orders").body(Body::empty())?).await?;
//! assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(answer.headers()["www-authenticate"], r#"Bearer realm="orders""#);
//! # Ok(())
//! # }
//! ```
//!
//! # Without a framework
//!
//! [`Guard::check`] takes the headers and the time and gives a [`Caller`] or a [`Refusal`]. It does
//! no I/O and never blocks; it is what both doors call.
//!
//! # Connections that outlive their request
//!
//! A WebSocket or a long stream is let in like any other request: the token is in the upgrade
//! request's `Authorization` header, or, for browsers, which cannot set that header there, in a
//! cookie ([`GuardBuilder::cookie`], which asks every WebSocket where it comes from). What was true
//! then may end while the connection lives. So keep the [`Caller`], ask [`Guard::recheck`] every
//! second or so (it costs less than a microsecond and no I/O), and close the connection at the
//! first refusal:
//!
//! ```
//! # use countersign::UnixTime;
//! # use countersign_guard::{Caller, Guard};
//! # async fn send_and_receive() {}
//! async fn serve(guard: &Guard, caller: &Caller) {
//!     while guard.recheck(caller, UnixTime::now()).is_ok() {
//!         send_and_receive().await;
//!     }
//! }
//! ```
//!
//! # Behind a proxy
//!
//! [`forward`] answers what a proxy asks before it lets a request pass; the `countersign guard`
//! command is that with a socket around it.
//!
//! # What is refused, and how
//!
//! A [`Refusal`] answers by RFC 6750 and carries a stable reason code. The application may replace
//! the answer ([`GuardBuilder::on_refusal`]); the reasons are counted either way
//! ([`Guard::counts`]). Nothing that is logged or answered contains a token or what an unverified
//! one claims.
//!
//! # Features
//!
//! `axum` (on by default) is the extractor, `remote` (on by default) everything that fetches.

mod any_claims;
#[cfg(feature = "remote")]
mod authority;
mod builder;
mod cache;
mod caller;
mod cookie;
mod counters;
mod ended;
mod error;
#[cfg(feature = "axum")]
mod extract;
pub mod forward;
mod guard;
mod health;
mod identity;
mod keys;
mod layer;
#[cfg(feature = "remote")]
mod pace;
mod permissions;
mod refusal;
#[cfg(feature = "remote")]
pub mod remote;
mod require;
mod revoked;
mod trust;
mod trusted;

pub use any_claims::AnyClaims;
pub use builder::GuardBuilder;
pub use caller::Caller;
pub use cookie::{OwnOrigins, cookie};
pub use counters::Counts;
pub use countersign_wire::revocation::Kind;
pub use error::GuardError;
pub use guard::Guard;
pub use health::IssuerHealth;
pub use identity::identity_headers;
pub use keys::KeyHandle;
pub use layer::{GuardLayer, Guarded, GuardedFuture};
pub use refusal::{Refusal, Why};
pub use require::Requirements;
pub use revoked::{NewsBy, RevokedHandle};
pub use trust::Stale;
pub use trusted::TrustedIssuer;

/// The messages a guard reads and writes.
pub use countersign_wire as wire;
