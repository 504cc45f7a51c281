//! Words that fail on a customer's facts are foretold, and not found out by sending them.

use std::fs;
use std::path::Path;

use super::{INSTANT, demo};
use crate::support::program::run;

/// A template that fails for one customer of the demo.
fn fails_for_greal(folder: &Path) {
    let file = folder.join("rules/stalled-order/email.md");
    let text = fs::read_to_string(&file).unwrap();
    let failing =
        "Dear {% if customer.name == \"Great Lakes Food Market\" %}{{ \"x\" | date }}{% endif %}";
    fs::write(&file, text.replace("Dear ", failing)).unwrap();
}

const WHY: &str = "rules/stalled-order/email.md, line 5: ";

/// What stands as the title of the customer's message, beneath its row where it is long.
fn title_of_greal(told: &str) -> String {
    let mut lines = told.lines().skip_while(|line| !line.starts_with("    GREAL "));
    lines.nth(1).unwrap().trim().to_owned()
}

#[test]
fn a_dry_run_foretells_them() {
    let demo = demo();
    fails_for_greal(demo.path());
    let dry = run(demo.path(), &format!("dry-run --as-of {INSTANT}"));
    assert_eq!((dry.code, dry.err.as_str()), (4, ""), "{}", dry.out);
    let alarm = format!("Somebody has to look at this\n  1 message can't be written: {WHY}");
    assert!(dry.out.starts_with(&alarm), "{}", dry.out);
    assert!(dry.out.contains("; it would fail when it is sent\n"), "{}", dry.out);
    let title = title_of_greal(&dry.out);
    assert!(title.starts_with(&format!("the words can't be written: {WHY}")), "{title}");

    let json = run(demo.path(), &format!("dry-run --format json --as-of {INSTANT}"));
    let told = &json.json()["unwritable"];
    assert_eq!((json.code, told.as_array().unwrap().len()), (4, 1), "{told}");
    assert_eq!(told[0]["rule"], "stalled-order");
    assert_eq!(
        (&told[0]["file"], &told[0]["line"]),
        (&WHY.split(',').next().unwrap().into(), &5.into())
    );
    assert!(told[0]["outreach"].is_string() && told[0]["error"].is_string(), "{told}");

    let message = run(demo.path(), &format!("dry-run --message GREAL --as-of {INSTANT}"));
    assert_eq!(message.code, 4, "{}", message.out);
    assert!(message.out.contains(&format!("The words can't be written: {WHY}")), "{}", message.out);
    assert_eq!(run(demo.path(), &format!("dry-run --message LAMAI --as-of {INSTANT}")).code, 0);
}

#[test]
fn a_plan_foretells_them() {
    let demo = demo();
    fs::create_dir(demo.path().join("before")).unwrap();
    for (name, bytes) in crate::support::program::files(&demo.path().join("rules")) {
        let file = demo.path().join("before").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    fails_for_greal(demo.path());
    let plan = run(demo.path(), &format!("plan --base before --as-of {INSTANT}"));
    assert_eq!(plan.code, 4, "{}", plan.out);
    let alarm = format!("Somebody has to look at this\n  1 message can't be written: {WHY}");
    assert!(plan.out.starts_with(&alarm), "{}", plan.out);
    let title = title_of_greal(&plan.out);
    assert!(title.starts_with(&format!("the words can't be written: {WHY}")), "{title}");
    assert!(!plan.out.contains("says “"), "no error is told as if it were a message: {}", plan.out);
    let markdown = run(demo.path(), &format!("plan --base before --markdown --as-of {INSTANT}"));
    assert!(markdown.out.contains("> ⚠ 1 message can't be written: "), "{}", markdown.out);

    let written =
        run(demo.path(), &format!("plan --out plan.json --format json --as-of {INSTANT}"));
    assert_eq!((written.code, &written.json()["unwritable"][0]["line"]), (4, &5.into()));
    let apply = run(demo.path(), &format!("apply plan.json --as-of {INSTANT}"));
    assert!(apply.out.contains("1 message can't be written: "), "{}\n{}", apply.out, apply.err);
}

#[test]
fn an_explanation_says_so_under_the_decision() {
    let demo = demo();
    fails_for_greal(demo.path());
    let explain = |more: &str| {
        run(demo.path(), &format!("explain GREAL --rule stalled-order --as-of {INSTANT}{more}"))
            .fine()
    };
    assert!(
        explain("").contains(&format!("\n        the words can't be written: {WHY}")),
        "{}",
        explain("")
    );
    let json: serde_json::Value = serde_json::from_str(&explain(" --format json")).unwrap();
    let subjects = json["subjects"].as_array().unwrap().iter();
    let decisions = subjects.flat_map(|subject| subject["decisions"].as_array().unwrap());
    let lines: Vec<_> = decisions.map(|decision| &decision["unwritable"]["line"]).collect();
    assert!(lines.contains(&&5.into()), "{lines:?}");
}

#[test]
fn whom_nobody_knows_gets_no_message() {
    let demo = demo();
    let at = format!("--as-of {INSTANT}");
    let dry = run(demo.path(), &format!("dry-run --message GREALT {at}"));
    let explain = run(demo.path(), &format!("explain GREALT {at}"));
    assert_eq!((dry.code, dry.out.as_str(), &dry.err), (2, "", &explain.err));
    let by_name = run(demo.path(), &format!("dry-run --message lakes {at}")).fine();
    assert_eq!(by_name, run(demo.path(), &format!("dry-run --message GREAL {at}")).fine());
}
