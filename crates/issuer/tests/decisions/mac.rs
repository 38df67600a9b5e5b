use countersign_issuer::{
    MacKeys, MasterKey, Session,
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
fn retired_keys_are_accepted() {
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
fn a_key_takes_over_when_every_process_knows_it() {
    let time = 90 * DAY;
    assert_eq!(plan(&[record(1, 0, None)], time - 1), []);
    assert_eq!(
        plan(&[record(1, 0, None)], time),
        [MacKeyChange::Create { id: 2 }]
    );
    let both = [record(1, 0, None), record(2, time, None)];
    assert_eq!(plan(&both, time + 299), []);
    assert_eq!(plan(&both, time + 300), [MacKeyChange::Retire { id: 1 }]);
}

#[test]
fn a_process_that_has_not_heard_of_the_change_of_keys_reads_the_tokens_of_those_that_have() {
    let both = &MAC_RECORDS[..2];
    let before = MacKeys::open_all(both, &master()).unwrap();
    assert_eq!(
        before.current_id(),
        1,
        "the second is known and does not make tokens yet"
    );
    let after = mac_keys(2);
    assert_eq!(after.current_id(), 2);
    let row = Session {
        mac_key_id: 2,
        ..session()
    };
    let token = after.refresh_token(&row).unwrap();
    assert_eq!(before.open(token.expose()).unwrap().next_mac_key_id(), 1);
    assert_eq!(before.refresh_token(&row).unwrap().expose(), token.expose());
}

#[test]
fn a_retired_key_is_accepted_for_as_long_as_a_session_can_last() {
    let keys = [record(1, 0, Some(90 * DAY)), record(2, 90 * DAY, None)];
    assert_eq!(plan(&keys, 180 * DAY - 1), []);
    assert!(!plan(&keys, 180 * DAY).contains(&MacKeyChange::Delete { id: 1 }));
    assert!(plan(&keys, 180 * DAY + 1).contains(&MacKeyChange::Delete { id: 1 }));
}

#[test]
fn an_id_is_never_given_twice() {
    let retired_only = [record(7, 0, Some(1))];
    assert_eq!(plan(&retired_only, 2), [MacKeyChange::Create { id: 8 }]);
    assert_eq!(plan(&[record(u32::MAX, 0, Some(1))], 2), []);
}
