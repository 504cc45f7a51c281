//! Where a query looks past the run's instant: it asks a clock of its own, or takes an empty date for
//! what was empty then. What only the data could show is never guessed at.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{AS_OF, Kind, Token};

/// A place at which a query knows more than was known at the run's instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::signals) struct Ahead {
    /// The bytes meant.
    pub(in crate::signals) span: Range<usize>,
    pub(in crate::signals) what: What,
}

/// What a query looks past the run's instant by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::signals) enum What {
    /// It asks the database's clock, in these words.
    Clock(String),
    /// It asks whether this date is empty today, and compares it with `:as_of` nowhere.
    EmptyToday(String),
}

/// Words that are the database's clock.
const CLOCKS: [&str; 6] =
    ["current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "sysdate"];

/// Functions that ask the clock, where nothing stands in their brackets.
const ASKED_ALONE: [&str; 15] = [
    "now",
    "clock_timestamp",
    "transaction_timestamp",
    "statement_timestamp",
    "timeofday",
    "getdate",
    "curdate",
    "curtime",
    "utc_timestamp",
    "unix_timestamp",
    "date",
    "time",
    "datetime",
    "julianday",
    "unixepoch",
];

/// Functions that ask the clock where `'now'` stands in their brackets.
const ASKED_NOW: [&str; 7] =
    ["date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff"];

/// Types as which a text such as `'today'` is the clock's.
const TYPES: [&str; 4] = ["date", "time", "timestamp", "timestamptz"];

/// Words at which one comparison ends and another one begins.
const BETWEEN_COMPARISONS: [&str; 18] = [
    "select", "from", "where", "and", "or", "on", "having", "join", "group", "order", "union",
    "when", "then", "else", "end", "case", "limit", "window",
];

/// Every such place, in the order of the text.
pub(super) fn find(text: &str, tokens: &[Token]) -> Vec<Ahead> {
    let query = Words { text, tokens };
    let dated = query.compared_with_as_of();
    let places = (0..tokens.len())
        .filter_map(|at| query.clock(at).or_else(|| query.empty_today(at, &dated)));
    places.collect()
}

/// The words of a query, one a token.
pub(super) struct Words<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
}

impl Words<'_> {
    /// A token, in small letters; nothing where there is none.
    pub(super) fn word(&self, at: usize) -> String {
        self.tokens.get(at).map_or_else(String::new, |t| self.text[t.span.clone()].to_lowercase())
    }

    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|t| self.text[t.span.clone()].eq_ignore_ascii_case(word))
    }

    /// The name that a token is, without its quotes.
    pub(super) fn name(&self, at: usize) -> Option<&str> {
        let token = self.tokens.get(at)?;
        let text = &self.text[token.span.clone()];
        match text.chars().next()? {
            '"' | '`' | '[' if text.len() > 2 => Some(&text[1..text.len() - 1]),
            _ => (token.kind == Kind::Word).then_some(text),
        }
    }

    /// The token that closes the bracket at `open`.
    pub(super) fn close(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        (open..self.tokens.len()).find(|at| {
            match self.tokens[*at].kind {
                Kind::Open => depth += 1,
                Kind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        })
    }

    fn asked(&self, what: fn(String) -> What, from: usize, to: usize) -> Ahead {
        let span = self.tokens[from].span.start..self.tokens[to].span.end;
        Ahead { what: what(self.text[span.clone()].to_owned()), span }
    }

    /// The clock that is asked at a token, if one is.
    fn clock(&self, at: usize) -> Option<Ahead> {
        let word = self.word(at);
        if at > 0 && (self.is(at - 1, ".") || self.is(at - 1, "as")) {
            return None;
        }
        if self.tokens[at].kind == Kind::Word && CLOCKS.contains(&word.as_str()) {
            return Some(self.asked(What::Clock, at, at));
        }
        if self.tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Open) {
            let close = self.close(at + 1)?;
            let inside = at + 2..close;
            let alone = inside.is_empty() && ASKED_ALONE.contains(&word.as_str());
            let now =
                ASKED_NOW.contains(&word.as_str()) && inside.clone().any(|at| self.is(at, "'now'"));
            let age = word == "age" && !inside.clone().any(|at| self.is(at, ","));
            return (alone || now || age).then(|| self.asked(What::Clock, at, close));
        }
        let told = ["'now'", "'today'", "'yesterday'", "'tomorrow'"].contains(&word.as_str());
        let before = at.checked_sub(1).map(|at| self.word(at)).unwrap_or_default();
        let typed = self.is(at + 1, "::")
            || TYPES.contains(&before.as_str())
            || (before == "(" && at > 1 && self.is(at - 2, "cast"));
        (told && typed).then(|| self.asked(What::Clock, at, at))
    }

    /// A date that is asked to be empty, where no comparison says at which instant.
    fn empty_today(&self, at: usize, dated: &BTreeSet<String>) -> Option<Ahead> {
        let to = match () {
            () if self.is(at + 1, "is") && self.is(at + 2, "null") => at + 2,
            () if self.is(at + 1, "isnull") => at + 1,
            () => return None,
        };
        let name = self.name(at)?;
        if !tells_time(name) || dated.contains(&name.to_lowercase()) {
            return None;
        }
        let qualified = at > 1 && self.is(at - 1, ".") && self.name(at - 2).is_some();
        let from = if qualified { at - 2 } else { at };
        let column = self.tokens[from].span.start..self.tokens[at].span.end;
        let span = column.start..self.tokens[to].span.end;
        Some(Ahead { span, what: What::EmptyToday(self.text[column].to_owned()) })
    }

    /// The names of all columns that share a comparison with `:as_of`.
    fn compared_with_as_of(&self) -> BTreeSet<String> {
        let mut dated = BTreeSet::new();
        let (mut names, mut has_as_of) = (BTreeSet::new(), false);
        let (mut depth, mut began_at, mut between) = (0_i32, 0_i32, false);
        for at in 0..=self.tokens.len() {
            let word = self.word(at);
            let kind = self.tokens.get(at).map(|token| token.kind);
            match kind {
                Some(Kind::Open) => depth += 1,
                Some(Kind::Close) => depth -= 1,
                _ => {}
            }
            let joins = between && word == "and";
            let ends = kind.is_none()
                || (word == "," && depth == began_at)
                || depth < began_at
                || (BETWEEN_COMPARISONS.contains(&word.as_str()) && !joins);
            between = (between && !joins) || word == "between";
            if ends {
                if has_as_of {
                    dated.append(&mut names);
                }
                names.clear();
                (has_as_of, began_at, between) = (false, depth, false);
            } else if word == AS_OF {
                has_as_of = true;
            } else if let Some(name) = self.name(at) {
                names.insert(name.to_lowercase());
            }
        }
        dated
    }
}

/// Whether a column's name says that it holds a date or an instant: `shipped_date`, `paidOn`,
/// `closed_at`. Any other empty column may be one that never changes.
fn tells_time(name: &str) -> bool {
    const LAST: [&str; 9] =
        ["at", "on", "date", "time", "day", "timestamp", "since", "until", "datetime"];
    const RUN_TOGETHER: [&str; 3] = ["date", "time", "timestamp"];
    const NO_DATES: [&str; 6] =
        ["update", "candidate", "mandate", "lifetime", "overtime", "sometime"];
    let mut spaced = String::new();
    let mut last_is_small = false;
    for c in name.chars() {
        if c.is_uppercase() && last_is_small {
            spaced.push('_');
        }
        last_is_small = c.is_lowercase();
        spaced.extend(c.to_lowercase());
    }
    let last = spaced.rsplit('_').next().unwrap_or_default();
    let first = spaced.split('_').next().unwrap_or_default();
    LAST.contains(&last)
        || (first == "date" && last != first)
        || (RUN_TOGETHER.iter().any(|end| last.ends_with(end)) && !NO_DATES.contains(&last))
}

#[cfg(test)]
mod tests {
    use crate::signals::lexer::{Dialect, Query};

    /// The places at which a query looks ahead, as they are written.
    fn ahead(text: &str) -> Vec<&str> {
        for dialect in [Dialect::Postgres, Dialect::Sqlite] {
            let Ok(query) = Query::read(text, dialect) else { continue };
            return query.ahead().iter().map(|ahead| &text[ahead.span.clone()]).collect();
        }
        panic!("{text} is no query");
    }

    #[test]
    fn a_clock_is_found_whatever_it_is_called() {
        for (text, found) in [
            ("SELECT a FROM t WHERE b > CURRENT_DATE", "CURRENT_DATE"),
            ("SELECT a FROM t WHERE b > now() - interval '1 day'", "now()"),
            ("SELECT a FROM t WHERE b > datetime('now', '-1 day')", "datetime('now', '-1 day')"),
            ("SELECT a FROM t WHERE b > date()", "date()"),
            ("SELECT age(b) FROM t", "age(b)"),
            ("SELECT a FROM t WHERE b > 'today'::date", "'today'"),
            ("SELECT a FROM t WHERE b > DATE 'yesterday'", "'yesterday'"),
            ("SELECT a FROM t WHERE b > CAST('now' AS timestamp)", "'now'"),
        ] {
            assert_eq!(ahead(text), [found], "{text}");
        }
    }

    #[test]
    fn a_date_that_is_empty_today_may_have_been_so_then() {
        for (text, found) in [
            (
                "SELECT a FROM t WHERE placed_on <= :as_of AND shipped_on IS NULL",
                "shipped_on IS NULL",
            ),
            ("SELECT a FROM t WHERE t.\"closedAt\" is null", "t.\"closedAt\" is null"),
            ("SELECT a FROM t WHERE shippeddate ISNULL", "shippeddate ISNULL"),
            ("SELECT paid_at, date(:as_of) AS d FROM t WHERE paid_at IS NULL", "paid_at IS NULL"),
        ] {
            assert_eq!(ahead(text), [found], "{text}");
        }
    }

    #[test]
    fn what_names_the_instant_looks_nowhere_ahead() {
        for text in [
            "SELECT a FROM t WHERE (shipped_on IS NULL OR shipped_on > :as_of)",
            "SELECT a FROM t WHERE shipped_on IS NULL OR date(t.shipped_on) > date(:as_of)",
            "SELECT a FROM t WHERE ended_at IS NULL OR :as_of BETWEEN began_at AND ended_at",
            "SELECT a FROM t LEFT JOIN p ON p.t = t.id AND p.paid_at <= :as_of WHERE p.paid_at IS NULL",
            "SELECT a FROM t WHERE parent IS NULL AND note IS NULL AND candidate IS NULL",
            "SELECT a FROM t WHERE date(b, '-1 day') <= :as_of AND c = 'today'",
            "SELECT t.current_date, x AS localtime FROM t WHERE age(:as_of, b) > interval '1 day'",
            "SELECT 'CURRENT_DATE' AS a, \"now\" FROM t -- now()\nWHERE b <= :as_of",
        ] {
            assert_eq!(ahead(text), [""; 0], "{text}");
        }
    }
}
