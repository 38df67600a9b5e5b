//! What a guard adds to a request that it has seen before, and to one that it has not; and what it
//! keeps of each.
#![expect(clippy::print_stderr, reason = "it says how far it is")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign::{AccessClaims, Algorithm, Signer, UnixTime, Verifier};
use countersign_benches::machine::resident;
use countersign_benches::section::{Bar, Section, number};
use countersign_benches::stats::{median, median_ratio};
use countersign_benches::token::{self, AUDIENCE, ISSUER, claims, signer};
use countersign_benches::{Failure, quick};
use countersign_guard::wire::revocation::Kind;
use countersign_guard::{Guard, GuardBuilder, RevokedHandle};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

const ALGORITHMS: [Algorithm; 3] = [Algorithm::HS256, Algorithm::ES256, Algorithm::RS256];
/// How many callers a guard sees in turn.
const CALLERS: usize = 1_024;
/// How many tokens are made for what is to be a miss: more than the cache there has places.
const STRANGERS: usize = 8_192;
/// How many other sessions have ended of late.
const REVOKED: usize = 10_000;

fn main() -> Result<(), Failure> {
    // First, because memory that something else gave back would not count.
    let (tokens, bytes, after_flood) = memory()?;
    let mut section = Section::new("The guard's cache");
    section.says(SAYS);
    let mut bars = Vec::new();
    let mut rows = Vec::new();
    for algorithm in ALGORITHMS {
        let times = Times::measured(algorithm)?;
        rows.push(times.row(algorithm));
        if algorithm == Algorithm::ES256 {
            bars.push(Bar::at_most(
                "a hit among 1,024 tokens in turn, ns",
                median(times.hit_in_turn.iter().copied()),
                300.0,
            ));
            bars.push(Bar::at_most(
                "a miss, in times the bare verification (ES256)",
                median_ratio(&times.miss, &times.bare),
                1.05,
            ));
        }
    }
    section.table(
        &[
            "ns per request",
            "hit, one token",
            "hit, 1,024 in turn",
            "bare verification",
            "miss",
            "miss / bare",
            "no cache / bare",
            "90 hits, 10 misses",
        ],
        rows,
    );
    section.says(format!(
        "Memory, as the system counts it (resident): {} remembered ES256 tokens, in a cache of twice as many \
         places, take {} bytes each; after {} more that all had to take another's place, the process had {} MB \
         more.",
        number(tokens),
        number(bytes),
        number(tokens),
        number(after_flood),
    ));
    bars.push(Bar::at_most(
        "MB for 100,000 remembered ES256 tokens",
        bytes * 100_000.0 / 1e6,
        120.0,
    ));
    for bar in bars {
        section.bar(bar);
    }
    section.print();
    Ok(())
}

/// Nanoseconds per request, round by round.
#[derive(Default)]
struct Times {
    hit_one: Vec<f64>,
    hit_in_turn: Vec<f64>,
    bare: Vec<f64>,
    miss: Vec<f64>,
    uncached: Vec<f64>,
    mixed: Vec<f64>,
}

impl Times {
    fn measured(algorithm: Algorithm) -> Result<Self, Failure> {
        let rounds = if quick() { 3 } else { 101 };
        let signer = signer(algorithm)?;
        let callers = tokens(&signer, "caller", CALLERS)?;
        let strangers = tokens(&signer, "stranger", if quick() { 2_048 } else { STRANGERS })?;
        let guard = guard(&signer).build()?;
        // So small that a token is gone when its turn comes again.
        let forgetful = guard_with(&signer, Some(256))?;
        let uncached = guard_with(&signer, None)?;
        let mixed = guard_with(&signer, Some(CALLERS * 4))?;
        let bare = token::verifier(&signer)?;
        for caller in &callers {
            check(&guard, caller);
            check(&mixed, caller);
        }

        let mut times = Self::default();
        let mut strange = Turns::of(&strangers);
        let mut known = Turns::of(&callers);
        let slow = match algorithm {
            Algorithm::HS256 => 2_000,
            _ => 100,
        };
        let fast = 8_192;
        for round in 0..=rounds {
            let round_of = Self {
                hit_one: vec![per_call(fast, || check(&guard, &callers[7]))],
                hit_in_turn: vec![freshly_read(fast / 16, &guard, &mut known)],
                bare: vec![per_call(slow, || verify(&bare, strange.next()))],
                miss: vec![per_call(slow, || check(&forgetful, strange.next()))],
                uncached: vec![per_call(slow, || check(&uncached, strange.next()))],
                mixed: vec![ten_to_one(slow / 10, &mixed, &mut known, &mut strange)],
            };
            // The first one warms up.
            if round > 0 {
                times.append(round_of);
            }
            if round % 25 == 0 {
                eprintln!("guard_cache: {algorithm}, round {round} of {rounds}");
            }
        }
        let counts = forgetful.counts();
        if counts.cache_hits * 50 > counts.cache_misses {
            return Err("what should have been misses were hits".into());
        }
        let counts = guard.counts();
        if counts.cache_misses * 50 > counts.cache_hits {
            return Err("what should have been hits were misses".into());
        }
        Ok(times)
    }

    fn append(&mut self, round: Self) {
        self.hit_one.extend(round.hit_one);
        self.hit_in_turn.extend(round.hit_in_turn);
        self.bare.extend(round.bare);
        self.miss.extend(round.miss);
        self.uncached.extend(round.uncached);
        self.mixed.extend(round.mixed);
    }

    fn row(&self, algorithm: Algorithm) -> [String; 8] {
        let middle = |values: &[f64]| number(median(values.iter().copied()));
        let ratio = |of: &[f64]| format!("{:.3}", median_ratio(of, &self.bare));
        [
            algorithm.to_string(),
            middle(&self.hit_one),
            middle(&self.hit_in_turn),
            middle(&self.bare),
            middle(&self.miss),
            ratio(&self.miss),
            ratio(&self.uncached),
            middle(&self.mixed),
        ]
    }
}

/// A request's headers, and the token in them.
struct Presented {
    headers: HeaderMap,
    token: String,
}

fn tokens(signer: &Signer, whose: &str, count: usize) -> Result<Vec<Presented>, Failure> {
    (0..count)
        .map(|n| {
            let token = signer.sign(&token::Owned {
                jti: format!("{whose}-0000-0000-0000-{n:018}"),
                sid: format!("{n:016}"),
                ..claims(UnixTime::now())
            })?;
            let mut headers = HeaderMap::new();
            // What any client sends beside it.
            headers.insert("host", HeaderValue::from_static("api.example.com"));
            headers.insert("accept", HeaderValue::from_static("*/*"));
            headers.insert(AUTHORIZATION, format!("Bearer {token}").parse()?);
            Ok(Presented { headers, token })
        })
        .collect()
}

fn guard(signer: &Signer) -> GuardBuilder {
    let revoked = RevokedHandle::new();
    let until = UnixTime::from_secs(UnixTime::now().as_secs() + 3_600);
    revoked.merge((0..REVOKED).map(|n| (Kind::Sid, format!("ended-{n}"), until)));
    Guard::builder(ISSUER, AUDIENCE)
        .key(signer.key().verifying_key())
        .algorithms([signer.key().algorithm()])
        .revocations(revoked)
}

fn guard_with(signer: &Signer, cache: Option<usize>) -> Result<Guard, Failure> {
    Ok(guard(signer).cache(cache).build()?)
}

/// One after the other, and from the beginning again.
struct Turns<'a> {
    all: &'a [Presented],
    at: usize,
}

impl<'a> Turns<'a> {
    fn of(all: &'a [Presented]) -> Self {
        Self { all, at: 0 }
    }

    fn next(&mut self) -> &'a Presented {
        self.at = (self.at + 1) % self.all.len();
        &self.all[self.at]
    }
}

/// What a request costs at the guard, clock included.
fn check(guard: &Guard, presented: &Presented) {
    let caller = guard.check(&presented.headers, UnixTime::now());
    assert!(black_box(caller).is_ok(), "a good token");
}

fn verify(bare: &Verifier, presented: &Presented) {
    let verified = bare.verify::<AccessClaims>(&presented.token, UnixTime::now());
    assert!(black_box(verified).is_ok(), "a good token");
}

fn per_call(calls: u32, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        call();
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

/// Sixteen requests are read, then checked; only the checks are timed. A server has just read a
/// request's bytes from its socket when the guard looks at them, while what the guard remembers of
/// its caller may be far away.
fn freshly_read(batches: u32, guard: &Guard, known: &mut Turns<'_>) -> f64 {
    const BATCH: usize = 16;
    let mut spent = Duration::ZERO;
    for _ in 0..batches {
        let batch: [&Presented; BATCH] = std::array::from_fn(|_| known.next());
        for presented in batch {
            let bytes = presented.headers.values().flat_map(HeaderValue::as_bytes);
            black_box(bytes.fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
            black_box(presented.headers.get(AUTHORIZATION));
        }
        let start = Instant::now();
        for presented in batch {
            check(guard, presented);
        }
        spent += start.elapsed();
    }
    spent.as_secs_f64() * 1e9 / f64::from(batches) / 16.0
}

/// Nine known callers, then a stranger.
fn ten_to_one(tens: u32, guard: &Guard, known: &mut Turns<'_>, strange: &mut Turns<'_>) -> f64 {
    let ten = per_call(tens, || {
        for _ in 0..9 {
            check(guard, known.next());
        }
        check(guard, strange.next());
    });
    ten / 10.0
}

/// How many tokens were remembered, bytes for each, and the MB that as many more added.
fn memory() -> Result<(f64, f64, f64), Failure> {
    let tokens = if quick() { 10_000 } else { 100_000 };
    let signer = signer(Algorithm::ES256)?;
    let guard = guard_with(&signer, Some(tokens * 2))?;
    let now = UnixTime::now();
    // Whatever the first use of anything needs is there before.
    present(&signer, &guard, 0..100, now)?;
    let before = resident(std::process::id())?.0;
    present(&signer, &guard, 100..tokens, now)?;
    let full = resident(std::process::id())?.0;
    eprintln!("guard_cache: {tokens} tokens are remembered");
    // Until nothing finds a free place any more.
    present(&signer, &guard, tokens..tokens * 3, now)?;
    let crowded = resident(std::process::id())?.0;
    present(&signer, &guard, tokens * 3..tokens * 4, now)?;
    let flooded = resident(std::process::id())?.0;
    #[expect(clippy::cast_precision_loss, reason = "it is 100,000")]
    let count = tokens as f64;
    // The empty places were paid for when the guard was made.
    let places = count * 2.0 * 16.0;
    let each = ((full - before) * 1024.0 * 1024.0 + places) / count;
    Ok((count, each, (flooded - crowded) * 1.048_576))
}

fn present(
    signer: &Signer,
    guard: &Guard,
    which: std::ops::Range<usize>,
    now: UnixTime,
) -> Result<(), Failure> {
    for n in which {
        let token = signer.sign(&token::Owned {
            jti: format!("e2b9a7f0-53cd-4e61-9b1a-{n:012}"),
            sid: format!("{n:016}"),
            ..claims(now)
        })?;
        if guard.check_token(&token, now).is_err() {
            return Err("a good token was refused".into());
        }
    }
    Ok(())
}

const SAYS: &str = "\
    `Guard::check` on the headers of a request (three of them), as the layer and the extractor call it: \
    clock, `Authorization`, cache, `exp` and `nbf`, whether the very key is still in the set, whether \
    session, user, token or key was revoked (10,000 other sessions are), counters. A hit: one token, and \
    1,024 in turn, whose requests were read just before, sixteen at a time, as a server reads them. A miss: tokens that come for the first time, verified and put where another one was. \
    Beside it the bare verification by the library into the same claims, and the guard with its cache off. \
    Mixed: nine known tokens out of 1,024, then a new one, and so on. Medians of 101 rounds; all take turns \
    within a round, and ratios are taken there.";
