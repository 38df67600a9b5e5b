//! `GET /verify`: what a proxy asks before it lets a request pass.
//!
//! A good token of this server is enough, whatever the request; rules by path are the sidecar's,
//! `countersign guard`.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use countersign_guard::forward::{Access, ForwardAuth, Policy};
use countersign_guard::{Guard, Requirements};

/// 200 with who it is, in headers; else the guard's refusal.
pub(super) async fn verify(State(guard): State<Guard>, request: Request) -> Response {
    let a_good_token = Access::Caller(Requirements::new());
    let forward = ForwardAuth::new(guard, Policy::same_for_all(a_good_token));
    let (question, _body) = request.into_parts();
    forward.answer(&question).await.map(Body::from)
}
