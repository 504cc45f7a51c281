//! Every example of `docs/cases.md`, run as it stands there.

use super::{pack, write_cases};
use crate::support::program::run;

const PAGE: &str = include_str!("../../../docs/cases.md");

#[test]
fn every_example_of_the_page_holds() {
    let mut examples = 0;
    for block in PAGE.split("```toml\n").skip(1) {
        let example = block.split("```").next().unwrap();
        let first = example.lines().next().unwrap();
        let rule = first.strip_prefix("# rules/").and_then(|path| path.strip_suffix("/cases.toml"));
        let rule = rule.unwrap_or_else(|| panic!("an example names its file first: {first}"));
        let folder = pack();
        write_cases(folder.path(), rule, example);
        if example.contains("golden = true") {
            run(folder.path(), &format!("test {rule} --accept")).fine();
        }
        let told = run(folder.path(), &format!("test {rule}"));
        assert_eq!((told.code, told.err.as_str()), (0, ""), "{example}\n{}", told.out);
        assert!(told.out.contains("all hold"), "{}", told.out);
        examples += 1;
    }
    assert!(examples >= 8, "{examples}");
}

/// The page says of every key what it is for.
#[test]
fn every_key_is_on_the_page() {
    for key in [
        "name",
        "as_of",
        "customer",
        "absent",
        "contacts",
        "suppressed",
        "matching_for",
        "resolved",
        "rivals",
        "golden",
        "expect",
        "step",
        "each",
        "after",
        "gone",
        "no_match",
        "nothing",
        "contact",
        "refused",
        "deferred",
        "subject_contains",
        "body_contains",
        "body_lacks",
        "assign",
        "due_at",
    ] {
        assert!(PAGE.contains(&format!("| `{key}`")), "{key}");
    }
}
