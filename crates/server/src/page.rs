//! Lists, a page at a time: `?limit=…&after=<cursor>` gives `{"items": […], "next": cursor}`.

use std::str::FromStr;

use bursar_core::OwnerId;
use bursar_store::Page;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::schema;
use crate::problem::{Code, Problem};

const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 1000;

/// The parameters of every list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// At most so many items; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    pub(crate) limit: Option<u32>,
    /// The `next` of the page before.
    pub(crate) after: Option<String>,
}

/// The parameters of a list of what companies and persons have.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OwnedQuery {
    /// Of this company or person.
    #[param(value_type = Option<schema::OwnerId>)]
    pub(crate) owner: Option<OwnerId>,
    /// At most so many items; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    pub(crate) limit: Option<u32>,
    /// The `next` of the page before.
    pub(crate) after: Option<String>,
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listed<T> {
    /// In the order of creation, unless asked otherwise.
    pub(crate) items: Vec<T>,
    /// Give it as `after` to go on; null at the end.
    pub(crate) next: Option<String>,
}

/// Where a page begins and how long it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cursor<K> {
    after: Option<K>,
    limit: u32,
}

impl<K: FromStr + Copy> Cursor<K> {
    pub(crate) fn parse(limit: Option<u32>, after: Option<&str>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            let message = format!("{limit} is not between 1 and {LIMIT_MAX}");
            return Err(Problem::of_field(Code::InvalidQuery, "limit", message));
        }
        let not_ours = |_| Problem::of_field(Code::InvalidQuery, "after", "this is not the `next` of a page");
        let after = after.map(str::parse).transpose().map_err(not_ours)?;
        Ok(Self { after, limit })
    }

    /// Exactly the page.
    pub(crate) const fn page(&self) -> Page<K> {
        Page { after: self.after, limit: self.limit }
    }

    /// The page and one more, which tells whether another page follows.
    pub(crate) const fn page_and_one(&self) -> Page<K> {
        Page { after: self.after, limit: self.limit + 1 }
    }

    /// Cuts the one more off again.
    pub(crate) fn cut<R, T>(
        &self,
        mut rows: Vec<R>,
        key: impl Fn(&R) -> String,
        view: impl FnMut(R) -> T,
    ) -> Listed<T> {
        let has_more = rows.len() > self.limit as usize;
        rows.truncate(self.limit as usize);
        let next = rows.last().filter(|_| has_more).map(key);
        let items = rows.into_iter().map(view).collect();
        Listed { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_at_most_a_thousand_and_at_least_one() {
        let limit = |limit| Cursor::<i64>::parse(limit, None).map(|cursor| cursor.page().limit);
        assert_eq!(limit(None), Ok(100));
        assert_eq!(limit(Some(1000)), Ok(1000));
        assert!(limit(Some(0)).is_err() && limit(Some(1001)).is_err());
    }

    #[test]
    fn next_is_there_as_long_as_more_follows() {
        let cursor = Cursor::<i64>::parse(Some(2), Some("7")).expect("a cursor");
        assert_eq!(cursor.page_and_one(), Page { after: Some(7), limit: 3 });
        let cut = |rows| cursor.cut(rows, i64::to_string, |row| row);
        assert_eq!((cut(vec![8, 9, 10]).items, cut(vec![8, 9, 10]).next), (vec![8, 9], Some("9".to_owned())));
        assert_eq!(cut(vec![8, 9]).next, None);
        assert_eq!(cut(vec![]).next, None);
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        assert!(Cursor::<i64>::parse(None, Some("card_1")).is_err());
    }
}
