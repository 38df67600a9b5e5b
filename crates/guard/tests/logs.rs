//! What is written to the log: reasons, and nothing that opens a door. A program of its own, because
//! tracing decides for the whole process what is worth writing.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use countersign::{Algorithm, Signer, SigningKey, UnixTime};
use countersign_guard::{AnyClaims, Guard, Kind, RevokedHandle};
use serde_json::json;
use tracing::Level;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Everything that is logged, at whatever level, while `work` is done.
    fn of(work: impl FnOnce()) -> String {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, work);
        let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(mut kept) = countersign_witness::log("itself") {
            assert!(kept.write_all(&bytes).is_ok(), "its words are kept");
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[test]
fn refusals_are_logged_by_reason_and_without_any_of_the_token() {
    let key = SigningKey::generate(Algorithm::ES256).expect("a key");
    let stranger = SigningKey::generate(Algorithm::ES256).expect("a key");
    let token = |key: &SigningKey, aud: &str, jti: &str, life: u64| {
        let claims = json!({
            "iss": "https://id.example", "sub": "u-1", "aud": aud, "client_id": "web", "jti": jti,
            "iat": NOW.as_secs(), "exp": NOW.as_secs() - 100 + life, "scope": "",
        });
        let signer = Signer::new(key.clone()).typ("at+jwt");
        signer.sign(&claims).expect("a token")
    };
    let revoked = RevokedHandle::new();
    let until = UnixTime::from_secs(NOW.as_secs() + 900);
    revoked.merge([(Kind::Jti, "MARK-jti".to_owned(), until)]);
    let guard = Guard::builder("https://id.example", "orders")
        .key(key.verifying_key())
        .revocations(revoked)
        .build()
        .expect("a guard");

    let cut = |token: String| token[..token.len() - 4].to_owned() + "AAAA";
    let tokens = [
        token(&key, "orders", "MARK-jti", 700),
        token(&key, "MARK-aud", "t", 700),
        token(&key, "orders", "MARK-exp", 1),
        cut(token(&key, "orders", "MARK-signature", 700)),
        token(&stranger, "orders", "t", 700),
        "MARK.not.a-token".to_owned(),
    ];
    let good = token(&key, "orders", "t", 700);
    let log = Log::of(|| {
        for token in &tokens {
            assert!(guard.check_token(token, NOW).is_err());
        }
        assert!(guard.check_token(&good, NOW).is_ok());
    });
    for reason in [
        "revoked",
        "wrong_audience",
        "expired",
        "bad_signature",
        "unknown_key",
        "malformed",
    ] {
        assert!(log.contains(reason), "{reason} is not in\n{log}");
    }
    assert!(!log.contains("MARK"), "{log}");
    for part in tokens
        .iter()
        .chain([&good])
        .flat_map(|token| token.split('.'))
    {
        assert!(!log.contains(part), "{log}");
    }
}

#[test]
fn an_old_token_that_does_not_fit_is_warned_of_once() {
    let secret = "your-secret-key";
    let old = SigningKey::from_weak_secret_insecurely(Algorithm::HS256, secret.as_bytes());
    let old = old.expect("any length");
    let stranger = SigningKey::from_weak_secret_insecurely(Algorithm::HS256, b"another");
    let stranger = stranger.expect("any length");
    let sign = |key: &SigningKey, claims| key.sign(&claims).expect("a token");
    let until = UnixTime::from_secs(NOW.as_secs() + 3_600);
    let new = SigningKey::generate(Algorithm::ES256).expect("a key");
    let exp = NOW.as_secs() + 60;
    let warned = |tokens: &[String]| {
        let guard = Guard::builder("https://id.example", "api")
            .key(new.verifying_key())
            .claims::<AnyClaims>()
            .legacy_secret(secret, until)
            .build()
            .expect("a guard");
        let log = Log::of(|| {
            for token in tokens {
                assert!(guard.check_token(token, NOW).is_err());
            }
        });
        let warnings = log.lines().filter(|line| line.contains("WARN"));
        warnings.map(str::to_owned).collect::<Vec<_>>()
    };
    let unfit = sign(&old, json!({ "user": "the-name-of-somebody", "exp": exp }));
    let endless = sign(&old, json!({ "sub": "the-name-of-somebody" }));
    for (token, said) in [(unfit, "`sub` is missing"), (endless, "`exp` is required")] {
        let warnings = warned(&[token.clone(), token.clone(), token]);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        for said in [said, "legacy_secret", "missing_claim"] {
            assert!(warnings[0].contains(said), "{said}: {warnings:?}");
        }
        assert!(
            !warnings[0].contains("the-name-of-somebody"),
            "{warnings:?}"
        );
    }
    // What anybody can send says nothing about the bridge.
    let forged = sign(&stranger, json!({ "user": "ada", "exp": exp }));
    let expired = sign(&old, json!({ "sub": "ada", "exp": NOW.as_secs() - 60 }));
    assert_eq!(warned(&[forged, expired, "no token".to_owned()]), [""; 0]);
}
