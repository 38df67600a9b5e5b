//! Keys on their way in, from JWK, JWK set or PEM, and out again.

use std::path::{Path, PathBuf};

use countersign::secret::SecretString;
use countersign::{Algorithm, Jwk, KeyError, SigningKey, VerifyingKey};
use serde::Deserialize;

use crate::cmd::jwt::key::{first_that_fits, read_text, with_an_algorithm};
use crate::failure::Failure;

/// The keys of some files.
pub(super) struct Written {
    pub(super) keys: Vec<Jwk>,
    /// Whether they stay several even if it is one: they came as a key set, or from several files.
    pub(super) is_set: bool,
}

/// A JWK set (RFC 7517 §5), its keys not read yet, so that the one that is wrong can be named.
#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

impl Written {
    /// Reads all files in their order; no file is standard input.
    pub(super) fn read(files: &[PathBuf], algorithm: Option<Algorithm>) -> Result<Self, Failure> {
        let stdin = [PathBuf::from("-")];
        let files = if files.is_empty() { &stdin } else { files };
        let mut written = Self {
            keys: Vec::new(),
            is_set: files.len() > 1,
        };
        for file in files {
            let text = SecretString::new(read_text(file)?);
            written
                .add(text.expose().trim(), algorithm)
                .map_err(|problem| Failure::failed(format!("{}: {problem}", name(file))))?;
        }
        if written.keys.is_empty() {
            return Err(Failure::failed("there is no key in the key set"));
        }
        Ok(written)
    }

    fn add(&mut self, text: &str, algorithm: Option<Algorithm>) -> Result<(), String> {
        let bound = |jwk: Jwk| match algorithm {
            Some(algorithm) => jwk.for_algorithm(algorithm),
            None => Ok(jwk),
        };
        let said = |error: KeyError| error.to_string();
        let before = self.keys.len();
        if !text.starts_with('{') {
            for document in documents(text) {
                self.keys.push(from_pem(document, algorithm).map_err(said)?);
            }
            self.is_set |= self.keys.len() - before > 1;
        } else if let Ok(set) = serde_json::from_str::<Set>(text) {
            self.is_set = true;
            for (at, key) in set.keys.into_iter().enumerate() {
                let jwk = serde_json::from_value::<Jwk>(key)
                    .map_err(|error| error.to_string())
                    .and_then(|jwk| bound(jwk).map_err(said))
                    .map_err(|problem| format!("key {} of the set: {problem}", at + 1))?;
                self.keys.push(jwk);
            }
        } else {
            let jwk = Jwk::from_json(text).and_then(bound).map_err(said)?;
            self.keys.push(jwk);
        }
        Ok(())
    }

    /// Gives the one key another `kid`.
    pub(super) fn rename(&mut self, kid: &str) -> Result<(), Failure> {
        match self.keys.as_mut_slice() {
            [key] => *key = key.clone().with_key_id(kid),
            keys => {
                return Err(Failure::usage(format!(
                    "--kid names one key, and there are {}",
                    keys.len()
                )));
            }
        }
        Ok(())
    }
}

fn name(file: &Path) -> String {
    if file == Path::new("-") {
        "standard input".to_owned()
    } else {
        file.display().to_string()
    }
}

/// PEM documents that follow each other; the text itself, if there is no PEM in it.
fn documents(text: &str) -> impl Iterator<Item = &str> {
    const BEGIN: &str = "-----BEGIN ";
    let mut starts: Vec<usize> = text.match_indices(BEGIN).map(|(at, _)| at).collect();
    if starts.is_empty() {
        starts.push(0);
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts
        .into_iter()
        .zip(ends)
        .filter_map(|(start, end)| text.get(start..end))
        // OpenSSL writes these before a key on a curve; the key names its curve as well.
        .filter(|document| !document.starts_with("-----BEGIN EC PARAMETERS-----"))
}

fn from_pem(document: &str, algorithm: Option<Algorithm>) -> Result<Jwk, KeyError> {
    let private = match algorithm {
        Some(algorithm) => SigningKey::from_pem(algorithm, document),
        None => first_that_fits(|algorithm| SigningKey::from_pem(algorithm, document)),
    };
    match (private, algorithm) {
        (Err(KeyError::NotPrivate), Some(algorithm)) => {
            Ok(VerifyingKey::from_pem(algorithm, document)?.to_jwk())
        }
        (Err(KeyError::NotPrivate), None) => {
            let key = first_that_fits(|algorithm| VerifyingKey::from_pem(algorithm, document))?;
            Ok(key.to_jwk())
        }
        (private, _) => Ok(private?.to_jwk()),
    }
}

/// How keys are written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Jwk,
    Set,
    Pem,
}

impl Form {
    /// The keys with all that can sign; those that are public stay so.
    pub(super) fn private(self, keys: &[Jwk]) -> Result<SecretString, Failure> {
        self.put_together(keys, |key| match self {
            Self::Pem if key.is_private() => SigningKey::from_jwk(&with_an_algorithm(key))
                .and_then(|key| key.to_pem())
                .map_err(|error| match error {
                    KeyError::Symmetric => {
                        Failure::failed("a shared secret has no PEM form, only that of a JWK")
                    }
                    error => Failure::failed(error),
                }),
            Self::Pem => public_pem(key).map(SecretString::new),
            Self::Jwk | Self::Set => Ok(key.to_json()),
        })
    }

    /// The keys without what can sign.
    pub(super) fn public(self, keys: &[Jwk]) -> Result<String, Failure> {
        let text = self.put_together(keys, |key| match self {
            Self::Pem => public_pem(key).map(SecretString::new),
            Self::Jwk | Self::Set => key
                .to_public_json()
                .map(SecretString::new)
                .ok_or_else(no_public_half),
        })?;
        Ok(text.expose().to_owned())
    }

    fn put_together(
        self,
        keys: &[Jwk],
        one: impl Fn(&Jwk) -> Result<SecretString, Failure>,
    ) -> Result<SecretString, Failure> {
        let (before, between, after) = match self {
            Self::Jwk => ("", "\n", "\n"),
            Self::Set => ("{\"keys\":[", ",", "]}\n"),
            Self::Pem => ("", "", ""),
        };
        let texts = keys.iter().map(one).collect::<Result<Vec<_>, _>>()?;
        let size: usize = texts.iter().map(|text| text.expose().len() + 1).sum();
        // Never moved while it grows, so that no copy of a key is left behind.
        let mut all = String::with_capacity(before.len() + size + after.len());
        all.push_str(before);
        for (at, text) in texts.iter().enumerate() {
            if at > 0 {
                all.push_str(between);
            }
            all.push_str(text.expose());
        }
        all.push_str(after);
        Ok(SecretString::new(all))
    }
}

fn public_pem(key: &Jwk) -> Result<String, Failure> {
    if key.to_public_json().is_none() {
        return Err(no_public_half());
    }
    VerifyingKey::from_jwk(&with_an_algorithm(key))
        .and_then(|key| key.to_pem())
        .map_err(Failure::failed)
}

fn no_public_half() -> Failure {
    Failure::failed("a shared secret has no public half: whoever checks with it can sign with it")
}
