//! Templates, from their files to a message: data stays data.

use super::*;
use serde_json::json;

fn load(files: &[(&str, &str)]) -> (RuleTemplates, Vec<Problem>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut problems = Vec::new();
    let templates = RuleTemplates::load(folder.path(), &mut problems);
    (templates, problems, folder)
}

/// HTML without the style in its elements.
pub(super) fn without_style(html: &str) -> String {
    let mut pieces = html.split(" style=\"");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |bare, piece| bare + piece.split_once('"').unwrap().1)
}

/// The content of the HTML document without its style, and the text, of a body.
fn render(body: &str, data: serde_json::Value) -> (String, String) {
    let (templates, problems, _folder) =
        load(&[("email.md", &format!("---\nsubject: s\n---\n{body}"))]);
    assert_eq!(problems, []);
    let message = templates.render("email", None, &data).unwrap();
    let (_, content) = message.html.split_once("class=\"card\"").unwrap();
    let (_, content) = content.split_once(">\n").unwrap();
    let (content, _) = content.split_once("</div>\n</div>\n<!--[if").unwrap();
    (without_style(content), message.text)
}

#[test]
fn a_loop_makes_one_list() {
    let body = "These wait:\n\n- order {{ order.id }}\n{% for o in also %}\n- order {{ o.order.id }}\n{% endfor %}\n\nBye\n";
    let (html, text) = render(
        body,
        json!({"order": {"id": 1}, "also": [{"order": {"id": 2}}, {"order": {"id": 3}}]}),
    );
    assert_eq!(html.matches("<ul>").count(), 1, "{html}");
    assert_eq!(html.matches("<li>").count(), 3);
    assert!(!html.contains("lktag") && !html.contains("<!--"), "{html}");
    assert_eq!(text, "These wait:\n\n- order 1\n- order 2\n- order 3\n\nBye\n");

    let (_, text) = render(body, json!({"order": {"id": 1}, "also": []}));
    assert_eq!(text, "These wait:\n\n- order 1\n\nBye\n");
}

#[test]
fn a_numbered_list_counts_through_a_loop() {
    let body = "{% for o in also %}\n1. {{ o }}\n{% endfor %}\n2. last\n";
    let (html, text) = render(body, json!({"also": ["a", "b"]}));
    assert_eq!(text, "1. a\n2. b\n3. last\n");
    assert!(html.contains("<li>a</li>"), "{html}");
}

#[test]
fn nested_lists_and_quotes_read_well() {
    let (_, text) = render("- a\n  - b\n  - c\n- d\n\n> said\n> so\n\n# Head\nend\n", json!({}));
    assert_eq!(text, "- a\n  - b\n  - c\n- d\n\n> said\n> so\n\nHead\n\nend\n");
}

#[test]
fn a_block_on_its_own_line_is_no_paragraph() {
    let body = "Hello\n{% if vip %}\nDear **friend**\n{% else %}\nHi\n{% endif %}\nBye {% if vip %}soon{% endif %}\n\n{# a note #}\n";
    let (html, text) = render(body, json!({"vip": true}));
    assert_eq!(text, "Hello\n\nDear friend\n\nBye soon\n");
    let squeezed: String = html.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeezed, "<p>Hello</p> <p>Dear <strong>friend</strong></p> <p>Bye soon</p>");
}

#[test]
fn a_paragraph_of_nothing_is_none() {
    let (html, _) = render("a\n\n{{ nothing }}\n\nb\n", json!({"nothing": null}));
    assert_eq!(html.matches("<p>").count(), 2, "{html}");
}

#[test]
fn data_is_neither_markup_nor_template_nor_a_link_that_runs() {
    let body = "Dear {{ name }},\n\n- {{ name }}\n\n[pay]({{ name }}) [see](https://shop.example/{{ name }}?x={{ name }} \"{{ name }}\") [mail](mailto:{{ name }}) `{{ name }}`\n";
    for name in [
        "{{7*7}}",
        "<script>alert(1)</script>",
        "**bold** [a](javascript:alert(1))",
        "a\r\n\r\n# Head\nBcc: x@example.com",
        "\" onmouseover=\"x",
        "javascript:alert(1)",
        "lktag0x <!--lktag0x-->",
        "</ul><ul>",
        "</p>",
    ] {
        let (html, text) = render(body, json!({ "name": name }));
        assert!(!html.contains("<script") && !html.contains("<strong"), "{html}");
        assert!(!html.contains("49") && !html.contains("<h1"), "{html}");
        assert!(!html.contains("href=\"javascript:") && !html.contains("\" onmouseover"), "{html}");
        assert_eq!(html.matches("<ul>").count(), 1, "{html}");
        assert_eq!(html.matches("href=").count(), 3, "{html}");
        assert!(html.contains("<a href=\"\">pay</a>"), "{html}");
        let plain = name.replace("\r\n", " ").replace('\n', " ");
        assert!(
            text.starts_with(&format!("Dear {plain},\n\n- {plain}\n\npay see (https")),
            "{text}"
        );
    }
}

#[test]
fn a_link_shows_its_target_in_the_text() {
    let data = json!({"url": "https://x.example/a?b=1&c=2", "mail": "help@example.com"});
    let (html, text) = render(
        "[Survey]({{ url }}), <https://y.example>, <help@z.example>, [{{ mail }}](mailto:{{ mail }}), [Help](https://h.example)\n",
        data,
    );
    assert_eq!(
        text,
        "Survey (https://x.example/a?b=1&c=2), https://y.example, help@z.example, help@example.com, Help (https://h.example)\n"
    );
    assert!(html.contains("href=\"https://x.example/a?b=1&amp;c=2\""), "{html}");
}

#[test]
fn braces_of_the_author_stay_braces() {
    let (html, text) = render("{ &#123;&#123; x }} {% raw %}{{ y }}{% endraw %}\n", json!({}));
    assert_eq!(text, "{ {{ x }} {{ y }}\n");
    assert!(html.contains("&#123; &#123;&#123; x }} {{ y }}"), "{html}");
}

#[test]
fn a_subject_is_one_clean_line() {
    let (templates, problems, _folder) = load(&[(
        "email.md",
        "---\nsubject: Order of {{ name }}\nbecause: You, {{ name }}, ordered.\n---\nHi\n",
    )]);
    assert_eq!(problems, []);
    let message =
        templates.render("email", None, &json!({"name": "A\r\nBcc: b@example.com\u{7}"})).unwrap();
    assert_eq!(message.subject, "Order of A Bcc: b@example.com");
    assert_eq!(message.because.as_deref(), Some("You, A Bcc: b@example.com, ordered."));
    assert_eq!(message.text, "Hi\n\n-- \nYou, A Bcc: b@example.com, ordered.\n");
    let long = templates.render("email", None, &json!({"name": "x".repeat(500)})).unwrap();
    assert_eq!(long.subject.chars().count(), 200);
    let tag = templates.render("email", None, &json!({"name": "{{7*7}}<b>"})).unwrap();
    assert_eq!(tag.subject, "Order of {{7*7}}<b>");
    assert!(tag.html.contains("<title>Order of {{7*7}}&lt;b&gt;</title>"));
}

#[test]
fn the_nearest_language_is_chosen_and_recorded() {
    let file = |word: &str| format!("---\nsubject: {word}\n---\n{word}\n");
    let (templates, problems, _folder) = load(&[
        ("email.md", &file("hello")),
        ("email.th.md", &file("สวัสดี")),
        ("email.ar.md", &file("مرحبا")),
        ("README.md", "not a template"),
    ]);
    assert_eq!(problems, []);
    assert_eq!(templates.names().collect::<Vec<_>>(), ["email"]);
    assert_eq!(templates.locales("email"), ["", "ar", "th"]);
    let render = |locale| templates.render("email", Some(locale), &json!({})).unwrap();
    let thai = render("th-TH");
    assert_eq!((thai.locale.as_str(), thai.subject.as_str()), ("th", "สวัสดี"));
    assert!(thai.html.contains("<html lang=\"th\" dir=\"ltr\">"));
    assert!(render("ar").html.contains("dir=\"rtl\""));
    assert_eq!(render("de").locale, "");
    let missing = templates.render("sms", None, &json!({})).unwrap_err();
    assert!(
        missing.to_string().ends_with("sms.md: there is no such template, or it has a mistake")
    );
}

#[test]
fn what_is_read_is_named_with_its_place() {
    let (templates, problems, _folder) = load(&[(
        "email.md",
        "---\nsubject: Order {{ order.id }}\nbecause: as {{ PLAN }}\n---\nDear {{ customer.name|upper }}\n{% for o in also %}\n- {{ o.order.day }} {{ o.customer.tickets.open }}\n{% endfor %}\n{% set x = 1 %}{{ x }} {{ range(3) }}\n",
    )]);
    assert_eq!(problems, []);
    let reads: Vec<(String, u32, u32)> = templates
        .reads("email")
        .into_iter()
        .map(|(name, place)| (name, place.line.unwrap(), place.column.unwrap()))
        .collect();
    let expected = [
        ("PLAN", 3, 16),
        ("also", 6, 13),
        ("customer.name", 5, 9),
        ("customer.tickets.open", 7, 24),
        ("order.day", 7, 6),
        ("order.id", 2, 19),
    ];
    assert_eq!(reads, expected.map(|(name, line, column)| (name.to_owned(), line, column)));
}

#[test]
fn an_unknown_name_says_where() {
    let (templates, _, _folder) = load(&[
        ("email.md", "---\nsubject: s {{ no.thing }}\n---\nHi\n"),
        ("task.md", "---\nsubject: s\n---\n# One\n\n- two **{{ customer.plam }}**\n"),
    ]);
    let said = |name: &str| {
        let error = templates.render(name, None, &json!({"customer": {}})).unwrap_err();
        (error.place.line, error.place.column, error.message)
    };
    assert_eq!(said("task"), (Some(6), Some(12), "`customer.plam` is not known here".into()));
    let (line, column, message) = said("email");
    assert_eq!((line, column), (Some(2), Some(15)), "{message}");
}

#[test]
fn every_mistake_is_a_problem_with_its_place() {
    for (name, source, line, code) in [
        ("email.md", "---\nsubject: s\n---\nHi {{ customer.name\n", Some(4), "template"),
        ("email.md", "---\nsubject: s {% if %}\n---\nHi\n", Some(2), "template"),
        ("email.md", "---\nsubject: s\n---\nHi\n\n{% if x %}\nyes\n", Some(6), "template"),
        ("email.md", "---\nsubject: s\n---\n{{ a }}\n\n<b>x</b>\n", Some(6), "raw-html"),
        ("email.md", "---\nsubject: s\n---\n<{{ a }}>\n", Some(4), "raw-html"),
        ("email.md", "---\nsubject: s\n---\n[x](javascript:x)\n", Some(4), "link"),
        ("email.md", "---\nsubject: s\n---\n[x](/orders)\n", Some(4), "link"),
        ("email.md", "Hi\n", None, "no-subject"),
        ("email.jp.md", "---\nsubject: s\n---\nHi\n", None, "locale"),
        ("email.de.md", "---\nsubject: s\n---\nHi\n", None, "no-default"),
    ] {
        let (templates, problems, _folder) = load(&[(name, source)]);
        let codes: Vec<_> = problems.iter().map(|p| (p.place.line, p.code)).collect();
        assert!(codes.contains(&(line, code)), "{source:?}: {problems:?}");
        assert!(name == "email.de.md" || templates.names().next().is_none());
    }
}

#[test]
fn a_link_alone_is_a_button_and_a_bare_address_is_none() {
    let (html, text) = render(
        "[Pay {{ n }}](https://x.example/{{ n }})\n\nSee [this](https://y.example).\n\n<https://z.example>\n",
        json!({"n": 7}),
    );
    assert_eq!(html.matches("<p class=\"button\"><a href=").count(), 1, "{html}");
    assert!(html.contains("<p class=\"button\"><a href=\"https://x.example/7\">Pay 7</a></p>"));
    assert_eq!(
        text,
        "Pay 7 (https://x.example/7)\n\nSee this (https://y.example).\n\nhttps://z.example\n"
    );
}

#[test]
fn a_table_grows_by_a_row_an_entry() {
    let body = "{% if also %}\n| Order | Total |\n|:--|--:|\n| {{ order.id }} | 1 |\n{% for o in also %}\n| {{ o.order.id }} | {{ loop.index }} |\n{% endfor %}\n{% endif %}\n\nBye\n";
    let data =
        json!({"order": {"id": 1}, "also": [{"order": {"id": 2}}, {"order": {"id": "a|<b>"}}]});
    let (html, text) = render(body, data);
    assert_eq!(html.matches("<tr>").count(), 4, "{html}");
    assert_eq!(html.matches("<td").count(), 6, "{html}");
    assert!(html.contains("<td>a|&lt;b&gt;</td>"), "{html}");
    assert_eq!(text, "Order | Total\n1 | 1\n2 | 1\na|<b> | 2\n\nBye\n");

    let (html, text) = render(body, json!({"order": {"id": 1}, "also": []}));
    assert_eq!(text, "Bye\n");
    assert!(!html.contains("table") && !html.contains("<tr"), "{html}");
}

/// The text of a body in a file for a language, as somebody reads it.
fn said(file: &str, reader: Reader<'_>, body: &str, data: serde_json::Value) -> String {
    let head = |body: &str| format!("---\nsubject: s\n---\n{body}\n");
    let (templates, problems, _folder) = load(&[(file, &head(body)), ("email.md", &head(body))]);
    assert_eq!(problems, [], "{body}");
    templates
        .render("email", reader, &data)
        .unwrap()
        .text
        .trim()
        .replace(['\u{a0}', '\u{202f}'], " ")
}

fn reader<'a>(locale: &'a str, timezone: &str) -> Reader<'a> {
    Reader { timezone: timezone.parse().unwrap(), ..Reader::from(Some(locale)) }
}

#[test]
fn values_are_said_as_the_reader_says_them() {
    let data = json!({
        "day": "1998-04-30", "at": "1998-05-06T22:30:00Z", "n": 1234567.891, "some": 3, "one": 1,
        "nil": 0, "sum": -1234.5,
    });
    for (file, locale, body, expected) in [
        ("email.md", "", "{{ day | date }}", "Apr 30, 1998"),
        ("email.md", "en-GB", "{{ day | date('long') }}", "30 April 1998"),
        // Words in English for want of Swedish are English all through.
        ("email.md", "sv", "{{ day | date('full') }}", "Thursday, April 30, 1998"),
        ("email.de.md", "de-AT", "{{ day | date }} {{ n | number }}", "30.04.1998 1 234 567,891"),
        (
            "email.de.md",
            "de",
            "{{ day | date('short') }} {{ n | number(2) }}",
            "30.04.1998 1.234.567,89",
        ),
        ("email.de.md", "de", "{{ sum | money('EUR') }}", "-1.234,50 €"),
        (
            "email.md",
            "en-US",
            "{{ sum | money('USD') }} {{ n | money('JPY') }}",
            "-$1,234.50 ¥1,234,568",
        ),
        ("email.th.md", "th-TH", "{{ day | date('long') }}", "30 เมษายน 2541"),
        (
            "email.th.md",
            "th",
            "{{ day | date('long', calendar='gregorian') }}",
            "30 เมษายน ค.ศ. 1998",
        ),
        ("email.fil.md", "tl-PH", "{{ day | date('long') }}", "Abril 30, 1998"),
        (
            "email.pl.md",
            "pl",
            "{{ some | plural(one='# plik', few='# pliki', many='# plików', other='# pliku') }}",
            "3 pliki",
        ),
        (
            "email.md",
            "",
            "{{ one | plural('one order', '# orders') }} {{ n | plural('one', '#') }}",
            "one order 1,234,567.891",
        ),
        ("email.md", "", "{{ nil | plural('one', '# orders', zero='nothing') }}", "nothing"),
        ("email.md", "", "{{ [1, 2] | length | plural('one', '# orders') }}", "2 orders"),
    ] {
        assert_eq!(said(file, reader(locale, "UTC"), body, data.clone()), expected, "{body}");
    }
}

#[test]
fn an_instant_is_told_where_the_reader_is() {
    let data = json!({"at": "1998-05-06T22:30:00Z"});
    let told = |file, locale, zone, body| said(file, reader(locale, zone), body, data.clone());
    assert_eq!(told("email.md", "", "UTC", "{{ at | datetime }}"), "May 6, 1998, 10:30 PM");
    assert_eq!(
        told("email.de.md", "de", "Europe/Berlin", "{{ at | datetime('short') }}"),
        "07.05.1998, 00:30"
    );
    assert_eq!(told("email.md", "", "Asia/Bangkok", "{{ at | date }}"), "May 7, 1998");
    assert_eq!(told("email.de.md", "de", "UTC", "{{ at | datetime }}"), "06.05.1998, 22:30");
    assert_eq!(told("email.th.md", "th", "UTC", "{{ at | datetime }}"), "6 พ.ค. 2541 22:30");
    assert_eq!(told("email.th.md", "th", "UTC", "{{ 1234.5 | money('EUR') }}"), "€1,234.50");
}

#[test]
fn the_head_may_say_the_language_of_the_words() {
    let (templates, problems, _folder) = load(&[(
        "email.md",
        "---\nsubject: s\nlanguage: ar\n---\n{{ day | date('long') }}\n\n- x\n",
    )]);
    assert_eq!(problems, []);
    let message = templates.render("email", None, &json!({"day": "1998-04-30"})).unwrap();
    assert!(message.html.contains("<html lang=\"ar\" dir=\"rtl\">"), "{}", message.html);
    assert!(message.html.contains("padding-right: 24px"), "{}", message.html);
    assert!(message.text.contains("أبريل"), "{}", message.text);
    for (name, source) in [
        ("email.md", "---\nsubject: s\nlanguage: english\n---\nHi\n"),
        ("email.de.md", "---\nsubject: s\nlanguage: de\n---\nHi\n"),
    ] {
        let (_, problems, _folder) = load(&[(name, source)]);
        let found: Vec<_> = problems.iter().map(|p| (p.place.line, p.code)).collect();
        assert!(found.contains(&(Some(3), "language")), "{problems:?}");
    }
}

#[test]
fn what_a_filter_cannot_say_is_told_without_the_value() {
    let (templates, problems, _folder) = load(&[
        ("email.md", "---\nsubject: s\n---\n\n{{ x | date }}\n"),
        ("task.md", "---\nsubject: s\n---\n{{ x | datetime }}\n"),
        ("call.md", "---\nsubject: s\n---\n{{ x | number }}\n"),
        ("sms.md", "---\nsubject: s\n---\n{{ 1 | money(x) }}\n"),
    ]);
    assert_eq!(problems, []);
    for (name, x, expected) in [
        ("email", json!(null), "the value is absent"),
        ("email", json!("s3cret"), "takes a date or an instant"),
        ("email", json!(19980430), "takes a date or an instant"),
        ("task", json!("1998-04-30"), "a day without a time"),
        ("call", json!("s3cret"), "takes a number"),
        ("call", json!(null), "the value is absent"),
        ("sms", json!("s3cret"), "no such currency"),
    ] {
        let error = templates.render(name, None, &json!({ "x": x })).unwrap_err();
        assert!(error.message.contains(expected), "{}", error.message);
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert_eq!(error.place.line, Some(if name == "email" { 5 } else { 4 }), "{error}");
    }
    let missing = templates.render("email", None, &json!({})).unwrap_err();
    assert!(missing.message.contains("a name that is not known here"), "{}", missing.message);
}

#[test]
fn a_wrong_use_of_a_filter_is_found_before_anybody_reads_it() {
    for (call, said) in [
        ("date('lnog')", "did you mean long?"),
        ("date('long', calender='buddhist')", "a form and a calendar"),
        ("date(calendar='mayan')", "gregorian and buddhist"),
        ("datetime(3)", "datetime"),
        ("number('two')", "number"),
        ("money", "needs its currency"),
        ("money('EURO')", "no such currency"),
        ("money('EUT')", "no such currency"),
        ("plural('one')", "needs words for one and for others"),
        ("plural(ones='a', other='b')", "zero, one, two, few, many, other"),
    ] {
        let source = format!("---\nsubject: s\n---\nHi {{{{ customer.x | {call} }}}}\n");
        let (_, problems, _folder) = load(&[("email.md", &source)]);
        let found: Vec<_> =
            problems.iter().map(|p| (p.place.line, p.place.column, p.code)).collect();
        assert_eq!(found[0], (Some(4), Some(20), "filter"), "{call}: {problems:?}");
        let problem = &problems[0];
        assert!(
            format!("{} {}", problem.message, problem.help).contains(said),
            "{call}: {problem:?}"
        );
    }
}

#[test]
fn a_customer_is_told_why_and_how_to_stop() {
    let (templates, problems, _folder) = load(&[
        ("email.md", "---\nsubject: s\nstop: No more, {{ name }}\n---\nHi\n"),
        ("email.de.md", "---\nsubject: s\nbecause: Weil.\n---\nHallo\n"),
    ]);
    assert_eq!(problems, []);
    let message = |locale: &str, stop: &HowToStop| {
        let ending = Some(Ending { topic: "offers", in_short: false, stop });
        let reader = Reader { ending, ..Reader::from(Some(locale)) };
        templates.render("email", reader, &json!({"name": "<Ana>"})).unwrap()
    };
    let page = HowToStop::Link("https://x.example/stop?a=1&b=2".to_owned());
    let english = message("", &page);
    assert_eq!(
        english.text,
        "Hi\n\n-- \nYou get this as a customer of ours. Topic: offers.\nNo more, <Ana>: https://x.example/stop?a=1&b=2\n"
    );
    assert!(without_style(&english.html).contains(
        "Topic: offers.</p>\n<p><a href=\"https://x.example/stop?a=1&amp;b=2\">No more, &lt;Ana&gt;</a></p>\n</div>"
    ), "{}", english.html);
    let german = message("de", &HowToStop::Reply);
    assert_eq!(german.because.as_deref(), Some("Weil."));
    assert!(german.text.ends_with(
        "-- \nWeil.\nKeine Nachrichten mehr zu diesem Thema? Antworten Sie einfach auf diese.\n"
    ));
    assert_eq!(message("de", &HowToStop::Never).text, "Hallo\n\n-- \nWeil.\n");
}

#[test]
fn the_page_shows_each_message_in_a_frame_that_runs_nothing() {
    let (templates, _, _folder) = load(&[("email.md", "---\nsubject: A & B\n---\nHi \"you\"\n")]);
    let message = templates.render("email", None, &json!({})).unwrap();
    let shown = |channel: &str, locale: &str| preview::Previewed {
        channel: channel.into(),
        locale: locale.into(),
        customer: "<RANCH>".into(),
        message: message.clone(),
    };
    let page = preview::page("rule", &[shown("email", ""), shown("email", "th"), shown("sms", "")]);
    assert_eq!(page.matches("<iframe sandbox ").count(), 2);
    assert_eq!(page.matches("<section>").count(), 2);
    assert!(page.contains("srcdoc=\"&lt;!DOCTYPE html&gt;"));
    assert!(page.contains("th → default") && page.contains("&lt;RANCH&gt;"));
    assert!(!page.contains("http://") && !page.contains("<script"));
}
