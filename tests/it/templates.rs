//! Tests of templates: what people read, as it comes out.

use std::fmt::Write;
use std::fs;

use lookout::domain::Problem;
use lookout::templates::RuleTemplates;
use serde_json::json;

const EMAIL: &str = "\
---
subject: Ihre Bestellung {{ order.order_id }} verzögert sich
because: Sie erhalten diese Nachricht, weil Sie bei Northwind bestellt haben.
---
Guten Tag {{ customer.name | default(\"zusammen\") }},

diese **Bestellungen** sind noch nicht unterwegs:

- [Nummer {{ order.order_id }}](https://shop.example.com/orders/{{ order.order_id }}) vom {{ order.order_date }}
{% for other in also %}
- [Nummer {{ other.order.order_id }}](https://shop.example.com/orders/{{ other.order.order_id }}) vom {{ other.order.order_date }}
{% endfor %}

{% if customer.plan == \"enterprise\" %}
Ihr Ansprechpartner meldet sich heute.
{% else %}
Antworten Sie einfach auf diese Nachricht.
{% endif %}

Ihr Team
";

fn load(files: &[(&str, &str)]) -> (RuleTemplates, Vec<Problem>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut problems = Vec::new();
    let templates = RuleTemplates::load(folder.path(), &mut problems);
    (templates, problems, folder)
}

#[test]
fn a_message_reads_well_in_both_forms() {
    let (templates, problems, _folder) = load(&[("email.md", EMAIL), ("email.de.md", EMAIL)]);
    assert_eq!(problems, []);
    let order = |id: i64, date: &str| json!({ "order_id": id, "order_date": date });
    let message = templates
        .render(
            "email",
            Some("de-AT"),
            &json!({
                "customer": { "name": "Großer & Söhne", "plan": "basic" },
                "order": order(11040, "1998-04-22"),
                "also": [{ "order": order(11061, "1998-04-30") }],
            }),
        )
        .unwrap();
    insta::assert_snapshot!(format!(
        "locale: {}\nsubject: {}\n\n{}\n{}",
        message.locale, message.subject, message.text, message.html
    ));
}

#[test]
fn every_mistake_is_said_with_its_place_cause_and_cure() {
    let body = |body: &str| format!("---\nsubject: s\n---\n{body}\n");
    let mut said = String::new();
    for (name, source) in [
        ("email.md", "Dear customer\n".to_owned()),
        ("email.md", "---\nsubject: Hello\nDear customer\n".to_owned()),
        ("email.md", "---\nsubjekt: Hello\n---\n".to_owned()),
        ("email.md", "---\nsubject: {{ customer.name\n---\n".to_owned()),
        ("email.md", body("Dear {{ customer.name | uper }},")),
        ("email.md", body("{% if customer.vip %}\nHello")),
        ("email.md", body("Hello <b>you</b>")),
        ("email.md", body("See [here](www.example.com)")),
        ("email.md", body("- **{% if a %}x** y{% endif %}\n{% endif %}")),
        ("email.jp.md", body("Hello")),
        ("email.german.md", body("Hello")),
        ("email.th_TH.md", body("Hello")),
        ("email.de.md", body("Hello")),
    ] {
        let (_, mut problems, folder) = load(&[(name, &source)]);
        problems.sort();
        assert!(!problems.is_empty(), "{source}");
        for problem in problems {
            let file = problem.place.file.strip_prefix(folder.path()).unwrap().display();
            let at = match (problem.place.line, problem.place.column) {
                (Some(line), Some(column)) => format!(":{line}:{column}"),
                _ => String::new(),
            };
            let Problem { code, message, label, help, .. } = &problem;
            writeln!(said, "{file}{at} [{code}] {message}\n  label: {label}\n  help: {help}\n")
                .unwrap();
        }
    }
    insta::assert_snapshot!(said);
}
