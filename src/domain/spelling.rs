//! "Did you mean": the nearest of the names that exist. A far guess is never offered.

/// The candidate that `word` most likely stands for, if one is near enough: no slip in two letters,
/// one in up to five, two in a longer word, three from ten letters on. Case does not count.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let slips = match word.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    (candidates.into_iter())
        .map(|candidate| (self::slips(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many slips of the pen make one word another: a letter too many, too few, wrong, or two in each
/// other's place.
pub fn slips(word: &str, other: &str) -> usize {
    strsim::damerau_levenshtein(word, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_words_may_hold_more_slips() {
        for (word, meant) in [
            ("quiet_hour", Some("quiet_hours")),
            ("Quiet_Hours", Some("quiet_hours")),
            ("qiet_huorz", Some("quiet_hours")),
            ("quethors", None),
            ("elephant", None),
            ("CAP", Some("cap")),
            ("cpa", Some("cap")),
            ("cpas", None),
            ("ON", Some("on")),
            ("or", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, ["quiet_hours", "cap", "on"]), meant, "{word}");
        }
    }
}
