//! Keys and secrets in files of a temporary folder.

use std::fs;

use countersign::{Algorithm, KeySet, SigningKey};
use tempfile::TempDir;

pub(crate) const SECRET: &str = "a secret of thirty-two bytes or more";

pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("a file");
        path
    }

    /// The path of a file that need not be there.
    pub(crate) fn path(&self, name: &str) -> String {
        let path = self.0.path().join(name);
        path.into_os_string().into_string().expect("a plain path")
    }

    pub(crate) fn secret(&self) -> String {
        self.file("secret", &format!("{SECRET}\n"))
    }

    /// A new key as JWK: private and public.
    pub(crate) fn jwks(&self, algorithm: Algorithm) -> (String, String) {
        let key = SigningKey::generate(algorithm).expect("a key");
        let private = key.to_jwk();
        let public = private
            .to_public_json()
            .unwrap_or_else(|| private.to_json().expose().to_owned());
        (
            self.file("private.json", private.to_json().expose()),
            self.file("public.json", &public),
        )
    }

    /// A new key as PEM: private and public.
    pub(crate) fn pems(&self, algorithm: Algorithm) -> (String, String) {
        let key = SigningKey::generate(algorithm).expect("a key");
        (
            self.file("private.pem", key.to_pem().expect("PEM").expose()),
            self.file("public.pem", &key.verifying_key().to_pem().expect("PEM")),
        )
    }

    /// A new key as private JWK, and a published set that has it and another one.
    pub(crate) fn published(&self) -> (String, String) {
        let key = SigningKey::generate(Algorithm::ES256).expect("a key");
        let other = SigningKey::generate(Algorithm::ES256).expect("a key");
        let set = KeySet::new([other.verifying_key(), key.verifying_key()]).expect("a set");
        (
            self.file("private.json", key.to_jwk().to_json().expose()),
            self.file("jwks.json", &set.to_json()),
        )
    }
}
