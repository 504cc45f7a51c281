//! Customers whose names are more than names. What is written to them is plain data, read back
//! with Python's own `email`.

use rusqlite::{Connection, params};
use serde_json::Value;

use super::company::*;
use crate::support::smtp::{header, parse};

/// The mail that Ben gets under that name.
fn mail_to_ben(name: &str) -> Value {
    let company = Company::after_the_first_day();
    let shop = Connection::open(company.path("shop.db")).unwrap();
    shop.execute("UPDATE people SET name = ? WHERE id = 'BEN'", params![name]).unwrap();
    let run = company.run(SECOND_DAY);
    assert_eq!(run.code, 0, "{}", run.whole());
    assert!(!run.stdout.contains('\r'), "a name is told on its own line");
    let mails = company.mail().into_iter().map(|file| parse(&file));
    let mut to_ben = mails.filter(|mail| header(mail, "To")[0].contains("ben@example.com"));
    let mail = to_ben.next().unwrap();
    assert!(to_ben.next().is_none());
    assert_eq!(mail["defects"], serde_json::json!([]));
    mail
}

fn part<'a>(mail: &'a Value, kind: &str) -> &'a str {
    let parts = mail["parts"].as_array().unwrap();
    let part = parts.iter().find(|part| part["type"] == kind).unwrap();
    part["content"].as_str().unwrap()
}

#[rstest::rstest]
#[case::a_template("{{7*7}}", "{{7*7}}", "{{7*7}}")]
#[case::a_block("{% raw %}", "{% raw %}", "{% raw %}")]
#[case::a_script(
    "<script>alert(1)</script>",
    "<script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;"
)]
#[case::line_breaks(
    "Ben\r\nBcc: all@example.com\r\n\r\nHello",
    "Ben Bcc: all@example.com  Hello",
    "Ben Bcc: all@example.com  Hello"
)]
#[case::line_feeds(
    "Ben\nBcc: all@example.com",
    "Ben Bcc: all@example.com",
    "Ben Bcc: all@example.com"
)]
#[case::markdown(
    "**Ben** [x](http://a.example)",
    "**Ben** [x](http://a.example)",
    "**Ben** [x](http://a.example)"
)]
#[case::quotes("\"Ben\" O'Hall & Co", "\"Ben\" O'Hall & Co", "&quot;Ben&quot; O&#39;Hall &amp; Co")]
fn a_name_is_never_more_than_a_name(#[case] name: &str, #[case] plain: &str, #[case] html: &str) {
    let mail = mail_to_ben(name);
    let subject = header(&mail, "Subject").join("\n");
    assert_eq!(subject, format!("Your order 2, {}", plain.replace("  ", " ")));
    let to = header(&mail, "To");
    assert_eq!(to.len(), 1);
    assert_eq!(to[0].matches('@').count(), 1, "{to:?}");
    let mut names: Vec<&str> =
        mail["headers"].as_array().unwrap().iter().map(|h| h[0].as_str().unwrap()).collect();
    names.sort_unstable();
    let expected = [
        "Auto-Submitted",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
        "X-Auto-Response-Suppress",
    ];
    assert_eq!(names, expected);
    let text = part(&mail, "text/plain");
    assert!(text.starts_with(&format!("Dear {plain},\n\nyour order 2 is late.")), "{text}");
    let page = part(&mail, "text/html");
    assert!(page.contains(&format!(">Dear {html},</p>")), "{page}");
    assert!(!page.contains("<script") && !page.contains("<a "), "{page}");
}

#[test]
fn a_name_stays_on_its_line_where_people_read_it() {
    let company = Company::after_the_first_day();
    let shop = Connection::open(company.path("shop.db")).unwrap();
    let name = "Ben\r\nDelivery: 900 sent.\u{1b}[31m";
    shop.execute("UPDATE people SET name = ? WHERE id = 'BEN'", params![name]).unwrap();
    let dry_run = company.lookout(&format!("dry-run --as-of {SECOND_DAY}"));
    let message = company.lookout(&format!("dry-run --message BEN --as-of {SECOND_DAY}"));
    let explained = company.lookout(&format!("explain BEN --as-of {SECOND_DAY}"));
    for said in [&dry_run, &message, &explained] {
        assert!(!said.stdout.contains(['\u{1b}', '\r']), "{}", said.whole());
        assert!(
            !said.stdout.lines().any(|line| line.trim_start().starts_with("Delivery:")),
            "{}",
            said.whole()
        );
    }
    let told = [dry_run, message, explained].map(|said| said.whole());
    insta::assert_snapshot!(told.join("\n"));
}
