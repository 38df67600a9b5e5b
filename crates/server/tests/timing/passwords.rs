//! The time of a refusal tells nothing: unknown name, disabled user, wrong or empty password, and a
//! wrong password for a user whose imported hash is of another function, or of ours at another cost.
//!
//! The requests of all of them are interleaved, in another order each round, and each two are held
//! against each other by ranks (Mann-Whitney), which outliers of a busy machine do not sway. No
//! time is asserted. The same statistics must tell two leaks that were planted: a refusal before
//! any hashing, and one of a server that does not know of the imported hashes and so does the work
//! of its own kind only. It is measured until both show: what then still looks alike does so to
//! eyes that see.

#![expect(
    clippy::expect_used,
    reason = "a test whose preparations fail must fail loudly"
)]

use std::cmp;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use countersign_issuer::{Password, PasswordParameters};
use countersign_server::{Config, Database, ForeignUser, Imported, Importer, Server};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";
/// What of the words of the hash is checked is its form: nobody signs in with it.
const IMPORTED: &str = "scrypt:16384:8:1$Y4ZMTUZc2n0kPKCw$c3cf99d09cbdf15ba6022be317918c7cfca741499ef6ca473168d0feec6ddcbc8dd6911d1e5ac4d8b59a021b28a2b7cfb02890de09c1b42b4e4907c74d782cfa";
/// Ours at a cost of eight passes, where five are the rule.
const DEARER: &str = "$argon2id$v=19$m=7168,t=8,p=1$BwcHBwcHBwcHBwcHBwcHBw$1QvY3RnxvxQ5T0l680UfQJU3D0PlyyP36P+HYaCoYes";

const STEP: usize = 20;
const AT_LEAST: usize = 40;
const AT_MOST: usize = 400;
/// In standard deviations: chance alone goes so far in one of 150,000 comparisons, and there are fifteen.
const TELLS: f64 = 4.5;

/// A way to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Unknown,
    Disabled,
    Wrong,
    Empty,
    WrongForImported,
    WrongForDearer,
    /// Planted: refused before any hashing.
    Early,
    /// Planted: an unknown name, at a server that has no imported hashes.
    Unpadded,
}

const HONEST: [Way; 6] = [
    Way::Unknown,
    Way::Disabled,
    Way::Wrong,
    Way::Empty,
    Way::WrongForImported,
    Way::WrongForDearer,
];
const PLANTED: [Way; 2] = [Way::Early, Way::Unpadded];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_a_refusal_tells_nothing() {
    let stand = Stand::start().await;
    let mut samples: Vec<(Way, Vec<Duration>)> = HONEST
        .into_iter()
        .chain(PLANTED)
        .map(|way| (way, Vec::new()))
        .collect();
    // Connections and caches.
    for (way, _) in &samples {
        stand.refusal(*way).await;
    }
    let mut order = Order(0x9E37_79B9_7F4A_7C15);
    let mut rounds = 0;
    loop {
        for _ in 0..STEP {
            order.shuffle(&mut samples);
            for (way, times) in &mut samples {
                times.push(stand.refusal(*way).await);
            }
        }
        rounds += STEP;
        let unknown = of(&samples, Way::Unknown);
        let seen = PLANTED.map(|way| difference(unknown, of(&samples, way)).abs());
        if rounds >= AT_LEAST && seen.iter().all(|seen| *seen > TELLS) {
            println!("{rounds} rounds; planted leaks show by {seen:.1?}");
            break;
        }
        assert!(
            rounds < AT_MOST,
            "what was planted does not show after {rounds} rounds: {seen:.1?}"
        );
    }
    for (number, one) in HONEST.into_iter().enumerate() {
        for other in HONEST.into_iter().skip(number + 1) {
            let seen = difference(of(&samples, one), of(&samples, other));
            println!("{one:?} and {other:?}: {seen:.1}");
            assert!(
                seen.abs() < TELLS,
                "{one:?} and {other:?} can be told apart by their time ({seen:.1} deviations)"
            );
        }
    }
}

fn of(samples: &[(Way, Vec<Duration>)], way: Way) -> &[Duration] {
    let found = samples.iter().find(|(which, _)| *which == way);
    &found.expect("each has its samples").1
}

/// How far the ranks of two samples lie apart, in standard deviations (Mann-Whitney, by its normal
/// approximation). Near 0 if both come from the same distribution, whatever that is.
fn difference(one: &[Duration], other: &[Duration]) -> f64 {
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| a.cmp(b)));
    let above = pairs.map(|order| match order {
        cmp::Ordering::Less => 0.0,
        cmp::Ordering::Equal => 0.5,
        cmp::Ordering::Greater => 1.0,
    });
    let count =
        |sample: &[Duration]| f64::from(u32::try_from(sample.len()).expect("a few hundred"));
    let (n, m) = (count(one), count(other));
    let deviation = (n * m * (n + m + 1.0) / 12.0).sqrt();
    (above.sum::<f64>() - n * m / 2.0) / deviation
}

/// Two servers: one has users with imported hashes, the other has not.
struct Stand {
    full: Running,
    bare: Running,
    client: Client,
    asked: AtomicU32,
}

struct Running {
    server: Server,
    _folder: TempDir,
}

impl Stand {
    async fn start() -> Self {
        Self {
            full: Running::start(&[("eve", IMPORTED), ("finn", DEARER)]).await,
            bare: Running::start(&[]).await,
            client: Client::new(),
            asked: AtomicU32::new(0),
        }
    }

    /// The time until the refusal.
    async fn refusal(&self, way: Way) -> Duration {
        let running = if way == Way::Unpadded {
            &self.bare
        } else {
            &self.full
        };
        let (name, password) = match way {
            Way::Unknown | Way::Unpadded => ("nobody", PASSWORD),
            Way::Disabled => ("dan", PASSWORD),
            Way::Wrong | Way::Early => ("ada", "another password"),
            Way::Empty => ("ada", ""),
            Way::WrongForImported => ("eve", "another password"),
            Way::WrongForDearer => ("finn", "another password"),
        };
        let mut body = json!({"username": name, "password": password});
        if way == Way::Early {
            body["audience"] = "https://nobody.example".into();
        }
        let url = format!("http://{}/login", running.server.address());
        // From elsewhere each time: nobody is made to wait.
        let [_, a, b, c] = self.asked.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let from = format!("10.{a}.{b}.{c}");
        let request = self.client.post(url).json(&body);
        let request = request.header("x-forwarded-for", from);
        let asked = Instant::now();
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let body: Value = answer.json().await.expect("JSON");
        let took = asked.elapsed();
        if way == Way::Early {
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        } else {
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
            assert_eq!(body["error"], "invalid_credentials", "{body}");
        }
        took
    }
}

impl Running {
    async fn start(imported: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            database: Database::Sqlite(folder.path().join("test.db")),
            passwords: PasswordParameters::new(7_168, 5, 1).expect("the least there is"),
            trusted_proxies: vec!["127.0.0.1/32".parse().expect("a network")],
            ..Config::default()
        };
        let door = Importer::open(&config).await.expect("a database");
        for (name, hash) in imported {
            let user = ForeignUser::new(name, hash, vec![], false);
            let user = user.expect("a hash of a known form");
            let answer = door.import(vec![user]).await;
            assert_eq!(answer.expect("a working store"), [Imported::Added]);
        }
        door.close().await;
        drop(door);
        let server = Server::start(config).await.expect("a server");
        for name in ["ada", "dan"] {
            let password = Password::new(PASSWORD).expect("a password");
            let added = server.directory().add(name, password, vec![]).await;
            added.expect("a user");
        }
        let disabled = server.directory().disable("dan").await;
        disabled.expect("a user to disable");
        Self {
            server,
            _folder: folder,
        }
    }
}

/// A sequence of permutations (xorshift, Fisher-Yates).
struct Order(u64);

impl Order {
    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let bound = u64::try_from(last + 1).expect("a few");
            items.swap(last, usize::try_from(self.0 % bound).expect("a few"));
        }
    }
}
