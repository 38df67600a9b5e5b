use std::net::IpAddr;

use countersign_issuer::{Handle, Session, shadow::ShadowWatch, throttle::Network};

use crate::cast::session;

fn network(last: u8) -> Network {
    Network::of(IpAddr::from([192, 0, 2, last]))
}

/// Exchanges the token from one network and gives a grace answer to another.
fn generation(watch: &mut ShadowWatch, row: &mut Session, owner: u8, late: u8) -> bool {
    row.generation += 1;
    watch.rotated(row, network(owner));
    watch.graced(row, network(late))
}

#[test]
fn three_generations_running_are_told_once() {
    let mut watch = ShadowWatch::new(100);
    let mut row = session();
    let told: Vec<_> = (0..6)
        .map(|_| generation(&mut watch, &mut row, 1, 2))
        .collect();
    assert_eq!(told, [false, false, true, false, false, false]);
}

#[test]
fn many_answers_in_one_generation_are_one() {
    let mut watch = ShadowWatch::new(100);
    let mut row = session();
    assert!(!generation(&mut watch, &mut row, 1, 2));
    for _ in 0..10 {
        assert!(!watch.graced(&row, network(2)));
    }
}

#[test]
fn a_bad_line_and_a_change_of_network_are_no_shadow() {
    let mut watch = ShadowWatch::new(100);
    let mut row = session();
    for _ in 0..10 {
        assert!(!generation(&mut watch, &mut row, 1, 1));
    }
    // Now and then somewhere else, never three times running.
    for _ in 0..10 {
        assert!(!generation(&mut watch, &mut row, 1, 2));
        assert!(!generation(&mut watch, &mut row, 1, 2));
        assert!(!generation(&mut watch, &mut row, 1, 1));
    }
}

#[test]
fn what_another_process_exchanged_is_not_watched() {
    let mut watch = ShadowWatch::new(100);
    let mut row = session();
    for _ in 0..10 {
        row.generation += 1;
        assert!(!watch.graced(&row, network(2)));
    }
}

#[test]
fn memory_is_bounded_and_what_is_suspicious_stays() {
    let mut watch = ShadowWatch::new(50);
    let mut row = session();
    generation(&mut watch, &mut row, 1, 2);
    generation(&mut watch, &mut row, 1, 2);
    for other in 0..2_000_u128 {
        let handle = (other << 100).wrapping_mul(0x9e37_79b9_7f4a_7c15_u128) | other;
        let other = Session {
            handle: Handle::new(handle.to_be_bytes()),
            ..session()
        };
        watch.rotated(&other, network(9));
    }
    assert!(generation(&mut watch, &mut row, 1, 2));
}
