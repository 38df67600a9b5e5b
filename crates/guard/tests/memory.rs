//! What a remembered caller costs, in bytes that the allocator was asked for.
//!
//! A program of its own, because it counts every allocation of the thread it runs on.
#![expect(
    clippy::expect_used,
    reason = "a test's own preparations may fail loudly"
)]

use allocation_counter::{AllocationInfo, measure};
use countersign::{AccessFields, Algorithm, Signer, SigningKey, UnixTime};
use countersign_guard::{Guard, GuardBuilder};

const ISSUER: &str = "https://login.example.com";
const AUDIENCE: &str = "https://api.example.com";
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
/// 100,000 remembered tokens are to fit into 120 MB.
const MOST_BYTES_EACH: i64 = 1_200;
const TOKENS: usize = 2_000;

#[test]
fn a_remembered_caller_costs_no_more_than_it_may() {
    countersign_witness::listen_as_served();
    let signer = signer();
    let tokens: Vec<String> = (0..TOKENS).map(|n| token(&signer, n)).collect();
    let mut guard = None;
    let cost = measure(|| {
        let made = guard.insert(
            builder(&signer)
                .cache(Some(TOKENS * 2))
                .build()
                .expect("a guard"),
        );
        for token in &tokens {
            let caller = made.check_token(token, NOW).expect("a good token");
            // Whatever a handler asks for must not make it bigger.
            assert!(caller.has_role("editor") && caller.username().is_some());
        }
    });
    let guard = guard.expect("a guard");
    for token in &tokens {
        assert!(guard.check_token(token, NOW).is_ok());
    }
    let remembered = i64::try_from(guard.counts().cache_hits).expect("a count");
    assert!(remembered > 1_800, "{remembered} of {TOKENS} have a place");
    let each = bytes(&cost) / remembered;
    assert!(
        each <= MOST_BYTES_EACH,
        "a remembered token costs {each} bytes"
    );
    // If this is far below, the bound above no longer watches anything.
    assert!(
        each > MOST_BYTES_EACH / 2,
        "a remembered token costs {each} bytes"
    );
}

#[test]
fn a_flood_of_tokens_evicts_and_never_grows() {
    let signer = signer();
    let stranger = self::signer();
    let guard = builder(&signer).cache(Some(256)).build().expect("a guard");
    let flood = |signer: &Signer, from: usize| {
        let tokens: Vec<String> = (from..from + 512).map(|n| token(signer, n)).collect();
        measure(|| {
            for token in &tokens {
                let _ = guard.check_token(token, NOW);
            }
        })
    };
    let filled = flood(&signer, 0).bytes_current;
    assert!(
        filled > 100_000,
        "the first flood fills the cache: {filled} bytes"
    );
    // Places that the first one left empty by chance may still be filled.
    let most = filled / 10;
    for round in 1..4 {
        let more = flood(&signer, round * 512).bytes_current;
        assert!(more < most, "{more} bytes more");
    }
    // The first refusal makes the counter of its reason.
    assert!(guard.check_token(&token(&stranger, 512), NOW).is_err());
    let more = flood(&stranger, 0);
    assert_eq!(
        more.bytes_current, 0,
        "what is refused leaves nothing behind"
    );
    assert_eq!(guard.counts().refused_for("bad_signature"), 513);
}

/// With what the allocator itself adds: its header, and the rounding up to its grain.
fn bytes(cost: &AllocationInfo) -> i64 {
    const OVERHEAD: i64 = 16;
    cost.bytes_current + OVERHEAD * cost.count_current
}

fn signer() -> Signer {
    let key = SigningKey::generate(Algorithm::ES256).expect("a key");
    Signer::new(key.with_key_id("2026-11-access")).typ("at+jwt")
}

fn builder(signer: &Signer) -> GuardBuilder {
    Guard::builder(ISSUER, AUDIENCE).key(signer.key().verifying_key())
}

fn token(signer: &Signer, n: usize) -> String {
    let claims = AccessFields {
        iss: ISSUER.into(),
        sub: format!("7d4a1c52-9c0e-4f2b-8a36-{n:012}").into(),
        aud: vec![AUDIENCE.into()],
        exp: UnixTime::from_secs(NOW.as_secs() + 600),
        iat: NOW,
        nbf: Some(NOW),
        jti: format!("e2b9a7f0-53cd-4e61-9b1a-{n:012}").into(),
        client_id: "web-console".into(),
        scope: "orders:read orders:write profile".into(),
        sid: Some(format!("0f6c2d8a{n:08}").into()),
        auth_time: Some(NOW),
        roles: ["admin", "editor", "viewer"].map(Into::into).to_vec(),
        preferred_username: Some("ada.lovelace".into()),
    };
    signer.sign(&claims).expect("a token")
}
