//! Command lines and configurations that can't be meant.

use super::company::*;

/// What a person reads of commands that are refused and change nothing.
fn refused(company: &Company, lines: &[&str]) -> String {
    let before = company.books();
    let told = lines.iter().map(|line| {
        let said = company.lookout(line);
        assert_eq!(said.code, 2, "{}", said.whole());
        assert_eq!(said.stdout, "");
        assert_eq!(company.books(), before);
        said.whole()
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn names_that_nobody_has() {
    let company = Company::after_the_first_day();
    insta::assert_snapshot!(refused(
        &company,
        &[
            "explain ANNA --as-of 1998-05-07T09:00:00Z",
            "explain ANA --rule late-oder --as-of 1998-05-07T09:00:00Z",
            "preview late-oder",
            "preview something-else",
            "preview late-order --customer ANNA --as-of 1998-05-07T09:00:00Z",
            "test late-oder",
            "suppress ANA --topic servise",
            "tasks --done 7",
        ],
    ));
    let pages = std::fs::read_dir(company.path("")).unwrap();
    let mut pages = pages.filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "html")
    });
    assert!(pages.next().is_none(), "no page is left behind");
}

#[test]
fn instants_that_are_none_or_too_early() {
    let company = Company::after_the_first_day();
    insta::assert_snapshot!(refused(
        &company,
        &[
            "dry-run --as-of yesterday",
            "run --as-of 1998-13-01",
            "run --as-of 1998-05-06T09:00:00Z",
        ],
    ));
}

#[test]
fn folders_that_are_not_empty() {
    let company = Company::new();
    let list = || {
        let mut files: Vec<_> = std::fs::read_dir(company.path(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        files.sort();
        files
    };
    let before = list();
    insta::assert_snapshot!(refused(&company, &["init .", "demo .", "init lookout.toml"]));
    assert_eq!(list(), before);
}

#[test]
fn a_list_with_a_wrong_line() {
    let company = Company::after_the_first_day();
    company.write("refused.txt", "ANA\nben@\n# who wrote to us\n\ncid@example.com\n+49\n");
    company.write("empty.txt", "# nobody yet\n");
    company.write("latin.txt", b"M\xfcller\n");
    let lines = ["refused.txt", "empty.txt", "latin.txt", "nowhere.txt"];
    let lines = lines.map(|file| format!("suppress --from {file}"));
    let told = refused(&company, &lines.each_ref().map(String::as_str));
    let list = company.lookout("suppress --list");
    assert_eq!(list.code, 0);
    insta::assert_snapshot!([told, list.whole()].join("\n"));
}

#[test]
fn a_configuration_with_mistakes() {
    let told = [
        ("a key", "[state]\nurl", "[state]\nulr"),
        ("a section", "[source]", "[sauce]"),
        (
            "a channel that a rule needs",
            "[channels.email]\nurl = \"file:mail\"\nfrom = \"Care team <care@example.com>\"\n",
            "",
        ),
        ("a sender", "Care team <care@example.com>", "Care team"),
        ("no sender", "from = \"Care team <care@example.com>\"\n", ""),
        ("a password in the address", "file:mail", "smtp://care:s3cret@mail.example.com"),
        ("a way out that is none", "file:mail", "pigeon:mail"),
        ("not TOML", "[source]", "[source"),
    ]
    .map(|(what, from, to)| {
        let company = Company::after_the_first_day();
        company.change("lookout.toml", from, to);
        let told = refused(&company, &["run --as-of 1998-05-08T09:00:00Z"]);
        assert!(!told.contains("s3cret"), "{told}");
        format!("──── {what}\n{told}")
    });
    let company = Company::after_the_first_day();
    let absent = refused(&company, &["run --config nowhere.toml"]);
    insta::assert_snapshot!([told.join("\n"), absent].join("\n"));
}
