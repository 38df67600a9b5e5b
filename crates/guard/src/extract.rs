//! The axum door: [`Caller`] as an argument of a handler.
//!
//! The guard is found in the router's state. `Caller<C>` refuses a request without a good token;
//! `Option<Caller<C>>` is `None` if there is no bearer token at all, and refuses a bad one, so that
//! an expired token is not mistaken for an anonymous visitor.

use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use countersign::UnixTime;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::caller::Caller;
use crate::guard::{Begun, Guard};
use crate::refusal::Refusal;

impl<S, C> FromRequestParts<S> for Caller<C>
where
    Guard<C>: FromRef<S>,
    S: Send + Sync,
    C: DeserializeOwned + Send + Sync + 'static,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let guard = Guard::<C>::from_ref(state);
        match guard.begin(&parts.method, &parts.headers, &parts.extensions) {
            Begun::Settled(outcome) => outcome,
            Begun::Fetching(refetched) => {
                refetched.await;
                guard.check_request(&parts.method, &parts.headers, UnixTime::now())
            }
        }
    }
}

impl<S, C> OptionalFromRequestParts<S> for Caller<C>
where
    Guard<C>: FromRef<S>,
    S: Send + Sync,
    C: DeserializeOwned + Send + Sync + 'static,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Refusal> {
        let guard = Guard::<C>::from_ref(state);
        let let_in_before = parts.extensions.get::<Self>().is_some();
        // An anonymous visitor is no refusal, and is not counted as one.
        if !let_in_before && !guard.has_token(Some(&parts.method), &parts.headers) {
            return Ok(None);
        }
        let caller = <Self as FromRequestParts<S>>::from_request_parts(parts, state);
        caller.await.map(Some)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.response()
    }
}
