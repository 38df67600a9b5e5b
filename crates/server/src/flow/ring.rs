//! The ring of keys in use: made on first start, changed as its plan says.

use std::time::Duration;

use countersign::{
    Algorithm, AlgorithmRule, AudienceRule, KeySet, Rules, UnixTime, Verifier, base64url, crypto,
};
use countersign_issuer::keyring::{self, KeyChange, KeyPolicy};
use countersign_issuer::mac::{MacKeyChange, MacKeyPolicy, plan_mac_keys};
use countersign_issuer::record::{AuditEvent, AuditKind, KeyState, MacKeyRecord, SigningKeyRecord};
use countersign_issuer::{IssuerError, KeyRing, MacKeys, MasterKey};

use super::error::FlowError;
use super::fresh::new_id;
use crate::store::{KeyRowChange, Store};

/// The keys as they are in use, opened.
pub(super) struct Ring {
    pub(super) keys: KeyRing,
    pub(super) macs: MacKeys,
    /// Knows the access tokens of this server, for whomever they are.
    pub(super) own_tokens: Verifier,
    policy: KeyPolicy,
    records: Vec<SigningKeyRecord>,
    mac_records: Vec<MacKeyRecord>,
    json: String,
    etag: String,
}

/// How both kinds of keys come and go, and whose they are.
#[derive(Clone, Debug)]
pub(super) struct KeyPolicies {
    pub(super) signing: KeyPolicy,
    pub(super) macs: MacKeyPolicy,
    pub(super) issuer: String,
}

/// The key set as it is served.
#[derive(Debug)]
pub(crate) struct PublishedKeys {
    pub(crate) json: String,
    pub(crate) etag: String,
    pub(crate) max_age: Duration,
}

impl Ring {
    fn open(
        records: Vec<SigningKeyRecord>,
        mac_records: Vec<MacKeyRecord>,
        policies: KeyPolicies,
        master: &MasterKey,
    ) -> Result<Self, IssuerError> {
        let policy = policies.signing;
        let keys = KeyRing::open(&records, &policy, master)?;
        let rules = Rules::new(
            policies.issuer,
            AudienceRule::any(),
            AlgorithmRule::of_the_keys(),
        );
        let own_tokens = Verifier::new(rules.typ("at+jwt"), keys.published().clone());
        let macs = MacKeys::open_all(&mac_records, master)?;
        let json = keys.published().to_json();
        let etag = format!(
            "\"{}\"",
            base64url::encode(&crypto::sha256(json.as_bytes()))
        );
        Ok(Self {
            keys,
            macs,
            own_tokens,
            policy,
            records,
            mac_records,
            json,
            etag,
        })
    }

    pub(super) fn records(&self) -> &[SigningKeyRecord] {
        &self.records
    }

    pub(super) const fn policy(&self) -> &KeyPolicy {
        &self.policy
    }

    /// How old the key is that refresh tokens are made with.
    pub(super) fn mac_key_age(&self, now: UnixTime) -> Option<Duration> {
        let current = self.macs.current_id();
        let mut records = self.mac_records.iter();
        let record = records.find(|record| record.id == current)?;
        Some(now.since(record.created_at))
    }

    pub(super) fn key_set(&self) -> KeySet {
        self.keys.published().clone()
    }

    /// The key set, and how long it may be kept.
    pub(super) fn published(&self, now: UnixTime) -> PublishedKeys {
        PublishedKeys {
            json: self.json.clone(),
            etag: self.etag.clone(),
            max_age: keyring::max_age(&self.records, &self.policy, now),
        }
    }

    /// Whether any key, or how they come and go, is another than in `known`.
    pub(super) fn differs_from(&self, known: &Self) -> bool {
        self.records != known.records
            || self.mac_records != known.mac_records
            || self.policy != known.policy
    }
}

/// Loads the keys, makes what is missing or due, and opens them.
///
/// Another process may plan the same step at the same time: the store lets one of them through, and
/// the other looks again.
pub(super) async fn prepare(
    store: &dyn Store,
    master: &MasterKey,
    policy: &KeyPolicies,
    now: UnixTime,
) -> Result<Ring, FlowError> {
    let policy = policy.as_clients_need(store).await?;
    loop {
        let (records, mac_records) = store.keys().await?;
        let mut changes = Vec::new();
        for change in keyring::plan(&records, &policy.signing, now) {
            changes.push(signing_change(change, &records, master, now)?);
        }
        for change in plan_mac_keys(&mac_records, &policy.macs, now) {
            changes.push(mac_change(change, master, now)?);
        }
        if changes.is_empty() {
            return Ok(Ring::open(records, mac_records, policy, master)?);
        }
        // Opened before anything is changed: a wrong master key must change nothing.
        if !records.is_empty() {
            KeyRing::open(&records, &policy.signing, master)?;
        }
        if store.change_keys(changes).await? {
            tracing::info!("changed the signing keys as planned");
        }
    }
}

impl KeyPolicies {
    /// With the algorithms that clients have asked for, and refresh tokens accepted for as long as
    /// any client's sessions last.
    async fn as_clients_need(&self, store: &dyn Store) -> Result<Self, FlowError> {
        let mut policies = self.clone();
        for algorithm in store.client_algorithms().await? {
            if !policies.signing.algorithms.contains(&algorithm) {
                policies.signing.algorithms.push(algorithm);
            }
        }
        policies.macs.accept_for = store.longest_session_life(self.macs.accept_for).await?;
        Ok(policies)
    }
}

/// The algorithms that sign now, then those that are about to, in the order of the keys.
pub(super) fn in_use(records: &[SigningKeyRecord]) -> Vec<Algorithm> {
    let mut algorithms = Vec::new();
    for state in [KeyState::Signing, KeyState::Pending] {
        for record in records.iter().filter(|record| record.state == state) {
            if !algorithms.contains(&record.algorithm) {
                algorithms.push(record.algorithm);
            }
        }
    }
    algorithms
}

pub(super) fn signing_change(
    change: KeyChange,
    records: &[SigningKeyRecord],
    master: &MasterKey,
    now: UnixTime,
) -> Result<KeyRowChange, FlowError> {
    let (record, from) = match change {
        KeyChange::Create { algorithm, state } => (
            SigningKeyRecord::generate(algorithm, state, new_id()?, master, now)?,
            None,
        ),
        KeyChange::Enter { kid, state } => {
            let found = records.iter().find(|record| record.kid == kid);
            let mut record = found.cloned().ok_or(IssuerError::UnknownKey { kid })?;
            let from = record.state;
            record.enter(state, now);
            (record, Some(from))
        }
    };
    let kind = match (from, record.state) {
        (None, _) => AuditKind::KeyCreated,
        (Some(_), KeyState::Signing) => AuditKind::KeyPromoted,
        (Some(_), KeyState::Retiring) => AuditKind::KeyRetired,
        (Some(_), KeyState::Withdrawn) => AuditKind::KeyWithdrawn,
        (Some(_), _) => AuditKind::KeyDestroyed,
    };
    let audit = AuditEvent {
        detail: Some(record.kid.clone()),
        ..AuditEvent::new(now, kind)
    };
    Ok(KeyRowChange::Signing {
        record,
        from,
        revocation: None,
        audit,
    })
}

/// Every MAC key goes, and with it every refresh token there is; the id of the new one was never
/// given, here or among `others`.
pub(super) fn replaced_mac_keys<'a>(
    macs: &'a [MacKeyRecord],
    others: impl IntoIterator<Item = &'a MacKeyRecord>,
    master: &MasterKey,
    now: UnixTime,
) -> Result<Vec<KeyRowChange>, FlowError> {
    let last = macs.iter().chain(others).map(|key| key.id).max();
    let id = last.unwrap_or_default().saturating_add(1);
    let deleted = macs
        .iter()
        .map(|key| KeyRowChange::MacDeleted { id: key.id });
    let created = mac_change(MacKeyChange::Create { id }, master, now)?;
    Ok(deleted.chain([created]).collect())
}

fn mac_change(
    change: MacKeyChange,
    master: &MasterKey,
    now: UnixTime,
) -> Result<KeyRowChange, FlowError> {
    Ok(match change {
        MacKeyChange::Create { id } => KeyRowChange::MacCreated {
            record: MacKeyRecord::generate(id, master, now)?,
            audit: AuditEvent {
                detail: Some(id.to_string()),
                ..AuditEvent::new(now, AuditKind::MacKeyCreated)
            },
        },
        MacKeyChange::Retire { id } => KeyRowChange::MacRetired { id, at: now },
        MacKeyChange::Delete { id } => KeyRowChange::MacDeleted { id },
    })
}
