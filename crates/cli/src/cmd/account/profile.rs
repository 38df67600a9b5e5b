//! Where logins are: one file each in the user's state folder, or one entry each in the keyring.
//!
//! ```text
//! ~/.local/state/countersign/current               the name of the current profile
//! ~/.local/state/countersign/logins/NAME.json      a login
//! ~/.local/state/countersign/logins/NAME.keyring   an empty file: the login is in the keyring
//! ```

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_client::storage::Storage;
use countersign_client::{Client, FileStorage, KeptLogin};

use super::failure;
use crate::failure::Failure;
use crate::printable::printable;

/// A name is a file's name, and shown in a line.
const LONGEST_NAME: usize = 150;
const FILE: &str = "json";
const KEYRING: &str = "keyring";

/// All logins of this user.
pub(in crate::cmd) struct Profiles {
    folder: PathBuf,
}

/// One of them.
#[derive(Clone)]
pub(in crate::cmd) struct Profile {
    pub(in crate::cmd) name: String,
    pub(in crate::cmd) storage: Arc<dyn Storage>,
    /// The file that stands for the entry in the keyring.
    marker: Option<PathBuf>,
}

/// Where a new login goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    File,
    Keyring,
}

impl Profiles {
    pub(in crate::cmd) fn of_this_user() -> Result<Self, Failure> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let folder = if let Some(folder) = set("COUNTERSIGN_STATE") {
            PathBuf::from(folder)
        } else if let Some(state) = set("XDG_STATE_HOME").or_else(|| set("LOCALAPPDATA")) {
            PathBuf::from(state).join("countersign")
        } else if let Some(home) = set("HOME") {
            PathBuf::from(home).join(".local/state/countersign")
        } else {
            return Err(Failure::usage(
                "there is no home folder to keep logins in: set COUNTERSIGN_STATE to a folder",
            ));
        };
        Ok(Self { folder })
    }

    /// The profile to use: the one that was asked for, or the current one.
    pub(in crate::cmd) fn choose(&self, asked: Option<&str>) -> Result<Profile, Failure> {
        let name = match asked {
            Some(name) => Some(name.to_owned()),
            None => self.current()?,
        };
        let name = name.ok_or_else(nobody)?;
        self.find(&name)?.ok_or_else(|| {
            let name = printable(&name);
            Failure::refused("not_signed_in", format!("nobody is signed in as {name}"))
        })
    }

    /// The profile for a request: the one that was asked for, the current one if its token may go there,
    /// or the only other one whose token may.
    pub(in crate::cmd) fn choose_for(
        &self,
        asked: Option<&str>,
        url: &str,
    ) -> Result<Profile, Failure> {
        if asked.is_some() {
            return self.choose(asked);
        }
        let current = self.current()?;
        let mut fitting = Vec::new();
        for profile in self.all()? {
            // A login that cannot be read is told of when it is used.
            let fits = matches!(profile.login(), Ok(Some(login)) if login.is_for(url));
            if fits && Some(&profile.name) == current.as_ref() {
                return Ok(profile);
            }
            if fits {
                fitting.push(profile);
            }
        }
        if fitting.len() > 1 {
            let names: Vec<_> = fitting.iter().map(|it| printable(&it.name)).collect();
            return Err(Failure::usage(format!(
                "several logins are for this address, choose one with --profile: {}",
                names.join(", ")
            )));
        }
        match fitting.pop() {
            Some(profile) => Ok(profile),
            None => self.choose(None),
        }
    }

    /// The place of a login that is about to be made.
    pub(super) fn place(&self, name: &str, home: Home) -> Result<Profile, Failure> {
        if name.is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
            return Err(Failure::usage(
                "a profile's name has 1 to 150 characters, none of them a control character",
            ));
        }
        match home {
            Home::File => Ok(self.in_file(name)),
            Home::Keyring => self.in_keyring(name),
        }
    }

    /// All profiles, by name.
    pub(in crate::cmd) fn all(&self) -> Result<Vec<Profile>, Failure> {
        let entries = match fs::read_dir(self.folder.join("logins")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let path = PathBuf::from(entry?.file_name());
            let kind = path.extension().and_then(|kind| kind.to_str());
            if let Some(FILE | KEYRING) = kind
                && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
            {
                names.push(decoded(stem));
            }
        }
        names.sort();
        names.dedup();
        names
            .iter()
            .filter_map(|name| self.find(name).transpose())
            .collect()
    }

    pub(in crate::cmd) fn current(&self) -> Result<Option<String>, Failure> {
        let name = self.current_file().load().map_err(Failure::failed)?;
        Ok(name.and_then(|name| String::from_utf8(name.to_vec()).ok()))
    }

    pub(super) fn make_current(&self, name: &str) -> Result<(), Failure> {
        let saved = self.current_file().save(name.as_bytes());
        saved.map_err(Failure::failed)
    }

    /// After a login has gone: the current one, if it was that, is now the only one left, or none.
    pub(super) fn forget(&self, profile: &Profile) -> Result<Option<String>, Failure> {
        if let Some(marker) = &profile.marker {
            remove_if_there(marker)?;
        }
        if self.current()?.as_deref() != Some(&profile.name) {
            return Ok(None);
        }
        let left = self.all()?;
        if let [only] = left.as_slice() {
            self.make_current(&only.name)?;
            return Ok(Some(only.name.clone()));
        }
        self.current_file().remove().map_err(Failure::failed)?;
        Ok(None)
    }

    fn find(&self, name: &str) -> Result<Option<Profile>, Failure> {
        if self.file(name, KEYRING).exists() {
            return self.in_keyring(name).map(Some);
        }
        // Also a link or a folder is something to complain about.
        let there = self.file(name, FILE).symlink_metadata().is_ok();
        Ok(there.then(|| self.in_file(name)))
    }

    fn in_file(&self, name: &str) -> Profile {
        Profile {
            name: name.to_owned(),
            storage: Arc::new(FileStorage::at(self.file(name, FILE))),
            marker: None,
        }
    }

    #[cfg(feature = "keyring")]
    #[expect(
        clippy::unnecessary_wraps,
        reason = "as the same method of a build without the feature, which refuses"
    )]
    fn in_keyring(&self, name: &str) -> Result<Profile, Failure> {
        let lock = self.file(name, "lock");
        let storage = countersign_client::KeyringStorage::new("countersign", name, lock);
        Ok(Profile {
            name: name.to_owned(),
            storage: Arc::new(storage),
            marker: Some(self.file(name, KEYRING)),
        })
    }

    #[cfg(not(feature = "keyring"))]
    #[expect(
        clippy::unused_self,
        reason = "as the same method of a build with the feature"
    )]
    fn in_keyring(&self, _: &str) -> Result<Profile, Failure> {
        Err(Failure::usage(
            "this countersign was built without the system's keyring (feature `keyring`)",
        ))
    }

    fn file(&self, name: &str, kind: &str) -> PathBuf {
        self.folder
            .join("logins")
            .join(format!("{}.{kind}", encoded(name)))
    }

    fn current_file(&self) -> FileStorage {
        FileStorage::at(self.folder.join("current"))
    }
}

impl Profile {
    /// What is kept, without asking any server.
    pub(in crate::cmd) fn login(&self) -> Result<Option<KeptLogin>, Failure> {
        KeptLogin::read(&*self.storage).map_err(Failure::failed)
    }

    /// The login at work.
    pub(in crate::cmd) async fn open(&self) -> Result<Client, Failure> {
        let client = Client::open(Arc::clone(&self.storage)).await;
        client.map_err(failure)
    }

    /// Says where the login is, once it is there.
    pub(super) fn mark(&self) -> Result<(), Failure> {
        match &self.marker {
            Some(marker) => Ok(fs::write(marker, "")?),
            None => Ok(()),
        }
    }
}

fn nobody() -> Failure {
    let words = "nobody is signed in; sign in with: countersign login URL";
    Failure::refused("not_signed_in", words)
}

fn remove_if_there(path: &PathBuf) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// A profile's name as the name of a file, on any system: `ada@127.0.0.1%3A7800`.
fn encoded(name: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (place, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'@' | b'-' | b'_' => {
                text.push(char::from(byte));
            }
            b'.' if place > 0 => text.push('.'),
            // Writing to a string does not fail.
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

fn decoded(file: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = file;
    while let Some(first) = rest.bytes().next() {
        let hex = rest.get(1..3).filter(|_| first == b'%');
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = rest.get(3..).unwrap_or_default();
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            bytes.extend_from_slice(&rest.as_bytes()[..length]);
            rest = &rest[length..];
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_file_and_comes_back() {
        for (name, file) in [
            ("ada@127.0.0.1:7800", "ada@127.0.0.1%3A7800"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("100%", "100%25"),
            ("é x", "%C3%A9%20x"),
            ("work", "work"),
        ] {
            assert_eq!(encoded(name), file);
            assert_eq!(decoded(file), name);
        }
        // Whatever lies in the folder, reading its name does no harm.
        for odd in ["%", "%zz", "%é", "a%4", ""] {
            decoded(odd);
        }
    }
}
