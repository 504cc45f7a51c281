//! The outermost SELECT of a query: the columns that it gives, as far as they are written, and whether
//! it counts over everybody at once. What a `*` stands for only the database knows.

use std::ops::Range;

use super::ahead::Words;
use super::{Kind, Token};

/// What the outermost SELECT gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::signals) struct Outermost {
    /// Its columns, in order.
    pub(in crate::signals) columns: Vec<Selected>,
    /// Whether these may not be all: it has a `*`, or is none that can be read here.
    pub(in crate::signals) has_more: bool,
    /// An aggregate beside a plain `customer_id` where nothing is grouped.
    pub(in crate::signals) ungrouped: Option<Range<usize>>,
}

/// One column of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::signals) struct Selected {
    /// The bytes of its name; of all that gives it, where the database finds a name for it.
    pub(in crate::signals) span: Range<usize>,
    /// Its name, if it is written.
    pub(in crate::signals) name: Option<String>,
}

/// Functions over many rows. `min` and `max` of several values are none on SQLite.
const AGGREGATES: [&str; 10] = [
    "count",
    "sum",
    "total",
    "min",
    "max",
    "avg",
    "group_concat",
    "string_agg",
    "bool_or",
    "bool_and",
];

/// Words after which an expression goes on, so that the next word is no name for it.
const GOES_ON: [&str; 22] = [
    "and", "or", "not", "is", "like", "ilike", "glob", "regexp", "match", "between", "in",
    "collate", "case", "when", "then", "else", "escape", "from", "distinct", "over", "filter",
    "at",
];

/// Words that end an expression and are no name.
const ENDS: [&str; 8] = ["end", "null", "isnull", "notnull", "true", "false", "zone", "over"];

/// Where the list of columns ends.
const AFTER: [&str; 11] = [
    "from",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "union",
    "intersect",
    "except",
    "window",
    "into",
];

pub(super) fn read(text: &str, tokens: &[Token]) -> Outermost {
    let query = Words { text, tokens };
    let unknown = Outermost { has_more: true, ..Outermost::default() };
    let depths = depths(text, tokens);
    let at_top = |at: &usize| depths[*at] == 0;
    let Some(select) = (0..tokens.len()).filter(at_top).find(|at| query.is(*at, "select")) else {
        return unknown;
    };
    let mut from = select + 1;
    if query.is(from, "distinct") || query.is(from, "all") {
        from += 1;
        if query.is(from - 1, "distinct") && query.is(from, "on") {
            from = query.close(from + 1).map_or(tokens.len(), |close| close + 1);
        }
    }
    let ends = |at: &usize| at_top(at) && AFTER.contains(&query.word(*at).as_str());
    let to = (from..tokens.len()).find(ends).unwrap_or(tokens.len());
    let commas: Vec<usize> = (from..to).filter(|at| at_top(at) && query.is(*at, ",")).collect();
    let starts = std::iter::once(from).chain(commas.iter().map(|comma| comma + 1));
    let items: Vec<Range<usize>> = starts
        .zip(commas.iter().copied().chain([to]))
        .map(|(from, to)| from..to)
        .filter(|item| !item.is_empty())
        .collect();
    let has_more = items.iter().any(|item| query.is(item.end - 1, "*"));
    let columns: Vec<Selected> = items.iter().map(|item| query.selected(item.clone())).collect();
    let unions = ["union", "intersect", "except"];
    let ends = |at: &usize| at_top(at) && unions.contains(&query.word(*at).as_str());
    let end = (to..tokens.len()).find(ends).unwrap_or(tokens.len());
    let is_grouped = (to..end).any(|at| at_top(&at) && query.is(at, "group"));
    let aggregate = |item: &Range<usize>| query.aggregate(item.clone());
    let is_plain_id = items.iter().zip(&columns).any(|(item, column)| {
        let is_id = column.name.as_ref().is_some_and(|n| n.eq_ignore_ascii_case("customer_id"));
        is_id && aggregate(item).is_none()
    });
    let ungrouped = items.iter().find_map(aggregate).filter(|_| is_plain_id && !is_grouped);
    Outermost { columns, has_more, ungrouped }
}

/// How many brackets are open before each token; square ones too.
fn depths(text: &str, tokens: &[Token]) -> Vec<usize> {
    let mut depth = 0_usize;
    let of = |token: &Token| {
        let before = depth;
        match (token.kind, &text[token.span.clone()]) {
            (Kind::Open, _) | (_, "[") => depth += 1,
            (Kind::Close, _) | (_, "]") => depth = depth.saturating_sub(1),
            _ => {}
        }
        before
    };
    tokens.iter().map(of).collect()
}

impl Words<'_> {
    fn selected(&self, item: Range<usize>) -> Selected {
        let last = item.end - 1;
        let whole = self.tokens[item.start].span.start..self.tokens[last].span.end;
        match self.column_name(&item) {
            Some((at, name)) => {
                Selected { span: self.tokens[at].span.clone(), name: Some(name.to_owned()) }
            }
            None => Selected { span: whole, name: None },
        }
    }

    /// The token that is an item's name, and the name.
    fn column_name(&self, item: &Range<usize>) -> Option<(usize, &str)> {
        let last = item.end - 1;
        let name = self.name(last)?;
        let is_word = self.tokens[last].kind == Kind::Word;
        if item.len() == 1 {
            return Some((last, name));
        }
        let before = last - 1;
        if self.is(before, "as") {
            return Some((last, name));
        }
        if self.is(before, ".") {
            let is_path = |at: usize| self.is(at, ".") || self.name(at).is_some();
            let joins = item.clone().step_by(2).all(|at| self.name(at).is_some());
            return (joins && item.clone().all(is_path)).then_some((last, name));
        }
        // `value name`, without AS.
        let ends_value = match self.tokens[before].kind {
            Kind::Close => true,
            Kind::Word => !GOES_ON.contains(&self.word(before).as_str()),
            _ => self.name(before).is_some(),
        };
        let is_name = !is_word || !ENDS.contains(&self.word(last).as_str());
        (ends_value && is_name).then_some((last, name))
    }

    /// The bytes of the first function over many rows, outside of any query within.
    fn aggregate(&self, item: Range<usize>) -> Option<Range<usize>> {
        let mut at = item.start;
        while at < item.end {
            let opens = self.tokens[at].kind == Kind::Open;
            if opens && ["select", "with", "values"].iter().any(|word| self.is(at + 1, word)) {
                at = self.close(at)?;
            } else if let Some(close) = self.counts_rows(at) {
                return Some(self.tokens[at].span.start..self.tokens[close].span.end);
            }
            at += 1;
        }
        None
    }

    /// Where the call of an aggregate ends that begins at a token.
    fn counts_rows(&self, at: usize) -> Option<usize> {
        let word = self.word(at);
        let is_call = self.tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Open);
        let is_other = at > 0 && self.is(at - 1, ".");
        if !is_call || is_other || !AGGREGATES.contains(&word.as_str()) {
            return None;
        }
        let close = self.close(at + 1)?;
        let mut after = close + 1;
        if self.is(after, "filter") {
            after = self.close(after + 1)? + 1;
        }
        let inside = depths(self.text, &self.tokens[at + 2..close]);
        let is_list = (0..inside.len()).any(|n| inside[n] == 0 && self.is(at + 2 + n, ","));
        let is_scalar = is_list && ["min", "max"].contains(&word.as_str());
        (!self.is(after, "over") && !is_scalar).then_some(close)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Dialect, Query};
    use super::Outermost;

    fn outermost(text: &str) -> Outermost {
        let read = [Dialect::Sqlite, Dialect::Postgres].map(|dialect| Query::read(text, dialect));
        let query = read.into_iter().find_map(Result::ok).unwrap_or_else(|| panic!("{text}"));
        query.outermost().clone()
    }

    #[test]
    fn a_column_is_called_what_the_query_calls_it() {
        for (text, names) in [
            ("SELECT a, t.b, c AS d, t.e f, g \"h i\" FROM t", "a b d f h i"),
            ("WITH w AS (SELECT x AS y FROM v) SELECT DISTINCT y AS z FROM w", "z"),
            ("SELECT (SELECT MAX(x) AS m FROM v) AS n, COALESCE(o, 'a, b') p FROM t", "n p"),
            ("SELECT a + b, 'x' || c, CASE WHEN d THEN e END, f COLLATE nocase FROM t", "? ? ? ?"),
            ("SELECT COUNT(*), a IS NULL, NOT b, 1, CAST(c AS text) FROM t", "? ? ? ? ?"),
            ("SELECT a AS b UNION SELECT c AS d FROM t", "b"),
            ("SELECT DISTINCT ON (a, b) a, x[1, 2] AS y, z::text FROM t", "a y ?"),
        ] {
            let found = outermost(text);
            let of = |n: &super::Selected| n.name.clone().unwrap_or_else(|| "?".to_owned());
            let names_found: Vec<String> = found.columns.iter().map(of).collect();
            assert_eq!(names_found.join(" "), names, "{text}");
            assert!(!found.has_more, "{text}");
        }
        for text in ["SELECT *, a AS b FROM t", "SELECT t.*, a FROM t", "(SELECT a FROM t)"] {
            assert!(outermost(text).has_more, "{text}");
        }
    }

    #[test]
    fn what_counts_over_everybody_is_found_and_nothing_else() {
        let ungrouped = |text: &'static str| {
            outermost(text).ungrouped.map(|span| &text[span]).unwrap_or_default()
        };
        for (text, found) in [
            ("SELECT customer_id, COUNT(*) AS n FROM t", "COUNT(*)"),
            ("SELECT p AS customer_id, 1 + coalesce(max(x), 0) AS n FROM t", "max(x)"),
            ("SELECT t.customer_id, SUM(x) FILTER (WHERE y) AS n FROM t ORDER BY 1", "SUM(x)"),
            ("WITH w AS (SELECT 1 AS a GROUP BY a) SELECT customer_id, MIN(x) m FROM t", "MIN(x)"),
        ] {
            assert_eq!(ungrouped(text), found, "{text}");
        }
        for text in [
            "SELECT customer_id, COUNT(*) AS n FROM t GROUP BY customer_id",
            "SELECT customer_id, COUNT(*) OVER (PARTITION BY customer_id) AS n FROM t",
            "SELECT customer_id, SUM(x) FILTER (WHERE y) OVER w AS n FROM t WINDOW w AS ()",
            "SELECT customer_id, (SELECT COUNT(*) FROM u WHERE u.c = t.c) AS n FROM t",
            "SELECT customer_id, MAX(a, b) AS later FROM t",
            "SELECT MAX(customer_id) AS customer_id, COUNT(*) AS n FROM t",
            "SELECT c.id AS customer_id, n FROM c JOIN (SELECT COUNT(*) AS n FROM t) ON 1",
            "SELECT customer_id, t.count, count AS n FROM t",
            "SELECT customer_id, x FROM t WHERE x = (SELECT MAX(x) FROM t)",
        ] {
            assert_eq!(ungrouped(text), "", "{text}");
        }
    }
}
