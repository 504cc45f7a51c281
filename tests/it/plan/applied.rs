//! A plan on the demo, written down and carried out: on both kinds of state database.

use serde_json::json;

use super::*;
use crate::support::postgres;

/// The file of the state database where `postgres` is false, else the address of a new one.
async fn state(postgres: bool) -> String {
    match postgres {
        true => postgres::database().await,
        false => "sqlite:lookout.db".to_owned(),
    }
}

/// What reached somebody, by the run of that instant: rule and subject.
fn told(report: &Value) -> Vec<String> {
    let decisions = report["decisions"].as_array().unwrap().iter();
    let told = decisions.filter(|d| !d["outreach"].is_null());
    told.map(|d| format!("{} {}", d["rule"].as_str().unwrap(), d["subject"].as_str().unwrap()))
        .collect()
}

#[rstest::rstest]
#[case::sqlite(false)]
#[case::postgres(true)]
#[tokio::test]
async fn a_plan_is_done_but_for_what_is_no_longer_true(#[case] postgres: bool) {
    let demo = demo();
    let folder = demo.path();
    let state = format!("--state {}", state(postgres).await);
    let planned = run(folder, &format!("plan --base ten --out plan.json {AT} {state}")).fine();
    assert!(planned.ends_with(
        "\n32 planned rows in plan.json. `lookout apply plan.json` does that, and nothing else.\n"
    ));
    let plan: Value = serde_json::from_slice(&fs::read(folder.join("plan.json")).unwrap()).unwrap();
    assert_eq!(plan["rows"].as_array().unwrap().len(), 32);

    sql(folder, "UPDATE orders SET shipped_date = '1998-05-07' WHERE order_id = 11059");
    let apply =
        |at: &str| run(folder, &format!("apply plan.json --as-of 1998-05-07T{at}:00Z {state}"));
    let first = apply("10:00").fine();
    if !postgres {
        insta::assert_snapshot!("applied", without_hashes(&first));
    }
    assert!(
        first.contains(
            "32 rows: 26 done, 5 put off (the last until 7 May 17:00), 1 left out; the data have \
             changed since\n"
        ),
        "{first}"
    );
    assert!(
        first.contains(
            "11059  email  no longer among `orders`, so the rule is no longer true of it\n"
        ),
        "{first}"
    );

    // The same again does nothing, and says so.
    let mail = || fs::read_dir(folder.join("mail")).unwrap().count();
    let (before, outbox) = (mail(), run(folder, &format!("outbox --format json {state}")).fine());
    assert_eq!(before, 16);
    for at in ["10:00", "11:00"] {
        let again = apply(at).fine();
        assert!(
            again.starts_with("This plan was carried out before, by the run as of 7 May 12:00."),
            "{again}"
        );
        let rest = "Nothing was due to leave.\n5 wait for their time, the first for 7 May 13:00.\n";
        assert!(again.ends_with(rest), "{again}");
    }
    assert_eq!(mail(), before);
    assert_eq!(run(folder, &format!("outbox --format json {state}")).fine(), outbox);

    // The next run contacts whom the plan left, and nobody of those whom it contacted.
    let at = |hour: u32| format!("run --format json --as-of 1998-05-07T{hour}:00:00Z {state}");
    let by_plan =
        run(folder, &format!("apply plan.json --format json --as-of 1998-05-07T12:00:00Z {state}"))
            .json();
    assert_eq!((&by_plan["again"], &by_plan["plan"]), (&json!(true), &plan["plan"]));
    let next = run(folder, &at(13)).json();
    let waiting =
        ["churn-risk HUNGC", "churn-risk MEREP", "stalled-order 11054", "stalled-order 11019"];
    let twice: Vec<String> =
        told(&next).into_iter().filter(|one| told(&by_plan).contains(one)).collect();
    // What was put off is decided again at every run until it leaves.
    assert!(
        twice.iter().all(|one| waiting.contains(&one.as_str()) || one == "churn-risk FAMIA"),
        "{twice:?}"
    );
    assert!(told(&next).contains(&"thank-you-survey 11052".to_owned()), "{:?}", told(&next));
}

#[test]
fn what_was_planned_and_is_refused_now_is_left_out_with_the_reason() {
    let demo = demo();
    let folder = demo.path();
    run(folder, &format!("plan --out plan.json {AT}")).fine();
    run(folder, "suppress BLAUS").fine();
    sql(
        folder,
        "UPDATE customer_contacts SET email = 'new@example.com' WHERE customer_id = 'FISSA';
         UPDATE orders SET order_date = '1998-05-06' WHERE order_id = 11008;
         UPDATE customer_contacts SET email = 'hidden' WHERE customer_id = 'RANCH'",
    );
    let ran = run(folder, "apply plan.json --format json --as-of 1998-05-07T10:00:00Z");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let report = ran.json();
    let left_out: Vec<String> = report["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |field: &str| row[field].as_str().unwrap();
            let mut evidence = row["evidence"].clone();
            evidence.as_object_mut().unwrap().remove("since");
            format!("{} {} {}: {}", text("rule"), text("subject"), text("because"), evidence)
        })
        .collect();
    insta::assert_snapshot!(left_out.join("\n"));
    let totals = &report["totals"];
    let sum: u64 = ["contact", "deferred", "refused", "held", "task"]
        .iter()
        .map(|of| totals[of].as_u64().unwrap())
        .sum();
    assert_eq!(totals["candidates"].as_u64(), Some(sum));
    // Whoever has another address now is not written to by this plan, and by the next run.
    let fissa = |report: &Value| {
        let decisions = report["decisions"].as_array().unwrap();
        let fissa = decisions.iter().find(|d| d["subject"] == "FISSA").unwrap();
        (fissa["outcome"].clone(), fissa["reason"].clone(), fissa["evidence"].clone())
    };
    let (outcome, reason, evidence) = fissa(&report);
    assert_eq!((outcome, reason), ("refused".into(), "not_planned".into()));
    assert_eq!(evidence, json!({ "changed": "address" }));
    let next = run(folder, "run --format json --as-of 1998-05-07T10:05:00Z").json();
    assert_eq!(fissa(&next).0, "contact");
}

#[test]
fn a_plan_is_refused_where_the_pack_is_another_one() {
    let demo = demo();
    let folder = demo.path();
    run(folder, &format!("plan --out plan.json {AT}")).fine();
    let apply = "apply plan.json --as-of 1998-05-07T10:00:00Z";
    patience(&folder.join("rules"), 7, 10);
    replace(&folder.join("rules/policy.toml"), "per = \"1d\"", "per = \"2d\"");
    fs::write(folder.join("rules/onboarding/email.de.md"), "---\nsubject: Hallo\n---\nHallo.\n")
        .unwrap();
    let said = refused(folder, apply, 2);
    assert_eq!(
        said,
        "error: the pack is no longer the one that was planned with: onboarding/email.de.md, policy.toml, \
         stalled-order/rule.rhai changed. Make the plan again with `lookout plan --out plan.json --as-of \
         1998-05-07T09:00:00Z`, or bring the pack back to what it was\n"
    );
    assert!(!folder.join("mail").exists() && !folder.join("lookout.db").exists());
    // Without the time at which things are tried, it is the same: that the plan is old is no news then.
    assert_eq!(refused(folder, "apply plan.json", 2), said);
}

#[test]
fn what_is_no_plan_is_refused() {
    let demo = demo();
    let folder = demo.path();
    let said = |file: &str, at: &str| refused(folder, &format!("apply {file} --as-of {at}"), 2);
    let now = "1998-05-07T10:00:00Z";
    assert!(said("none.json", now).contains(
        "error: there is no plan none.json; `lookout plan --out none.json` writes one\n"
    ));
    let policy = said("rules/policy.toml", now);
    assert!(
        policy.contains("rules/policy.toml is no plan: a plan is JSON, and this is not; "),
        "{policy}"
    );
    fs::write(folder.join("other.json"), "{}").unwrap();
    assert!(said("other.json", now).contains("other.json is no plan: missing field"));
    run(folder, &format!("plan --out plan.json {AT}")).fine();
    assert!(
        said("plan.json", "1998-05-07T08:00:00Z")
            .contains("the plan was made for 1998-05-07T09:00:00Z, which is later")
    );
    replace(&folder.join("plan.json"), "\"subject\": \"11058\"", "\"subject\": \"11061\"");
    assert!(said("plan.json", now).contains("plan.json was edited after it was made"));
    replace(&folder.join("plan.json"), "\"schema_version\": 1", "\"schema_version\": 2");
    assert!(said("plan.json", now).contains("is a plan of version 2"));
}

#[test]
fn an_instant_that_was_decided_before_is_not_decided_again() {
    let demo = demo();
    let folder = demo.path();
    run(folder, &format!("plan --out plan.json {AT}")).fine();
    run(folder, &format!("run {AT}")).fine();
    let said = refused(folder, &format!("apply plan.json {AT}"), 2);
    assert!(said.contains("the run as of 1998-05-07T09:00:00Z is already recorded"), "{said}");
    // Whom the run contacted meanwhile is told about once.
    let ran = run(folder, "apply plan.json --format json --as-of 1998-05-07T09:05:00Z");
    let report = ran.json();
    let because: Vec<_> = report["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["because"].as_str().unwrap())
        .collect();
    assert!(
        because.iter().all(|code| ["already_contacted", "contacted"].contains(code)),
        "{because:?}"
    );
    assert_eq!(report["totals"]["contact"], 0);
}

#[test]
fn a_plan_without_a_comparison_is_what_a_run_would_do() {
    let demo = demo();
    let folder = demo.path();
    let plan = run(folder, &format!("plan --out plan.json --format json {AT}")).json();
    let written: Value =
        serde_json::from_slice(&fs::read(folder.join("plan.json")).unwrap()).unwrap();
    assert_eq!(plan, written);
    assert_eq!(plan["comparison"], Value::Null);
    let text = run(folder, &format!("plan --out plan.json {AT}")).fine();
    assert!(text.starts_with("Plan, nothing goes out before it is applied\n"), "{text}");
    let dry: Value = run(folder, &format!("dry-run --format json {AT}")).json();
    assert_eq!(plan["totals"], dry["totals"]);
    let rows: Vec<_> =
        plan["rows"].as_array().unwrap().iter().map(|row| row["outreach"].clone()).collect();
    let going = dry["decisions"].as_array().unwrap().iter().filter(|d| !d["outreach"].is_null());
    assert_eq!(rows, going.map(|d| d["outreach"].clone()).collect::<Vec<_>>());
}

#[test]
fn what_is_held_still_waits_for_approval() {
    let demo = demo();
    let folder = demo.path();
    let policy = folder.join("rules/policy.toml");
    let text = fs::read_to_string(&policy).unwrap();
    let (before, _) = text.split_once("[hold]").unwrap();
    fs::write(
        &policy,
        format!("{before}[hold]\neverything = 60\nrule = 60\nnew_rule = 60\nshare = \"60%\"\n"),
    )
    .unwrap();
    sql(
        folder,
        "INSERT INTO orders (order_id, customer_id, order_date)
         SELECT 20000 + rowid, customer_id, '1998-04-20' FROM customers",
    );
    let planned = run(folder, &format!("plan --out plan.json --format json {AT}")).json();
    let held = planned["totals"]["held"].as_u64().unwrap();
    assert!(held > 50, "{}", planned["totals"]);
    let ran = run(folder, "apply plan.json --as-of 1998-05-07T09:30:00Z");
    assert_eq!(ran.code, 0);
    assert!(
        ran.out.contains("may go out without approval ([hold] share); none of them goes out"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains(&format!(", {held} held until somebody approves; ")), "{}", ran.out);
    let outbox = run(folder, "outbox --format json").json();
    assert!(outbox["states"]["held"].as_u64().unwrap() > 50);
    run(folder, "approve stalled-order --yes");
    let next = run(folder, "run --format json --as-of 1998-05-07T09:35:00Z").json();
    assert_eq!(next["totals"]["held"], 0);
}

#[test]
fn a_plan_that_is_too_old_for_all_of_it_is_not_used_up() {
    let demo = demo();
    let folder = demo.path();
    run(folder, &format!("plan --out plan.json {AT}")).fine();
    let late = "apply plan.json --as-of 1998-08-07T10:00:00Z";
    let said = refused(folder, late, 2);
    assert!(
        said.starts_with("error: this plan is too old: everything in it was to be done by "),
        "{said}"
    );
    assert!(
        said.ends_with(
            "Make it again with `lookout plan --out plan.json`, or, if you are trying things on \
             made-up data, say --as-of 1998-05-07T09:00:00Z\n"
        ),
        "{said}"
    );
    assert!(!folder.join("mail").exists() && !folder.join("lookout.db").exists());
    let done = run(folder, "apply plan.json --as-of 1998-05-07T10:00:00Z").fine();
    assert!(done.contains(" rows: 26 done, 6 put off (the last until 7 May 17:00); "), "{done}");
    // What was done is told as before, however late.
    let again = run(folder, late);
    assert!(
        again.out.starts_with("This plan was carried out before"),
        "{}{}",
        again.out,
        again.err
    );
}

#[test]
fn what_is_left_out_of_a_plan_is_not_outside_of_it() {
    let demo = demo();
    let folder = demo.path();
    run(folder, &format!("plan --out plan.json {AT}")).fine();
    sql(
        folder,
        "UPDATE customer_contacts SET email = 'new@example.com' WHERE customer_id = 'FISSA'",
    );
    let done = run(folder, "apply plan.json --as-of 1998-05-07T10:00:00Z").fine();
    let section = |title: &str| {
        let rows = done.split(&format!("  Not contacted: {title} (")).nth(1).unwrap_or_default();
        rows.lines().skip(1).take_while(|line| line.starts_with("    ")).collect::<String>()
    };
    assert!(section("left out of the plan that was carried out").contains("FISSA"), "{done}");
    assert!(!section("outside the plan that was carried out").contains("FISSA"), "{done}");
}

#[test]
fn a_plan_that_was_carried_out_says_so_whatever_has_changed_and_what_is_due_leaves() {
    let demo = demo();
    let folder = demo.path();
    run(folder, &format!("plan --out plan.json {AT}")).fine();
    run(folder, "pause");
    let held_up = run(folder, "apply plan.json --as-of 1998-05-07T10:00:00Z");
    assert!(held_up.out.contains(" rows: "), "{}{}", held_up.out, held_up.err);
    let mail = || fs::read_dir(folder.join("mail")).map_or(0, Iterator::count);
    assert_eq!(mail(), 0);
    run(folder, "resume");
    patience(&folder.join("rules"), 7, 10);
    let again = run(folder, "apply plan.json --as-of 1998-05-07T10:02:00Z").out;
    assert!(
        again.contains("nothing is decided again, and what is still due in the outbox leaves now."),
        "{again}"
    );
    assert!(mail() > 0);
}

#[test]
fn a_run_in_the_minute_of_a_plan_says_that_it_decided_nothing() {
    let demo = demo();
    let folder = demo.path();
    run(folder, &format!("plan --out plan.json {AT}")).fine();
    run(folder, &format!("apply plan.json {AT}")).fine();
    let ran = run(folder, &format!("run {AT}"));
    assert_eq!(ran.code, 4, "{}", ran.out);
    assert!(ran.out.starts_with("Run of a plan, decided before and not again\n"), "{}", ran.out);
    assert_eq!(
        ran.err,
        "In this minute a plan was carried out, which is no run: nothing else was decided. Run again \
         in the next one.\n"
    );
    run(folder, "run --as-of 1998-05-07T09:01:00Z").fine();
}

#[test]
fn a_plan_that_is_written_has_what_is_due() {
    let demo = demo();
    let folder = demo.path();
    replace(
        &folder.join("rules/stalled-order/rule.rhai"),
        "const PATIENCE = 7;",
        "const SCHEDULE = \"0 9 * * 1\";\nconst PATIENCE = 7;",
    );
    // The seventh of May 1998 is a Thursday.
    let rules = |out: &str| {
        let ran = run(folder, &format!("plan --base rules {out} --format json {AT}"));
        let plan = ran.json();
        (plan["rules"].as_array().unwrap().contains(&json!("stalled-order")), ran.err)
    };
    assert_eq!(rules(""), (true, String::new()), "what is only looked at has all rules");
    let not_due = "Not due, so not in this plan: stalled-order (11 May 09:00).\n".to_owned();
    assert_eq!(rules("--due"), (false, not_due.clone()));
    assert_eq!(rules("--out plan.json"), (false, not_due));
    let dry: Value = run(folder, &format!("dry-run --due --format json {AT}")).json();
    let applied = run(folder, &format!("apply plan.json --format json {AT}")).json();
    assert_eq!(applied["totals"], dry["totals"]);
}

#[test]
fn a_place_in_which_no_plan_can_be_is_refused_at_once() {
    let demo = demo();
    let said = |out: &str| refused(demo.path(), &format!("plan --out {out} {AT}"), 2);
    assert_eq!(said("rules"), "error: rules can't be written: it is a folder; name a file in it\n");
    assert_eq!(
        said("plans/plan.json"),
        "error: plans/plan.json can't be written: its folder does not exist; make it, or name another\n"
    );
    let policy = fs::read(demo.path().join("rules/policy.toml")).unwrap();
    assert_eq!(
        said("rules/policy.toml"),
        "error: rules/policy.toml is there already and is no plan, so it is not written over; name \
         another file, or remove this one\n"
    );
    assert_eq!(fs::read(demo.path().join("rules/policy.toml")).unwrap(), policy);
    for _ in 0..2 {
        run(demo.path(), &format!("plan --out plan.json {AT}")).fine();
    }
}

#[rstest::rstest]
#[case::sqlite(false)]
#[case::postgres(true)]
#[tokio::test]
async fn a_plan_leaves_the_books_as_they_were_and_is_one_of_these_books(#[case] postgres: bool) {
    let demo = demo();
    let folder = demo.path();
    let state = format!("--state {}", state(postgres).await);
    run(folder, &format!("run --as-of 1998-05-06T09:00:00Z {state}"));
    let outbox = || run(folder, &format!("outbox --format json {state}")).fine();
    let plan = |base: &str| {
        run(folder, &format!("plan {base} --out plan.json --format json {AT} {state}")).json()
    };
    let (before, first) = (outbox(), plan("--base ten"));
    assert!(first["history"].as_i64().unwrap() > 0, "{}", first["history"]);
    assert_eq!(plan("--base ten"), first);
    assert_eq!(outbox(), before);
    // Who was contacted is known to the books that the plan was made on, and to no others.
    let said =
        refused(folder, "apply plan.json --as-of 1998-05-07T09:00:00Z --state sqlite:new.db", 2);
    assert!(said.starts_with("error: the plan was made on another state database"), "{said}");
    run(folder, &format!("apply plan.json {AT} {state}")).fine();
}
