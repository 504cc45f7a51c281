//! Conditions in SQL while they are put together. No part of one is ever negated, so that a NULL
//! always means no.

/// A condition; of each row it tells whether the row is kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sql {
    /// No row.
    Never,
    /// Every row.
    Always,
    /// What the database answers. NULL is no.
    Text(String),
    /// All of these, in this order.
    All(Vec<Sql>),
    /// Any of these, in this order.
    Any(Vec<Sql>),
}

/// Parts that stand side by side in a list; more of them are put into lists of their own, since
/// databases limit how deep a condition may be.
const ABREAST: usize = 50;

impl Sql {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::Never => return Self::Never,
                Self::Always => {}
                Self::All(parts) => parts.into_iter().for_each(|part| add(&mut kept, part)),
                part => add(&mut kept, part),
            }
        }
        single(kept).unwrap_or_else(|kept| match kept.is_empty() {
            true => Self::Always,
            false => Self::All(kept),
        })
    }

    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::Always => return Self::Always,
                Self::Never => {}
                Self::Any(parts) => parts.into_iter().for_each(|part| add(&mut kept, part)),
                part => add(&mut kept, part),
            }
        }
        single(kept).unwrap_or_else(|kept| match kept.is_empty() {
            true => Self::Never,
            false => Self::Any(kept),
        })
    }

    /// How long its text is, about.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Never | Self::Always => 8,
            Self::Text(text) => text.len(),
            Self::All(parts) | Self::Any(parts) => parts.iter().map(|part| part.length() + 7).sum(),
        }
    }

    /// Any of these, where what several begin with is asked once.
    pub(super) fn any_of_rules(rules: Vec<Self>) -> Self {
        let mut groups: Vec<(Option<Self>, Vec<Self>)> = Vec::new();
        for rule in rules {
            let (first, rest) = match rule {
                Self::All(mut parts) => (Some(parts.remove(0)), Self::all(parts)),
                rule => (None, rule),
            };
            let group = groups.iter_mut().find(|(of, _)| of.is_some() && *of == first);
            match group {
                Some((_, rests)) => rests.push(rest),
                None => groups.push((first, vec![rest])),
            }
        }
        Self::any(groups.into_iter().map(|(first, mut rests)| match first {
            None => Self::any(rests),
            Some(first) if rests.len() == 1 => Self::all([first, rests.remove(0)]),
            Some(first) => Self::all([first, Self::any_of_rules(rests)]),
        }))
    }

    /// As text that stands by itself between other parts.
    pub(super) fn render(&self) -> String {
        match self {
            Self::Never => "(1 = 0)".to_owned(),
            Self::Always => "(1 = 1)".to_owned(),
            Self::Text(text) => format!("({text})"),
            Self::All(parts) => joined(parts.iter().map(Self::render).collect(), " AND "),
            Self::Any(parts) => joined(parts.iter().map(Self::render).collect(), " OR "),
        }
    }
}

fn add(kept: &mut Vec<Sql>, part: Sql) {
    if !kept.contains(&part) {
        kept.push(part);
    }
}

fn single(mut parts: Vec<Sql>) -> Result<Sql, Vec<Sql>> {
    match parts.len() {
        1 => parts.pop().ok_or(parts),
        _ => Err(parts),
    }
}

fn joined(mut parts: Vec<String>, word: &str) -> String {
    while parts.len() > ABREAST {
        parts = parts.chunks(ABREAST).map(|some| format!("({})", some.join(word))).collect();
    }
    format!("({})", parts.join(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Sql {
        Sql::text(text)
    }

    #[test]
    fn what_is_known_folds() {
        assert_eq!(Sql::all([Sql::Always, text("a")]), text("a"));
        assert_eq!(Sql::all([text("a"), Sql::Never]), Sql::Never);
        assert_eq!(Sql::all([]), Sql::Always);
        assert_eq!(Sql::any([Sql::Never, text("a"), text("a")]), text("a"));
        assert_eq!(Sql::any([text("a"), Sql::Always]), Sql::Always);
        assert_eq!(Sql::any([]), Sql::Never);
    }

    #[test]
    fn what_rules_share_is_asked_once() {
        let rule = |parts: &[&str]| Sql::all(parts.iter().map(|part| text(part)));
        let rules = vec![rule(&["p", "a", "b"]), rule(&["q", "c"]), rule(&["p", "a", "d"])];
        let shared = Sql::any_of_rules(rules);
        assert_eq!(shared.render(), "(((p) AND (a) AND ((b) OR (d))) OR ((q) AND (c)))");
        assert_eq!(
            Sql::any_of_rules(vec![rule(&["p", "a"]), rule(&["p"])]).render(),
            "(((p) AND (a)) OR (p))"
        );
    }

    #[test]
    fn long_lists_are_no_deeper_than_they_must_be() {
        let many = Sql::any((0..120).map(|n| text(&n.to_string()))).render();
        assert!(many.starts_with("(((0) OR (1)") && many.contains("(49)) OR ((50)"), "{many}");
    }
}
