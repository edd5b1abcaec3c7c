//! A JSON object, written member by member.
//!
//! The record of a message is the answer to every send, and most of it is names. serde_json
//! looks at each octet of a name and of a text for what has to be escaped; here names are known to
//! need nothing, and a text is looked at in one sweep.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::clock::Iso;

/// What a member's value can be.
pub(super) trait Member {
    fn write(&self, out: &mut Vec<u8>);
}

/// What has members.
pub(super) trait Members {
    /// Adds all of them, as its schema names them.
    fn write(&self, object: &mut Object<'_>);
}

/// The octets of an object that is being written, each member with a comma before it.
#[derive(Debug)]
pub(super) struct Object<'o>(pub(super) &'o mut Vec<u8>);

impl Object<'_> {
    /// `name` is plain ASCII.
    #[inline]
    pub(super) fn add(&mut self, name: &'static str, value: &impl Member) {
        debug_assert!(is_plain(name) && name.is_ascii());
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        value.write(self.0);
    }
}

/// Nothing in it has to be escaped.
fn is_plain(text: &str) -> bool {
    let is_special = |b: u8| (b < 0x20) | (b == b'"') | (b == b'\\');
    // No early end: so the compiler takes many octets at a time.
    !text.bytes().fold(false, |any, b| any | is_special(b))
}

fn write_with_serde(value: &impl serde::Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("a record is plain data, and memory takes it");
}

impl Member for str {
    fn write(&self, out: &mut Vec<u8>) {
        if !is_plain(self) {
            return write_with_serde(&self, out);
        }
        out.reserve(self.len() + 2);
        out.push(b'"');
        out.extend_from_slice(self.as_bytes());
        out.push(b'"');
    }
}

impl Member for Cow<'_, str> {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl<T: Member + ?Sized> Member for &T {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl<T: Member> Member for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl Member for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Member for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        write_with_serde(self, out);
    }
}

impl Member for u32 {
    fn write(&self, out: &mut Vec<u8>) {
        u64::from(*self).write(out);
    }
}

impl Member for u8 {
    fn write(&self, out: &mut Vec<u8>) {
        u64::from(*self).write(out);
    }
}

impl Member for Iso {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(&self.octets());
        out.push(b'"');
    }
}

impl Member for Map<String, Value> {
    fn write(&self, out: &mut Vec<u8>) {
        write_with_serde(self, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Timestamp;
    use serde_json::json;

    fn written(value: &impl Member) -> Value {
        let mut out = b"{\"first\":1".to_vec();
        Object(&mut out).add("value", value);
        out.push(b'}');
        let mut object: Value = serde_json::from_slice(&out).unwrap();
        object["value"].take()
    }

    #[test]
    fn every_text_comes_back() {
        for n in 0..=0x17F {
            let text = format!("before {} after", char::from_u32(n).unwrap());
            assert_eq!(written(&text.as_str()), json!(text), "{n}");
        }
        assert_eq!(written(&""), json!(""));
        assert_eq!(written(&Cow::Borrowed("\"")), json!("\""));
    }

    #[test]
    fn values_are_what_serde_makes_of_them() {
        assert_eq!(written(&u64::MAX), json!(u64::MAX));
        assert_eq!((written(&7u32), written(&0u8)), (json!(7), json!(0)));
        assert_eq!(
            (written(&true), written(&false)),
            (json!(true), json!(false))
        );
        assert_eq!(written(&None::<u64>), json!(null));
        assert_eq!(written(&Some("x")), json!("x"));
        let map = json!({"a": {"b": ["c"]}});
        assert_eq!(written(map.as_object().unwrap()), map);
        let at = Iso(Timestamp(1_740_838_930_000_042));
        assert_eq!(written(&at), json!(at));
    }
}
