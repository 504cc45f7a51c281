//! "Did you mean": the nearest of the names that exist. A far guess is never offered.

/// The candidate that `word` most likely stands for, if one is near enough: one slip in a short
/// word, two in a longer one. Case does not count.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let slips = if word.chars().count() <= 5 { 1 } else { 2 };
    (candidates.into_iter())
        .map(|candidate| {
            (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate)
        })
        .filter(|(distance, candidate)| *distance <= slips && candidate.len() > *distance)
        .min()
        .map(|(_, candidate)| candidate)
}
