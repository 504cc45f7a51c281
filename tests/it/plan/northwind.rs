//! The demo's pack with `PATIENCE = 7` and with 10: what the change does, and how it is told.

use std::path::Path;
use std::process::Command;

use lookout::demo::{Dialect, generated_sql};

use super::*;
use crate::support::postgres;

#[test]
fn a_change_names_the_orders_that_differ_and_what_they_free() {
    let demo = demo();
    let line = format!("plan --base rules --rules ten --format json {AT}");
    let plan = run(demo.path(), &line).json();
    assert_eq!(
        differences(&plan),
        [
            "stalled-order lost 11058",
            "stalled-order lost 11054",
            "stalled-order changed 11040",
            "stalled-order lost 11061",
            "stalled-order changed 11051",
            "stalled-order changed 11019",
            "stalled-order reason 11062",
            "stalled-order lost 11059",
            "thank-you-survey gained 11052",
        ]
    );
    let differences = plan["comparison"]["differences"].as_array().unwrap();
    // Those who still hear read of ten days in place of seven.
    for changed in differences.iter().filter(|d| d["kind"] == "changed") {
        assert_eq!(changed["what"], serde_json::json!(["words"]), "{changed}");
    }
    let freed = differences.iter().find(|d| d["kind"] == "gained").unwrap();
    assert_eq!(
        (freed["customer_id"].as_str(), freed["rival"].as_str()),
        (Some("HANAR"), Some("stalled-order"))
    );
    let customers = &plan["comparison"]["customers"];
    assert_eq!(customers["lost"], serde_json::json!(["BLAUS", "CACTU", "RICAR"]));
    assert_eq!(customers["gained"], serde_json::json!(["HANAR"]));
    // No name and no address: ids alone.
    let text = plan.to_string();
    assert!(!text.contains("Great Lakes") && !text.contains('@'), "{text}");
}

#[test]
fn the_reverse_displaces_what_was_freed() {
    let demo = demo();
    let plan = run(demo.path(), &format!("plan --base ten --format json {AT}")).json();
    let differences = plan["comparison"]["differences"].as_array().unwrap();
    let lost: Vec<_> = differences.iter().filter(|d| d["kind"] == "lost").collect();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0]["subject"], "11052");
    assert_eq!(
        (&lost[0]["rival"], &lost[0]["after"]["reason"]),
        (&"stalled-order".into(), &"outranked".into())
    );
    assert_eq!(differences.iter().filter(|d| d["kind"] == "gained").count(), 4);
}

#[test]
fn a_team_reads_it_in_a_review() {
    let demo = demo();
    let line = format!("plan --base rules --rules ten {AT}");
    insta::assert_snapshot!("text", without_hashes(&run(demo.path(), &line).fine()));
    let markdown = run(demo.path(), &format!("{line} --markdown")).fine();
    insta::assert_snapshot!("markdown", without_hashes(&markdown));
    let mut plan = run(demo.path(), &format!("{line} --format json")).json();
    plan["files"] = "every file and its hash".into();
    let rows = plan["rows"].as_array().unwrap().clone();
    let some = |rule: &str| rows.iter().find(|row| row["rule"] == rule).unwrap().clone();
    plan["rows"] = vec![some("churn-risk"), some("ignored-ticket"), some("stalled-order")].into();
    let text = serde_json::to_string_pretty(&plan).unwrap();
    insta::assert_snapshot!("json", without_hashes(&text));
}

#[test]
fn the_same_pack_differs_in_nothing() {
    let demo = demo();
    let told = run(demo.path(), &format!("plan --base rules --fail-on changes {AT}")).fine();
    assert!(told.contains("Nobody would hear anything different\n"), "{told}");
    assert!(!told.contains("How the sums move"), "{told}");
}

#[test]
fn a_check_fails_where_a_limit_is_passed() {
    let demo = demo();
    let line = format!("plan --base rules --rules ten {AT}");
    let ended = |limits: &str| {
        let ran = run(demo.path(), &format!("{line} {limits}"));
        assert!(ran.out.starts_with("Plan, what the change of the pack would do\n"));
        (ran.code, ran.err)
    };
    let seven = "7 customers of 91 would hear something different.\n";
    assert_eq!(ended("--fail-on changes"), (1, format!("--fail-on changes: {seven}")));
    assert_eq!(ended("--fail-on more-than=6"), (1, format!("--fail-on more-than=6: {seven}")));
    assert_eq!(ended("--fail-on more-than=7"), (0, String::new()));
    assert_eq!(ended("--fail-on share=7.5%"), (1, format!("--fail-on share=7.5%: {seven}")));
    assert_eq!(ended("--fail-on share=8%"), (0, String::new()));
    let both = ended("--fail-on more-than=99 --fail-on share=1%");
    assert_eq!(both, (1, format!("--fail-on share=1%: {seven}")));
    for wrong in ["some", "more-than=few", "share=5", "share=101%", "more-than"] {
        let said = refused(demo.path(), &format!("{line} --fail-on {wrong}"), 2);
        assert!(said.contains("write changes, more-than=20 or share=5%"), "{said}");
    }
}

#[test]
fn work_for_colleagues_counts_for_changes_alone() {
    let demo = demo();
    replace(&demo.path().join("ten/stalled-order/rule.rhai"), "PATIENCE = 10;", "PATIENCE = 7;");
    replace(&demo.path().join("ten/failed-logins/task.md"), "Possible attack", "An attack");
    let line = format!("plan --base rules --rules ten {AT}");
    let ran = run(demo.path(), &format!("{line} --fail-on changes --fail-on more-than=0"));
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.err,
        "--fail-on changes: 0 customers of 91 would hear something different, and 1 task would differ.\n"
    );
    assert!(ran.out.contains("No customer would, but 1 task would differ\n"), "{}", ran.out);
    assert!(ran.out.contains("the title was “Possible attack on the account of"), "{}", ran.out);
}

/// Git in a folder, by nobody in particular.
fn git(folder: &Path, line: &str) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=Ana", "-c", "user.email=ana@example.com"]);
    let output = git.current_dir(folder).args(line.split(' ')).output().unwrap();
    assert!(output.status.success(), "git {line}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_revision_is_compared_with_the_working_folder() {
    let demo = demo();
    let folder = demo.path();
    let said = refused(folder, &format!("plan {AT}"), 2);
    assert!(said.ends_with("rules is in no git repository; put it into one, or name a folder in place of a revision\n"), "{said}");
    for line in ["init -q", "add rules", "commit -qm seven", "tag seven"] {
        git(folder, line);
    }
    patience(&folder.join("rules"), 7, 10);
    let against = |base: &str| run(folder, &format!("plan {base} --format json {AT}")).json();
    let by_folder = {
        copy(&folder.join("rules"), &folder.join("now"));
        git(folder, "stash -q");
        let plan = run(folder, &format!("plan --base rules --rules now --format json {AT}")).json();
        git(folder, "stash pop -q");
        plan
    };
    for base in ["", "--base HEAD", "--base seven"] {
        assert_eq!(differences(&against(base)), differences(&by_folder), "{base}");
    }
    git(folder, "add rules");
    git(folder, "commit -qm ten");
    assert_eq!(differences(&against("")), Vec::<String>::new());
    assert_eq!(differences(&against("--base HEAD~1")), differences(&by_folder));
    let told = run(folder, &format!("plan --base HEAD~1 {AT}")).fine();
    assert!(told.contains("  before     HEAD~1 (pack "), "{told}");
    let said = refused(folder, &format!("plan --base nowhere {AT}"), 2);
    assert!(said.contains("git knows no revision `nowhere`"), "{said}");
}

#[test]
fn the_repository_is_the_folders_whatever_git_tells_its_hooks() {
    let demo = demo();
    let folder = demo.path();
    for line in ["init -q", "add rules", "commit -qm seven"] {
        git(folder, line);
    }
    // In a linked worktree, a hook is told where that is.
    git(folder, "worktree add -q beside");
    let other = tempfile::tempdir().unwrap();
    git(other.path(), "init -q");
    let line = format!("plan {AT}");
    for of in [Path::new(".git"), &folder.join(".git/worktrees/beside"), &other.path().join(".git")]
    {
        let mut command = lookout(folder);
        command.args(line.split(' ')).env("GIT_DIR", of).env("GIT_INDEX_FILE", "none");
        let told = ran(&mut command).fine();
        assert!(told.contains("Nobody would hear anything different\n"), "{told}");
    }
    // Where git refuses, it says why.
    let mut command = lookout(folder);
    command.args(line.split(' ')).env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    let refused = ran(&mut command);
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.starts_with("error: git failed: fatal: detected dubious"),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("safe.directory"), "{}", refused.err);
}

#[test]
fn a_base_that_cannot_be_used_is_named_as_git_names_it() {
    let demo = demo();
    let folder = demo.path();
    replace(&folder.join("rules/policy.toml"), "errors = \"1%\"", "errors = \"many\"");
    for line in ["init -q", "add rules", "commit -qm broken"] {
        git(folder, line);
    }
    replace(&folder.join("rules/policy.toml"), "errors = \"many\"", "errors = \"1%\"");
    let said = refused(folder, &format!("plan {AT}"), 2);
    assert!(said.contains("HEAD:policy.toml:6"), "{said}");
    assert!(said.contains("1 error in the pack"), "{said}");
    assert!(said.contains("= help: this version is only compared with: name another "), "{said}");

    // Nor is the folder named to which it was unpacked.
    fs::remove_file(folder.join("rules/churn-risk/email.md")).unwrap();
    for line in ["add rules", "commit -qm wordless"] {
        git(folder, line);
    }
    copy(&folder.join("ten/churn-risk"), &folder.join("rules/churn-risk"));
    let said = refused(folder, &format!("plan {AT}"), 2);
    assert!(said.contains("HEAD:churn-risk/rule.rhai:"), "{said}");
    assert!(!said.contains(&std::env::temp_dir().display().to_string()), "{said}");
}

#[test]
fn signals_that_differ_are_each_read_with_their_own_sql() {
    let demo = demo();
    let folder = demo.path();
    patience(&folder.join("ten"), 10, 7);
    replace(
        &folder.join("ten/signals/orders.sql"),
        "WHERE order_date",
        "WHERE order_id <> 11058 AND order_date",
    );
    let line = "plan --base rules --rules ten --format json";
    let plan = run(folder, &format!("{line} {AT}")).json();
    assert_eq!(differences(&plan), ["stalled-order lost 11058"]);
    // A snapshot has the rows of one of them, and says so.
    assert_eq!(run(folder, &format!("snapshot save a.snap {AT}")).code, 0);
    let ran = run(folder, &format!("{line} --snapshot a.snap"));
    assert_eq!(differences(&ran.json()), Vec::<String>::new());
    assert!(ran.err.starts_with("The signals differ between the two versions"), "{}", ran.err);
}

#[tokio::test]
async fn on_a_server_both_are_read_in_one_view_and_a_broken_signal_takes_nothing_else_with_it() {
    let demo = demo();
    let folder = demo.path();
    let url = postgres::database().await;
    let dump = fs::read_to_string("demo/northwind/northwind.sql").unwrap();
    postgres::execute(&url, &dump).await;
    postgres::execute(&url, &generated_sql(Dialect::Postgres)).await;
    let line = format!("plan --base rules --rules ten --source {url} --format json {AT}");
    let here = run(folder, &format!("plan --base rules --rules ten --format json {AT}")).json();
    assert_eq!(run(folder, &line).json()["comparison"], here["comparison"]);
    // What the older version can't read is no reason to read the newer one worse.
    replace(&folder.join("rules/signals/logins.sql"), "SELECT", "SELECT nothing_of_that_name, ");
    let plan = run(folder, &line).json();
    let ours = |of: &str| -> Vec<String> {
        differences(&plan).into_iter().filter(|line| line.starts_with(of)).collect()
    };
    assert_eq!(ours("stalled-order").len(), 8);
    let gained =
        ["EASTC", "FRANK", "HILAA", "QUICK"].map(|who| format!("failed-logins gained {who}"));
    assert_eq!(ours("failed-logins"), gained);
}

#[test]
fn what_a_topic_was_muted_for_is_told_without_the_facts() {
    let demo = demo();
    let folder = demo.path();
    patience(&folder.join("ten"), 10, 7);
    replace(
        &folder.join("ten/policy.toml"),
        "[topics.service]",
        "[topics.service]\nmute_when = 'customer.name != \"\" && customer.email != \"\"'",
    );
    let line = format!("plan --base rules --rules ten --out plan.json {AT}");
    run(folder, &line).fine();
    let text = fs::read_to_string(folder.join("plan.json")).unwrap();
    let plan: Value = serde_json::from_str(&text).unwrap();
    let differences = plan["comparison"]["differences"].as_array().unwrap();
    let muted = differences.iter().find(|d| d["after"]["reason"] == "muted").unwrap();
    assert_eq!(muted["after"]["evidence"]["topic"], "service");
    let customers = plan["comparison"]["customers"]["lost"].as_array().unwrap();
    let database = rusqlite::Connection::open(folder.join("northwind.db")).unwrap();
    for customer in customers {
        let sql = "SELECT company_name FROM customers WHERE customer_id = ?1";
        let id = customer.as_str().unwrap();
        let name: String = database.query_row(sql, [id], |row| row.get(0)).unwrap();
        assert!(!text.contains(&name), "{name}");
    }
    assert!(!text.contains('@'), "{text}");
}
