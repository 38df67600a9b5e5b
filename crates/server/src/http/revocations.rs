//! `GET /revocations`: what guards must refuse although it has not expired.
//!
//! As `text/event-stream` it is the whole live set and then whatever comes, or goes on from the
//! `Last-Event-ID` a follower comes back with (which may have read from several servers behind one
//! address, and then brings a cursor of each, with commas between them); as JSON it is one piece of that, and where the next
//! one begins if there is more. Every piece is signed by the issuer.
//! Anybody may follow, so there are only so many followers; one more gets such a piece instead, if
//! that is understood as well, and may ask again.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use countersign_issuer::throttle::Network;
use futures_util::stream;

use super::origin::Origin;
use super::problem::Rejection;
use super::shared::Shared;
use crate::flow::Follower;
use crate::shares::Share;

const EVENT_STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Keeps nginx from collecting the stream before it passes it on.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(super) async fn revocations(
    State(shared): State<Shared>,
    Origin(from): Origin,
    headers: HeaderMap,
) -> Result<Response, Rejection> {
    let (authority, followers) = (&shared.authority, &shared.followers);
    let cursors = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let follower = accepts(&headers, EVENT_STREAM).then(|| followers.take(Network::of(from)));
    let share = match follower {
        Some(Some(share)) => share,
        Some(None) if !accepts(&headers, JSON) => return Err(Rejection::TooManyFollowers),
        Some(None) | None => {
            let answer = Json(authority.revocations_from(cursors).await?);
            return Ok(([(CACHE_CONTROL, "no-store")], answer).into_response());
        }
    };
    let follower = Arc::clone(authority).follow(cursors).await?;
    let headers = [
        (CONTENT_TYPE, EVENT_STREAM),
        (CACHE_CONTROL, "no-store"),
        (ACCEL_BUFFERING, "no"),
    ];
    Ok((headers, Body::from_stream(events(follower, share))).into_response())
}

/// Whether this very kind is among those asked for.
fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let lines = headers.get_all(ACCEPT).iter();
    let mut kinds = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    kinds.any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case(wanted)
    })
}

fn events(
    follower: Follower,
    share: Share,
) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold((follower, share), |(mut follower, share)| async move {
        let event = follower.next().await?;
        Some((Ok(event), (follower, share)))
    })
}
