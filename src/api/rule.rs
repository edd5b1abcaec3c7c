//! The rules that fields are held to, each adding its complaint and going on.

use std::borrow::Cow;

use super::error::Faults;
use super::json::Field;
use crate::openapi::Schema;

/// What a request says about a field that may be left out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given<T> {
    /// Not a word; also where it was wrong, which the faults tell.
    Absent,
    /// Null: back to the default.
    Cleared,
    Value(T),
}

impl<T> Given<T> {
    pub(super) fn value(self) -> Option<T> {
        match self {
            Given::Value(value) => Some(value),
            Given::Absent | Given::Cleared => None,
        }
    }
}

/// A string of at most `characters_max`. An empty one is as good as null.
pub(super) fn text<'a>(
    name: &str,
    field: Field<'a>,
    characters_max: usize,
    faults: &mut Faults,
) -> Given<Cow<'a, str>> {
    match field {
        Field::Absent => Given::Absent,
        Field::Null => Given::Cleared,
        Field::Text(text) if text.is_empty() => Given::Cleared,
        Field::Text(text) if is_longer(&text, characters_max) => {
            faults.add(
                name,
                format!("The {name} field must have at most {characters_max} characters."),
            );
            Given::Absent
        }
        Field::Text(text) => Given::Value(text),
        _ => {
            faults.add(name, format!("The {name} field must be a string."));
            Given::Absent
        }
    }
}

/// As [`text`], and it has to be there.
pub(super) fn required_text<'a>(
    name: &str,
    field: Field<'a>,
    characters_max: usize,
    faults: &mut Faults,
) -> Option<Cow<'a, str>> {
    let text = text(name, field, characters_max, faults).value();
    if text.is_none() && !faults.names(name) {
        required(name, faults);
    }
    text
}

pub(super) fn required(name: &str, faults: &mut Faults) {
    faults.add(name, format!("The {name} field is required."));
}

/// A whole number, as JSON or as the digits of a form.
pub(super) fn integer(
    name: &str,
    field: &Field<'_>,
    range: std::ops::RangeInclusive<i64>,
    faults: &mut Faults,
) -> Given<i64> {
    let number = match field {
        Field::Absent => return Given::Absent,
        Field::Null => return Given::Cleared,
        Field::Text(text) if text.is_empty() => return Given::Cleared,
        Field::Integer(number) => Some(*number),
        Field::Text(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    if let Some(number) = number.filter(|n| range.contains(n)) {
        return Given::Value(number);
    }
    let (low, high) = range.into_inner();
    faults.add(
        name,
        match high {
            i64::MAX => format!("The {name} field must be an integer of at least {low}."),
            _ => format!("The {name} field must be an integer between {low} and {high}."),
        },
    );
    Given::Absent
}

/// Describes [`integer`] in a body, where digits will do as well; the range begins with 1.
pub(super) fn integer_or_digits(
    range: std::ops::RangeInclusive<i64>,
    may_be_absent: bool,
) -> Schema {
    // So many digits are within the range, whichever they are.
    let digits = range.end().to_string().len() - 2;
    let digits = match may_be_absent {
        true => format!("^([1-9][0-9]{{0,{digits}}})?$"),
        false => format!("^[1-9][0-9]{{0,{digits}}}$"),
    };
    let either = Schema::any_of([Schema::integer(range), Schema::string().pattern(digits)]);
    if may_be_absent {
        either.or_null()
    } else {
        either
    }
}

/// True or false, also as 0 and 1, or as a form writes them.
pub(super) fn flag(name: &str, field: &Field<'_>, faults: &mut Faults) -> Given<bool> {
    let word = match field {
        Field::Absent => return Given::Absent,
        Field::Null => return Given::Cleared,
        Field::Bool(flag) => return Given::Value(*flag),
        Field::Integer(0) => "0",
        Field::Integer(1) => "1",
        Field::Text(text) => text,
        _ => "",
    };
    match parse_flag(word) {
        Some(flag) => Given::Value(flag),
        None => {
            faults.add(name, format!("The {name} field must be true or false."));
            Given::Absent
        }
    }
}

/// Describes [`flag`].
pub(super) fn flag_schema() -> Schema {
    let number = Schema::any().with("enum", vec![0, 1]);
    Schema::any_of([Schema::flag(), number, flag_word()]).or_null()
}

/// Describes [`parse_flag`].
pub(super) fn flag_word() -> Schema {
    Schema::words(["true", "false", "1", "0"])
}

/// A flag as queries and forms write it.
pub(super) fn parse_flag(word: &str) -> Option<bool> {
    match word {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

/// Limits count code points.
fn is_longer(text: &str, characters_max: usize) -> bool {
    text.len() > characters_max && text.chars().nth(characters_max).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_counts_code_points() {
        assert!(!is_longer("äöü", 3));
        assert!(is_longer("äöüß", 3));
        assert!(!is_longer("🎉🎉🎉", 3));
    }

    #[test]
    fn integers_come_as_numbers_or_digits() {
        let of = |field: Field<'_>| {
            let mut faults = Faults::default();
            let given = integer("n", &field, 1..=65535, &mut faults);
            (given, faults.names("n"))
        };
        assert_eq!(of(Field::Integer(80)), (Given::Value(80), false));
        assert_eq!(of(Field::Text("80".into())), (Given::Value(80), false));
        assert_eq!(of(Field::Null), (Given::Cleared, false));
        let wrong = [
            Field::Integer(0),
            Field::Integer(65536),
            Field::Integer(-1),
            Field::Text("80x".into()),
            Field::Text("+80".into()),
            Field::Number,
            Field::Bool(true),
        ];
        for field in wrong {
            assert_eq!(of(field.clone()), (Given::Absent, true), "{field:?}");
        }
    }
}
