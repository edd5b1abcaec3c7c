//! What follows the `?`, and pages.

use std::borrow::Cow;

use http::Uri;
use serde_json::{Value, json};

use super::cursor;
use super::error::Faults;
use super::json::Field;
use super::rule;
use crate::openapi::{Operation, Schema};
use crate::store::Cursor;

/// The parameters of a query; of duplicates the last counts, and an empty one is absent.
#[derive(Debug)]
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    pub(super) fn of(uri: &'a Uri) -> Query<'a> {
        let query = uri.query().unwrap_or_default();
        Query(form_urlencoded::parse(query.as_bytes()).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut newest_first = self.0.iter().rev();
        let found = newest_first.find(|(n, _)| n == name);
        found.map(|(_, v)| v.as_ref()).filter(|v| !v.is_empty())
    }

    pub(super) fn into_pairs(self) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
        self.0
    }

    pub(super) fn integer(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<i64>,
        faults: &mut Faults,
    ) -> Option<i64> {
        let field = Field::Text(self.get(name)?.into());
        rule::integer(name, &field, range, faults).value()
    }
}

/// A stretch of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) number: usize,
    pub(super) size: usize,
}

/// Rows of a page where the client does not say.
const PAGE_SIZE: i64 = 50;
/// Rows of a page, at most: each is some kilobytes of JSON.
const PAGE_SIZE_MAX: i64 = 500;
/// Pages further back are reached by `cursor`, or by `from` and `to`.
const PAGE_NUMBER_MAX: i64 = 1_000_000;

impl Page {
    /// `page` and `per_page`; the first page where there is no `page`.
    pub(super) fn of(query: &Query<'_>, faults: &mut Faults) -> Page {
        let number = query.integer("page", 1..=PAGE_NUMBER_MAX, faults);
        let size = query.integer("per_page", 1..=PAGE_SIZE_MAX, faults);
        let count = |n: i64| usize::try_from(n).expect("the rule made it positive");
        Page {
            number: count(number.unwrap_or(1)),
            size: count(size.unwrap_or(PAGE_SIZE)),
        }
    }

    /// The parameters that [`Page::of`] reads.
    pub(super) fn parameters(operation: &mut Operation<'_>) {
        let page = Schema::integer(1..=PAGE_NUMBER_MAX).says("The page, from 1.");
        let size = Schema::integer(1..=PAGE_SIZE_MAX)
            .default(PAGE_SIZE)
            .says("Rows of a page.");
        operation.query("page", page).query("per_page", size);
    }

    pub(super) fn offset(self) -> usize {
        (self.number - 1) * self.size
    }

    /// A page of a list that goes on at `next`.
    pub(super) fn before(self, next: Option<Cursor>) -> Value {
        let mut pagination = self.describe(None);
        pagination["next_cursor"] = next.map(cursor::write).into();
        pagination
    }

    /// `total` where it is known.
    pub(super) fn describe(self, total: Option<usize>) -> Value {
        let mut pagination = json!({ "page": self.number, "per_page": self.size });
        if let Some(total) = total {
            pagination["total"] = total.into();
        }
        pagination
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_count_from_one_and_have_a_limit() {
        let page = |q: &str| {
            let uri: Uri = format!("/x?{q}").parse().unwrap();
            let mut faults = Faults::default();
            let page = Page::of(&Query::of(&uri), &mut faults);
            faults.check().map(|()| page)
        };
        assert_eq!(
            page("").unwrap(),
            Page {
                number: 1,
                size: 50
            }
        );
        let third = page("page=3&per_page=10").unwrap();
        assert_eq!((third.offset(), third.size), (20, 10));
        for wrong in ["page=0", "page=-1", "page=x", "per_page=501"] {
            assert!(page(wrong).is_err(), "{wrong}");
        }
    }
}
