//! What an administrator's change ended with. What a flow says of itself
//! ([`Rejection`](super::Rejection)) is none of it.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use countersign_issuer::IssuerError;
use countersign_wire::problem;

use super::answer::{Said, sentence, server_failed};
use crate::flow::{CustodianError, DirectoryError, RegistryError};

pub(super) fn directory(error: &DirectoryError) -> Response {
    match error {
        DirectoryError::NameTaken(_) => conflict("name_taken", error),
        DirectoryError::UnknownUser(_) => missing("unknown_user", error),
        DirectoryError::BadName => bad("bad_name", error),
        DirectoryError::BadRole => bad("bad_role", error),
        DirectoryError::BadScope => bad("bad_scope", error),
        DirectoryError::Password(_)
        | DirectoryError::Busy
        | DirectoryError::Store(_)
        | DirectoryError::Issuer(_) => failed(error),
    }
}

pub(super) fn custodian(error: &CustodianError) -> Response {
    match error {
        CustodianError::Issuer(IssuerError::UnknownKey { .. }) => missing("unknown_key", error),
        CustodianError::TooEarly(_) => conflict("too_early", error),
        CustodianError::Contended => conflict("contended", error),
        CustodianError::Issuer(_) | CustodianError::Store(_) => failed(error),
    }
}

pub(super) fn registry(error: &RegistryError) -> Response {
    match error {
        RegistryError::IdTaken(_) => conflict("id_taken", error),
        RegistryError::UnknownClient(_) => missing("unknown_client", error),
        RegistryError::Bad(why) => bad(why.code(), error),
        RegistryError::AnotherMethod { .. } => conflict("another_method", error),
        RegistryError::Contended => conflict("contended", error),
        RegistryError::Issuer(_) | RegistryError::Store(_) => failed(error),
    }
}

fn bad(reason: &'static str, error: &impl ToString) -> Response {
    Said::bad(reason, sentence(error)).into_response()
}

fn conflict(reason: &'static str, error: &impl ToString) -> Response {
    Said::invalid(StatusCode::CONFLICT, reason, sentence(error)).into_response()
}

fn missing(reason: &'static str, error: &impl ToString) -> Response {
    let (status, name) = (StatusCode::NOT_FOUND, problem::NOT_FOUND);
    Said::new(status, name, reason, sentence(error)).into_response()
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error, "an administrator's request failed");
    server_failed()
}
