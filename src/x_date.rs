//! The header `X-Date`: its format, and its window.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeDelta, Utc};

use crate::{
    rules,
    validation::{ValidationError, shown},
};

/// The wire format: `yyyyMMdd'T'HHmmss'Z'` in UTC.
const FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// How old an `X-Date` may be. Source: source document.
pub(crate) const WINDOW: TimeDelta = TimeDelta::minutes(15);

/// The time when a request was made, `X-Date`, in UTC to the second.
///
/// ```
/// # use koodrive_share::XDate;
/// let date: XDate = "20251103T070140Z".parse()?;
/// assert_eq!(date.to_string(), "20251103T070140Z");
/// assert_eq!(date, XDate::from(date.time()));
/// # Ok::<(), koodrive_share::ValidationError>(())
/// ```
///
/// The service accepts a date of the last 15 minutes, by its own clock, and none in the future. By default, the client
/// makes a date for every attempt and follows the server's clock. Set a date yourself only to replay a signature.
/// Source: source document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct XDate(DateTime<Utc>);

impl XDate {
    /// Returns the time.
    pub fn time(self) -> DateTime<Utc> {
        self.0
    }

    /// Checks the rule `x-date-window`: at some time in the range `now`, the date is at most 15 minutes old and not in
    /// the future.
    pub(crate) fn check(self, now: RangeInclusive<DateTime<Utc>>) -> Result<(), ValidationError> {
        if self.0 <= *now.end() && *now.start() - self.0 <= WINDOW {
            return Ok(());
        }
        let actual = format!("{self} at {}", Self::from(*now.start()));
        let advice = "leave it out to have one made for every attempt";
        Err(rules::X_DATE_WINDOW.at("X-Date").given(actual).advise(advice).into())
    }
}

impl From<DateTime<Utc>> for XDate {
    /// Drops the fraction of the second.
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.trunc_subsecs(0))
    }
}

impl FromStr for XDate {
    type Err = ValidationError;

    /// # Errors
    ///
    /// Anything but a calendar date as `yyyyMMdd'T'HHmmss'Z'` breaks the rule `x-date-format`.
    fn from_str(text: &str) -> Result<Self, ValidationError> {
        let date = NaiveDateTime::parse_from_str(text, FORMAT).ok().map(|time| Self(time.and_utc()));
        // The parser also accepts blanks, single digits and the second 60, which it stores as a fraction of over a
        // second.
        let exact = date.filter(|date| date.to_string() == text && date.0.timestamp_subsec_nanos() == 0);
        let broken = || rules::X_DATE_FORMAT.at("X-Date").given(shown(text)).advise("write it like 20251103T070140Z");
        exact.ok_or_else(|| broken().into())
    }
}

/// `20251103T070140Z`
impl fmt::Display for XDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format(FORMAT).write_to(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_of_four_digit_years_is_read_back() {
        // From year 0 to year 9999, in steps of a prime number of seconds.
        for seconds in (-62_167_219_200i64..253_402_300_800).step_by(1_299_709) {
            let date = XDate::from(DateTime::from_timestamp(seconds, 999_999_999).unwrap());
            assert_eq!(date.to_string().parse(), Ok(date));
        }
    }

    #[test]
    fn only_the_documented_format_is_a_date() {
        let bad = [
            "",
            "20251103T070140",
            "20251103t070140z",
            "2025-11-03T07:01:40Z",
            "20251303T070140Z",
            "20250229T000000Z",
            "20251103T246060Z",
            "20251231T235960Z",
            "2025 113T070140Z",
            "+2025113T070140Z",
            "-0010101T000000Z",
            "-00010101T000000Z",
            "+100000101T000000Z",
            " 20251103T070140Z",
            "20251103T070140Z\n",
        ];
        for text in bad {
            assert!(text.parse::<XDate>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_window_is_15_minutes_to_the_second_and_not_the_future() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        for (age, within) in [(0, true), (900, true), (901, false), (-1, false)] {
            let date = XDate::from(now - TimeDelta::seconds(age));
            assert_eq!(date.check(now..=now).is_ok(), within, "{age} s");
        }
    }
}
