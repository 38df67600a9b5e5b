//! `countersign key rekey`: the keys are sealed anew under another master key.

use std::path::PathBuf;

use countersign_server::{Config, RekeyError};
use serde::Serialize;

use super::database::secret;
use crate::failure::Failure;
use crate::output;

const NEW_MASTER_KEY: &str = "COUNTERSIGN_NEW_MASTER_KEY";
const NEW_MASTER_KEY_FILE: &str = "COUNTERSIGN_NEW_MASTER_KEY_FILE";

#[derive(Serialize)]
struct Sealed {
    signing_keys: usize,
    mac_keys: usize,
    key_file: Option<String>,
}

pub(super) async fn run(config: &Config, json: bool) -> Result<(), Failure> {
    let file = std::env::var_os(NEW_MASTER_KEY_FILE).map(PathBuf::from);
    let new = secret(NEW_MASTER_KEY, file.as_deref())?;
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
            "from now on COUNTERSIGN_MASTER_KEY must hold what {NEW_MASTER_KEY} holds now; a server that \
             still runs with the old one cannot change its keys any more: start it anew"
        )),
    }
}
