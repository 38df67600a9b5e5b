//! The one who signs: what every flow works on, and how it is put together at the start.
//!
//! Here is what it consists of. What it does is told flow by flow, in the files above this one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use countersign::{Algorithm, UnixTime, crypto};
use countersign_guard::{KeyHandle, RevokedHandle};
use countersign_issuer::keyring::KeyPolicy;
use countersign_issuer::mac::MacKeyPolicy;
use countersign_issuer::revoke::{LiveSet, RevocationPolicy};
use countersign_issuer::shadow::ShadowWatch;
use countersign_issuer::throttle::{Throttle, ThrottlePolicy};
use countersign_issuer::{MasterKey, SessionPolicy, TokenPolicy};

use super::client_cache::ClientCache;
use super::error::FlowError;
use super::failures::Failures;
use super::feed::Feed;
use super::fresh::new_id;
use super::lanes::{Lanes, OtherWork};
use super::ring::{self, KeyPolicies, Ring};
use super::steady::SteadyClock;
use super::withdrawals::Withdrawals;
use crate::config::Config;
use crate::installation;
use crate::metrics::FlowCounts;
use crate::store::{SharedStore, StoreError};

/// How many sessions are watched for a thief who refreshes just behind his victim.
const SHADOWS: usize = 16_384;

/// The one who signs: what every flow works on.
pub(crate) struct Authority {
    pub(super) store: SharedStore,
    pub(super) master: MasterKey,
    pub(super) policy: Policy,
    pub(super) ring: ArcSwap<Ring>,
    pub(super) live: Mutex<LiveSet>,
    pub(super) feed: Feed,
    pub(super) clients: ClientCache,
    pub(super) failures: Failures,
    pub(super) withdrawals: Withdrawals,
    pub(super) throttle: Mutex<Throttle>,
    pub(super) shadows: Mutex<ShadowWatch>,
    /// In seconds: of any access token that any process of this installation makes.
    pub(super) longest_life: AtomicU64,
    pub(super) steady: Mutex<SteadyClock>,
    pub(super) lanes: Lanes,
    pub(super) counts: FlowCounts,
    pub(super) guard_keys: KeyHandle,
    pub(super) guard_revoked: RevokedHandle,
}

/// The operator's decisions, in the issuer's words.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) audience: String,
    /// All that the server's own client has tokens for: that one, and the others of the settings.
    pub(super) audiences: Arc<[String]>,
    pub(super) tokens: TokenPolicy,
    pub(super) sessions: SessionPolicy,
    pub(super) max_sessions: u32,
    pub(super) keys: KeyPolicies,
    pub(super) revocations: RevocationPolicy,
    pub(super) audit_retention: Duration,
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
        let others = config.further_audiences();
        let policy = Policy {
            audience: config.audience.clone(),
            audiences: [&config.audience]
                .into_iter()
                .chain(others.keys())
                .cloned()
                .collect(),
            tokens: TokenPolicy {
                life: config.access_life,
                algorithms: others,
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
        let ring = ring::prepare(&*store, &master, &policy.keys, now).await?;
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
            withdrawals: Withdrawals::new(),
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
    pub(super) fn revocation_policy(&self) -> RevocationPolicy {
        RevocationPolicy {
            longest_life: self.longest_access_life(),
            ..self.policy.revocations
        }
    }

    /// How keys come and go.
    pub(super) fn key_policies(&self) -> KeyPolicies {
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
    pub(super) fn steady_now(&self) -> UnixTime {
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        steady.now(UnixTime::now(), Instant::now())
    }

    pub(super) fn live(&self) -> MutexGuard<'_, LiveSet> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn shadows(&self) -> MutexGuard<'_, ShadowWatch> {
        self.shadows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn throttle(&self) -> MutexGuard<'_, Throttle> {
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
