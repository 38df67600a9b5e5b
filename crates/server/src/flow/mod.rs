//! Load, decide, commit: each thing the server does, as a story of its own.
//!
//! ```text
//!   sign_in      name + password -> proof -> grant -> session -> pair
//!   refresh      refresh token -> row -> verdict -> grant -> pair
//!   sign_out     a session ends and its revocation goes out
//!   clients      a client proves who it is, and has tokens in its own name
//!   introspect   what a token is worth, for clients that may know
//!   failures     clients that did not prove it, written down
//!   revoke       a client takes its own token back
//!   endings      of more sessions than end at once, until nothing is left
//!   account      users see and end their own sessions, change their password
//!   keys         what the key ring plans is stored and published
//!   revocations  what ended, signed for guards; feed: as it happens
//!   rekey        every key is sealed anew under another master key
//!   backup       the database is copied while it is in use
//!   restore      a copy takes its place; reverted: what that takes back
//!   custodian    keys are rotated and withdrawn by hand
//!   directory    users are added, changed, disabled
//!   registry     clients are added, changed, disabled
//!   import       users come from another system, with their hashes
//!   standing     how it stands, for whoever reads the numbers; outcome: how a refresh is counted
//!   oversight    administrators see and end sessions, read the audit log
//! ```
//!
//! No HTTP and no SQL here: a flow asks the store's verbs, the issuer decides.

mod account;
mod backup;
mod clients;
mod custodian;
mod directory;
mod endings;
mod failures;
mod feed;
mod import;
mod introspect;
mod keys;
mod lanes;
mod names;
mod outcome;
mod oversight;
mod refresh;
mod registry;
mod rekey;
mod restore;
mod reverted;
mod revocations;
mod revoke;
mod sign_in;
mod sign_out;
mod standing;
mod steady;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use countersign::{Algorithm, UnixTime, base64url, crypto};
use countersign_guard::{KeyHandle, RevokedHandle};
use countersign_issuer::device::DeviceToken;
use countersign_issuer::keyring::KeyPolicy;
use countersign_issuer::mac::MacKeyPolicy;
use countersign_issuer::revoke::{LiveSet, RevocationPolicy};
use countersign_issuer::shadow::ShadowWatch;
use countersign_issuer::throttle::{Throttle, ThrottlePolicy};
use countersign_issuer::token::TokenRefused;
use countersign_issuer::{
    AccessToken, IssuerError, MasterKey, RefreshToken, Refused, SessionPolicy, TokenPolicy,
};

pub(crate) use self::account::PasswordChange;
pub use self::backup::{Backup, BackupError, Overwrite, backup};
use self::clients::ClientCache;
pub(crate) use self::clients::{Asking, ClientToken, Credentials};
pub use self::custodian::{Custodian, CustodianError};
pub use self::directory::{Directory, DirectoryError, Rights};
use self::failures::Failures;
use self::feed::Feed;
pub(crate) use self::feed::Follower;
pub use self::import::{ForeignRefused, ForeignUser, Imported, Importer};
use self::keys::{KeyPolicies, Ring};
pub(crate) use self::lanes::OtherWork;
use self::lanes::{Lanes, Unhashed};
pub use self::oversight::{Oversight, SessionsOf};
pub(crate) use self::refresh::Refresh;
pub use self::registry::{ClientChange, NewClient, Proof, Registry, RegistryError};
pub use self::rekey::{RekeyError, Rekeyed, rekey};
pub(crate) use self::rekey::{opens_all, settle_master_key};
pub use self::restore::{Comparison, RestoreError, Restored, restore};
pub use self::reverted::{Reversion, Reverted, Whose};
pub(crate) use self::sign_in::SignIn;
use self::steady::SteadyClock;
use crate::config::Config;
use crate::installation;
use crate::metrics::FlowCounts;
use crate::store::{SharedStore, StoreError};

/// How many sessions are watched for a thief who refreshes just behind his victim.
const SHADOWS: usize = 16_384;

/// The one who signs: what every flow works on.
pub(crate) struct Authority {
    store: SharedStore,
    master: MasterKey,
    policy: Policy,
    ring: ArcSwap<Ring>,
    live: Mutex<LiveSet>,
    feed: Feed,
    clients: ClientCache,
    failures: Failures,
    throttle: Mutex<Throttle>,
    shadows: Mutex<ShadowWatch>,
    /// In seconds: of any access token that any process of this installation makes.
    longest_life: AtomicU64,
    steady: Mutex<SteadyClock>,
    lanes: Lanes,
    counts: FlowCounts,
    guard_keys: KeyHandle,
    guard_revoked: RevokedHandle,
}

/// The operator's decisions, in the issuer's words.
#[derive(Debug)]
struct Policy {
    audience: String,
    tokens: TokenPolicy,
    sessions: SessionPolicy,
    max_sessions: u32,
    keys: KeyPolicies,
    revocations: RevocationPolicy,
    audit_retention: Duration,
}

/// A token pair on its way to a client.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) access_token: AccessToken,
    pub(crate) refresh_token: RefreshToken,
    pub(crate) refresh_expires_in: Duration,
    pub(crate) scope: String,
    /// After a sign-in only.
    pub(crate) device_token: Option<DeviceToken>,
}

/// Why a flow did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FlowError {
    /// It is not granted.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Too many passwords wait to be hashed.
    #[error("too many sign-ins are under way")]
    Busy,
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The issuer could not do its part.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

impl From<Unhashed> for FlowError {
    fn from(why: Unhashed) -> Self {
        match why {
            Unhashed::Busy => Self::Busy,
            Unhashed::Failed => Self::Issuer(IssuerError::Hashing {
                why: "the hash function panicked".to_owned(),
            }),
        }
    }
}

impl From<TokenRefused> for FlowError {
    fn from(error: TokenRefused) -> Self {
        match error {
            TokenRefused::Refused(refused) => Self::Refused(refused),
            TokenRefused::Issuer(error) => Self::Issuer(error),
        }
    }
}

impl From<crypto::CryptoError> for FlowError {
    fn from(error: crypto::CryptoError) -> Self {
        Self::Issuer(error.into())
    }
}

impl Authority {
    /// Opens what is stored, makes what a first start needs, and stands ready to sign as `issuer`.
    pub(crate) async fn open(
        config: &Config,
        issuer: String,
        store: SharedStore,
        master: MasterKey,
    ) -> Result<Self, FlowError> {
        let revocations = installation::revocation_policy(&*store, config).await?;
        let policy = Policy {
            audience: config.audience.clone(),
            tokens: TokenPolicy {
                life: config.access_life,
                algorithms: config.other_audiences.clone(),
                ..TokenPolicy::new(issuer.clone())
            },
            sessions: config.sessions,
            max_sessions: config.max_sessions,
            keys: KeyPolicies {
                signing: KeyPolicy {
                    algorithms: algorithms(config),
                    retire_for: revocations.access_tokens(),
                    ..KeyPolicy::default()
                },
                macs: MacKeyPolicy {
                    accept_for: config.sessions.absolute,
                    ..MacKeyPolicy::default()
                },
                issuer: issuer.clone(),
            },
            revocations,
            audit_retention: config.audit_retention,
        };
        let now = UnixTime::now();
        let ring = keys::prepare(&*store, &master, &policy.keys, now).await?;
        let mut live = LiveSet::new(new_id()?);
        let mut published = store.revocations(now).await?;
        published.sort_by_key(|revocation| revocation.at);
        for revocation in published {
            let when = revocation.at.min(now);
            live.insert(revocation, when);
        }
        let counts = FlowCounts::default();
        let hashing = Arc::clone(&counts.hashing);
        let lanes = Lanes::start(
            config.hash_lanes,
            config.hash_queue,
            config.passwords,
            hashing,
        )
        .map_err(StoreError::unavailable)?;
        let authority = Self {
            guard_keys: KeyHandle::fixed(ring.key_set()),
            guard_revoked: RevokedHandle::new(),
            throttle: Mutex::new(Throttle::new(ThrottlePolicy::default(), crypto::random()?)),
            clients: ClientCache::default(),
            failures: Failures::default(),
            shadows: Mutex::new(ShadowWatch::new(SHADOWS)),
            steady: Mutex::new(SteadyClock::new(now, Instant::now())),
            longest_life: AtomicU64::new(policy.revocations.longest_life.as_secs()),
            store,
            master,
            policy,
            ring: ArcSwap::from_pointee(ring),
            live: Mutex::new(live),
            feed: Feed::new(),
            lanes,
            counts,
        };
        authority.tell_guard();
        let longest = authority.longest_access_life();
        authority.guard_keys.announce(longest);
        authority.pad_refusals().await?;
        Ok(authority)
    }

    /// The `iss` of every token.
    pub(crate) fn issuer(&self) -> &str {
        &self.policy.tokens.issuer
    }

    /// The `aud` of access tokens for which no other is asked.
    pub(crate) fn audience(&self) -> &str {
        &self.policy.audience
    }

    /// The longest life an access token of this installation can have.
    pub(crate) fn longest_access_life(&self) -> Duration {
        Duration::from_secs(self.longest_life.load(Ordering::Relaxed))
    }

    /// Says how long the tokens of this process live, and takes in that another one makes such as live
    /// longer: what ends here must be remembered for as long. Once the last of those is gone, it need
    /// not be any more.
    pub(crate) async fn learn_longest_life(&self) -> Result<(), FlowError> {
        let (own, now) = (self.policy.tokens.life, self.steady_now());
        let longest = self.store.longest_access_life(own, now).await?;
        let before = self.longest_life.swap(longest.as_secs(), Ordering::Relaxed);
        if before != longest.as_secs() {
            self.guard_keys.announce(longest);
        }
        Ok(())
    }

    /// How long what ends now is remembered.
    fn revocation_policy(&self) -> RevocationPolicy {
        RevocationPolicy {
            longest_life: self.longest_access_life(),
            ..self.policy.revocations
        }
    }

    /// How keys come and go.
    fn key_policies(&self) -> KeyPolicies {
        let mut policies = self.policy.keys.clone();
        policies.signing.retire_for = self.revocation_policy().access_tokens();
        policies
    }

    /// The keys and revocations of this server, for the guard over its own routes.
    pub(crate) fn guard_feeds(&self) -> (KeyHandle, RevokedHandle) {
        (self.guard_keys.clone(), self.guard_revoked.clone())
    }

    /// Is to be told of whatever is asked of the server and is no sign-in.
    pub(crate) fn others(&self) -> Arc<OtherWork> {
        self.lanes.others()
    }

    /// Whether the store answers.
    pub(crate) async fn ready(&self) -> Result<(), FlowError> {
        Ok(self.store.ping().await?)
    }

    /// The time by which things are thrown away and keys rotated: it does not follow a clock that is
    /// ahead for a while.
    fn steady_now(&self) -> UnixTime {
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        steady.now(UnixTime::now(), Instant::now())
    }

    fn live(&self) -> MutexGuard<'_, LiveSet> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shadows(&self) -> MutexGuard<'_, ShadowWatch> {
        self.shadows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// The algorithms in use, each once, the default first.
fn algorithms(config: &Config) -> Vec<Algorithm> {
    let mut algorithms = vec![config.algorithm];
    for algorithm in config.other_audiences.values() {
        if !algorithms.contains(algorithm) {
            algorithms.push(*algorithm);
        }
    }
    algorithms
}

/// Sixteen random bytes as text: unique without anybody keeping count.
fn new_id() -> Result<String, FlowError> {
    Ok(base64url::encode(&crypto::random::<16>()?))
}
