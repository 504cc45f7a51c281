//! Two texts, line by line: what only one of them has.

/// The lines of both in order, those of the first alone marked with `-`, those of the second alone
/// with `+`; of long stretches that both have, only the ends.
pub(super) fn difference(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // How long the longest common subsequence of what follows is.
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for (i, line) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            common[i][j] = match line == other {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    around(&lines)
}

/// How many lines that both have are shown beside those that differ.
const BESIDE: usize = 2;

fn around(lines: &[(char, &str)]) -> Vec<String> {
    let near = |place: usize| {
        let from = place.saturating_sub(BESIDE);
        let to = (place + BESIDE + 1).min(lines.len());
        lines[from..to].iter().any(|(mark, _)| *mark != ' ')
    };
    let mut told = Vec::new();
    let mut skipped = false;
    for (place, (mark, line)) in lines.iter().enumerate() {
        if near(place) {
            told.push(format!("{mark} {line}").trim_end().to_owned());
            skipped = false;
        } else if !std::mem::replace(&mut skipped, true) {
            told.push("  …".to_owned());
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown_with_what_stands_beside_it() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh";
        let new = "a\nb\nc\nd\nE\nf\ng\nh\ni";
        let told = difference(old, new);
        assert_eq!(told, ["  …", "  c", "  d", "- e", "+ E", "  f", "  g", "  h", "+ i"]);
        assert_eq!(difference("same\n", "same"), ["  …"]);
        assert_eq!(difference("", "new"), ["+ new"]);
    }
}
