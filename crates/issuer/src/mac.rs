//! The MAC keys, and the text form of the refresh tokens they authenticate.
//!
//! The newest key makes tokens; older ones are accepted for as long as a token they made can be alive.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::fmt;

use countersign::{
    UnixTime, base64url,
    crypto::{self, MacKey},
    secret::SecretString,
};
use zeroize::Zeroize;

use crate::{
    error::{IssuerError, Refused},
    master::MasterKey,
    record::{Handle, MacKeyRecord, Session},
    refresh::Presented,
};

/// What every refresh token starts with, so that people and secret scanners know one when they see it.
const PREFIX: &str = "csr_";
const VERSION: u8 = 1;
const CONTEXT: &[u8] = b"countersign refresh token v1";
const FIELDS: usize = 1 + 4 + 16 + 4;
const MAC: usize = 32;

/// The MAC keys in use, opened.
pub struct MacKeys {
    current: u32,
    keys: BTreeMap<u32, MacKey>,
}

/// A refresh token on its way to its client. It does not print.
#[derive(Clone, Debug)]
pub struct RefreshToken(SecretString);

impl RefreshToken {
    /// The text, to be put into the answer and nowhere else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl MacKeys {
    /// Opens the stored keys. The one not retired with the highest id makes tokens.
    ///
    /// # Errors
    /// [`IssuerError::WrongMasterKey`] when one does not open, [`IssuerError::NoMacKey`] when all are retired or there
    /// are none: [`MacKeyRecord::generate`] makes one.
    pub fn open_all(records: &[MacKeyRecord], master: &MasterKey) -> Result<Self, IssuerError> {
        let mut keys = BTreeMap::new();
        let mut current = None;
        for record in records {
            keys.insert(record.id, record.open(master)?);
            if record.retired_at.is_none() {
                current = current.max(Some(record.id));
            }
        }
        let current = current.ok_or(IssuerError::NoMacKey)?;
        Ok(Self { current, keys })
    }

    /// The key that makes new tokens.
    pub const fn current_id(&self) -> u32 {
        self.current
    }

    /// The session's current refresh token. Asked twice, it is the same one twice.
    ///
    /// # Errors
    /// [`IssuerError::UnknownMacKey`] when the row names a key that is not loaded.
    pub fn refresh_token(&self, session: &Session) -> Result<RefreshToken, IssuerError> {
        let id = session.mac_key_id;
        let key = self.keys.get(&id).ok_or(IssuerError::UnknownMacKey { id })?;
        let fields = fields(id, session.handle, session.generation);
        let mut bytes = Vec::with_capacity(FIELDS + MAC);
        bytes.extend_from_slice(&fields);
        bytes.extend_from_slice(&key.mac(&[CONTEXT, &fields]));
        let text = format!("{PREFIX}{}", base64url::encode(&bytes));
        Ok(RefreshToken(SecretString::new(text)))
    }

    /// Reads a refresh token and checks its MAC: no database, no clock.
    ///
    /// # Errors
    /// [`Refused::UnknownRefreshToken`] for everything that was not made here, whatever is wrong with it.
    pub fn open(&self, text: &str) -> Result<Presented, Refused> {
        self.read(text).ok_or(Refused::UnknownRefreshToken)
    }

    fn read(&self, text: &str) -> Option<Presented> {
        let encoded = text.strip_prefix(PREFIX)?;
        if encoded.len() != (FIELDS + MAC) / 3 * 4 {
            return None;
        }
        let bytes = base64url::decode(encoded).ok()?;
        let (fields, mac) = bytes.split_first_chunk::<FIELDS>()?;
        let (version, rest) = fields.split_first()?;
        let (id, rest) = rest.split_first_chunk::<4>()?;
        let (handle, rest) = rest.split_first_chunk::<16>()?;
        let (generation, _) = rest.split_first_chunk::<4>()?;
        let mac_key_id = u32::from_be_bytes(*id);
        if *version != VERSION || !self.keys.get(&mac_key_id)?.verify(&[CONTEXT, fields], mac) {
            return None;
        }
        Some(Presented {
            mac_key_id,
            handle: Handle::new(*handle),
            generation: u32::from_be_bytes(*generation),
            next_mac_key_id: self.current,
        })
    }
}

impl fmt::Debug for MacKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacKeys")
            .field("current", &self.current)
            .field("count", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl MacKeyRecord {
    /// Makes a key and seals it.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when the backend fails.
    pub fn generate(id: u32, master: &MasterKey, now: UnixTime) -> Result<Self, IssuerError> {
        let mut bytes = crypto::random::<32>()?;
        let sealed = master.seal(&bytes, &context(id));
        bytes.zeroize();
        Ok(Self {
            id,
            sealed: sealed?,
            created_at: now,
            retired_at: None,
        })
    }

    /// The same key under another master key.
    ///
    /// # Errors
    /// [`IssuerError::WrongMasterKey`] when it does not open under the old one.
    pub fn reseal(&self, old: &MasterKey, new: &MasterKey) -> Result<Self, IssuerError> {
        let bytes = old.open(&self.sealed, &context(self.id), || self.name())?;
        Ok(Self {
            sealed: new.seal(bytes.expose(), &context(self.id))?,
            ..self.clone()
        })
    }

    fn open(&self, master: &MasterKey) -> Result<MacKey, IssuerError> {
        let bytes = master.open(&self.sealed, &context(self.id), || self.name())?;
        let bytes = bytes
            .expose()
            .first_chunk::<32>()
            .ok_or_else(|| IssuerError::WrongMasterKey { what: self.name() })?;
        Ok(MacKey::new(bytes))
    }

    fn name(&self) -> String {
        format!("the MAC key {}", self.id)
    }
}

fn context(id: u32) -> Vec<u8> {
    format!("countersign mac key v1 {id}").into_bytes()
}

fn fields(mac_key_id: u32, handle: Handle, generation: u32) -> [u8; FIELDS] {
    let mut fields = [0; FIELDS];
    let parts: [&[u8]; 4] = [
        &[VERSION],
        &mac_key_id.to_be_bytes(),
        handle.as_bytes(),
        &generation.to_be_bytes(),
    ];
    for (field, byte) in fields.iter_mut().zip(parts.into_iter().flatten()) {
        *field = *byte;
    }
    fields
}
