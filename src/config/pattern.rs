//! A regular expression of the configuration, compiled once.
//!
//! The engine takes time linear in the text, whatever the expression; what an expression
//! may take of memory is limited when it is compiled. It sees digits only, so it knows no
//! Unicode: `\d` is `[0-9]`.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;

use super::{
    node::Value,
    value::{self, Wrong},
};

/// Compares by its text.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

/// Characters of an expression.
const PATTERN_MAX: usize = 1000;
/// Octets of a compiled one: enough for hundreds of alternatives, and all routes together
/// stay small.
const COMPILED_OCTETS_MAX: usize = 1 << 20;

impl Pattern {
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Anywhere in the text, unless the expression has `^` or `$`.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text.as_bytes())
    }

    /// Says yes to every text there is.
    pub(super) fn matches_everything(&self) -> bool {
        let parsed = ParserBuilder::new().utf8(false).unicode(false).build();
        let hir = { parsed }.parse(self.as_str());
        hir.is_ok_and(|hir| {
            let properties = hir.properties();
            properties.minimum_len() == Some(0) && properties.look_set().is_empty()
        })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

/// The rule for a value that is an expression; a wrong one is told with the place in it.
pub(super) fn pattern(written: &Value) -> Result<Pattern, Wrong> {
    let text = value::text(PATTERN_MAX)(written)?;
    let parsed = ParserBuilder::new().utf8(false).unicode(false).build();
    if let Err(e) = { parsed }.parse(&text) {
        return Err(syntax(&e));
    }
    let compiled = RegexBuilder::new(&text)
        .unicode(false)
        .size_limit(COMPILED_OCTETS_MAX)
        .build();
    compiled.map(Pattern).map_err(|_| {
        Wrong::new("is too large when compiled, beyond 1 MiB")
            .hint("repeat less, or write several rules")
    })
}

fn syntax(error: &regex_syntax::Error) -> Wrong {
    let (at, what) = match error {
        regex_syntax::Error::Parse(e) => (e.span().start.column, e.kind().to_string()),
        regex_syntax::Error::Translate(e) => (e.span().start.column, e.kind().to_string()),
        _ => return Wrong::new("is no regular expression"),
    };
    Wrong::new(format!(
        "is no regular expression: at character {at}: {what}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Pattern, String> {
        pattern(&Value::Text(text.to_owned())).map_err(|wrong| wrong.message)
    }

    #[test]
    fn a_wrong_expression_is_told_with_its_place() {
        let wrong = read("^49(15|16").unwrap_err();
        assert_eq!(
            wrong,
            "is no regular expression: at character 4: unclosed group"
        );
        let wrong = read(r"^49\q").unwrap_err();
        assert!(wrong.contains("at character 4:"), "{wrong}");
        let wrong = read("[0-9]{1000}{1000}").unwrap_err();
        assert!(wrong.contains("too large"), "{wrong}");
        assert!(read(&"1".repeat(1001)).is_err());
    }

    #[test]
    fn an_expression_sees_digits() {
        let mobile = read(r"^491[5-7]\d+$").unwrap();
        assert!(mobile.is_match("4915112345678"));
        assert!(!mobile.is_match("4930123456"));
        assert!(read("5").unwrap().is_match("4915"), "anywhere");
    }

    #[test]
    fn one_that_matches_everything_is_known() {
        for (text, everything) in [
            (".*", true),
            ("(49)?", true),
            ("^", false),
            ("^49", false),
            (".+", false),
        ] {
            assert_eq!(
                read(text).unwrap().matches_everything(),
                everything,
                "{text}"
            );
        }
    }
}
