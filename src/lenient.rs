//! Values of replies, read in every form that a service writes them in.
//!
//! None of them makes a reply unreadable: a value of another type is as good as none.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Longest piece of an unreadable value that is kept, in characters.
const KEPT: usize = 64;

/// A text, or a number as text.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct LenientText(Option<String>);

impl LenientText {
    pub(crate) fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub(crate) fn into_string(self) -> Option<String> {
        self.0
    }
}

impl From<Value> for LenientText {
    fn from(value: Value) -> Self {
        Self(match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        })
    }
}

impl<'de> Deserialize<'de> for LenientText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

/// An integer: `2`, `"2"`, `2.0`. Of any other value, its start as JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct LenientInt(#[serde(serialize_with = "serialize_integer")] Result<i64, String>);

impl LenientInt {
    pub(crate) fn value(&self) -> Result<i64, &str> {
        self.0.as_ref().copied().map_err(String::as_str)
    }
}

impl<'de> Deserialize<'de> for LenientInt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let integer = match &value {
            Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
            Value::String(text) => text.trim().parse().ok().or_else(|| whole(text.trim().parse().ok()?)),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        Ok(Self(integer.ok_or_else(|| value.to_string().chars().take(KEPT).collect())))
    }
}

fn serialize_integer<S: serde::Serializer>(integer: &Result<i64, String>, serializer: S) -> Result<S::Ok, S::Error> {
    integer.as_ref().ok().serialize(serializer)
}

/// A number: `70`, `"70"`, `"70%"`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct LenientNumber(Option<f64>);

impl LenientNumber {
    pub(crate) fn value(self) -> Option<f64> {
        self.0
    }
}

impl<'de> Deserialize<'de> for LenientNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().trim_end_matches('%').trim_end().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        Ok(Self(number.filter(|number| number.is_finite())))
    }
}

/// The integer that a number is, if it is one within what a float holds exactly.
#[allow(clippy::cast_possible_truncation, reason = "checked to be whole and within 53 bits")]
pub(crate) fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn integer(value: Value) -> Result<i64, String> {
        serde_json::from_value::<LenientInt>(value).unwrap().0
    }

    #[test]
    fn integer_is_read_in_every_form() {
        for value in [json!(2), json!("2"), json!(" 2 "), json!(2.0), json!("2.0"), json!("+2")] {
            assert_eq!(integer(value.clone()), Ok(2), "{value}");
        }
        assert_eq!(integer(json!(-1)), Ok(-1));
    }

    #[test]
    fn what_is_no_integer_is_kept_as_json() {
        for value in [json!("soon"), json!(2.5), json!(""), json!(true), json!([2]), json!({"a": 2}), json!("1e99")] {
            assert_eq!(integer(value.clone()), Err(value.to_string()));
        }
        assert_eq!(integer(json!("x".repeat(1_000))).unwrap_err().len(), KEPT);
    }

    #[test]
    fn text_may_be_a_number_and_anything_else_is_none() {
        let text = |value| serde_json::from_value::<LenientText>(value).unwrap().into_string();
        assert_eq!(text(json!("a")).as_deref(), Some("a"));
        assert_eq!(text(json!(1_689_765_568_237_837_824_u64)).as_deref(), Some("1689765568237837824"));
        for value in [json!(null), json!(false), json!([]), json!({"zh": "成功"})] {
            assert_eq!(text(value.clone()), None, "{value}");
        }
    }

    #[test]
    fn number_may_be_a_text_with_a_percent_sign() {
        let number = |value| serde_json::from_value::<LenientNumber>(value).unwrap().value();
        for value in [json!(70), json!(70.0), json!("70"), json!("70%"), json!(" 70 % ")] {
            assert_eq!(number(value.clone()), Some(70.0), "{value}");
        }
        for value in [json!(""), json!("%"), json!("NaN"), json!("inf"), json!([70]), json!(null)] {
            assert_eq!(number(value.clone()), None, "{value}");
        }
    }
}
