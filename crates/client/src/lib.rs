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
//! What it promises:
//!
//! - **One renewal, however many tasks wait.** It runs on a task of its own with a timeout of its own, so a
//!   caller that gives up neither stops it nor loses the rotated token.
//! - **A failed network costs nothing.** The pair stays; the next attempt presents the same refresh token,
//!   which the server answers again if only its answer was lost.
//! - **A session that ended says so once and for all**: [`ClientError::SessionEnded`], without asking the
//!   server again.
//! - **The token goes where it was meant to go**: to the server's own origin and to those named with
//!   [`Client::for_origin`]; not along a redirect to another origin, not over plain HTTP to another machine, not into `Debug`,
//!   not into an error.
//! - **No wall clock**: when to renew follows from `expires_in` and this machine's monotonic clock.
//!
//! What it leaves out: it keeps nothing on disk, and it does not read the token.

mod challenge;
mod client;
mod error;
mod lease;
mod login;
mod origin;
mod renew;
mod request;
mod secret;
mod send;
mod transport;

pub use client::{Client, ClientBuilder};
pub use error::ClientError;
pub use request::RequestBuilder;
pub use secret::{AccessToken, RefreshToken};

/// The HTTP types that a request is built of and an answer is read with.
pub use reqwest::{Body, Method, Request, Response, StatusCode, header};
