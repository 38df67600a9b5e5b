//! Time as tokens write it: whole seconds since 1970 (RFC 7519 §2, `NumericDate`).
//!
//! Nothing in this crate reads a clock on its own: whoever verifies says what time it is. The one
//! line that asks the system, [`UnixTime::now`], stands behind the feature `std`.

use core::fmt;
use core::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// A moment in whole seconds since 1970-01-01T00:00:00Z, up to the end of the year 9999.
///
/// Sums saturate, so no date in a token can overflow a comparison.
///
/// ```
/// use core::time::Duration;
/// use countersign::UnixTime;
///
/// let issued = UnixTime::from_secs(1_700_000_000);
/// let expires = issued.saturating_add(Duration::from_secs(600));
/// assert_eq!(expires.since(issued), Duration::from_secs(600));
/// assert_eq!(UnixTime::from_secs(u64::MAX), UnixTime::MAX);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime {
    /// Plain on purpose. With a `NonZero` here an optional date had no room of its own for its
    /// absence, and rustc 1.95, at the level we ship, took none for one where it was mapped by `min`.
    seconds: u64,
}

impl UnixTime {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self::of(0);

    /// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
    pub const MAX: Self = Self::of(LAST);

    /// The moment `seconds` after [`EPOCH`](Self::EPOCH); later than [`MAX`](Self::MAX) becomes `MAX`.
    pub const fn from_secs(seconds: u64) -> Self {
        if seconds > LAST {
            Self::MAX
        } else {
            Self::of(seconds)
        }
    }

    /// Seconds since [`EPOCH`](Self::EPOCH).
    pub const fn as_secs(self) -> u64 {
        self.seconds
    }

    /// This moment and `span` more, its fraction of a second dropped; at most [`MAX`](Self::MAX).
    pub fn saturating_add(self, span: Duration) -> Self {
        Self::from_secs(self.as_secs().saturating_add(span.as_secs()))
    }

    /// This moment less `span`, its fraction of a second dropped; at least [`EPOCH`](Self::EPOCH).
    pub fn saturating_sub(self, span: Duration) -> Self {
        Self::of(self.as_secs().saturating_sub(span.as_secs()))
    }

    /// How long `earlier` lies back; zero if it does not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.as_secs().saturating_sub(earlier.as_secs()))
    }

    /// What the system clock says; a clock before 1970 reads as [`EPOCH`](Self::EPOCH).
    #[cfg(feature = "std")]
    pub fn now() -> Self {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(Self::EPOCH, |since| Self::from_secs(since.as_secs()))
    }

    const fn of(seconds: u64) -> Self {
        Self { seconds }
    }
}

const LAST: u64 = 253_402_300_799;

impl Default for UnixTime {
    fn default() -> Self {
        Self::EPOCH
    }
}

impl fmt::Debug for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnixTime").field(&self.as_secs()).finish()
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_secs().fmt(f)
    }
}

impl Serialize for UnixTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.as_secs())
    }
}

/// Reads a number of seconds; a fraction is dropped, a date outside 1970–9999 refused.
impl<'de> Deserialize<'de> for UnixTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumericDate)
    }
}

struct NumericDate;

impl Visitor<'_> for NumericDate {
    type Value = UnixTime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds from 0 to 253402300799")
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<UnixTime, E> {
        if seconds <= LAST {
            Ok(UnixTime::of(seconds))
        } else {
            Err(E::custom("the date lies after the year 9999"))
        }
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<UnixTime, E> {
        u64::try_from(seconds)
            .map_err(|_| E::custom("the date lies before 1970"))
            .and_then(|seconds| self.visit_u64(seconds))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<UnixTime, E> {
        floor(seconds).map_or_else(
            || Err(E::custom("the date lies outside the years 1970 to 9999")),
            |seconds| Ok(UnixTime::of(seconds)),
        )
    }
}

/// The whole seconds of a date with a fraction, if it lies in the range.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the range is checked first; both bounds are exact in an f64"
)]
pub(crate) fn floor(seconds: f64) -> Option<u64> {
    (0.0..(LAST + 1) as f64)
        .contains(&seconds)
        .then_some(seconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stay_in_range() {
        let end = UnixTime::MAX.saturating_add(Duration::MAX);
        assert_eq!(end, UnixTime::MAX);
        assert_eq!(
            UnixTime::EPOCH.saturating_sub(Duration::from_secs(1)),
            UnixTime::EPOCH
        );
        assert_eq!(UnixTime::EPOCH.since(UnixTime::MAX), Duration::ZERO);
    }

    #[test]
    fn a_fraction_is_dropped_and_the_range_kept() {
        assert_eq!(floor(1.9), Some(1));
        assert_eq!(floor(253_402_300_799.5), Some(253_402_300_799));
        for outside in [-0.5, 253_402_300_800.0, f64::NAN, f64::INFINITY] {
            assert_eq!(floor(outside), None, "{outside}");
        }
    }
}
