//! HTTP in, one flow, HTTP out. No SQL and no decisions here.

mod account;
mod admin;
mod body;
mod health;
mod login;
mod logout;
pub(crate) mod origin;
pub(crate) mod problem;
mod refresh;
mod revocations;
pub(crate) mod routes;
mod well_known;

pub(crate) use self::routes::router;
