//! What ended: the live set of this process, and who is told of it.

use std::time::Duration;

use countersign::UnixTime;
use countersign_issuer::revoke::{Revocation, RevocationPolicy};
use countersign_wire::revocation::Kind;

use super::authority::Authority;
use super::error::FlowError;
use super::feed::kind;

const REMEMBERED: Duration = Duration::from_secs(3_600);

impl Authority {
    /// Adds to the live set, and to the guard over this server's own routes.
    pub(super) fn publish(&self, revocations: impl IntoIterator<Item = Revocation>) {
        let now = UnixTime::now();
        let mut fresh = Vec::new();
        {
            let mut live = self.live();
            for revocation in revocations {
                if live.insert(revocation.clone(), now) {
                    fresh.push(revocation);
                }
            }
        }
        if !fresh.is_empty() {
            self.guard_revoked.merge(fresh.into_iter().map(merged));
            self.feed.wake();
        }
    }

    /// Hands the guard over our own routes everything that is revoked.
    pub(super) fn tell_guard(&self) {
        let all = self.live().all();
        self.guard_revoked.merge(all.into_iter().map(merged));
    }

    /// Takes in what other processes have published in the database.
    pub(crate) async fn read_revocations(&self) -> Result<(), FlowError> {
        let stored = self.store.revocations(UnixTime::now()).await?;
        self.publish(stored);
        Ok(())
    }

    /// A number that changes whenever another process has written to the database.
    pub(crate) async fn foreign_writes(&self) -> Result<u64, FlowError> {
        Ok(self.store.foreign_writes().await?)
    }

    /// Forgets what nobody can ask for again, `limit` rows of a kind at most; whether there may be
    /// more.
    pub(crate) async fn sweep(&self, limit: u32) -> Result<bool, FlowError> {
        let now = self.steady_now();
        let swept = self.live().sweep(now);
        if swept > 0 {
            self.feed.forget_pieces(Duration::ZERO).await;
        }
        self.guard_revoked.sweep(now);
        let audit_before = now.saturating_sub(self.policy.audit_retention);
        Ok(self
            .store
            .sweep(
                now,
                remembered(&self.revocation_policy()),
                audit_before,
                limit,
            )
            .await?)
    }
}

/// How long a session that is over stays: as long as any token of it may be taken for alive, so that
/// whoever ends it still finds it, and for an hour at least, so that a late refresh token is answered
/// with what became of it.
fn remembered(policy: &RevocationPolicy) -> Duration {
    policy.access_tokens().max(REMEMBERED)
}

fn merged(revocation: Revocation) -> (Kind, String, UnixTime) {
    (kind(revocation.kind), revocation.value, revocation.until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_stays_as_long_as_its_tokens_and_an_hour_at_least() {
        let seconds = Duration::from_secs;
        let policy = |life| RevocationPolicy {
            longest_life: seconds(life),
            ..RevocationPolicy::default()
        };
        assert_eq!(remembered(&policy(600)), seconds(3_600));
        assert_eq!(remembered(&policy(7_200)), seconds(7_200 + 120));
    }
}
