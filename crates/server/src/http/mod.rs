//! HTTP in, one flow, HTTP out. No SQL and no decisions here.

mod account;
mod admin;
mod body;
pub(crate) mod browser;
mod client_auth;
mod cors;
mod form;
mod form_fault;
mod health;
mod login;
mod logout;
mod metrics;
pub(crate) mod named;
mod oauth;
mod openapi;
mod origin;
mod outcome;
pub(crate) mod peer;
pub(crate) mod problem;
pub(crate) mod proxies;
mod query;
mod refresh;
mod revocations;
mod routes;
mod scrape;
mod segment;
pub(crate) mod shared;
mod token_answer;
mod verify;
mod well_known;

pub(crate) use self::routes::{Routers, routers};
pub use self::scrape::{Readers, alone};
