use countersign::Algorithm;
use countersign_issuer::{
    KeyChange, KeyPolicy, KeyRing, MasterKey,
    keyring::{self, max_age},
    record::{KeyState, SigningKeyRecord},
};
use proptest::prelude::*;

use crate::cast::{at, master, secs};

const DAY: u64 = 86_400;

/// A store of keys, and what was done to it.
struct Store {
    records: Vec<SigningKeyRecord>,
    policy: KeyPolicy,
    made: u32,
    real_keys: bool,
}

impl Store {
    /// Keys without a private half: enough for plans.
    fn new(algorithms: &[Algorithm]) -> Self {
        Self {
            records: Vec::new(),
            policy: KeyPolicy {
                algorithms: algorithms.to_vec(),
                ..KeyPolicy::default()
            },
            made: 0,
            real_keys: false,
        }
    }

    fn with_real_keys(algorithms: &[Algorithm]) -> Self {
        Self {
            real_keys: true,
            ..Self::new(algorithms)
        }
    }

    fn plan(&mut self, now: u64) -> usize {
        let changes = keyring::plan(&self.records, &self.policy, at(now));
        self.apply(&changes, now);
        let again = keyring::plan(&self.records, &self.policy, at(now));
        assert_eq!(again, [], "what is done is done");
        changes.len()
    }

    fn apply(&mut self, changes: &[KeyChange], now: u64) {
        for change in changes {
            match change {
                KeyChange::Create { algorithm, state } => {
                    self.made += 1;
                    let kid = format!("key-{}", self.made);
                    let record = if self.real_keys {
                        SigningKeyRecord::generate(*algorithm, *state, kid, &master(), at(now))
                            .unwrap()
                    } else {
                        let mut record = SigningKeyRecord {
                            kid,
                            algorithm: *algorithm,
                            sealed: None,
                            state: KeyState::Pending,
                            created_at: at(now),
                            signing_at: None,
                            retiring_at: None,
                            gone_at: None,
                        };
                        record.enter(*state, at(now));
                        record
                    };
                    self.records.push(record);
                }
                KeyChange::Enter { kid, state } => {
                    let record = self.records.iter_mut().find(|record| record.kid == *kid);
                    record.unwrap().enter(*state, at(now));
                }
            }
        }
    }

    fn kids(&self, algorithm: Algorithm, state: KeyState) -> Vec<&str> {
        self.records
            .iter()
            .filter(|record| record.algorithm == algorithm && record.state == state)
            .map(|record| record.kid.as_str())
            .collect()
    }

    fn ring(&self) -> KeyRing {
        KeyRing::open(&self.records, &self.policy, &master()).unwrap()
    }
}

const ES256: Algorithm = Algorithm::ES256;
const EDDSA: Algorithm = Algorithm::EdDSA;

#[test]
fn the_first_start_signs_at_once_and_has_the_next_key_ready() {
    let mut store = Store::new(&[ES256]);
    assert_eq!(store.plan(0), 2);
    assert_eq!(store.kids(ES256, KeyState::Signing), ["key-1"]);
    assert_eq!(store.kids(ES256, KeyState::Pending), ["key-2"]);
    assert_eq!(store.plan(30 * DAY - 1), 0);
}

#[test]
fn a_key_signs_for_30_days_and_is_published_until_its_tokens_are_gone() {
    let mut store = Store::new(&[ES256]);
    store.plan(0);
    store.plan(30 * DAY);
    assert_eq!(store.kids(ES256, KeyState::Retiring), ["key-1"]);
    assert_eq!(store.kids(ES256, KeyState::Signing), ["key-2"]);
    assert_eq!(store.kids(ES256, KeyState::Pending), ["key-3"]);
    assert_eq!(store.plan(30 * DAY + 719), 0);
    store.plan(30 * DAY + 720);
    assert_eq!(store.kids(ES256, KeyState::Gone), ["key-1"]);
    assert_eq!(store.records[0].sealed, None);
    assert_eq!(store.records[0].gone_at, Some(at(30 * DAY + 720)));
}

#[test]
fn a_command_rotates_when_verifiers_know_the_next_key_and_says_when_that_is() {
    let mut store = Store::new(&[ES256]);
    store.plan(0);
    let too_early = keyring::rotate(&store.records, &store.policy, at(359));
    assert_eq!(too_early, Err(at(360)));
    let changes = keyring::rotate(&store.records, &store.policy, at(360)).unwrap();
    store.apply(&changes, 360);
    assert_eq!(store.kids(ES256, KeyState::Signing), ["key-2"]);
    assert_eq!(store.kids(ES256, KeyState::Pending), ["key-3"]);
}

#[test]
fn a_leaked_key_goes_at_once_and_its_successor_signs_at_once() {
    let mut store = Store::new(&[ES256]);
    store.plan(0);
    let changes = keyring::withdraw("key-1", &store.records, &store.policy, at(1)).unwrap();
    store.apply(&changes, 1);
    assert_eq!(store.kids(ES256, KeyState::Withdrawn), ["key-1"]);
    assert_eq!(store.kids(ES256, KeyState::Signing), ["key-2"]);
    assert_eq!(store.kids(ES256, KeyState::Pending), ["key-3"]);
    // And once more, also the pending one and those that retire.
    let changes = keyring::withdraw("key-3", &store.records, &store.policy, at(2)).unwrap();
    store.apply(&changes, 2);
    assert_eq!(store.kids(ES256, KeyState::Signing), ["key-2"]);
    assert_eq!(store.kids(ES256, KeyState::Pending), ["key-4"]);
    for gone in ["key-1", "key-3", "no such key"] {
        let error = keyring::withdraw(gone, &store.records, &store.policy, at(3)).unwrap_err();
        assert_eq!(error.code(), "unknown_key");
    }
}

#[test]
fn a_key_whose_time_is_over_signs_on_until_verifiers_know_the_next() {
    let mut store = Store::new(&[ES256]);
    store.plan(0);
    let just_before = 30 * DAY - 10;
    let changes =
        keyring::withdraw("key-2", &store.records, &store.policy, at(just_before)).unwrap();
    store.apply(&changes, just_before);
    assert_eq!(store.plan(30 * DAY), 0);
    assert_eq!(store.kids(ES256, KeyState::Signing), ["key-1"]);
    store.plan(just_before + 360);
    assert_eq!(store.kids(ES256, KeyState::Signing), ["key-3"]);
}

#[test]
fn a_new_algorithm_waits_until_verifiers_know_its_key() {
    let mut store = Store::new(&[ES256]);
    store.plan(0);
    store.policy.algorithms = vec![ES256, EDDSA];
    store.plan(DAY);
    assert_eq!(store.kids(EDDSA, KeyState::Signing), [] as [&str; 0]);
    assert_eq!(store.kids(EDDSA, KeyState::Pending), ["key-3"]);
    assert_eq!(store.plan(DAY + 359), 0);
    store.plan(DAY + 360);
    assert_eq!(store.kids(EDDSA, KeyState::Signing), ["key-3"]);
    assert_eq!(store.kids(EDDSA, KeyState::Pending), ["key-4"]);
}

#[test]
fn a_change_of_the_default_algorithm_never_leaves_the_server_without_a_key() {
    let mut store = Store::new(&[ES256]);
    store.plan(0);
    store.policy.algorithms = vec![EDDSA];
    store.plan(DAY);
    assert_eq!(
        store.kids(ES256, KeyState::Signing),
        ["key-1"],
        "it stands in"
    );
    store.plan(DAY + 360);
    assert_eq!(store.kids(EDDSA, KeyState::Signing), ["key-3"]);
    assert_eq!(store.kids(ES256, KeyState::Retiring), ["key-1"]);
    assert_eq!(store.kids(ES256, KeyState::Gone), ["key-2"]);
    store.plan(DAY + 360 + 720);
    assert_eq!(store.kids(ES256, KeyState::Gone), ["key-1", "key-2"]);
}

#[test]
fn an_algorithm_that_comes_back_waits_as_a_new_one_does() {
    let mut store = Store::new(&[ES256]);
    store.plan(0);
    store.policy.algorithms = vec![EDDSA];
    store.plan(DAY);
    store.plan(DAY + 360);
    store.policy.algorithms = vec![ES256];
    store.plan(2 * DAY);
    assert_eq!(store.kids(EDDSA, KeyState::Signing), ["key-3"]);
    assert_eq!(store.kids(ES256, KeyState::Pending), ["key-5"]);
    store.plan(2 * DAY + 360);
    assert_eq!(store.kids(ES256, KeyState::Signing), ["key-5"]);
    assert_eq!(store.kids(EDDSA, KeyState::Retiring), ["key-3"]);
}

#[test]
fn copies_of_the_key_set_are_kept_shorter_towards_the_next_change() {
    let mut store = Store::new(&[ES256]);
    store.plan(0);
    let age = |store: &Store, now| max_age(&store.records, &store.policy, at(now)).as_secs();
    assert_eq!(age(&store, 0), 300);
    assert_eq!(age(&store, 30 * DAY - 300), 300);
    assert_eq!(age(&store, 30 * DAY - 120), 120);
    assert_eq!(age(&store, 30 * DAY), 1);
    store.plan(30 * DAY);
    assert_eq!(age(&store, 30 * DAY), 300);
    assert_eq!(age(&store, 30 * DAY + 700), 20);
    // The successor was withdrawn: the change comes when the next one is known.
    let just_before = 60 * DAY - 10;
    store.plan(just_before);
    let changes =
        keyring::withdraw("key-3", &store.records, &store.policy, at(just_before)).unwrap();
    store.apply(&changes, just_before);
    assert_eq!(age(&store, 60 * DAY), 300);
    assert_eq!(age(&store, just_before + 350), 10);
}

#[test]
fn the_ring_signs_with_what_is_wanted_or_with_its_first() {
    let mut store = Store::with_real_keys(&[ES256, EDDSA]);
    store.plan(0);
    let ring = store.ring();
    assert_eq!(ring.signing(None).unwrap().algorithm(), ES256);
    assert_eq!(ring.signing(Some(EDDSA)).unwrap().algorithm(), EDDSA);
    assert_eq!(
        ring.signing(Some(Algorithm::RS256)).unwrap().algorithm(),
        ES256
    );
    assert_eq!(ring.published().len(), 4, "two sign, two are pending");
    for record in &store.records {
        assert!(ring.published().get(&record.kid).is_some());
    }
}

#[test]
fn withdrawn_and_gone_keys_are_out_of_the_set() {
    let mut store = Store::with_real_keys(&[ES256]);
    store.plan(0);
    let leaked = store.records[0].kid.clone();
    let changes = keyring::withdraw(&leaked, &store.records, &store.policy, at(1)).unwrap();
    store.apply(&changes, 1);
    let ring = store.ring();
    assert!(ring.published().get(&leaked).is_none());
    assert_eq!(ring.published().len(), 2);
    assert_eq!(
        store.records[0].sealed, None,
        "the private half is destroyed"
    );
}

#[test]
fn a_wrong_master_key_is_a_clear_refusal() {
    let mut store = Store::with_real_keys(&[ES256]);
    store.plan(0);
    let wrong = MasterKey::generate().unwrap();
    let error = KeyRing::open(&store.records, &store.policy, &wrong).unwrap_err();
    assert_eq!(error.code(), "wrong_master_key");
    let text = error.to_string();
    assert!(text.contains(&store.records[0].kid), "{text}");
    assert!(text.contains("master key"), "{text}");
}

#[test]
fn a_key_does_not_open_under_another_name_or_algorithm() {
    let mut store = Store::with_real_keys(&[ES256]);
    store.plan(0);
    let mut records = store.records.clone();
    records[0].sealed = store.records[1].sealed.clone();
    let swapped = KeyRing::open(&records, &store.policy, &master()).unwrap_err();
    assert_eq!(swapped.code(), "wrong_master_key");
    let mut records = store.records.clone();
    records[0].algorithm = Algorithm::ES256;
    assert!(KeyRing::open(&records, &store.policy, &master()).is_ok());
    records[0].algorithm = Algorithm::EdDSA;
    let retyped = KeyRing::open(&records, &store.policy, &master()).unwrap_err();
    assert_eq!(retyped.code(), "wrong_master_key");
    let mut records = store.records.clone();
    records[0].sealed = None;
    let lost = KeyRing::open(&records, &store.policy, &master()).unwrap_err();
    assert_eq!(lost.code(), "missing_key");
}

#[test]
fn keys_move_to_another_master_key() {
    let mut store = Store::with_real_keys(&[ES256]);
    store.plan(0);
    let new = MasterKey::generate().unwrap();
    let moved: Vec<_> = store
        .records
        .iter()
        .map(|record| record.reseal(&master(), &new).unwrap())
        .collect();
    let before = store.ring();
    let after = KeyRing::open(&moved, &store.policy, &new).unwrap();
    assert_eq!(
        before.signing(None).unwrap().key_id(),
        after.signing(None).unwrap().key_id()
    );
    assert!(KeyRing::open(&moved, &store.policy, &master()).is_err());
}

#[test]
fn an_empty_ring_says_so() {
    let ring = KeyRing::open(&[], &KeyPolicy::default(), &master()).unwrap();
    assert_eq!(ring.signing(None).unwrap_err().code(), "no_signing_key");
}

#[test]
fn nothing_of_a_key_prints() {
    let mut store = Store::with_real_keys(&[ES256]);
    store.plan(0);
    let sealed = store.records[0].sealed.as_ref().unwrap();
    assert!(
        format!("{:?}", store.records[0]).contains(&format!("Sealed({}", sealed.as_bytes().len()))
    );
}

proptest! {
    /// Whatever happens to the ring, whatever is configured and whenever somebody looks: after the
    /// plan there is a key to sign with, every algorithm in use has one pending, and nothing signs
    /// before verifiers knew it, except in place of a leaked key.
    #[test]
    fn the_ring_is_always_in_order(
        steps in prop::collection::vec((0_u64..40 * DAY, 0_u8..9, 0_usize..20), 1..60)
    ) {
        let mut store = Store::new(&[ES256]);
        let mut now = 0;
        store.plan(now);
        for (pause, action, which) in steps {
            now += if action % 2 == 0 { pause } else { pause % 1_000 };
            let before = store.records.clone();
            let mut leaked = false;
            match action {
                0 | 1 => {}
                2 | 3 => {
                    if let Ok(changes) = keyring::rotate(&store.records, &store.policy, at(now)) {
                        store.apply(&changes, now);
                    }
                }
                4 | 5 => {
                    let in_use: [&[_]; 4] = [&[ES256], &[ES256, EDDSA], &[EDDSA], &[EDDSA, ES256]];
                    store.policy.algorithms = in_use[which % 4].to_vec();
                }
                _ => {
                    let kid = store.records[which % store.records.len()].kid.clone();
                    let changes =
                        keyring::withdraw(&kid, &store.records, &store.policy, at(now));
                    if let Ok(changes) = changes {
                        store.apply(&changes, now);
                        leaked = true;
                    }
                }
            }
            store.plan(now);

            let signing = [ES256, EDDSA].map(|used| store.kids(used, KeyState::Signing).len());
            prop_assert!(signing.iter().sum::<usize>() >= 1, "nothing signs");
            prop_assert!(signing.iter().all(|keys| *keys <= 1));
            for used in &store.policy.algorithms {
                prop_assert_eq!(store.kids(*used, KeyState::Pending).len(), 1);
            }
            for record in &store.records {
                prop_assert_eq!(record.gone_at.is_some(), !record.state.is_published());
                let signed = |known: &SigningKeyRecord| {
                    known.kid == record.kid && known.signing_at.is_some()
                };
                let begins = record.signing_at.is_some() && !before.iter().any(signed);
                if begins && !leaked {
                    prop_assert!(now >= 360 && record.created_at <= at(now - 360));
                }
            }
            let age = max_age(&store.records, &store.policy, at(now));
            prop_assert!(age >= secs(1) && age <= secs(300));
        }
    }
}
