//! What is wrong with a form.

use axum::http::StatusCode;
use countersign_wire::problem;

use super::answer::Said;
use crate::http::form_fault::FormFault;

pub(super) fn form(fault: FormFault) -> Said {
    match fault {
        FormFault::InUrl => Said::bad(
            "parameters_in_url",
            "Parameters belong in the body: what is in a URL is in logs",
        ),
        FormFault::NotAForm => Said::invalid(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "wrong_content_type",
            "The body must be sent as Content-Type: application/x-www-form-urlencoded",
        ),
        FormFault::Malformed => Said::bad("bad_form", "The form is not percent-encoded UTF-8"),
        FormFault::Repeated => {
            Said::bad("repeated_parameter", "A parameter is given more than once")
        }
        FormFault::Missing(name) => Said::bad(
            "missing_parameter",
            format!("The parameter {name} is missing"),
        ),
        FormFault::SeveralProofs => Said::bad(
            "several_proofs",
            "A client says who it is in one way only: by the Authorization header, a secret or \
             an assertion in the body, and with one id",
        ),
        FormFault::UnsupportedGrantType => Said::new(
            StatusCode::BAD_REQUEST,
            problem::UNSUPPORTED_GRANT_TYPE,
            "unsupported_grant_type",
            "The grant types are client_credentials and refresh_token",
        ),
    }
}
