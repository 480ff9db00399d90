//! Values of replies, read in every form in which services write them.
//!
//! None of them makes a reply unreadable: a value of another type, or out of range, counts as missing. They implement
//! `Serialize` only because the generator derives it for the types around them; no code serialises these.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, value::RawValue};

use crate::service_code::ServiceCode;

/// The longest value that is shown as JSON, in bytes.
const LONGEST_SHOWN: usize = 1 << 16;

/// A text, or a number as text.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct LenientText(pub(crate) Option<String>);

impl LenientText {
    pub(crate) fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub(crate) fn non_empty(self) -> Option<String> {
        self.0.filter(|text| !text.is_empty())
    }
}

impl From<&RawValue> for LenientText {
    fn from(json: &RawValue) -> Self {
        Self(match scalar(json) {
            Some(Value::String(text)) => Some(text),
            Some(Value::Number(number)) => Some(canonical(&number, json)),
            _ => None,
        })
    }
}

/// An integer: `2`, `"2"`, `2.0`. Any other value is kept as [`normalized`] JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct LenientInt(pub(crate) Result<i64, String>);

impl From<&RawValue> for LenientInt {
    fn from(json: &RawValue) -> Self {
        let integer = match scalar(json) {
            Some(Value::Number(number)) => integer(&number),
            Some(Value::String(text)) => text.trim().parse().ok().or_else(|| exact_integer(text.trim().parse().ok()?)),
            _ => None,
        };
        Self(integer.ok_or_else(|| normalized(json)))
    }
}

/// A response code: an integer of any size, or a text, which is its type in older editions. A fraction is not a code.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct LenientCode(pub(crate) Option<ServiceCode>);

/// Why a response is not read as a success: what it lacks, or `None` if its code is another one.
pub(crate) type Defect = Option<String>;

impl LenientCode {
    /// Checks that the code is that of success.
    pub(crate) fn success(&self) -> Result<(), Defect> {
        if self.0 == Some(ServiceCode::Success) { Ok(()) } else { Err(None) }
    }
}

impl From<&RawValue> for LenientCode {
    fn from(json: &RawValue) -> Self {
        // Most replies have this code, and parsing it as a number is slow.
        if json.get() == "0" {
            return Self(Some(ServiceCode::Success));
        }
        let text = match scalar(json) {
            Some(Value::String(text)) => Some(text.trim().to_owned()),
            Some(Value::Number(number)) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => {
                Some(canonical(&number, json))
            }
            _ => None,
        };
        Self(text.filter(|text| !text.is_empty()).map(|text| match text.parse() {
            Ok(0i64) => ServiceCode::Success,
            _ => text.as_str().into(),
        }))
    }
}

/// A number: `70`, `"70"`, `"70%"`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct LenientNumber(pub(crate) Option<f64>);

impl From<&RawValue> for LenientNumber {
    fn from(json: &RawValue) -> Self {
        let number = match scalar(json) {
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().trim_end_matches('%').trim_end().parse().ok(),
            _ => None,
        };
        Self(number.filter(|number| number.is_finite()))
    }
}

/// A boolean: `true`, `"true"`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct LenientBool(pub(crate) Option<bool>);

impl From<&RawValue> for LenientBool {
    fn from(json: &RawValue) -> Self {
        Self(json.get().trim_matches('"').parse().ok())
    }
}

/// An object. Any other value is kept as [`normalized`] JSON, also an array, whose elements serde would take as the
/// fields.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct LenientObject<T>(pub(crate) Result<T, String>);

impl<'de, T: Deserialize<'de>> From<&'de RawValue> for LenientObject<T> {
    fn from(json: &'de RawValue) -> Self {
        let object = if json.get().starts_with('{') { serde_json::from_str(json.get()).ok() } else { None };
        Self(object.ok_or_else(|| normalized(json)))
    }
}

/// An array. Any other value is kept as [`normalized`] JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct LenientList<T>(pub(crate) Result<Vec<T>, String>);

impl<'de, T: Deserialize<'de>> From<&'de RawValue> for LenientList<T> {
    fn from(json: &'de RawValue) -> Self {
        Self(serde_json::from_str(json.get()).map_err(|_| normalized(json)))
    }
}

/// Parses a value that is neither an array nor an object, which would take many times their length in memory.
fn scalar(json: &RawValue) -> Option<Value> {
    if json.get().starts_with(['[', '{']) { None } else { serde_json::from_str(json.get()).ok() }
}

/// Returns a value as JSON without unnecessary escapes, so that secrets in it are recognized, or the length of a long
/// value.
pub(crate) fn normalized(json: &RawValue) -> String {
    if json.get().len() > LONGEST_SHOWN {
        return format!("a value of {} bytes", json.get().len());
    }
    match serde_json::from_str::<Value>(json.get()) {
        Ok(value) => value.to_string(),
        // A number out of range has no escapes.
        Err(_) if !json.get().contains('"') => json.get().to_owned(),
        Err(_) => "a value that cannot be read".to_owned(),
    }
}

/// Returns a number as text, without a fraction of 0: `2` for `2.0`. A number that is no integer, or out of range,
/// stays as written.
fn canonical(number: &Number, json: &RawValue) -> String {
    integer(number).map_or_else(|| json.get().to_owned(), |number| number.to_string())
}

/// Returns a number as an integer, if it is one.
fn integer(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| exact_integer(number.as_f64()?))
}

/// Returns a float as an integer, if it is whole and within the range that a float holds exactly.
#[allow(clippy::cast_possible_truncation, reason = "checked to be whole and within 53 bits")]
fn exact_integer(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(json: &str) -> T {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn integer_is_read_in_every_form() {
        for json in ["2", "\"2\"", "\" 2 \"", "2.0", "\"2.0\"", "\"+2\"", "2e0"] {
            assert_eq!(read::<LenientInt>(json).0, Ok(2), "{json}");
        }
        assert_eq!(read::<LenientInt>("-1").0, Ok(-1));
    }

    #[test]
    fn what_is_no_integer_is_kept_as_json() {
        for json in ["\"soon\"", "2.5", "\"\"", "true", "[2]", "{\"a\":2}", "\"1e99\"", "\"9007199254740993.0\""] {
            assert_eq!(read::<LenientInt>(json).0, Err(json.to_owned()));
        }
        assert_eq!(read::<LenientInt>(r#""\u0073\u006f\/on""#).0, Err("\"so/on\"".to_owned()));
        assert_eq!(read::<LenientInt>("1e999").0, Err("1e999".to_owned()));
        assert_eq!(read::<LenientInt>(r#"["a", 1e999]"#).0, Err("a value that cannot be read".to_owned()));
    }

    #[test]
    fn value_of_more_than_64_kib_is_told_by_its_length() {
        let json = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2));
        assert_eq!(read::<LenientInt>(&json(65_536)).0, Err(json(65_536)));
        assert_eq!(read::<LenientInt>(&json(65_537)).0, Err("a value of 65537 bytes".to_owned()));
    }

    #[test]
    fn text_may_be_a_number_and_anything_else_is_none() {
        let text = |json| read::<LenientText>(json).0;
        assert_eq!(text("\"a\"").as_deref(), Some("a"));
        for number in ["1689765568237837824", "168976556823783782400000", "0", "2.5"] {
            assert_eq!(text(number).as_deref(), Some(number));
        }
        assert_eq!((text("7001.0").as_deref(), text("-0.0").as_deref()), (Some("7001"), Some("0")));
        for json in ["null", "false", "[]", "{\"zh\": \"成功\"}", "1e999", "\"\\ud800\""] {
            assert_eq!(text(json), None, "{json}");
        }
    }

    #[test]
    fn number_may_be_a_text_with_a_percent_sign() {
        let number = |json| read::<LenientNumber>(json).0;
        for json in ["70", "70.0", "\"70\"", "\"70%\"", "\" 70 % \""] {
            assert_eq!(number(json), Some(70.0), "{json}");
        }
        for json in ["\"\"", "\"%\"", "\"NaN\"", "\"inf\"", "[70]", "null", "1e999"] {
            assert_eq!(number(json), None, "{json}");
        }
    }
}
