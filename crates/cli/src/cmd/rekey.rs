//! `countersign key rekey`: the keys are sealed anew under another master key.

use std::env::VarError;

use countersign::secret::SecretString;
use countersign_server::{Config, RekeyError};
use serde::Serialize;

use crate::failure::Failure;
use crate::output;

const NEW_MASTER_KEY: &str = "COUNTERSIGN_NEW_MASTER_KEY";

#[derive(Serialize)]
struct Sealed {
    signing_keys: usize,
    mac_keys: usize,
    key_file: Option<String>,
}

pub(super) async fn run(config: &Config, json: bool) -> Result<(), Failure> {
    let new = match std::env::var(NEW_MASTER_KEY) {
        Ok(text) => Some(SecretString::new(text)),
        Err(VarError::NotPresent) => None,
        Err(error @ VarError::NotUnicode(_)) => {
            return Err(Failure::usage(format!("{NEW_MASTER_KEY}: {error}")));
        }
    };
    let done = countersign_server::rekey(config, new.as_ref())
        .await
        .map_err(|error| match error {
            RekeyError::NewKeyUnset => Failure::usage(error),
            error => Failure::failed(error),
        })?;
    let key_file = done
        .key_file
        .as_ref()
        .map(|file| file.to_string_lossy().into_owned());
    if json {
        return output::json(&Sealed {
            signing_keys: done.signing_keys,
            mac_keys: done.mac_keys,
            key_file,
        });
    }
    output::note(&format!(
        "sealed {} signing keys and {} MAC keys under the new master key",
        done.signing_keys, done.mac_keys
    ))?;
    match key_file {
        Some(file) => output::note(&format!(
            "the new master key is in {file}: keep a copy of it elsewhere, in place of the old one"
        )),
        None => output::note(&format!(
            "from now on COUNTERSIGN_MASTER_KEY must hold what {NEW_MASTER_KEY} holds now"
        )),
    }
}
