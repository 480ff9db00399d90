//! Members of an answer that a script sets or leaves out.

use serde_json::Value;

/// One member of a JSON answer, and its new value.
#[derive(Clone)]
pub(crate) struct Member {
    /// A JSON pointer (RFC 6901).
    pub(crate) pointer: String,
    /// `None` leaves the member out.
    pub(crate) value: Option<Value>,
}

impl Member {
    /// Sets the member, or leaves it out.
    ///
    /// # Errors
    /// If the pointer leads nowhere. The error names the pointer, but not the value.
    pub(crate) fn apply(&self, answer: &mut Value) -> Result<(), String> {
        let nowhere = || format!("{} points to nothing in the answer", self.pointer);
        let (parent, name) = self.pointer.rsplit_once('/').ok_or_else(nowhere)?;
        let name = name.replace("~1", "/").replace("~0", "~");
        match (answer.pointer_mut(parent), &self.value) {
            (Some(Value::Object(members)), Some(value)) => {
                members.insert(name, value.clone());
            }
            (Some(Value::Object(members)), None) => {
                members.remove(&name);
            }
            (Some(Value::Array(entries)), value) => {
                let index = name.parse().ok().filter(|index| *index < entries.len()).ok_or_else(nowhere)?;
                match value {
                    Some(value) => entries[index] = value.clone(),
                    None => drop(entries.remove(index)),
                }
            }
            _ => return Err(nowhere()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn apply(pointer: &str, value: Option<Value>) -> Result<Value, String> {
        let mut answer = json!({"job": {"progress": 70, "a/b": 1}, "infos": [1, 2]});
        Member { pointer: pointer.to_owned(), value }.apply(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn a_member_is_set_added_or_left_out_where_the_pointer_leads() {
        let cases = [
            ("/job/progress", Some(json!("100%")), json!({"job": {"progress": "100%", "a/b": 1}, "infos": [1, 2]})),
            ("/job/more", Some(json!(7)), json!({"job": {"progress": 70, "a/b": 1, "more": 7}, "infos": [1, 2]})),
            ("/job/a~1b", Some(json!(2)), json!({"job": {"progress": 70, "a/b": 2}, "infos": [1, 2]})),
            ("/job", Some(json!(null)), json!({"job": null, "infos": [1, 2]})),
            ("/infos/1", Some(json!(null)), json!({"job": {"progress": 70, "a/b": 1}, "infos": [1, null]})),
            ("/infos/0", None, json!({"job": {"progress": 70, "a/b": 1}, "infos": [2]})),
            ("/job/progress", None, json!({"job": {"a/b": 1}, "infos": [1, 2]})),
            ("/job/absent", None, json!({"job": {"progress": 70, "a/b": 1}, "infos": [1, 2]})),
        ];
        for (pointer, value, expected) in cases {
            assert_eq!(apply(pointer, value), Ok(expected), "{pointer}");
        }
    }

    #[test]
    fn a_pointer_that_leads_nowhere_is_told() {
        for pointer in ["", "job", "/none/progress", "/job/progress/x", "/infos/2", "/infos/-", "/infos/x"] {
            for value in [Some(json!("s3cret")), None] {
                assert_eq!(apply(pointer, value), Err(format!("{pointer} points to nothing in the answer")));
            }
        }
    }
}
