//! Lists come in pages. A cursor names the last item seen, not a number of items to skip: a page costs the
//! same however deep it is, and what is added or removed meanwhile shifts nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use otaru_http::Problem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `next_cursor` of the page before; without it, the first page.
    pub cursor: Option<String>,
    /// The most items in the page, 1 to 1000; 100 without it.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<usize>,
}

/// A page to be read: what comes after `after` in an order that is total.
#[derive(Debug, Clone)]
pub struct Window<K> {
    pub after: Option<K>,
    limit: usize,
}

impl PageQuery {
    /// Reads the cursor, which was made by [`Window::cut`] of the same list.
    ///
    /// # Errors
    /// 400.
    pub fn window<K: DeserializeOwned>(&self) -> Result<Window<K>, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::bad_request(format!("limit must be 1 to {MAX_LIMIT}, got {limit}")));
        }
        let after = self.cursor.as_deref().map(|cursor| {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
            bytes
                .and_then(|bytes| serde_json::from_slice(&bytes).ok())
                .ok_or_else(|| Problem::bad_request("the cursor is not one of this list: send next_cursor as it came"))
        });
        Ok(Window { after: after.transpose()?, limit })
    }
}

impl<K: Serialize> Window<K> {
    /// How many rows to ask for: one more than the page has, to know whether another follows.
    #[must_use]
    pub fn rows(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// The page's items and the cursor of the next.
    #[must_use]
    pub fn cut<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> (Vec<T>, Option<String>) {
        if rows.len() <= self.limit {
            return (rows, None);
        }
        rows.truncate(self.limit);
        let json = rows.last().and_then(|last| serde_json::to_vec(&key(last)).ok());
        (rows, json.map(|json| URL_SAFE_NO_PAD.encode(json)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_on_where_the_page_ended() {
        let first = PageQuery { cursor: None, limit: Some(2) }.window::<i64>().unwrap();
        assert_eq!(first.rows(), 3);
        let (items, cursor) = first.cut(vec![10, 20, 30], |item| *item);
        assert_eq!(items, [10, 20]);
        let next = PageQuery { cursor, limit: None }.window::<i64>().unwrap();
        assert_eq!(next.after, Some(20));
        assert_eq!(next.cut(vec![30], |item| *item), (vec![30], None));
    }

    proptest::proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_went_and_no_other_text_breaks_a_list(name in ".{0,20}", id in proptest::num::i64::ANY, text in "[A-Za-z0-9_=-]{0,60}") {
            let window = Window::<(String, i64)> { after: None, limit: 1 };
            let (_, cursor) = window.cut(vec![(name.clone(), id), (name.clone(), id)], Clone::clone);
            let next = PageQuery { cursor, limit: None }.window::<(String, i64)>().unwrap();
            assert_eq!(next.after, Some((name, id)));
            if let Err(problem) = (PageQuery { cursor: Some(text), limit: None }).window::<(String, i64)>() {
                assert_eq!(problem.status(), 400);
            }
        }
    }

    #[test]
    fn a_strange_cursor_and_a_strange_limit_are_refused() {
        let strange = PageQuery { cursor: Some("%%%".into()), limit: None };
        assert!(strange.window::<i64>().unwrap_err().body().detail.contains("cursor"));
        let greedy = PageQuery { cursor: None, limit: Some(1001) };
        assert!(greedy.window::<i64>().unwrap_err().body().detail.contains("1 to 1000"));
        assert!(PageQuery { cursor: None, limit: Some(0) }.window::<i64>().is_err());
    }
}
