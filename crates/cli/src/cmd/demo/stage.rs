//! The two programs of the story: the auth server, and an API that trusts it.

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use axum::routing::get;
use axum::{Json, Router};
use countersign_guard::{Caller, Guard};
use countersign_issuer::SessionPolicy;
use countersign_server::{Config, Database, Server, serve_plain};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::USER;
use crate::failure::Failure;
use crate::output::{self, BOLD, DIM, NAME};

/// The `aud` of the API.
const AUDIENCE: &str = "api";

/// How long things last.
pub(super) struct Pace {
    pub(super) access_life: Duration,
    pub(super) grace: Duration,
}

impl Pace {
    /// So short that nobody has to wait for the end of anything.
    pub(super) fn short() -> Self {
        Self {
            access_life: Duration::from_secs(5),
            grace: Duration::from_secs(2),
        }
    }

    pub(super) fn usual() -> Self {
        let Config {
            access_life,
            sessions,
            ..
        } = Config::default();
        Self {
            access_life,
            grace: sessions.grace,
        }
    }
}

pub(super) struct Stage {
    server: Server,
    api: SocketAddr,
    guarding: JoinHandle<()>,
}

impl Stage {
    /// Both on free ports, the database in `folder`.
    pub(super) async fn start(folder: &Path, pace: &Pace) -> Result<Self, Failure> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::start_at(folder, pace, any, any).await
    }

    /// The same users at the same addresses, but everything lasts as long as it usually does.
    pub(super) async fn slow_down(self, folder: &Path) -> Result<Self, Failure> {
        let (server, api) = (self.server.address(), self.api);
        self.stop().await;
        Self::start_at(folder, &Pace::usual(), server, api).await
    }

    async fn start_at(
        folder: &Path,
        pace: &Pace,
        server: SocketAddr,
        api: SocketAddr,
    ) -> Result<Self, Failure> {
        let server = Server::start(Config {
            listen: server,
            database: Database::Sqlite(folder.join("countersign.db")),
            audience: AUDIENCE.to_owned(),
            access_life: pace.access_life,
            sessions: SessionPolicy {
                grace: pace.grace,
                ..SessionPolicy::default()
            },
            ..Config::default()
        })
        .await
        .map_err(Failure::failed)?;

        // All it is told is where the server is and what it is called itself.
        let guard = Guard::builder(server.issuer(), AUDIENCE)
            .leeway(Duration::ZERO)
            .follow()
            .await
            .map_err(Failure::failed)?;
        let app = Router::new()
            .route("/hello", get(hello))
            .route(
                "/reports",
                get(reports).layer(guard.layer().require_role("admin")),
            )
            .with_state(guard);
        let listener = TcpListener::bind(api).await.map_err(Failure::failed)?;
        let api = listener.local_addr().map_err(Failure::failed)?;
        let guarding = tokio::spawn(async move {
            // Its end is the end of the story.
            serve_plain(listener, app, pending()).await;
        });
        Ok(Self {
            server,
            api,
            guarding,
        })
    }

    pub(super) async fn stop(self) {
        self.guarding.abort();
        // The port is free once the task is gone.
        let _ = self.guarding.await;
        self.server.stop().await;
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// An address at the server.
    pub(super) fn at_server(&self, path: &str) -> String {
        format!("{}{path}", self.server.issuer())
    }

    /// An address at the API.
    pub(super) fn at_api(&self, path: &str) -> String {
        format!("http://{}{path}", self.api)
    }

    pub(super) fn introduce(&self) -> Result<(), Failure> {
        let (short, usual) = (Pace::short(), Pace::usual());
        let (server, api) = (self.at_server(""), self.at_api(""));
        output::line(&format!("{BOLD}The whole story, on real parts{BOLD:#}\n"))?;
        output::line(&format!(
            "{NAME}server{NAME:#}  {server:24} its database is in a temporary folder"
        ))?;
        output::line(&format!(
            "{NAME}api{NAME:#}     {api:24} guarded; it fetched the server's public keys"
        ))?;
        output::line(&format!(
            "{DIM}Shortened for the demo: access tokens live {} s (usually {} s), and a replaced\n\
             refresh token is answered for {} s more (usually {} s).{DIM:#}",
            short.access_life.as_secs(),
            usual.access_life.as_secs(),
            short.grace.as_secs(),
            usual.grace.as_secs(),
        ))
    }

    pub(super) fn invite(&self, password: &str) -> Result<(), Failure> {
        let (server, api) = (self.at_server(""), self.at_api(""));
        output::line(&format!(
            "\nBoth run on, now with the usual lifetimes. Sign in, then be greeted:\n\n\
             TOKEN=$(curl -s {server}/login \\\n  \
             -H 'Content-Type: application/json' \\\n  \
             -d '{{\"username\":\"{USER}\",\"password\":\"{password}\"}}' \\\n  \
             | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\n\
             curl {api}/hello -H \"Authorization: Bearer $TOKEN\"\n\
             curl -i {api}/hello\n\n\
             Ctrl-C ends them and removes the folder."
        ))
    }
}

async fn hello(caller: Caller) -> Json<Value> {
    let name = caller.username().unwrap_or("you");
    Json(json!({ "message": format!("Hello, {name}. You are authenticated!") }))
}

async fn reports() -> Json<Value> {
    Json(json!({ "message": "For administrators only" }))
}
