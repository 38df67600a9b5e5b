//! The service behind the proxy: it tells what it was told, and remembers that it was asked.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{ConnectInfo, Request, State};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    seen: Seen,
    serving: JoinHandle<()>,
}

type Seen = Arc<Mutex<Asked>>;

#[derive(Default)]
pub(crate) struct Asked {
    /// The method and the target of every request.
    pub(crate) requests: Vec<String>,
    /// The other ends of all connections.
    pub(crate) peers: BTreeSet<SocketAddr>,
}

impl Service {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Seen::default();
        let router = Router::new().fallback(tell).with_state(Arc::clone(&seen));
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving");
        });
        Self {
            address,
            seen,
            serving,
        }
    }

    pub(crate) fn asked(&self) -> MutexGuard<'_, Asked> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn tell(
    State(seen): State<Seen>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Json<Value> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let line = format!("{} {}", head.method, head.uri);
    {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.requests.push(line.clone());
        seen.peers.insert(peer);
    }
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let body = String::from_utf8_lossy(&body);
    Json(json!({"request": line, "headers": headers, "body": body}))
}
