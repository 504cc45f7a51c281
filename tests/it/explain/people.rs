//! What a person reads of customers that somebody would ask about.

use crate::support::program::{Ran, run};

const INSTANT: &str = "1998-05-07T09:00:00Z";

fn demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    lookout::demo::unpack(folder.path()).unwrap();
    folder
}

#[test]
fn why_they_hear_and_why_not() {
    let demo = demo();
    for (customer, rule, about) in [
        ("HANAR", "thank-you-survey", "outranked, by what goes to another customer there"),
        ("CACTU", "stalled-order", "waits for a decent hour"),
        ("BOTTM", "stalled-order", "has an address that is none"),
        ("REGGC", "stalled-order", "has refused"),
        ("ANTON", "churn-risk", "has an open ticket"),
        ("KOENE", "reopened-ticket", "a message and a task"),
        ("ERNSH", "churn-risk", "is silent, and says when it would not be"),
    ] {
        let line = format!("explain {customer} --rule {rule} --as-of {INSTANT}");
        let told = run(demo.path(), &line).fine();
        insta::assert_snapshot!(format!("why_{customer}"), told, about);
    }
}

/// Does something to the company's own database.
fn change(folder: &std::path::Path, sql: &str) {
    rusqlite::Connection::open(folder.join("northwind.db")).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn of_what_is_held_nothing_is_promised() {
    let demo = demo();
    let folder = demo.path();
    // Every order there ever was is told about at once.
    let rule = folder.join("rules/stalled-order/rule.rhai");
    let script = std::fs::read_to_string(&rule).unwrap();
    std::fs::write(&rule, script.replace(">= PATIENCE", ">= -PATIENCE * 1000")).unwrap();
    let signal = folder.join("rules/signals/orders.sql");
    let sql = std::fs::read_to_string(&signal).unwrap();
    std::fs::write(&signal, sql.replace("shipped_date IS NULL OR", "true OR")).unwrap();
    change(
        folder,
        "UPDATE orders SET order_date = '1998-05-01' WHERE customer_id = 'TOMSP';
         DELETE FROM orders WHERE customer_id = 'TOMSP' AND order_id <> 10249",
    );
    let line = format!("explain TOMSP --rule stalled-order --as-of {INSTANT}");
    let told = run(folder, &line).fine();
    insta::assert_snapshot!("held", told);
    let made = run(folder, &format!("{line} --as-case --format json")).json();
    let case = made["cases"][0]["case"].as_str().unwrap();
    assert!(case.contains("expect = { email = \"email\" }"), "{case}");
    assert_eq!(made["cases"][0]["same_decision"], true, "a case knows no [hold]");
}

#[test]
fn what_would_let_somebody_out_does_so() {
    let demo = demo();
    let folder = demo.path();
    let line = format!("explain RANCH --rule stalled-order --as-of {INSTANT}");
    let email = "sergio.gutierrez@ranch.example.com";
    for suppress in [email.to_owned(), "RANCH".to_owned(), format!("{email} --topic service")] {
        run(folder, &format!("suppress {suppress}")).fine();
        let told = run(folder, &line).fine();
        assert!(told.contains("✗ suppression"), "{told}");
        let (_, cure) = told.split_once("if they asked for it again: lookout ").unwrap();
        run(folder, cure.lines().next().unwrap()).fine();
        let told = run(folder, &line).fine();
        assert!(!told.contains("✗ suppression"), "{suppress}: {cure}: {told}");
    }
}

#[test]
fn what_another_message_of_the_same_rule_keeps_back_is_a_case_of_that_rule_alone() {
    let demo = demo();
    let folder = demo.path();
    run(folder, &format!("run --as-of {INSTANT}")).fine();
    change(
        folder,
        "UPDATE orders SET shipped_date = '1998-05-08' WHERE order_id = 11040;
         INSERT INTO orders (order_id, customer_id, order_date, required_date)
         VALUES (19999, 'GREAL', '1998-05-01', '1998-06-01')",
    );
    let line = "explain GREAL --rule stalled-order --as-of 1998-05-08T09:00:00Z";
    insta::assert_snapshot!("outranked_by_its_own_rule", run(folder, line).fine());
    let made = run(folder, &format!("{line} --as-case --format json"));
    let cases = made.out.parse::<serde_json::Value>().unwrap();
    let of_what_is_over = cases["cases"].as_array().unwrap().iter();
    let case = of_what_is_over.clone().find(|case| case["subject"] == "11040").unwrap();
    let case = case["case"].as_str().unwrap();
    assert!(case.contains("resolved = true") && !case.contains("rivals"), "{case}");
    let file = folder.join("rules/stalled-order/cases.toml");
    let cases = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{cases}\n{case}")).unwrap();
    let tested = run(folder, "test stalled-order --format json").json();
    assert!(tested["cases"].as_array().unwrap().len() > 1, "{tested}");
}

#[test]
fn of_a_run_its_own_records_are_told() {
    let demo = demo();
    let folder = demo.path();
    let line = |rest: &str| run(folder, &format!("explain HANAR --rule thank-you-survey {rest}"));
    let nobody = line("--run");
    assert_eq!(nobody.code, 2);
    assert!(nobody.err.contains("there was no run yet"), "{}", nobody.err);
    let before = line(&format!("--as-of {INSTANT}")).fine();
    run(folder, &format!("run --as-of {INSTANT}")).fine();
    let after = line("--run").fine();
    insta::assert_snapshot!("as_recorded", after);
    let decided = |told: &str| told.split_once("delivery 11052").unwrap().1.to_owned();
    assert_eq!(decided(&before), decided(&after));
    let both = line(&format!("--run --as-of {INSTANT}"));
    assert_eq!(both.code, 2);

    // A policy that would let them out now changes nothing of what was decided.
    let policy = folder.join("rules/policy.toml");
    let said = std::fs::read_to_string(&policy).unwrap();
    std::fs::write(
        &policy,
        said.replace("[topics.surveys]", "[topics.surveys]\nignore = [\"outranked\"]"),
    )
    .unwrap();
    let changed = line("--run").fine();
    assert!(changed.contains("the pack has changed since"), "{changed}");
    assert!(changed.contains("refused: outranked by stalled-order"), "{changed}");
    assert!(changed.contains("✓ cooldown  ✓ hold  ✗ rank"), "{changed}");
    // A run that did not have that instant is told by the books of then.
    let earlier = line("--as-of 1998-05-06T09:00:00Z").fine();
    assert!(earlier.contains("on the books as they stood then"), "{earlier}");
    let json = line("--run --format json").json();
    assert_eq!((&json["basis"], &json["same_pack"]), (&"recorded".into(), &false.into()));
}

#[test]
fn somebody_is_found_by_id_address_or_name() {
    let demo = demo();
    let explain = |named: &str| -> Ran {
        let mut command = crate::support::program::lookout(demo.path());
        let args = ["--rule", "stalled-order", "--as-of", INSTANT];
        crate::support::program::ran(command.args(["explain", named]).args(args))
    };
    let same = |named: &str| {
        assert_eq!(explain(named).fine(), explain("RANCH").fine(), "{named}");
    };
    for named in [
        "ranch",
        "Rancho grande",
        "rancho GRANDE",
        "ancho gr",
        "Sergio.Gutierrez@ranch.example.com",
    ] {
        same(named);
    }
    let refused = ["ana", "alfk", "nobody@example.com", "compras.rio@example.com", "rest"];
    let told: Vec<String> = refused
        .iter()
        .map(|named| {
            let ran = explain(named);
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{named}");
            ran.err
        })
        .collect();
    insta::assert_snapshot!(told.concat());
}

#[test]
fn what_no_history_can_be_told_of_is_said() {
    let demo = demo();
    let folder = demo.path();
    let refused = |line: &str| {
        let ran = run(folder, line);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        ran.err
    };
    let nowhere = refused("history HANAR --state sqlite:lokout.db");
    assert!(nowhere.contains("no state database yet (lokout.db)"), "{nowhere}");
    run(folder, &format!("run --as-of {INSTANT}")).fine();
    let nobody = refused("history NOBODY");
    assert!(nobody.contains("the company's data don't know it: "), "{nobody}");
    let rule = folder.join("rules/stalled-order/rule.rhai");
    std::fs::write(&rule, "fn when(customer, order) { nothing }").unwrap();
    let broken = refused("history NOBODY");
    assert!(broken.contains("rule.rhai") && broken.contains("`lookout check` shows"), "{broken}");
}

#[test]
fn a_story_is_told_in_the_order_of_time() {
    let demo = demo();
    for day in ["07T09:00:00Z", "08T10:30:00Z", "09T10:30:00Z", "11T14:00:00Z", "12T14:00:00Z"] {
        run(demo.path(), &format!("run --as-of 1998-05-{day}"));
    }
    for customer in ["HANAR", "KOENE", "BOTTM", "RICAR"] {
        let told = run(demo.path(), &format!("history {customer}")).fine();
        insta::assert_snapshot!(format!("history_{customer}"), told);
    }
    let exported = run(demo.path(), "history HANAR --export hanar.json").fine();
    assert!(exported.contains("rows also speak of RICAR, at the same address"), "{exported}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = std::fs::metadata(demo.path().join("hanar.json")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "nobody else reads it");
    }
    let exported = run(demo.path(), "history KOENE --export koene.json").fine();
    assert!(!exported.contains("also speak"), "{exported}");
    let json = run(demo.path(), "history KOENE --format json").json();
    let events: Vec<_> = json["events"].as_array().unwrap().iter().collect();
    let named: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(named[..3], ["began", "message", "task"], "{named:?}");
    let silent = run(demo.path(), "history PARIS").fine();
    assert!(silent.ends_with("The books hold nothing about them.\n"), "{silent}");
}
