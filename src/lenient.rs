//! Values of replies, read in every form that a service writes them in.
//!
//! None of them makes a reply unreadable: a value of another type, or one that nothing holds, is as good as none. The
//! generator derives `Serialize` for the types around them, which nothing writes.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, value::RawValue};

use crate::service_code::ServiceCode;

/// Longest value that is shown as JSON, in bytes.
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

/// An integer: `2`, `"2"`, `2.0`. Of any other value, what stands there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct LenientInt(pub(crate) Result<i64, String>);

impl From<&RawValue> for LenientInt {
    fn from(json: &RawValue) -> Self {
        let integer = match scalar(json) {
            Some(Value::Number(number)) => integer(&number),
            Some(Value::String(text)) => text.trim().parse().ok().or_else(|| whole(text.trim().parse().ok()?)),
            _ => None,
        };
        Self(integer.ok_or_else(|| normalized(json)))
    }
}

/// A response code: an integer of any size, or a text, as which older editions type it. A fraction is no code.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct LenientCode(pub(crate) Option<ServiceCode>);

impl LenientCode {
    /// # Errors
    ///
    /// Nothing, if it is not success: as an operation reads a response.
    pub(crate) fn success(&self) -> Result<(), Option<String>> {
        if self.0 == Some(ServiceCode::Success) { Ok(()) } else { Err(None) }
    }
}

impl From<&RawValue> for LenientCode {
    fn from(json: &RawValue) -> Self {
        // As most replies have it: the way through a number and its text is long.
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

/// A truth: `true`, `"true"`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct LenientBool(pub(crate) Option<bool>);

impl From<&RawValue> for LenientBool {
    fn from(json: &RawValue) -> Self {
        Self(json.get().trim_matches('"').parse().ok())
    }
}

/// An object. Of any other value, what stands there: of an array, serde would take the elements for the fields.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct LenientObject<T>(pub(crate) Result<T, String>);

impl<'de, T: Deserialize<'de>> From<&'de RawValue> for LenientObject<T> {
    fn from(json: &'de RawValue) -> Self {
        let object = json.get().starts_with('{').then(|| serde_json::from_str(json.get()).ok()).flatten();
        Self(object.ok_or_else(|| normalized(json)))
    }
}

/// An array. Of any other value, what stands there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct LenientList<T>(pub(crate) Result<Vec<T>, String>);

impl<'de, T: Deserialize<'de>> From<&'de RawValue> for LenientList<T> {
    fn from(json: &'de RawValue) -> Self {
        Self(serde_json::from_str(json.get()).map_err(|_| normalized(json)))
    }
}

/// A value that is no array and no object, which take many times their length.
fn scalar(json: &RawValue) -> Option<Value> {
    if json.get().starts_with(['[', '{']) { None } else { serde_json::from_str(json.get()).ok() }
}

/// A value as JSON without escapes that are not needed, so that secrets in it are recognized. Of a long one, its length.
pub(crate) fn normalized(json: &RawValue) -> String {
    if json.get().len() > LONGEST_SHOWN {
        return format!("a value of {} bytes", json.get().len());
    }
    match serde_json::from_str::<Value>(json.get()) {
        Ok(value) => value.to_string(),
        // A number that nothing holds has no escapes.
        Err(_) if !json.get().contains('"') => json.get().to_owned(),
        Err(_) => "beyond what can be read".to_owned(),
    }
}

/// A number as text, without a fraction of nothing: `2` for `2.0`. One that no integer here holds stays as it is.
fn canonical(number: &Number, json: &RawValue) -> String {
    integer(number).map_or_else(|| json.get().to_owned(), |number| number.to_string())
}

/// The integer that a number is, if it is one.
fn integer(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| whole(number.as_f64()?))
}

/// Within what a float holds exactly.
#[allow(clippy::cast_possible_truncation, reason = "checked to be whole and within 53 bits")]
fn whole(number: f64) -> Option<i64> {
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
        assert_eq!(read::<LenientInt>(r#"["a", 1e999]"#).0, Err("beyond what can be read".to_owned()));
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
