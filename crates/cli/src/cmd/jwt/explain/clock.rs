//! How far this machine's clock is from the server's, by the `Date` of an answer.
//!
//! A `Date` is in whole seconds, so the difference is known to half a second at best, and the
//! answer's way adds to that.

use std::time::{SystemTime, UNIX_EPOCH};

use countersign::UnixTime;
use countersign_guard::remote::Dated;
use serde_json::{Value, json};

use super::super::moment::span;

/// The server's clock as seen from here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Difference {
    /// How many seconds the server's clock is ahead; negative if it is behind.
    server_ahead: f64,
    /// How far off that may be, in seconds.
    give_or_take: f64,
}

impl Difference {
    /// `None` if the `Date` cannot be read.
    #[expect(
        clippy::cast_precision_loss,
        reason = "to a tenth of a second is enough"
    )]
    pub(super) fn measured(dated: &Dated) -> Option<Self> {
        let date = jiff::fmt::rfc2822::parse(&dated.date).ok()?.timestamp();
        let (asked, answered) = (seconds(dated.asked), seconds(dated.answered));
        Some(Self {
            server_ahead: date.as_second() as f64 + 0.5 - f64::midpoint(asked, answered),
            give_or_take: 0.5 + (answered - asked).abs() / 2.0,
        })
    }

    /// Whether the difference is more than the measurement's own error.
    pub(super) fn is_real(self) -> bool {
        self.server_ahead.abs() > self.give_or_take
    }

    /// The server's time when it is `now` here.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float saturates"
    )]
    pub(super) fn there(self, now: UnixTime) -> UnixTime {
        let by = std::time::Duration::from_secs(self.server_ahead.abs().round() as u64);
        if self.server_ahead < 0.0 {
            now.saturating_sub(by)
        } else {
            now.saturating_add(by)
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float saturates"
    )]
    pub(super) fn words(self) -> String {
        let Self {
            server_ahead,
            give_or_take,
        } = self;
        if !self.is_real() {
            return format!("the same as the server's, to {give_or_take:.1} s");
        }
        let side = if server_ahead < 0.0 {
            "ahead of"
        } else {
            "behind"
        };
        let by = server_ahead.abs().round() as u64;
        format!(
            "{} {side} the server's, give or take {give_or_take:.1} s",
            span(by)
        )
    }

    pub(super) fn json(self) -> Value {
        let tenth = |seconds: f64| (seconds * 10.0).round() / 10.0;
        json!({
            "server_ahead_seconds": tenth(self.server_ahead),
            "give_or_take_seconds": tenth(self.give_or_take),
        })
    }
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn difference(date: &str, here: f64) -> Option<Difference> {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs_f64(seconds);
        Difference::measured(&Dated {
            date: date.to_owned(),
            asked: at(here),
            answered: at(here + 0.2),
        })
    }

    #[test]
    fn a_date_tells_how_far_the_clocks_are_apart() {
        let date = "Tue, 14 Nov 2023 22:13:20 GMT";
        let same = difference(date, 1_700_000_000.3).expect("a date");
        assert!(!same.is_real());
        assert_eq!(same.words(), "the same as the server's, to 0.6 s");

        let ahead = difference(date, 1_700_000_300.0).expect("a date");
        assert!(ahead.is_real());
        assert_eq!(
            ahead.words(),
            "5 min ahead of the server's, give or take 0.6 s"
        );
        let there = ahead.there(UnixTime::from_secs(1_700_000_300));
        assert_eq!(there, UnixTime::from_secs(1_700_000_000));

        let behind = difference(date, 1_699_999_990.0).expect("a date");
        assert!(behind.words().starts_with("10 s behind the server's"));
        assert_eq!(behind.json()["server_ahead_seconds"], 10.4);
    }

    #[test]
    fn what_is_no_date_says_nothing() {
        for text in ["", "yesterday", "\u{1b}[2J"] {
            assert!(difference(text, 1.0).is_none(), "{text:?}");
        }
    }
}
