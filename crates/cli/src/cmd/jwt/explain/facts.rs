//! What the named issuer says now: its keys, what it took back, its clock.

use std::time::Duration;

use countersign::KeySet;
use countersign_guard::remote::News;
use countersign_guard::wire::revocation::{Event, Kind};
use countersign_guard::{Guard, GuardBuilder, KeyHandle, RevokedHandle, TrustedIssuer};
use serde::de::DeserializeOwned;

use super::check::Asked;
use super::clock::Difference;
use crate::failure::Failure;
use crate::printable::printable;

/// What is known of the issuer.
pub(super) struct Facts {
    pub(super) keys: KeySet,
    /// What it took back, or why that is not known.
    pub(super) taken_back: Result<Vec<Event>, String>,
    /// No access token of it lives longer.
    pub(super) max_lifetime: Option<Duration>,
    pub(super) clock: Option<Difference>,
}

impl Facts {
    /// Asks the issuer that this guard trusts; the error says why it could not be asked.
    pub(super) async fn of(guard: &GuardBuilder) -> Result<Self, String> {
        let look = guard
            .look()
            .await
            .map_err(|error| printable(&error.to_string()))?;
        let taken_back = match look.news {
            News::Snapshot(bulletin) => Ok(bulletin.events),
            News::NotOffered => Err("the issuer publishes no revocations".to_owned()),
            News::Unavailable(error) => Err(printable(&error.to_string())),
        };
        Ok(Self {
            keys: look.keys,
            taken_back,
            max_lifetime: look
                .metadata
                .countersign_max_token_lifetime
                .map(Duration::from_secs),
            clock: look.clock.as_ref().and_then(Difference::measured),
        })
    }

    /// The guard of an API that trusts this issuer.
    pub(super) fn guard<C: DeserializeOwned>(
        &self,
        asked: &Asked<'_>,
    ) -> Result<Guard<C>, Failure> {
        let revoked = RevokedHandle::new();
        if let Ok(events) = &self.taken_back {
            let until = |event: &Event| countersign::UnixTime::from_secs(event.until);
            revoked.merge(
                events
                    .iter()
                    .map(|event| (event.kind, event.value.clone(), until(event))),
            );
        }
        let (issuer, audience) = (asked.issuer, asked.audience);
        let trusted = TrustedIssuer::new(issuer.unwrap_or_default(), audience.unwrap_or_default());
        let mut guard = Guard::trusting(asked.names.of(trusted))
            .claims::<C>()
            .keys(KeyHandle::fixed(self.keys.clone()))
            .revocations(revoked)
            .leeway(asked.leeway());
        if asked.audience.is_none() {
            guard = guard.any_audience();
        }
        guard = match asked.typ {
            Some(typ) => guard.typ(typ),
            None => guard.any_typ(),
        };
        if let Some(max) = self.max_lifetime {
            guard = guard.max_lifetime(max);
        }
        guard.build().map_err(Failure::failed)
    }

    /// The event about this value, if there is one.
    pub(super) fn event(&self, kind: Kind, value: &str) -> Option<&Event> {
        let events = self.taken_back.as_ref().ok()?;
        events
            .iter()
            .find(|event| event.kind == kind && event.value == value)
    }
}
