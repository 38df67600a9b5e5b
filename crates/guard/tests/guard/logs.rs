//! What is written to the log: reasons, and nothing that opens a door.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_guard::{Kind, RevokedHandle};
use serde_json::json;
use tracing::Level;

use crate::issuer::{Issuer, NOW, authorization, bearer, seconds, tampered};

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
        String::from_utf8(bytes).expect("a log is text")
    }
}

#[test]
fn refusals_are_logged_by_reason_and_without_any_of_the_token() {
    let issuer = Issuer::new();
    let revoked = RevokedHandle::new();
    revoked.merge([(
        Kind::Jti,
        "MARK-jti".to_owned(),
        NOW.saturating_add(seconds(900)),
    )]);
    let guard = issuer
        .builder()
        .revocations(revoked)
        .build()
        .expect("a guard");
    let tokens = [
        issuer.token_with("jti", json!("MARK-jti")),
        issuer.token_with("aud", json!("MARK-aud")),
        issuer.token_with("exp", json!(1)),
        tampered(&issuer.token()),
        Issuer::new().token(),
        "MARK.not.a-token".to_owned(),
    ];
    let log = Log::of(|| {
        for token in &tokens {
            assert!(guard.check(&bearer(token), NOW).is_err());
        }
        assert!(
            guard
                .check(&authorization(["Bearer MARK MARK"]), NOW)
                .is_err()
        );
        assert!(guard.check(&bearer(&issuer.token()), NOW).is_ok());
    });
    for reason in [
        "revoked",
        "wrong_audience",
        "expired",
        "bad_signature",
        "unknown_key",
    ] {
        assert!(log.contains(reason), "{reason} is not in\n{log}");
    }
    assert!(!log.contains("MARK"), "{log}");
    for part in tokens.iter().flat_map(|token| token.split('.')) {
        assert!(!log.contains(part), "{log}");
    }
}
