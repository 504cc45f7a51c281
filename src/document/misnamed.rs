//! Files that were saved under nearly the right name: `rule.rhai.txt`, `Policy.toml`, `case.toml`.

use std::path::Path;

use crate::domain::slips;

/// Names that are given; any other may be nearly another one's.
const FIXED: [&str; 4] = ["policy.toml", "rule.rhai", "cases.toml", "customers.sql"];

/// The file of a folder that was probably meant to be called `wanted`, which is not there.
pub fn misnamed(folder: &Path, wanted: &str) -> Option<String> {
    let files = std::fs::read_dir(folder).ok()?.flatten().filter(|entry| entry.path().is_file());
    let names = files.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name != wanted && is_meant(name, wanted)).min()
}

/// `did you mean …?`, where such a file is there.
pub fn did_you_mean(folder: &Path, wanted: &str) -> Option<String> {
    let found = misnamed(folder, wanted)?;
    Some(format!("there is {found}: did you mean {wanted}? Rename it"))
}

fn is_meant(name: &str, wanted: &str) -> bool {
    let lower = name.to_lowercase();
    let (stem, ending) = wanted.rsplit_once('.').unwrap_or((wanted, ""));
    let (own_stem, own_ending) = lower.rsplit_once('.').unwrap_or((&lower, ""));
    lower == wanted.to_lowercase()
        || own_stem == wanted
        || (own_stem == stem && own_ending == "txt")
        || (FIXED.contains(&wanted) && own_ending == ending && slips(own_stem, stem) == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_editor_makes_of_a_name_is_found() {
        for (name, wanted) in [
            ("rule.rhai.txt", "rule.rhai"),
            ("Rule.rhai", "rule.rhai"),
            ("rule.RHAI", "rule.rhai"),
            ("rule.txt", "rule.rhai"),
            ("rules.rhai", "rule.rhai"),
            ("case.toml", "cases.toml"),
            ("seen.sql.txt", "seen.sql"),
            ("email.txt", "email.md"),
        ] {
            assert!(is_meant(name, wanted), "{name}");
        }
        for (name, wanted) in [
            ("notes.txt", "rule.rhai"),
            ("email.de.md", "email.md"),
            ("visits.sql", "seen.sql"),
            ("sms.md", "sm.md"),
            ("orders.sql", "order.sql"),
            ("order.sql.d", "orders.sql"),
        ] {
            assert!(!is_meant(name, wanted), "{name}");
        }
    }
}
