//! A server, from its settings to its end: everything is opened in order, put together, and let go calmly.

use std::net::SocketAddr;
use std::sync::Arc;

use countersign::UnixTime;
use countersign_guard::{Guard, GuardBuilder};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::company::Company;
use crate::config::{Config, ConfigError};
use crate::flow::{
    Administrator, Authority, Directory, FlowError, Oversight, Registry, settle_master_key,
};
use crate::http::proxies::TrustedProxies;
use crate::http::shared::{Services, Shared};
use crate::http::{self, Readers, Routers};
use crate::installation::{self, OpenError};
use crate::listen::{self, Door, ForBrowsers, serve_plain};
use crate::shares::Shares;
use crate::store::sqlite::lock::ServerLock;
use crate::store::{SharedStore, StoreError};
use crate::tasks;
use crate::tls::{Certificates, TlsError};

/// A server that is running. Dropped without [`stop`](Server::stop), it ends as a crash would end
/// it: nothing that was answered for is lost.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    issuer: String,
    directory: Directory,
    store: SharedStore,
    authority: Arc<Authority>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    tasks: JoinHandle<()>,
    /// No other server opens the embedded database meanwhile.
    _alone: Option<ServerLock>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The settings must not be run.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The master key or the database cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database does not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// HTTPS cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The keys cannot be opened or made.
    #[error(transparent)]
    Keys(#[from] countersign_issuer::IssuerError),
    /// The guard over the server's own routes cannot be built.
    #[error("the server cannot guard its own routes: {0}")]
    Guard(#[from] countersign_guard::GuardError),
}

impl Server {
    /// Opens the database, makes what a first start needs, and serves.
    ///
    /// # Errors
    /// [`StartError`] says what is missing and what to do; nothing has been changed then that a
    /// second attempt would trip over.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        config.check()?;
        let strict_transport = config.tls.as_ref().and_then(|tls| tls.strict_transport);
        let tls = config.tls.clone().map(Certificates::load).transpose()?;
        let tls = tls.map(Arc::new);
        let (listener, address) = bound(config.listen).await?;
        let issuer = config.issuer_at(address);
        let metrics_listener = match config.metrics_listen {
            Some(address) => Some(bound(address).await?),
            None => None,
        };

        let company = Arc::<Company>::default();
        for exposed in crate::exposed::exposed(&config) {
            tracing::warn!("{exposed}");
        }
        let opened = installation::open_to_serve(&config, Arc::clone(&company)).await;
        let (store, master, lock) = opened?;
        let master = settle_master_key(&config, &store, master).await?;
        let opened = Authority::open(&config, issuer.clone(), Arc::clone(&store), master).await;
        let authority = Arc::new(opened.map_err(start_error)?);
        let guard = own_guard(&authority, authority.audience()).build()?;
        let admins = config.admin_audience.as_deref();
        // Administrators do not come often enough for a cache.
        let admin_guard =
            admins.map(|audience| own_guard(&authority, audience).cache(None).build());
        let admin_guard = admin_guard.transpose()?;
        let directory = Directory::of(Arc::clone(&authority), &config);

        let shared = Shared::from(Services {
            authority: Arc::clone(&authority),
            guard,
            admin_guard,
            directory: directory.clone(),
            proxies: TrustedProxies::new(&config.trusted_proxies),
            own_origins: http::browser::own_origins(&issuer, &config.browser_origins),
            since: UnixTime::now(),
            oauth: Arc::default(),
            connections: Arc::default(),
            followers: Shares::new(config.limits.followers, config.limits.followers_per_network),
        });
        let door = Door {
            limits: config.limits,
            proxies: shared.proxies.clone(),
            counts: Arc::clone(&shared.connections),
            company,
            refuse: http::named::refusing(shared.proxies.clone()),
            for_browsers: strict_transport
                .map_or_else(ForBrowsers::default, ForBrowsers::over_https_for),
        };
        let readers = Readers::beside_the_api(&config, &issuer);
        let Routers { api, metrics } = http::routers(shared, &config.browser_origins, readers);
        let metrics_address = metrics_listener.as_ref().map(|(_, address)| *address);
        let (stop, stopped) = oneshot::channel();
        let (stop_metrics, metrics_stopped) = oneshot::channel::<()>();
        if let Some((listener, _)) = metrics_listener {
            tokio::spawn(serve_plain(listener, metrics, async {
                let _ = metrics_stopped.await;
            }));
        }
        let tasks = tokio::spawn(tasks::run(Arc::clone(&authority), tls.clone()));
        let until = async {
            // The sender is dropped without a word when the server is: that is a stop as well.
            let _ = stopped.await;
            drop(stop_metrics);
        };
        let serving = listen::serve(listener, tls, door, api, until);
        let serving = tokio::spawn(serving);
        Ok(Self {
            address,
            metrics_address,
            issuer,
            directory,
            store,
            authority,
            stop,
            serving,
            tasks,
            _alone: lock,
        })
    }

    /// The address listened on, with the port that was free.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address the numbers are read at, if they have a listener of their own.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// The `iss` of every token.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The users of this server.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The clients of this server.
    pub fn registry(&self) -> Registry {
        Registry::of(self.administrator())
    }

    /// The sessions and the audit log of this server.
    pub fn oversight(&self) -> Oversight {
        Oversight::of(self.administrator())
    }

    fn administrator(&self) -> Administrator {
        Administrator::of(Arc::clone(&self.authority))
    }

    /// Takes no more connections, finishes what is under way, closes the database.
    pub async fn stop(self) {
        let Self {
            stop,
            serving,
            tasks,
            store,
            authority,
            _alone,
            ..
        } = self;
        authority.end_feed();
        // If nobody listens any more, the server has ended already.
        let _ = stop.send(());
        let _ = serving.await;
        tasks.abort();
        if let Err(error) = authority.write_failures(true).await {
            tracing::warn!(%error, "cannot write down which clients were refused");
        }
        store.close().await;
    }
}

/// Takes an address; the answer says which port was free.
pub(crate) async fn bound(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// A guard over the server's own routes, fed from memory.
fn own_guard(authority: &Authority, audience: &str) -> GuardBuilder {
    let (keys, revoked) = authority.guard_feeds();
    Guard::builder(authority.issuer(), audience)
        .keys(keys)
        .revocations(revoked)
        .realm(http::problem::REALM)
}

fn start_error(error: FlowError) -> StartError {
    match error {
        FlowError::Store(error) => StartError::Store(error),
        FlowError::Issuer(error) => StartError::Keys(error),
        // Nobody asked for anything yet that could be refused.
        FlowError::Refused(_) | FlowError::Busy => StartError::Store(StoreError::Overloaded),
    }
}
