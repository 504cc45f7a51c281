//! Mistakes in a pack: `check`, `dry-run` and `run` say the same of them, and nothing is done.

use super::company::*;

/// What is wrong, in which file, what stood there (nothing: the whole file) and what stands there.
type Mistake = (&'static str, &'static str, &'static str, &'static str);

/// What a person reads of each mistake, made alone.
fn told(mistakes: &[Mistake]) -> String {
    let told = mistakes.iter().map(|(what, file, from, to)| {
        let company = Company::after_the_first_day();
        company.change(file, from, to);
        format!("──── {what}\n{}", refused(&company))
    });
    told.collect::<Vec<_>>().join("\n")
}

/// What `check` says of a pack that can't be used; all others that need it say the same and do nothing.
fn refused(company: &Company) -> String {
    let before = company.books();
    let check = company.lookout("check");
    let (problems, count) = check.stdout.trim_end().rsplit_once('\n').unwrap();
    assert!(count.contains("error"), "{}", check.whole());
    let looking = ["dry-run", "run", "explain BEN", "preview late-order"];
    let looking = looking.map(|line| format!("{line} --as-of {SECOND_DAY}"));
    for line in looking.iter().map(String::as_str).chain(["deliver", "test"]) {
        let said = company.lookout(line);
        assert_eq!(said.code, 2, "{}", said.whole());
        assert_eq!(said.stdout, "");
        assert!(said.stderr.contains(problems), "{}", said.whole());
    }
    assert_eq!(check.code, 1, "{}", check.whole());
    assert_eq!(company.books(), before);
    check.whole()
}

#[test]
fn a_pack_that_is_not_there() {
    let company = Company::after_the_first_day();
    company.remove("rules");
    let missing = refused(&company);
    std::fs::create_dir(company.path("rules")).unwrap();
    let empty = refused(&company);
    let ruleless = Company::after_the_first_day();
    ruleless.remove("rules/late-order");
    ruleless.remove("rules/welcome");
    insta::assert_snapshot!([missing, empty, refused(&ruleless)].join("\n"));
}

#[test]
fn malformed_rules() {
    insta::assert_snapshot!(told(&[
        ("a parenthesis is missing", RULE, "order) {", "order {"),
        ("a brace is missing", RULE, "open == 0\n}", "open == 0\n"),
        ("a word of another language", RULE, "&&", "and"),
        ("a quote is missing", RULE, "\"service\";", "\"service;"),
        ("no `then`", RULE, "fn then", "fn than"),
        ("a rule without a rule", "rules/on-hold/notes.md", "", "Not yet.\n"),
    ]));
}

#[test]
fn malformed_signals() {
    insta::assert_snapshot!(told(&[
        ("a quote is not closed", ORDERS, "total,", "'total,"),
        ("two statements", ORDERS, "FROM orders\n", "FROM orders;\nSELECT 1\n"),
        ("it deletes", ORDERS, "", "DELETE FROM orders\n"),
        (
            "it updates in the middle of a query",
            ORDERS,
            "SELECT person",
            "WITH x AS (UPDATE orders SET total = 0 RETURNING *)\nSELECT person",
        ),
        ("a parameter of its own", ORDERS, ":as_of", ":today"),
        ("a misspelt header", ORDERS, "-- key:", "-- kye:"),
        ("an empty file", ORDERS, "", "\n"),
        ("no customers at all", CUSTOMERS, "", "-- to be written\n"),
    ]));
}

#[test]
fn malformed_toml() {
    insta::assert_snapshot!(told(&[
        ("a text without quotes", POLICY, "\"opt-out\"", "opt-out"),
        ("a bracket is missing", POLICY, "[[cap]]", "[[cap]"),
        ("the same in cases.toml", CASES, "order = {", "order = [{"),
        ("a case that expects nothing", CASES, "expect = { email = \"email\" }\n", ""),
    ]));
}

#[test]
fn malformed_templates() {
    insta::assert_snapshot!(told(&[
        ("data is not closed", WORDS, "Dear {{ customer.name }},", "Dear {{ customer.name,"),
        ("a condition is not closed", WORDS, "your order", "{% if order.total > 5 %}your order"),
        ("a misspelt key at the top", WORDS, "subject:", "subjct:"),
        ("a name that nothing gives", WORDS, "Dear {{ customer", "Dear {{ custmer"),
        ("a filter that is not there", WORDS, "customer.name }},", "customer.name | uper }},"),
        ("a template that is not there", RULE, "email(\"email\")", "email(\"emial\")"),
    ]));
}

#[test]
fn misspelt_names() {
    insta::assert_snapshot!(told(&[
        ("a constant", RULE, "const TOPIC", "const TOPCI"),
        ("a constant that is computed", RULE, "PATIENCE = 7", "PATIENCE = 3 + 4"),
        ("a key of policy.toml", POLICY, "contacts = 5", "contact = 5"),
        ("a section of policy.toml", POLICY, "[topics.service]", "[topic.service]"),
        ("a consent", POLICY, "opt-out", "optout"),
        ("a topic", RULE, "\"service\"", "\"servcie\""),
        ("a signal", RULE, "customer.tickets.open", "customer.ticket.open"),
    ]));
}

#[test]
fn values_that_mean_nothing() {
    let constant = "const PATIENCE";
    insta::assert_snapshot!(told(&[
        ("a duration in policy.toml", POLICY, "\"1d\"", "\"one day\""),
        ("a duration in a rule", RULE, constant, "const COOLDOWN = \"3 days\";\nconst PATIENCE"),
        ("a crontab hour", RULE, constant, "const SCHEDULE = \"0 25 * * *\";\nconst PATIENCE"),
        ("a crontab of six", RULE, constant, "const SCHEDULE = \"0 0 9 * * *\";\nconst PATIENCE"),
        ("a word for a crontab", RULE, constant, "const SCHEDULE = \"daily\";\nconst PATIENCE"),
        ("a zone", POLICY, "\"UTC\"", "\"Europe/Berln\""),
        ("a locale", "rules/late-order/email.english.md", "", "---\nsubject: Hi\n---\nHi\n"),
        ("a priority", RULE, constant, "const PRIORITY = 200;\nconst PATIENCE"),
    ]));
}

#[test]
fn files_that_are_no_text() {
    let told = [POLICY, CUSTOMERS, RULE, WORDS, CASES].map(|file| {
        let company = Company::after_the_first_day();
        let mut bytes = std::fs::read(company.path(file)).unwrap();
        bytes.extend(b"# M\xfcller\n");
        company.write(file, bytes);
        refused(&company)
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn everything_is_said_at_once() {
    let company = Company::after_the_first_day();
    company.change(POLICY, "\"1d\"", "\"one day\"");
    company.change(RULE, "const TOPIC", "const TOPCI");
    company.change(ORDERS, "total,", "'total,");
    company.change(WORDS, "subject:", "subjct:");
    insta::assert_snapshot!(refused(&company));
}
