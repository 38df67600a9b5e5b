//! Device tokens: a device that signed in before is known again, so that its owner does not wait
//! for the failures of strangers.
//!
//! A token says "somebody signed in as this name on this device". It opens nothing: it only has
//! failures counted apart (see [`throttle`](crate::throttle)). It is no secret worth stealing, but
//! it is signed, or a guesser would draw a new one for every guess.

use core::time::Duration;

use countersign::{UnixTime, crypto::sha256, secret::SecretString};

use crate::{
    error::IssuerError,
    mac::{Kind, MacKeys},
};

const DEVICE: Kind = Kind {
    prefix: DeviceToken::PREFIX,
    context: b"countersign device token v1",
};
/// Name, device, time of issue.
const BODY: usize = 16 + 16 + 8;

/// A device token on its way to its device. It does not print.
#[derive(Clone, Debug)]
pub struct DeviceToken(SecretString);

impl DeviceToken {
    /// What every one of them starts with.
    pub const PREFIX: &str = "csd_";
    /// How long one is good for.
    pub const LIFE: Duration = Duration::from_secs(90 * 86_400);

    /// The text, for a cookie or a field of the answer.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A device that has signed in under the name it tries now. Made by [`MacKeys::open_device`] only.
#[derive(Clone, Debug)]
pub struct Device {
    id: [u8; 16],
    issued_at: UnixTime,
}

impl Device {
    /// The device's id, to renew its token under.
    pub const fn id(&self) -> &[u8; 16] {
        &self.id
    }

    /// When its token was made: with the password of that time.
    pub const fn issued_at(&self) -> UnixTime {
        self.issued_at
    }
}

impl MacKeys {
    /// A token for a device on which `name` has just signed in; `id` is the one it is known by, or
    /// a new random one.
    ///
    /// # Errors
    /// [`IssuerError::UnknownMacKey`] never: the current key is always loaded.
    pub fn device_token(
        &self,
        name: &str,
        id: [u8; 16],
        now: UnixTime,
    ) -> Result<DeviceToken, IssuerError> {
        let mut body = [0; BODY];
        let issued = now.as_secs().to_be_bytes();
        let fields = name_of(name).into_iter().chain(id).chain(issued);
        for (field, byte) in body.iter_mut().zip(fields) {
            *field = byte;
        }
        let text = self.write(&DEVICE, self.current_id(), &body)?;
        Ok(DeviceToken(SecretString::new(text)))
    }

    /// The device, if the token is genuine, of this name and not too old.
    pub fn open_device(&self, text: &str, name: &str, now: UnixTime) -> Option<Device> {
        let (_, body) = self.read::<BODY>(&DEVICE, text)?;
        let (signed_name, rest) = body.split_first_chunk::<16>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (issued, _) = rest.split_first_chunk::<8>()?;
        let issued_at = UnixTime::from_secs(u64::from_be_bytes(*issued));
        let fresh = now.since(issued_at) <= DeviceToken::LIFE;
        (*signed_name == name_of(name) && fresh).then_some(Device { id: *id, issued_at })
    }
}

/// The name, as far as a token carries it.
fn name_of(name: &str) -> [u8; 16] {
    let digest = sha256(name.as_bytes());
    digest.first_chunk::<16>().copied().unwrap_or_default()
}
