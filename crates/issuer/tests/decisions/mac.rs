use countersign_issuer::{
    MacKeys, MasterKey,
    mac::{MacKeyChange, MacKeyPolicy, plan_mac_keys},
    record::MacKeyRecord,
};

use crate::cast::{MAC_RECORDS, at, mac_keys, master, session};

const DAY: u64 = 86_400;

fn record(id: u32, created: u64, retired: Option<u64>) -> MacKeyRecord {
    MacKeyRecord {
        id,
        created_at: at(created),
        retired_at: retired.map(at),
        ..MAC_RECORDS[0].clone()
    }
}

fn plan(records: &[MacKeyRecord], now: u64) -> Vec<MacKeyChange> {
    plan_mac_keys(records, &MacKeyPolicy::default(), at(now))
}

#[test]
fn the_newest_key_makes_tokens_and_the_older_ones_are_accepted() {
    let old = mac_keys(1);
    let token = old.refresh_token(&session()).unwrap();
    let keys = mac_keys(3);
    assert_eq!(keys.current_id(), 3);
    assert_eq!(keys.open(token.expose()).unwrap().mac_key_id(), 1);
    assert!(!format!("{keys:?}").contains('['), "keys do not print");
}

#[test]
fn a_wrong_master_key_is_named_with_the_key_it_does_not_open() {
    let wrong = MasterKey::from_text(&"f0".repeat(32)).unwrap();
    let error = MacKeys::open_all(&MAC_RECORDS, &wrong).unwrap_err();
    assert_eq!(error.code(), "wrong_master_key");
    let text = error.to_string();
    assert!(
        text.contains("the MAC key 1") && text.contains("master key"),
        "{text}"
    );
}

#[test]
fn a_key_does_not_open_under_another_id() {
    let moved = record(2, 0, None);
    let error = MacKeys::open_all(&[moved], &master()).unwrap_err();
    assert_eq!(error.code(), "wrong_master_key");
}

#[test]
fn keys_move_to_another_master_key() {
    let new = MasterKey::generate().unwrap();
    let moved: Vec<_> = MAC_RECORDS
        .iter()
        .map(|record| record.reseal(&master(), &new).unwrap())
        .collect();
    let token = mac_keys(3).refresh_token(&session()).unwrap();
    assert!(
        MacKeys::open_all(&moved, &new)
            .unwrap()
            .open(token.expose())
            .is_ok()
    );
    assert!(MacKeys::open_all(&moved, &master()).is_err());
    assert!(moved[0].reseal(&master(), &new).is_err());
}

#[test]
fn without_a_key_there_are_no_tokens() {
    assert_eq!(
        MacKeys::open_all(&[], &master()).unwrap_err().code(),
        "no_mac_key"
    );
    let retired = MacKeyRecord {
        retired_at: Some(at(1)),
        ..MAC_RECORDS[0].clone()
    };
    let error = MacKeys::open_all(&[retired], &master()).unwrap_err();
    assert_eq!(error.code(), "no_mac_key");
}

#[test]
fn the_first_key_is_made_at_once() {
    assert_eq!(plan(&[], 0), [MacKeyChange::Create { id: 1 }]);
}

#[test]
fn a_key_makes_tokens_for_90_days_and_is_accepted_for_90_more() {
    assert_eq!(plan(&[record(1, 0, None)], 90 * DAY - 1), []);
    assert_eq!(
        plan(&[record(1, 0, None)], 90 * DAY),
        [
            MacKeyChange::Create { id: 2 },
            MacKeyChange::Retire { id: 1 }
        ]
    );
    let both = [record(1, 0, Some(90 * DAY)), record(2, 90 * DAY, None)];
    assert_eq!(plan(&both, 180 * DAY - 1), []);
    assert_eq!(
        plan(&both, 180 * DAY),
        [
            MacKeyChange::Create { id: 3 },
            MacKeyChange::Retire { id: 2 }
        ]
    );
    assert!(plan(&both, 180 * DAY + 1).contains(&MacKeyChange::Delete { id: 1 }));
}

#[test]
fn an_id_is_never_given_twice_and_two_current_keys_become_one() {
    let retired_only = [record(7, 0, Some(1))];
    assert_eq!(plan(&retired_only, 2), [MacKeyChange::Create { id: 8 }]);
    let two = [record(1, 0, None), record(2, 0, None)];
    assert_eq!(plan(&two, 1), [MacKeyChange::Retire { id: 1 }]);
}
