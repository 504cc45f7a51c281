//! Approving what is held: what was shown goes out, an edit voids it, and a rejection takes it back.

use super::*;

/// A company where `everyone` is true for 600 and held, and the others have written.
fn held() -> Company {
    let company = Company::new(600);
    company.run("1998-05-05T09:00:00Z");
    company.everyone_is_true();
    assert_eq!(company.run("1998-05-06T10:00:00Z").code, 0);
    company
}

const HELD: &str = "SELECT COUNT(*) FROM outreaches WHERE state = 'held'";
const SENT: &str = "SELECT COUNT(*) FROM outreaches WHERE state = 'sent' AND rule = 'everyone'";

#[test]
fn what_was_shown_goes_out_and_nothing_else() {
    let company = held();
    let list = company.lookout("approve");
    assert!(list.out.contains("everyone  597 messages to 597 customers held"), "{}", list.out);
    let shown = company.lookout("approve everyone");
    assert_eq!(shown.code, 1, "nothing was approved");
    for word in
        ["60 may go out without approval ([hold] share)", "before that", "Dear Customer", "--yes"]
    {
        assert!(shown.out.contains(word), "{word}: {}", shown.out);
    }
    let json = company.lookout("approve everyone --format json").json();
    assert_eq!(
        (&json["held"][0]["messages"], json["held"][0]["sample"].as_array().unwrap().len()),
        (&597.into(), 5)
    );

    assert!(
        company
            .lookout("approve everyone --yes")
            .fine()
            .contains("597 messages of `everyone` approved")
    );
    // A hundred more arrive: they were not shown, so they stay.
    company.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
         INSERT INTO people SELECT 'c00' || i, 'New ' || i, 'n' || i || '@example.com', 'nancy' FROM n",
    );
    let run = company.run("1998-05-06T10:05:00Z");
    assert_eq!(alarms(&run).len(), 1, "{:?}", alarms(&run));
    assert_eq!(run.json()["totals"]["held"], 100);
    assert_eq!((company.state(SENT), company.state(HELD)), (600, 100));
    assert_eq!(company.state("SELECT COUNT(*) FROM outreaches o JOIN contacts c ON c.outreach = o.key WHERE o.state = 'held' AND c.customer_id < 'c001001'"), 0);
    // What was approved does not count, so what is within the limit goes out by itself.
    company.sql("DELETE FROM people WHERE id > 'c001040'");
    let run = company.run("1998-05-06T10:10:00Z");
    assert_eq!((run.code, alarms(&run)), (0, vec![]));
    assert_eq!((company.state(SENT), company.state(HELD)), (640, 0));
}

#[test]
fn an_edit_voids_an_approval() {
    let company = held();
    // Edited before: what would go out is no longer what is held.
    company
        .write("rules/everyone/email.md", "---\nsubject: Sorry\n---\nDear {{ customer.name }}!\n");
    let refused = company.lookout("approve everyone --yes");
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("was edited since these were held"), "{}", refused.err);
    for (minute, edited, text) in [
        ("05", "rules/everyone/email.md", "---\nsubject: Again\n---\nDear {{ customer.name }}.\n"),
        ("15", "rules/policy.toml", &format!("{POLICY}[[cap]]\ncontacts = 5\nper = \"30d\"\n")),
        (
            "25",
            "rules/everyone/rule.rhai",
            &std::fs::read_to_string(company.path("rules/everyone/rule.rhai"))
                .unwrap()
                .replace("true", "1 < 2"),
        ),
    ] {
        company.run(&format!("1998-05-06T10:{minute}:00Z"));
        company.lookout("approve everyone --yes").fine();
        company.write(edited, text);
        let later: u32 = minute.parse::<u32>().unwrap() + 5;
        let run = company.run(&format!("1998-05-06T10:{later:02}:00Z"));
        let told = alarms(&run);
        assert!(told.iter().any(|(code, ..)| code == "held"), "{told:?}");
        let void = told.iter().find(|(code, ..)| code == "approval-void").unwrap();
        assert!(
            void.2.contains("the approval of 597 messages of `everyone` no longer holds"),
            "{void:?}"
        );
        assert_eq!((company.state(SENT), company.state(HELD)), (3, 597), "{edited}");
    }
    // An example is no part of what goes out.
    company.run("1998-05-06T11:00:00Z");
    company.lookout("approve everyone --yes").fine();
    company.write("rules/everyone/cases.toml", "[[case]]\nname = \"a\"\nas_of = \"1998-05-07T09:00:00Z\"\ncustomer = { customer_id = \"a\" }\nexpect = { refused = \"no_address\" }\n");
    company.run("1998-05-06T11:05:00Z");
    assert_eq!((company.state(SENT), company.state(HELD)), (600, 0));
}

#[test]
fn a_rejection_takes_back_and_frees() {
    let company = held();
    assert_eq!(company.lookout("approve everyone --reject").code, 1, "nobody said yes");
    assert!(
        company
            .lookout("approve everyone --reject --yes")
            .fine()
            .contains("597 messages of `everyone` taken back")
    );
    assert_eq!((company.state(HELD), company.state(SENT)), (0, 3));
    assert_eq!(company.state("SELECT COUNT(*) FROM contacts c JOIN outreaches o ON o.key = c.outreach WHERE o.state = 'withdrawn'"), 0);
    assert!(company.lookout("approve").fine().contains("Nothing is held"));
    assert_eq!(
        company.run("1998-05-06T10:05:00Z").json()["totals"]["held"],
        597,
        "asked for again"
    );
}

#[test]
fn a_rule_that_is_not_due_goes_out_as_it_was_approved() {
    let company = held();
    let script = std::fs::read_to_string(company.path("rules/everyone/rule.rhai")).unwrap();
    company.write(
        "rules/everyone/rule.rhai",
        &script.replace("fn when", "const SCHEDULE = \"0 10 * * *\";\nfn when"),
    );
    company.run("1998-05-06T10:05:00Z");
    company.lookout("approve everyone --yes").fine();
    let run = company.run("1998-05-06T11:05:00Z").json();
    assert!(
        run["rules"].as_array().unwrap().iter().all(|rule| rule["rule"] != "everyone"),
        "it is not due"
    );
    assert_eq!((company.state(SENT), company.state(HELD)), (600, 0));
}
