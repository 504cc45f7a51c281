//! The first half hour with a pack of one's own: init, check, test, preview, a mistake, a dry run.

use std::fs;

use serde_json::json;

use crate::support::program::{files, run};

#[test]
fn a_newcomer_gets_a_pack_that_is_right_and_can_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("init", run(folder.path(), "init care").fine());
    let care = folder.path().join("care");
    insta::assert_snapshot!("check_of_a_new_pack", run(&care, "check").fine());
    insta::assert_snapshot!("test_of_a_new_pack", run(&care, "test").fine());

    let shown = run(&care, "preview overdue-invoice").fine();
    assert_eq!(shown, "1 message in overdue-invoice.html\n");
    let page = fs::read_to_string(care.join("overdue-invoice.html")).unwrap();
    assert!(page.contains("A reminder of invoice 2026-017"), "{page}");
    assert!(page.contains("Ana Lopez"), "{page}");

    let again = run(folder.path(), "init care");
    assert_eq!((again.code, again.out.as_str()), (2, ""));
    assert!(again.err.contains("care is there already and not empty"), "{}", again.err);
}

/// Where the words don't say why they come, the topic does, by the name that customers read.
#[test]
fn a_preview_names_the_topic_as_the_message_does() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "init care").fine();
    let care = folder.path().join("care");
    for entry in fs::read_dir(care.join("rules/overdue-invoice")).unwrap() {
        let file = entry.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        let kept = text.lines().filter(|line| !line.starts_with("because:"));
        fs::write(&file, kept.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }
    let at = "--as-of 2026-03-10T10:00:00Z";
    let message = run(&care, &format!("dry-run --message c01 {at}")).fine();
    assert!(message.contains("your orders"), "{message}");
    run(&care, &format!("preview overdue-invoice --customer c01 --out page.html {at}")).fine();
    let page = fs::read_to_string(care.join("page.html")).unwrap();
    assert!(page.contains("your orders") && !page.contains("Topic: service"), "{page}");
}

/// Words that only a later contact gets are shown too: a case that says what was before, or a step, asks
/// for them.
#[test]
fn a_preview_shows_what_comes_later() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "init care").fine();
    let care = folder.path().join("care");
    let rule = care.join("rules/overdue-invoice");
    let change = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(rule.join(file)).unwrap();
        assert!(text.contains(from), "{file}");
        fs::write(rule.join(file), text.replace(from, to)).unwrap();
    };
    change("rule.rhai", "fn then(customer, invoice) {", "fn then(customer, invoice, episode) {");
    change(
        "rule.rhai",
        "email(\"email\");",
        "if episode.contacts == 0 { email(\"email\") } \
         else if episode.contacts == 1 { email(\"reminder\", #{ days: episode.days }) } \
         else { email(\"last\") }",
    );
    let words =
        |text: &str| format!("---\nsubject: {text}\n---\n{text}, {{{{ customer.name }}}}.\n");
    fs::write(rule.join("reminder.md"), words("Again after {{ days }} days")).unwrap();
    fs::write(rule.join("last.md"), words("For the last time")).unwrap();
    let nobody = run(&care, "preview overdue-invoice");
    assert_eq!(nobody.code, 1);
    assert!(nobody.err.contains("no example asks for the words `reminder`"), "{}", nobody.err);

    let later = "\n[[case]]\nname = \"again\"\n\
                 contacts = [{ rule = \"overdue-invoice\", ago = \"8d\" }]\n\
                 expect = { email = \"reminder\" }\n\
                 \n[[case]]\nname = \"to the end\"\nexpect = { email = \"email\" }\n\
                 [[case.step]]\nafter = \"8d\"\nexpect = { email = \"reminder\" }\n\
                 [[case.step]]\nafter = \"8d\"\nexpect = { email = \"last\" }\n";
    let cases = fs::read_to_string(rule.join("cases.toml")).unwrap();
    fs::write(rule.join("cases.toml"), cases + later).unwrap();
    run(&care, "test").fine();
    let shown = run(&care, "preview overdue-invoice").fine();
    assert_eq!(shown, "3 messages in overdue-invoice.html\n");
    let page = fs::read_to_string(care.join("overdue-invoice.html")).unwrap();
    for words in ["A reminder of invoice 2026-017", "Again after 8 days", "For the last time"] {
        assert!(page.contains(words), "{words}");
    }
}

/// Whoever refused under a column that is nearly the right one hears nothing: there is no run.
#[test]
fn a_run_refuses_a_misspelt_column_of_refusals() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "init care").fine();
    let care = folder.path().join("care");
    let file = care.join("rules/signals/customers.sql");
    let right = fs::read_to_string(&file).unwrap();
    let command = "run --as-of 2026-03-10T10:00:00Z";
    let misspelt = right.replace("AS refusals", "AS refusal");
    let all_taken = format!("SELECT * FROM (\n{misspelt})\n");
    for wrong in [misspelt, all_taken] {
        fs::write(&file, &wrong).unwrap();
        let ran = run(&care, command);
        assert!(ran.code == 2, "{wrong}\n{}{}", ran.out, ran.err);
        assert!(ran.err.contains("did you mean `refusals`?"), "{}", ran.err);
        assert!(!care.join("mail").exists());
    }
    fs::write(&file, right).unwrap();
    run(&care, command);
    assert!(care.join("mail").exists());
}

#[test]
fn a_mistake_is_told_with_its_place_and_its_cure() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "init care").fine();
    let care = folder.path().join("care");
    let rule = care.join("rules/overdue-invoice/rule.rhai");
    let text = fs::read_to_string(&rule).unwrap();
    fs::write(
        &rule,
        text.replace("invoice.due_on", "invoice.due_no").replace("TOPIC =", "TOPPIC ="),
    )
    .unwrap();
    let without = run(&care, "check");
    assert_eq!((without.code, without.err.as_str()), (1, ""));
    insta::assert_snapshot!("check_with_a_mistake", without.out);
    let as_json = run(&care, "check --format json");
    assert_eq!((as_json.code, as_json.err.as_str()), (1, ""));
    assert_eq!(as_json.json()["problems"][0]["code"], "misspelt-constant");
    assert_eq!(as_json.json()["problems"][0]["line"], 4);
    // What was asked for is a dry run, so the mistake is no result.
    let dry_run = run(&care, "dry-run --format json");
    assert_eq!((dry_run.code, dry_run.out.as_str()), (2, ""));
    assert!(dry_run.err.contains("TOPPIC"), "{}", dry_run.err);
}

#[test]
fn the_first_dry_run_on_a_made_up_company() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "init care").fine();
    let care = folder.path().join("care");
    let before = files(&care);
    assert!(run(&care, "check").fine().contains("held against the SQLite database company.db"));
    let tuesday = "--as-of 2026-03-10T10:00:00Z";
    insta::assert_snapshot!("first_dry_run", run(&care, &format!("dry-run {tuesday}")).fine());
    let message = run(&care, &format!("dry-run --message c01 {tuesday}")).fine();
    insta::assert_snapshot!("first_message", message);
    assert_eq!(files(&care), before, "nothing is kept");

    let ran = run(&care, &format!("run {tuesday} --format json")).json();
    let outbox = run(&care, "outbox --format json").json();
    let outreaches = outbox["outreaches"].as_array().unwrap();
    let total = |name: &str| ran["totals"][name].as_u64().unwrap() as usize;
    let spoken_of: usize = outreaches.iter().map(subjects).map(Vec::len).sum();
    assert_eq!(total("contact") + total("deferred"), spoken_of);
    let ana: Vec<_> =
        outreaches.iter().map(subjects).filter(|s| s[0]["customer_id"] == "c01").collect();
    assert_eq!(
        json!(ana),
        json!([[
            { "customer_id": "c01", "subject": "2026-017" },
            { "customer_id": "c01", "subject": "2026-018" }
        ]])
    );
}

/// What an outreach speaks of.
fn subjects(outreach: &serde_json::Value) -> &Vec<serde_json::Value> {
    outreach["subjects"].as_array().unwrap()
}

#[test]
fn a_case_that_fails_says_what_came_instead() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "init care").fine();
    let care = folder.path().join("care");
    let rule = care.join("rules/overdue-invoice/rule.rhai");
    let text = fs::read_to_string(&rule).unwrap();
    fs::write(&rule, text.replace("GRACE = 3", "GRACE = 2")).unwrap();
    let tested = run(&care, "test");
    assert_eq!((tested.code, tested.err.as_str()), (1, ""));
    insta::assert_snapshot!("test_that_fails", tested.out);
    let tested = run(&care, "test overdue-invoice --format json");
    assert_eq!((tested.code, &tested.json()["failed"]), (1, &json!(1)));
    let unknown = run(&care, "test overdue-invoices");
    assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
    assert!(unknown.err.contains("did you mean `overdue-invoice`?"), "{}", unknown.err);
}
