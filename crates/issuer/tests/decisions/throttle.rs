use std::net::IpAddr;

use countersign_issuer::{
    Refused,
    device::Device,
    throttle::{Network, Throttle, ThrottlePolicy},
};
use proptest::prelude::*;

use crate::cast::{at, mac_keys};

fn network(text: &str) -> Network {
    Network::of(text.parse::<IpAddr>().unwrap())
}

fn throttle(policy: ThrottlePolicy) -> Throttle {
    Throttle::new(policy, [5; 16])
}

fn device(name: &str, id: u8) -> Device {
    let keys = mac_keys(1);
    let token = keys.device_token(name, [id; 16], at(0)).unwrap();
    keys.open_device(token.expose(), name, at(1)).unwrap()
}

/// How long a name must wait from a network, in seconds; an attempt that is let through fails.
fn fail(throttle: &mut Throttle, name: &str, from: &str, known: Option<&Device>, now: u64) -> u64 {
    match throttle.admit(name, network(from), known, at(now)) {
        Ok(attempt) => {
            throttle.failed(attempt, at(now));
            0
        }
        Err(Refused::TooManyAttempts { retry_after }) => retry_after.as_secs(),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn networks_are_what_one_customer_has() {
    assert_eq!(network("192.0.2.1").to_string(), "192.0.2.1");
    assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
    assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    assert_eq!(network("2001:db8:1:2::1").to_string(), "2001:db8:1:2::/64");
}

#[test]
fn waits_begin_after_five_failures_and_double_up_to_a_quarter_of_an_hour() {
    let mut throttle = throttle(ThrottlePolicy::default());
    let mut now = 0;
    for _ in 0..5 {
        assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", None, now), 0);
    }
    for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900] {
        assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", None, now), wait);
        assert_eq!(
            fail(&mut throttle, "ada", "192.0.2.1", None, now + wait - 1),
            1
        );
        now += wait;
        assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", None, now), 0);
    }
}

#[test]
fn a_success_begins_the_count_anew() {
    let mut throttle = throttle(ThrottlePolicy::default());
    for _ in 0..4 {
        fail(&mut throttle, "ada", "192.0.2.1", None, 0);
    }
    let attempt = throttle
        .admit("ada", network("192.0.2.1"), None, at(0))
        .unwrap();
    throttle.succeeded(attempt, at(0));
    for _ in 0..5 {
        assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", None, 0), 0);
    }
    assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", None, 0), 1);
}

#[test]
fn names_and_networks_are_counted_apart() {
    let mut throttle = throttle(ThrottlePolicy::default());
    for _ in 0..5 {
        fail(&mut throttle, "ada", "192.0.2.1", None, 0);
    }
    assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", None, 0), 1);
    assert_eq!(fail(&mut throttle, "ada", "192.0.2.2", None, 0), 0);
    assert_eq!(fail(&mut throttle, "bob", "192.0.2.1", None, 0), 0);
}

#[test]
fn quiet_is_forgotten_after_a_day() {
    let mut throttle = throttle(ThrottlePolicy::default());
    for _ in 0..5 {
        fail(&mut throttle, "ada", "192.0.2.1", None, 0);
    }
    for _ in 0..5 {
        assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", None, 86_401), 0);
    }
    assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", None, 86_401), 1);
}

#[test]
fn a_volley_is_let_through_once_and_no_more() {
    let mut throttle = throttle(ThrottlePolicy::default());
    let mut volley = || {
        let admit = |_| throttle.admit("ada", network("192.0.2.1"), None, at(0));
        (0..50).map(admit).collect::<Vec<_>>()
    };
    let attempts: Vec<_> = volley().into_iter().flatten().collect();
    assert_eq!(attempts.len(), 32, "a team may sign in together");
    for attempt in attempts {
        throttle.failed(attempt, at(0));
    }
    // Thirty-two failures: the wait is the longest, and then there is one at a time.
    assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", None, 0), 900);
    let probe = throttle
        .admit("ada", network("192.0.2.1"), None, at(900))
        .unwrap();
    assert!(
        throttle
            .admit("ada", network("192.0.2.1"), None, at(900))
            .is_err()
    );
    throttle.released(probe);
    let again = throttle.admit("ada", network("192.0.2.1"), None, at(901));
    throttle.succeeded(again.unwrap(), at(901));
}

#[test]
fn an_attempt_that_never_ends_is_given_up_after_a_minute() {
    let mut throttle = throttle(ThrottlePolicy {
        together: 1,
        ..ThrottlePolicy::default()
    });
    let lost = throttle
        .admit("ada", network("192.0.2.1"), None, at(0))
        .unwrap();
    assert!(
        throttle
            .admit("ada", network("192.0.2.1"), None, at(60))
            .is_err()
    );
    assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", None, 61), 0);
    throttle.released(lost);
}

#[test]
fn a_network_cannot_try_one_password_on_every_name() {
    let mut throttle = throttle(ThrottlePolicy::default());
    for name in 0..100 {
        assert_eq!(
            fail(&mut throttle, &format!("user-{name}"), "192.0.2.1", None, 0),
            0
        );
    }
    assert_eq!(fail(&mut throttle, "user-100", "192.0.2.1", None, 0), 1);
    assert_eq!(
        fail(&mut throttle, "user-100", "192.0.2.1", None, 1),
        0,
        "one more a second"
    );
    assert_eq!(fail(&mut throttle, "user-101", "192.0.2.1", None, 1), 1);
    assert_eq!(fail(&mut throttle, "user-101", "192.0.2.2", None, 1), 0);
}

#[test]
fn a_network_that_signs_in_is_never_slowed_down() {
    let mut throttle = throttle(ThrottlePolicy::default());
    for user in 0..10_000 {
        let name = format!("user-{user}");
        let attempt = throttle
            .admit(&name, network("192.0.2.1"), None, at(0))
            .unwrap();
        if user % 2 == 0 {
            throttle.succeeded(attempt, at(0));
        } else {
            throttle.released(attempt);
        }
    }
}

#[test]
fn a_stranger_never_keeps_a_known_device_out() {
    let mut throttle = throttle(ThrottlePolicy::default());
    let laptop = device("ada", 1);
    for now in 0..3_600 {
        // From the same network, on the same name, and with a device token of his own.
        fail(&mut throttle, "ada", "192.0.2.1", None, now);
        fail(
            &mut throttle,
            "ada",
            "192.0.2.1",
            Some(&device("ada", 2)),
            now,
        );
        for name in 0..10 {
            let name = format!("somebody-{now}-{name}");
            fail(&mut throttle, &name, "192.0.2.1", None, now);
        }
        if now % 100 == 50 {
            let attempt = throttle
                .admit("ada", network("192.0.2.1"), Some(&laptop), at(now))
                .unwrap();
            throttle.succeeded(attempt, at(now));
        }
    }
}

#[test]
fn a_known_device_that_guesses_waits_like_anybody() {
    let mut throttle = throttle(ThrottlePolicy::default());
    let stolen = device("ada", 1);
    for _ in 0..5 {
        assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", Some(&stolen), 0), 0);
    }
    // Wherever it goes.
    assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", Some(&stolen), 0), 1);
    assert_eq!(
        fail(&mut throttle, "ada", "198.51.100.7", Some(&stolen), 0),
        1
    );
}

#[test]
fn memory_is_bounded_and_the_worst_are_remembered() {
    let mut throttle = throttle(ThrottlePolicy {
        remembered: 200,
        ..ThrottlePolicy::default()
    });
    for _ in 0..20 {
        fail(&mut throttle, "ada", "192.0.2.1", None, 0);
    }
    let waiting = fail(&mut throttle, "ada", "192.0.2.1", None, 0);
    assert!(waiting > 0);
    for stranger in 0..20_000_u32 {
        let from = IpAddr::from((0x0a00_0000 + stranger).to_be_bytes()).to_string();
        fail(&mut throttle, &format!("nobody-{stranger}"), &from, None, 0);
    }
    assert!(throttle.len() <= 400, "{}", throttle.len());
    assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", None, 0), waiting);
}

#[test]
fn whoever_signs_in_takes_no_memory_and_whoever_fails_does() {
    let mut throttle = throttle(ThrottlePolicy::default());
    let admit = |throttle: &mut Throttle, name: &str, host: u8| {
        let from = network(&format!("192.0.2.{host}"));
        throttle.admit(name, from, None, at(0)).unwrap()
    };
    for host in 0..200 {
        let (ada, bob) = (
            admit(&mut throttle, "ada", host),
            admit(&mut throttle, "bob", host),
        );
        throttle.succeeded(ada, at(0));
        assert!(!throttle.is_empty(), "bob is under way");
        throttle.released(bob);
        assert!(throttle.is_empty(), "{}", throttle.len());
    }
    for _ in 0..4 {
        fail(&mut throttle, "ada", "192.0.2.1", None, 0);
    }
    let bob = admit(&mut throttle, "bob", 1);
    throttle.succeeded(bob, at(0));
    assert_eq!(
        throttle.len(),
        2,
        "one name's failures, and what the network has left"
    );
    let ada = admit(&mut throttle, "ada", 1);
    throttle.released(ada);
    assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", None, 0), 0);
    assert_eq!(
        fail(&mut throttle, "ada", "192.0.2.1", None, 0),
        1,
        "five were counted"
    );
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_out_for_longer_than_the_longest_wait() {
    let mut throttle = throttle(ThrottlePolicy::default());
    for _ in 0..5 {
        fail(&mut throttle, "ada", "192.0.2.1", None, 1_000_000);
    }
    assert_eq!(fail(&mut throttle, "ada", "192.0.2.1", None, 0), 900);
    // From then on, and not until the time that it was once.
    let after = throttle.admit("ada", network("192.0.2.1"), None, at(900));
    assert!(after.is_ok(), "{after:?}");
}

#[test]
fn a_device_token_is_good_for_its_name_and_its_time() {
    let keys = mac_keys(2);
    let token = keys.device_token("ada", [1; 16], at(0)).unwrap();
    let text = token.expose();
    let day = 86_400;
    assert_eq!(
        keys.open_device(text, "ada", at(90 * day)).unwrap().id(),
        &[1; 16]
    );
    assert!(
        keys.open_device(text, "ada", at(90 * day + 1)).is_none(),
        "too old"
    );
    assert!(
        keys.open_device(text, "bob", at(0)).is_none(),
        "another name"
    );
    assert!(
        mac_keys(1).open_device(text, "ada", at(0)).is_none(),
        "a key not known"
    );
    assert!(
        mac_keys(3).open_device(text, "ada", at(0)).is_some(),
        "an older key"
    );
    assert!(keys.open(text).is_err(), "no refresh token");
    assert!(text.starts_with("csd_") && !format!("{token:?}").contains(text));
    for place in 0..text.len() {
        let mut altered = text.to_owned().into_bytes();
        altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        assert!(
            keys.open_device(&altered, "ada", at(0)).is_none(),
            "{place}"
        );
    }
}

proptest! {
    /// However attempts, ends and clocks are mixed, a wait is never nothing and never longer than
    /// the longest.
    #[test]
    fn waits_stay_within_their_bounds(
        steps in prop::collection::vec((0_u64..2_000, 0_u8..4, 0_u8..3), 1..200)
    ) {
        let mut throttle = throttle(ThrottlePolicy::default());
        let mut open = Vec::new();
        for (now, name, end) in steps {
            match throttle.admit(&format!("user-{name}"), network("192.0.2.1"), None, at(now)) {
                Ok(attempt) => open.push(attempt),
                Err(Refused::TooManyAttempts { retry_after }) => {
                    prop_assert!((1..=900).contains(&retry_after.as_secs()));
                }
                Err(other) => panic!("{other:?}"),
            }
            if let Some(attempt) = open.pop() {
                match end {
                    0 => throttle.failed(attempt, at(now)),
                    1 => throttle.succeeded(attempt, at(now)),
                    _ => open.push(attempt),
                }
            }
        }
    }
}
