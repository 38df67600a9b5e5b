//! How a guard is, for a health check.

use std::time::Duration;

use countersign::UnixTime;

use crate::guard::Guard;
use crate::trust::Issuer;

/// What a guard holds of one issuer, and whether that is enough to let its tokens in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuerHealth {
    /// The `iss` of its tokens; `None` if any will do.
    pub issuer: Option<String>,
    /// Why no token of this issuer can be let in now, as a reason code; `None` if it can.
    pub refuses: Option<&'static str>,
    /// How many keys there are.
    pub keys: usize,
    /// How old they are; `None` if they do not come from afar, [`Duration::MAX`] if they have not
    /// come yet.
    pub key_age: Option<Duration>,
    /// How old the news of revocations are; `None` if none are followed, [`Duration::MAX`] if none
    /// have come yet.
    pub news_age: Option<Duration>,
}

impl<C> Guard<C> {
    /// How it is with each issuer, in the order they were given. It asks nobody: what it says is
    /// known already.
    pub fn health(&self, now: UnixTime) -> Vec<IssuerHealth> {
        self.issuers()
            .iter()
            .filter(|issuer| !issuer.is_legacy())
            .map(|issuer| issuer.health(now))
            .collect()
    }
}

impl Issuer {
    fn health(&self, now: UnixTime) -> IssuerHealth {
        IssuerHealth {
            issuer: self.name().map(str::to_owned),
            refuses: self.standing(now).err().map(|why| why.code()),
            keys: self.keys().current().len(),
            key_age: self.keys().age(now),
            news_age: self.revocations().age(now),
        }
    }
}
