//! The secret or key of `sign` and `verify`: from a file, the environment or a prompt, never from
//! the command line, where every process of the machine could read it.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use countersign::secret::{Secret, SecretString};
use countersign::{Algorithm, Jwk, KeyError, SigningKey, VerifyingKey};

use super::typed::from_stdin;
use crate::failure::Failure;
use crate::output;

/// Where the shared secret is looked for if no file is named.
const SECRET_VARIABLE: &str = "COUNTERSIGN_SECRET";

/// Which algorithm a PEM key without further word is taken for: the first that fits.
const PEM_ALGORITHMS: [Algorithm; 6] = [
    Algorithm::ES256,
    Algorithm::EdDSA,
    Algorithm::RS256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::ES256K,
];

#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// A file with the shared secret (`-` is standard input); a line end after it does not count.
    /// Without a file: the variable COUNTERSIGN_SECRET, or a prompt
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    secret_file: Option<PathBuf>,
    /// A file with the key, as PEM or JWK (`-` is standard input)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The algorithm, where the key leaves a choice (HS256, RS256, PS256, …)
    #[arg(long, value_name = "ALG")]
    alg: Option<Algorithm>,
    /// Accept a shared secret that is too short to be safe
    #[arg(long)]
    allow_weak_secret: bool,
}

/// What was found, not yet bound to an algorithm.
enum Material {
    Shared(Secret),
    Pem(SecretString),
    Jwk(Box<Jwk>),
}

impl KeyArgs {
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        self.alg
    }

    /// Whether a key was named, by a file or by the environment.
    pub(super) fn is_named(&self) -> bool {
        self.key.is_some() || self.secret_file.is_some() || has_secret_variable()
    }

    /// The key to sign with.
    pub(super) fn signing_key(&self) -> Result<SigningKey, Failure> {
        match self.material()? {
            Material::Shared(secret) => {
                let algorithm = self.alg.unwrap_or(Algorithm::HS256);
                self.shared(
                    algorithm,
                    &secret,
                    SigningKey::from_secret,
                    SigningKey::from_weak_secret_insecurely,
                )
            }
            Material::Pem(pem) => match self.alg {
                Some(algorithm) => SigningKey::from_pem(algorithm, pem.expose()),
                None => first_that_fits(|algorithm| SigningKey::from_pem(algorithm, pem.expose())),
            }
            .map_err(Failure::failed),
            Material::Jwk(jwk) => {
                let jwk = match (self.alg, jwk.algorithm()) {
                    (Some(algorithm), _) => {
                        jwk.for_algorithm(algorithm).map_err(Failure::failed)?
                    }
                    (None, Some(_)) => *jwk,
                    (None, None) => with_an_algorithm(&jwk),
                };
                SigningKey::from_jwk(&jwk).map_err(Failure::failed)
            }
        }
    }

    /// The key to check a token with whose header says `algorithm`. The key decides what it can be
    /// used for: a public key is never taken for a secret, nor the other way round.
    pub(super) fn verifying_key(&self, algorithm: Algorithm) -> Result<VerifyingKey, Failure> {
        if let Some(wanted) = self.alg
            && wanted != algorithm
        {
            return Err(other_algorithm());
        }
        let key = match self.material()? {
            Material::Shared(_) if !algorithm.is_symmetric() => return Err(other_algorithm()),
            Material::Shared(secret) => {
                return self.shared(
                    algorithm,
                    &secret,
                    VerifyingKey::from_secret,
                    VerifyingKey::from_weak_secret_insecurely,
                );
            }
            Material::Pem(pem) => VerifyingKey::from_pem(algorithm, pem.expose()),
            Material::Jwk(jwk) => jwk
                .for_algorithm(algorithm)
                .and_then(|jwk| VerifyingKey::from_jwk(&jwk)),
        };
        key.map_err(|error| match error {
            KeyError::WrongAlgorithm(_) => other_algorithm(),
            error => Failure::failed(error),
        })
    }

    fn shared<K>(
        &self,
        algorithm: Algorithm,
        secret: &Secret,
        strong: impl Fn(Algorithm, &[u8]) -> Result<K, KeyError>,
        weak: impl Fn(Algorithm, &[u8]) -> Result<K, KeyError>,
    ) -> Result<K, Failure> {
        let bytes = secret.expose();
        match strong(algorithm, bytes) {
            Err(KeyError::SecretTooShort { least, .. }) if self.allow_weak_secret => {
                output::warning(&format!(
                    "a secret of {} bytes can be found by trying; {algorithm} needs {least} random ones",
                    bytes.len()
                ))?;
                weak(algorithm, bytes).map_err(Failure::failed)
            }
            Err(KeyError::SecretTooShort { least, .. }) => Err(Failure::failed(format!(
                "the secret has {} bytes and {algorithm} needs at least {least} random ones, or it \
                 can be found by trying: make one with `openssl rand -base64 48`, or pass \
                 --allow-weak-secret",
                bytes.len()
            ))),
            other => other.map_err(Failure::failed),
        }
    }

    fn material(&self) -> Result<Material, Failure> {
        if let Some(path) = &self.key {
            let text = SecretString::new(read_text(path)?);
            if !text.expose().trim_start().starts_with('{') {
                return Ok(Material::Pem(text));
            }
            let jwk = Jwk::from_json(text.expose()).map_err(Failure::failed)?;
            return Ok(Material::Jwk(Box::new(jwk)));
        }
        let secret = if let Some(path) = &self.secret_file {
            without_line_end(read(path)?)
        } else if let Some(value) = std::env::var_os(SECRET_VARIABLE) {
            value
                .into_string()
                .map_err(|_| Failure::usage(format!("{SECRET_VARIABLE} is not valid UTF-8")))?
                .into_bytes()
        } else if io::stdin().is_terminal() {
            rpassword::prompt_password("Secret: ")
                .map_err(Failure::failed)?
                .into_bytes()
        } else {
            return Err(Failure::usage(format!(
                "there is no key: pass --key FILE or --secret-file FILE, or set {SECRET_VARIABLE}"
            )));
        };
        if secret.is_empty() {
            return Err(Failure::usage("the secret is empty"));
        }
        Ok(Material::Shared(Secret::new(secret)))
    }
}

fn other_algorithm() -> Failure {
    Failure::refused(
        "unsupported_algorithm",
        "The token's algorithm is not the one this key is for",
    )
}

fn has_secret_variable() -> bool {
    std::env::var_os(SECRET_VARIABLE).is_some()
}

/// A key that says no algorithm gets the common one of its kind.
pub(in crate::cmd) fn with_an_algorithm(jwk: &Jwk) -> Jwk {
    let likely = [Algorithm::RS256, Algorithm::HS256];
    let fitting = likely
        .into_iter()
        .find_map(|algorithm| jwk.clone().for_algorithm(algorithm).ok());
    fitting.unwrap_or_else(|| jwk.clone())
}

/// The first algorithm the key is fit for, or what is wrong with the key apart from that.
pub(in crate::cmd) fn first_that_fits<K>(
    try_one: impl Fn(Algorithm) -> Result<K, KeyError>,
) -> Result<K, KeyError> {
    let mut refused = KeyError::UnsupportedKeyType;
    for algorithm in PEM_ALGORITHMS {
        match try_one(algorithm) {
            Err(KeyError::WrongAlgorithm(_)) => {}
            Err(error) => refused = error,
            key => return key,
        }
    }
    Err(refused)
}

pub(in crate::cmd) fn read_text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read(path)?)
        .map_err(|_| Failure::failed(format!("{} is not text", path.display())))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    if path == Path::new("-") {
        return from_stdin("a key").map(String::into_bytes);
    }
    fs::read(path)
        .map_err(|error| Failure::failed(format!("{} cannot be read: {error}", path.display())))
}

fn without_line_end(mut bytes: Vec<u8>) -> Vec<u8> {
    for end in [b'\n', b'\r'] {
        if bytes.last() == Some(&end) {
            bytes.pop();
        }
    }
    bytes
}
