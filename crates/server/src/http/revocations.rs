//! `GET /revocations`: what guards must refuse although it has not expired.
//!
//! As `text/event-stream` it is the whole live set and then whatever comes, or goes on from the
//! `Last-Event-ID` a follower comes back with; as JSON it is one piece of that, and where the next
//! one begins if there is more. Every piece is signed by the issuer.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;

use super::problem::Rejection;
use crate::flow::{Authority, Follower};

const EVENT_STREAM: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Keeps nginx from collecting the stream before it passes it on.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(super) async fn revocations(
    State(authority): State<Arc<Authority>>,
    headers: HeaderMap,
) -> Result<Response, Rejection> {
    let wants_stream = headers.get_all(ACCEPT).iter().any(|accept| {
        accept.to_str().is_ok_and(|accept| {
            accept.split(',').any(|kind| {
                let kind = kind.split(';').next().unwrap_or_default();
                kind.trim().eq_ignore_ascii_case(EVENT_STREAM)
            })
        })
    });
    let cursor = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    if !wants_stream {
        let answer = authority.revocations_from(cursor).await?;
        return Ok(([(CACHE_CONTROL, "no-store")], Json(answer)).into_response());
    }
    let follower = authority.follow(cursor).await?;
    let headers = [
        (CONTENT_TYPE, EVENT_STREAM),
        (CACHE_CONTROL, "no-store"),
        (ACCEL_BUFFERING, "no"),
    ];
    Ok((headers, Body::from_stream(events(follower))).into_response())
}

fn events(follower: Follower) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    })
}
