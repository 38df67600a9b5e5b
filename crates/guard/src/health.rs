//! How a guard is, for a health check.

use std::time::Duration;

use countersign::UnixTime;

use crate::guard::Guard;
use crate::revoked::NewsBy;
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
    /// How often they were fetched, by need or by age.
    pub key_fetches: u64,
    /// How often they could not be.
    pub failed_key_fetches: u64,
    /// How many revocations are known that some token alive can be concerned by.
    pub revocations: usize,
    /// How old the news of revocations are; `None` if none are followed, [`Duration::MAX`] if none
    /// have come yet.
    pub news_age: Option<Duration>,
    /// How the news come.
    pub news_by: NewsBy,
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
        let (key_fetches, failed_key_fetches) = self.keys().cell().fetches();
        IssuerHealth {
            issuer: self.name().map(str::to_owned),
            refuses: self.standing(now).err().map(|why| why.code()),
            keys: self.keys().current().len(),
            key_age: self.keys().age(now),
            key_fetches,
            failed_key_fetches,
            revocations: self.revocations().len(),
            news_age: self.revocations().age(now),
            news_by: self.revocations().set().by(),
        }
    }
}
