//! Messages that are kept beside the cases: written only when somebody accepts them, and compared
//! with from then on.

use std::fs;

use super::{ORDER, pack, tested, write_cases};
use crate::support::program::{files, run};

const CASES: &str = r#"
[[case]]
name = "a week is too long"
golden = true
expect = { email = "email" }

[[case]]
name = "In German!"
golden = true
customer.locale = "de-AT"
expect = { email = "email" }
"#;

#[test]
fn messages_are_kept_once_they_are_accepted() {
    let folder = pack();
    let folder = folder.path();
    write_cases(folder, "stalled-order", &format!("{ORDER}{CASES}"));
    let version = || {
        let pack = lookout::pack::load(&folder.join("rules")).pack.unwrap();
        pack.versions()[&lookout::domain::RuleId::from("stalled-order")].clone()
    };
    let (before, bound) = (files(folder), version());
    let missing = run(folder, "test stalled-order");
    assert_eq!(missing.code, 1);
    assert!(missing.out.contains("golden/a-week-is-too-long.txt is missing"), "{}", missing.out);
    assert_eq!(files(folder), before, "nothing is written unasked");

    insta::assert_snapshot!("accepted", run(folder, "test stalled-order --accept").fine());
    let golden = folder.join("rules/stalled-order/golden");
    let german = fs::read_to_string(golden.join("in-german.txt")).unwrap();
    assert!(german.starts_with("== email (de) ==\nIhre Bestellung 11019"), "{german}");
    assert_eq!(version(), bound, "what is kept voids no approval");
    run(folder, "check").fine();
    run(folder, "test stalled-order").fine();
    let again = run(folder, "test stalled-order --accept").fine();
    assert!(!again.contains("Kept messages"), "{again}");

    let words = folder.join("rules/stalled-order/email.md");
    let text = fs::read_to_string(&words).unwrap();
    fs::write(&words, text.replace("We are sorry about that", "We regret that")).unwrap();
    let differs = run(folder, "test stalled-order");
    assert_eq!(differs.code, 1);
    insta::assert_snapshot!("differs", differs.out);
    let (_, json) = tested(folder, "stalled-order");
    let kept = &json["cases"][0]["kept"];
    assert_eq!(kept["missing"], false);
    assert!(kept["difference"].to_string().contains("+ Your order 11019"), "{kept}");

    let one = CASES.split("[[case]]\nname = \"In").next().unwrap();
    fs::write(
        folder.join("rules/stalled-order/cases.toml"),
        format!("{ORDER}{}", one.replace("\"email\" }", "\"mail\" }")),
    )
    .unwrap();
    let left = run(folder, "test stalled-order");
    assert!(left.out.contains("left over"), "{}", left.out);
    // What a failing case renders is not kept, and what is left over goes.
    let kept = fs::read_to_string(golden.join("a-week-is-too-long.txt")).unwrap();
    let accepted = run(folder, "test stalled-order --accept");
    assert_eq!(accepted.code, 1);
    assert!(
        accepted.out.contains("1 case fails, so its messages are not kept."),
        "{}",
        accepted.out
    );
    assert_eq!(fs::read_to_string(golden.join("a-week-is-too-long.txt")).unwrap(), kept);
    assert!(!golden.join("in-german.txt").exists());
}

#[test]
fn left_over_messages_fail_by_themselves() {
    let folder = pack();
    let folder = folder.path();
    write_cases(folder, "stalled-order", &format!("{ORDER}{CASES}"));
    run(folder, "test stalled-order --accept").fine();
    let without = format!("{ORDER}{CASES}").replace("golden = true\n", "");
    fs::write(folder.join("rules/stalled-order/cases.toml"), without).unwrap();
    let (code, json) = tested(folder, "stalled-order");
    assert_eq!((code, &json["failed"]), (1, &serde_json::json!(0)));
    assert_eq!(json["left_over"].as_array().unwrap().len(), 2);
    let told = run(folder, "test stalled-order --coverage").out;
    let last = "\n2 cases hold; 2 kept messages are left over: \
                rules/stalled-order/golden/a-week-is-too-long.txt and \
                rules/stalled-order/golden/in-german.txt.\n";
    assert!(told.ends_with(last), "{told}");
    // Another rule's are none of its business.
    run(folder, "test onboarding").fine();
}

#[test]
fn what_fails_beside_the_cases_fails_in_junit_too() {
    let folder = pack();
    let folder = folder.path();
    write_cases(folder, "stalled-order", &format!("{ORDER}{CASES}"));
    let report = || fs::read_to_string(folder.join("report.xml")).unwrap();
    let line = "test stalled-order --junit report.xml";
    assert_eq!(run(folder, line).code, 1);
    assert!(report().contains("message=\"no message is kept in "), "{}", report());
    run(folder, "test stalled-order --accept").fine();
    run(folder, line).fine();
    assert!(report().contains(" failures=\"0\" "), "{}", report());
    fs::write(folder.join("rules/stalled-order/golden/gone.txt"), "").unwrap();
    assert_eq!(run(folder, &format!("{line} --min-coverage 100")).code, 1);
    let beside = "<testsuite name=\"beside the cases\" tests=\"2\" failures=\"2\"";
    assert!(report().contains(beside), "{}", report());

    let policy = run(folder, "test stalled-order --accept --junit rules/policy.toml");
    assert_eq!(policy.code, 2);
    assert!(policy.err.contains("is no report of `lookout test`"), "{policy:?}");
    assert!(folder.join("rules/stalled-order/golden/gone.txt").exists(), "nothing is done then");
}

/// Of 255 bytes that a file system takes, a name in Thai letters soon has more.
#[test]
fn a_long_name_is_cut_for_its_file() {
    let folder = pack();
    let long = "ก".repeat(100);
    let cases = format!("{ORDER}{CASES}").replace("A week is too long.", &long);
    write_cases(folder.path(), "stalled-order", &cases);
    run(folder.path(), "test stalled-order --accept").fine();
    run(folder.path(), "test stalled-order").fine();
}

#[test]
fn two_cases_never_share_a_file() {
    let folder = pack();
    let twice = format!("{ORDER}{CASES}").replace("In German!", "A week is too long.");
    write_cases(folder.path(), "stalled-order", &twice);
    let checked = run(folder.path(), "check");
    assert_eq!(checked.code, 1);
    assert!(
        checked.out.contains("two cases keep their messages as `a-week-is-too-long`"),
        "{}",
        checked.out
    );
}
