//! Times as people say them: `2026-11-21 05:20:00 UTC`, `in 4 min`, `1h`.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use countersign::UnixTime;

/// A date, to the second.
pub(crate) fn date(seconds: i64) -> Option<String> {
    let moment = jiff::Timestamp::from_second(seconds).ok()?;
    Some(moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// How far away a moment is: `in 4 min`, `4 min ago`, `now`.
pub(crate) fn relative(seconds: i64, now: UnixTime) -> String {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let distance = seconds.saturating_sub(now);
    match distance {
        0 => "now".to_owned(),
        1.. => format!("in {}", span(distance.unsigned_abs())),
        _ => format!("{} ago", span(distance.unsigned_abs())),
    }
}

/// A length of time in its largest sensible unit.
pub(crate) fn span(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    const YEAR: u64 = 365 * DAY;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / MINUTE),
        7200..172_800 => format!("{} h", seconds / HOUR),
        172_800..63_072_000 => format!("{} days", seconds / DAY),
        _ => format!("{} years", seconds / YEAR),
    }
}

/// A number of seconds as typed: `90`, `90s`, `10m`, `1h`, `7d`, with a minus for the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offset(i64);

impl Offset {
    pub(crate) const fn seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    pub(crate) fn from(self, now: UnixTime) -> u64 {
        now.as_secs().saturating_add_signed(self.0)
    }
}

impl FromStr for Offset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("`{text}` is not a length of time like 90s, 10m, 1h or 7d");
        let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "" | "s" => 1,
            "m" | "min" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return Err(refuse()),
        };
        let number: i64 = digits.parse().map_err(|_| refuse())?;
        number.checked_mul(unit).map(Self).ok_or_else(refuse)
    }
}

impl Display for Offset {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_said_in_their_largest_unit() {
        let now = UnixTime::from_secs(1_000_000);
        for (seconds, said) in [
            (1_000_000, "now"),
            (1_000_042, "in 42 s"),
            (1_000_240, "in 4 min"),
            (999_760, "4 min ago"),
            (1_014_400, "in 4 h"),
            (1_864_000, "in 10 days"),
            (i64::MAX, "in 292471208677 years"),
            (i64::MIN, "292471208677 years ago"),
        ] {
            assert_eq!(relative(seconds, now), said);
        }
        assert_eq!(
            date(1_700_000_000).as_deref(),
            Some("2023-11-14 22:13:20 UTC")
        );
        assert_eq!(date(i64::MAX), None);
    }

    #[test]
    fn lengths_of_time_are_read() {
        for (text, seconds) in [
            ("90", 90),
            ("90s", 90),
            ("10m", 600),
            ("1h", 3600),
            ("-7d", -604_800),
        ] {
            assert_eq!(text.parse(), Ok(Offset(seconds)), "{text}");
        }
        for bad in ["", "h", "1 h", "1.5h", "1w", "99999999999999999d", "é"] {
            assert!(bad.parse::<Offset>().is_err(), "{bad}");
        }
        assert_eq!(Offset(-10).from(UnixTime::from_secs(3)), 0);
    }
}
