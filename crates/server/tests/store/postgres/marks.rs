//! The rule of the marks is written twice, in the issuer and in SQL. It must be the same.

use countersign::UnixTime;
use countersign_issuer::marks::{Mark, Marks};
use countersign_issuer::record::{EndReason, Session};
use countersign_server::store::{Opened, Rotated, Rotation, Which};

use super::fixture;
use crate::cast::{GRACE, HOUR, ending, in_seconds, now, rotation, seconds_ago, session};

/// Numbers that look like chance and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }

    /// Up to four marks, newest first, of times around now: some future, some beyond the grace.
    fn marks(&mut self, generation: u32) -> Marks {
        let count = usize::try_from(self.below(5)).expect("a small number");
        let (mut generation, mut back) = (generation, 0);
        Marks::from_stored(std::array::from_fn(|place| {
            generation = generation.checked_sub(1 + u32::try_from(self.below(3)).ok()?)?;
            back += self.below(25);
            let replaced_at = if self.below(4) == 0 {
                in_seconds(self.below(100))
            } else {
                seconds_ago(back)
            };
            (place < count).then_some(Mark {
                generation,
                replaced_at,
            })
        }))
    }
}

#[tokio::test]
async fn marks_are_pushed_as_the_issuer_pushes_them() {
    let Some((f, _)) = fixture().await else {
        return;
    };
    let (ada, _) = f.signed_in().await;
    let mut numbers = Numbers(7);
    for number in 2..=200 {
        let generation = 20;
        let before = Session {
            generation,
            marks: numbers.marks(generation),
            // Sometimes the absolute end is nearer than the idle one.
            expires_at: in_seconds(10 + numbers.below(2000)),
            ..session(&ada, number)
        };
        assert_eq!(f.open(&ada, &before).await, Opened::Opened);
        let asked = Rotation {
            handle: before.handle,
            ..rotation(generation)
        };
        let outcome = f.store.rotate(asked.clone()).await.expect("works");
        let Rotated::Rotated(after, _) = outcome else {
            panic!("{before:?} is alive")
        };
        // The moment is the database's; the rest follows from it.
        let at = after.last_used_at;
        let expected = Session {
            generation: generation + 1,
            marks: before.marks.push(generation, at, GRACE),
            last_used_at: at,
            idle_expires_at: at.saturating_add(asked.idle).min(before.expires_at),
            ..before.clone()
        };
        assert_eq!(after, expected, "from {:?}", before.marks);
        assert_eq!(
            f.store.session(before.handle).await.expect("works"),
            Some(after)
        );
    }
}

#[tokio::test]
async fn the_last_generation_of_all_is_not_exchanged() {
    let Some((f, _)) = fixture().await else {
        return;
    };
    let (ada, _) = f.signed_in().await;
    let last = Session {
        generation: u32::MAX,
        ..session(&ada, 2)
    };
    assert_eq!(f.open(&ada, &last).await, Opened::Opened);
    let asked = Rotation {
        handle: last.handle,
        ..rotation(u32::MAX)
    };
    let outcome = f.store.rotate(asked).await.expect("works");
    assert!(matches!(outcome, Rotated::NotCurrent(..)), "{outcome:?}");
}

/// Of three servers one has a clock that is wrong. No client of it is taken for a thief.
#[tokio::test]
async fn a_server_whose_clock_is_off_judges_by_the_databases() {
    let Some((f, _)) = fixture().await else {
        return;
    };
    f.signed_in().await;
    for generation in 0..3 {
        let outcome = f.store.rotate(rotation(generation)).await.expect("works");
        assert!(matches!(outcome, Rotated::Rotated(..)), "{outcome:?}");
    }
    for wrong in [in_seconds(3600), seconds_ago(3600)] {
        let inside_grace = |row: &Session, wrong: UnixTime| {
            row.marks.inside_grace(2, wrong, GRACE) && row.marks.inside_grace(0, wrong, GRACE)
        };
        let late = Rotation {
            now: wrong,
            ..rotation(2)
        };
        let outcome = f.store.rotate(late).await.expect("works");
        let Rotated::NotCurrent(row, _) = outcome else {
            panic!("it is not: {outcome:?}")
        };
        assert!(inside_grace(&row, wrong), "{:?} at {wrong:?}", row.marks);
        // Nor does it keep a stolen token alive for longer.
        let long_after = wrong.saturating_add(GRACE * 2);
        assert!(
            !inside_grace(&row, long_after),
            "{:?} at {wrong:?}",
            row.marks
        );
    }
    // And its swaps are stamped with the database's time.
    let outcome = f
        .store
        .rotate(Rotation {
            now: in_seconds(3600),
            ..rotation(3)
        })
        .await;
    let Rotated::Rotated(row, _) = outcome.expect("works") else {
        panic!("it is current")
    };
    assert!(row.last_used_at <= now());
}

/// Nor does it clear away what is alive.
#[tokio::test]
async fn a_server_whose_clock_is_ahead_sweeps_nothing_that_is_alive() {
    let Some((f, _)) = fixture().await else {
        return;
    };
    let (ada, alive) = f.signed_in().await;
    assert_eq!(f.open(&ada, &session(&ada, 2)).await, Opened::Opened);
    let end = Which::Sid("sid-2".into());
    f.store
        .end_sessions(end, ending(EndReason::SignedOut))
        .await
        .expect("works");
    f.store
        .sweep(in_seconds(1_000_000), HOUR, UnixTime::EPOCH, 100)
        .await
        .expect("works");
    assert_eq!(
        f.store.session(alive.handle).await.expect("works"),
        Some(alive)
    );
    assert_eq!(f.store.revocations(now()).await.expect("works").len(), 1);
}
