use countersign_issuer::marks::Marks;
use proptest::prelude::*;

use crate::cast::{at, secs};

const GRACE: u64 = 30;

#[test]
fn nothing_was_replaced_yet() {
    assert_eq!(Marks::default().replaced_at(0, secs(GRACE)), None);
    assert!(!Marks::default().inside_grace(0, at(0), secs(GRACE)));
}

#[test]
fn the_last_second_of_the_grace_is_inside() {
    let marks = Marks::default().push(0, at(100), secs(GRACE));
    assert!(marks.inside_grace(0, at(130), secs(GRACE)));
    assert!(!marks.inside_grace(0, at(131), secs(GRACE)));
}

#[test]
fn the_example_of_the_module_head() {
    let grace = secs(GRACE);
    let marks = Marks::default()
        .push(7, at(100), grace)
        .push(8, at(103), grace)
        .push(9, at(109), grace)
        .push(10, at(112), grace);
    let bounds = [7, 8, 9, 10].map(|generation| marks.replaced_at(generation, grace));
    assert_eq!(bounds, [100, 110, 110, 112].map(|time| Some(at(time))));
    assert_eq!(marks.as_array().iter().flatten().count(), 2);
}

#[test]
fn a_mark_in_the_future_is_inside_the_grace_and_comes_down_with_the_next() {
    let grace = secs(GRACE);
    let marks = Marks::default().push(0, at(5_000), grace);
    assert!(
        marks.inside_grace(0, at(100), grace),
        "the clock was set back"
    );
    let marks = marks.push(1, at(100), grace);
    assert!(marks.inside_grace(0, at(130), grace));
    assert!(!marks.inside_grace(0, at(131), grace));
}

#[test]
fn no_grace_remembers_nothing_but_the_present_second() {
    let marks = Marks::default()
        .push(0, at(1), secs(0))
        .push(1, at(2), secs(0));
    assert!(!marks.inside_grace(0, at(2), secs(0)));
    assert!(marks.inside_grace(1, at(2), secs(0)));
}

proptest! {
    /// Whatever the rhythm of the refreshes and whatever the grace: what was replaced inside it is
    /// known to be, and what was replaced more than a third of it longer ago is known not to be.
    #[test]
    fn any_rhythm_is_remembered_for_the_whole_grace(
        grace in 0_u64..200,
        gaps in prop::collection::vec(prop_oneof![0_u64..3, 0_u64..40, 0_u64..400], 1..120),
        later in 0_u64..300,
    ) {
        let mut marks = Marks::default();
        let mut now = 0;
        let mut replaced = Vec::new();
        for (generation, gap) in (0_u32..).zip(gaps) {
            now += gap;
            marks = marks.push(generation, at(now), secs(grace));
            replaced.push(now);
            check(&marks, &replaced, now, grace)?;
        }
        check(&marks, &replaced, now + later, grace)?;
    }
}

fn check(marks: &Marks, replaced: &[u64], now: u64, grace: u64) -> Result<(), TestCaseError> {
    let oldest = marks.as_array().iter().flatten().last().unwrap().generation;
    for (generation, truly) in (0_u32..).zip(replaced) {
        let bound = marks.replaced_at(generation, secs(grace)).unwrap();
        let inside = marks.inside_grace(generation, at(now), secs(grace));
        prop_assert!(
            bound >= at(*truly),
            "generation {generation} is dated too early"
        );
        if generation >= oldest {
            prop_assert!(
                bound <= at(truly + grace / 3),
                "generation {generation} is dated too late"
            );
        }
        if now - truly <= grace {
            prop_assert!(
                inside,
                "generation {generation} was replaced inside the grace"
            );
        }
        if now - truly > grace + grace / 3 {
            prop_assert!(
                !inside,
                "generation {generation} was replaced long before the grace"
            );
        }
    }
    Ok(())
}
