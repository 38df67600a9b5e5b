//! Keeps a program signed in.
//!
//! A [`Client`] signs in once, holds the token pair, puts the access token on every request, renews it
//! before it expires, and signs out:
//!
//! ```no_run
//! # async fn story() -> Result<(), countersign_client::ClientError> {
//! use countersign_client::Client;
//!
//! let client = Client::login("http://127.0.0.1:7800", "ada", "correct horse battery staple")
//!     .await?
//!     .for_origin("http://127.0.0.1:5000")?;
//! let answer = client.get("http://127.0.0.1:5000/protected").send().await?;
//! println!("{}", answer.text().await?);
//! client.logout().await?;
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//!   send -> lease: fresh ----------------------------> request with the token
//!             |    renew soon -> start a renewal, go on |
//!             |    spent -----> wait for the renewal    | 401 invalid_token?
//!             +<----------------------------------------+ renew once, resend once
//! ```
//!
//! Other ways to a first token are methods of the [`ClientBuilder`]: an earlier session's refresh token, a
//! client's own name and secret at any OAuth 2 server, a fixed token, and [`TokenSource`], which is code of
//! yours. (The device flow will be one when the server has it.) Those who have their own HTTP stack take
//! [`Client::token`], or a [`TokenLayer`].
//!
//! A login can be kept, and shared by every process of the user:
//!
//! ```no_run
//! # async fn story() -> Result<(), countersign_client::ClientError> {
//! use countersign_client::{Client, FileStorage};
//!
//! let home = FileStorage::at("/home/ada/.local/state/report/login.json");
//! let client = Client::at("https://auth.example.com")?
//!     .keep_in(home.clone())
//!     .login("ada", "correct horse battery staple")
//!     .await?;
//! drop(client);
//! // Tomorrow, and in ten cron jobs at once:
//! let client = Client::open(home).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What it promises:
//!
//! - **One renewal, however many tasks wait.** It runs on a task of its own with a timeout of its own, so a
//!   caller that gives up neither stops it nor loses the rotated token. Processes that share a kept login
//!   renew once as well; the lock among them is the operating system's, so that nobody waits for a dead one.
//! - **A failed network costs nothing.** The pair stays, and the next attempt, after a pause that grows,
//!   presents the same refresh token, which the server answers again if only its answer was lost.
//! - **A session that ended says so once and for all**: [`ClientError::SessionEnded`], without asking the
//!   server again.
//! - **The token goes where it was meant to go**: to the server's own origin and to those named with
//!   [`Client::for_origin`]; not along a redirect to another origin, not over plain HTTP to another machine,
//!   not through a proxy that could read it, not into `Debug`, not into an error.
//! - **No wall clock**: when to renew follows from `expires_in` and this machine's monotonic clock. Only a
//!   kept token's age is told by the wall clock, this machine's own.
//!
//! What it leaves out: it does not read the token.

mod auth;
mod backoff;
mod builder;
mod challenge;
mod client;
mod error;
mod kept;
#[cfg(feature = "tower")]
mod layer;
mod lease;
mod origin;
mod renew;
mod request;
mod secret;
mod send;
mod source;
pub mod storage;
mod transport;

pub use builder::{ClientBuilder, KeptBuilder};
pub use client::Client;
pub use error::ClientError;
pub use kept::KeptLogin;
#[cfg(feature = "tower")]
pub use layer::{TokenError, TokenLayer, TokenService};
pub use request::RequestBuilder;
pub use secret::{AccessToken, RefreshToken};
pub use source::{NewToken, SourceError, TokenSource};
pub use storage::FileStorage;
#[cfg(feature = "keyring")]
pub use storage::KeyringStorage;

/// The HTTP types that a request is built of and an answer is read with.
pub use reqwest::{Body, Method, Request, Response, StatusCode, header};
