//! What a script says about itself, and what is wrong with it.

use super::*;
use crate::domain::{Ask, Channel, Span};

#[test]
fn a_rule_says_what_it_is_about_reads_and_asks() {
    let rule = loaded(STALLED_ORDER);
    assert_eq!(
        rule.settings.summary,
        "Tell customers about a stalled order before they have to ask."
    );
    assert_eq!(rule.settings.about, About::Signal("orders".into()));
    assert_eq!(rule.settings.topic.as_deref(), Some("service"));
    assert_eq!((rule.settings.priority, rule.settings.reminders), (80, 1));
    assert_eq!(rule.settings.expires, Span::days(3));
    assert_eq!(rule.constants, fields(&[("PATIENCE", Value::Int(7)), ("VIP", text("enterprise"))]));
    assert_eq!(rule.subject_name.as_deref(), Some("order"));
    let reads = [
        Field::Customer("owner".to_owned()),
        Field::Customer("plan".to_owned()),
        Field::Signal("tickets".into(), "open".to_owned()),
        Field::Subject("order_date".to_owned()),
    ];
    assert_eq!(rule.reads, reads.clone().into());
    let places: Vec<_> = reads
        .iter()
        .map(|field| &rule.places[field])
        .map(|p| (p.line, p.column, p.width))
        .collect();
    let expected = [(22, 34, 14), (21, 8, 13), (14, 21, 21), (11, 16, 16)];
    assert_eq!(places, expected.map(|(line, column, width)| (Some(line), Some(column), width)));
    let asks: Vec<_> = rule.asks.iter().map(|ask| (ask.ask.clone(), ask.place.line)).collect();
    let send =
        |channel: &str, template: &str| Ask::Send(Channel(channel.to_owned()), template.to_owned());
    assert_eq!(asks, [(send("phone", "task"), Some(22)), (send("email", "email"), Some(24))]);
    assert_eq!(rule.setting_places["TOPIC"].line, Some(5));
}

#[test]
fn metadata_is_read_in_full() {
    let rule = loaded(
        r#"//! Remind them.
const TOPIC = "service"; const SCHEDULE = "0 9 * * 1-5"; const FOR = "2h";
const REPEAT = "7d"; const REMINDERS = 2; const COOLDOWN = "2w"; const EXPIRES = "90m";
const SHARE = -0.5; const LOUD = true;
fn when(customer) { customer.age > SHARE }
fn then(customer) { contact(#{ loud: LOUD }); }"#,
    );
    let settings = &rule.settings;
    assert_eq!(settings.about, About::Customers);
    assert_eq!(settings.schedule.as_deref(), Some("0 9 * * 1-5"));
    let spans = [settings.holds_for, settings.repeat, settings.cooldown, Some(settings.expires)];
    assert_eq!(spans.map(|span| span.unwrap().to_string()), ["2h", "7d", "2w", "90m"]);
    assert_eq!((settings.priority, settings.reminders), (50, 2));
    assert_eq!(
        rule.constants,
        fields(&[("LOUD", Value::Bool(true)), ("SHARE", Value::Float(-0.5))])
    );
}

/// What a rule asks for whatever it reads, and which values it is known to give.
#[test]
fn a_call_says_whether_it_is_certain_and_what_it_gives() {
    let asks = |then: &str| {
        let script = format!(
            "const TOPIC = \"service\";\nfn when(customer) {{ true }}\nfn then(customer) {{ {then} }}\n\
             fn write() {{ email(\"email\"); }}"
        );
        let rule = loaded(&script);
        let told = rule.asks.iter().map(|ask| (ask.certain, ask.values_are_written));
        (told.collect::<Vec<_>>(), rule.asks_are_written)
    };
    for (then, certain) in [
        ("email(\"email\");", true),
        ("let days = 3; write();", true),
        ("if customer.plan == 1 { task(\"task\"); } write();", true),
        ("if customer.plan == 1 { email(\"email\"); }", false),
        ("if customer.plan == 1 { return; } email(\"email\");", false),
        ("for day in [] { write(); }", false),
        ("customer.plan == 1 && write() == ();", false),
    ] {
        let (asks, written) = asks(then);
        assert_eq!((asks.last(), written), (Some(&(certain, true)), true), "{then}");
    }
    assert_eq!(asks("let more = #{ a: 1 }; email(\"email\", more);"), (vec![(true, false)], true));
    assert_eq!(asks("email(\"email\", #{ a: 1 });"), (vec![(true, true)], true));
    assert_eq!(asks("email(customer.plan);"), (vec![], false));
}

#[test]
fn a_rule_that_only_makes_tasks_needs_no_topic() {
    let (rule, problems) =
        load("fn when(customer) { customer.vip } fn then(customer) { task(\"task\"); }");
    assert_eq!(told(&problems), "");
    assert_eq!(rule.unwrap().settings.topic, None);
}

#[test]
fn a_last_word_reads_and_asks_like_the_rest() {
    let script = "fn when(customer) { customer.vip } fn then(customer) { task(\"task\"); }";
    assert!(!loaded(script).has_last_word());
    let resolved = "fn resolved(customer) { if customer.plan == \"basic\" { task(\"over\"); } }";
    let rule = loaded(&format!("{script} {resolved}"));
    assert!(rule.has_last_word());
    assert!(rule.reads.contains(&Field::Customer("plan".to_owned())));
    let when: Vec<_> = rule.when_reads().cloned().collect();
    assert_eq!(when, [Field::Customer("vip".to_owned())]);
    let templates: Vec<_> = rule.asks.iter().map(|ask| ask.ask.clone()).collect();
    let task = |words: &str| Ask::Send(Channel("task".to_owned()), words.to_owned());
    assert_eq!(templates, [task("task"), task("over")]);
}

/// Wraps what is wrong so that nothing else is.
fn wrong(script: &str) -> String {
    let (rule, problems) = load(script);
    assert!(rule.is_none(), "{script}");
    assert!(!problems.is_empty(), "{script}");
    format!("{}\n{}\n", script.trim(), told(&problems))
}

#[test]
fn mistakes_in_constants() {
    let body = "fn when(customer) { true }\nfn then(customer) { task(\"task\"); }";
    let constants = [
        "const TOPICS = \"service\";",
        "const topic = \"service\";",
        "const COOL_DOWN = \"3d\";",
        "const PATIENCE = 3 + 4;",
        "const LIST = [1, 2];",
        "const NOTHING = ();",
        "const A = 1;\nconst A = 2;",
        "const PRIORITY = 101;",
        "const PRIORITY = \"high\";",
        "const COOLDOWN = \"3 days\";",
        "const EXPIRES = \"0d\";",
        "const FOR = 3;",
        "const REMINDERS = 3;",
        "const TOPIC = \"\";",
        "const ABOUT = \"customers\";",
        "let x = 1;",
        "print(\"hello\");",
        "PATIENCE = 7;",
        "let TOPIC = \"service\";",
    ];
    let all: String = constants
        .iter()
        .map(|constant| wrong(&format!("{constant}\n{body}")).replace(&format!("{body}\n"), ""))
        .collect();
    insta::assert_snapshot!(all);
}

#[test]
fn mistakes_in_functions() {
    let all: String = [
        "",
        "fn wen(customer) { true }\nfn then(customer) { task(\"task\"); }",
        "fn when(customer, order) { true }\nfn then(customer) { task(\"task\"); }",
        "const ABOUT = \"orders\";\nfn when(customer) { true }\nfn then(customer, order, episode, more) { task(\"task\"); }",
        "fn when(customer) { true }\nfn when(customer, order) { true }\nfn then(customer) { task(\"task\"); }",
        "const ABOUT = \"orders\";\nfn when(customer, order) { true }\nfn then(customer, invoice) { task(\"task\"); }",
        "fn when(c) { true }\nfn then(c, e) { task(\"task\"); }",
        "const ABOUT = \"orders\";\nfn when(customer, also) { true }\nfn then(customer, also) { task(\"task\"); }",
        "fn when(customer) { true }\nfn then(customer) { email(\"email\"); }",
        "fn when(customer) { true }\nfn then(customer) { tell(); }\nfn tell() { contact() }",
        "fn when(customer) { email(\"email\"); true }\nfn then(customer) { task(\"task\"); }",
        "fn when(customer) { true }\nfn then(customer) { task(\"task\"); }\nfn email(x) { x }",
        "fn when(customer) { true }\nfn then(customer) { task(); email(1, 2, 3); }",
        "fn when(customer) { true }\nfn then(customer) { task(\"task\"); }\nfn resolved(customer, order) { task(\"task\"); }",
        "const ABOUT = \"orders\";\nfn when(customer, order) { true }\nfn then(customer, order) { task(\"task\"); }\nfn resolved(customer, it) { task(\"task\"); }",
        "fn when(customer) { true }\nfn then(customer) { task(\"task\"); }\nfn resolved(customer) { email(\"over\"); }",
    ]
    .iter()
    .map(|script| wrong(script))
    .collect();
    insta::assert_snapshot!(all);
}

#[test]
fn mistakes_in_expressions() {
    let all: String = [
        "days_sinse(customer.last_order) > 3",
        "customer.plan == basic",
        "customr.plan == \"basic\"",
        "customer == 5",
        "customer[\"plan\"] == \"basic\"",
        "let row = customer; row.plan == \"basic\"",
        "[customer].len() > 0",
        "customer.plan = \"basic\"; true",
        "customer.tickets.open += 1; true",
        "customer = 5; true",
        "TOPIC = \"x\"; true",
        "let customer = 5; true",
        "for customer in 0..3 { } true",
        "customer.plan.shout()",
        "\"email\".email()",
        "eval(\"true\")",
        "Fn(\"when\").call()",
        "[1].filter(|x| x > 0).len() > 0",
        "import \"other\" as other; true",
        "timestamp() > 0",
        "sleep(5); true",
        "rand() > 0.5",
        "this.plan",
        "global::TOPIC == \"service\"",
        "days_since(customer.a, customer.b) > 1",
        "let n = 0; { let inner = 1; } inner == n",
        "away = days_since(customer.last_order); away > 3 && away < 9",
        "let away = 3; awya = 4; away > 3",
        "customer.last_order == None || customer.x == Yes",
        "customer.since < today() || today",
        "order.total > 3 && order.open",
        "days_since(customer) > 3",
        "is_null(customer.plan)",
    ]
    .iter()
    .map(|when| {
        wrong(&about_customers(when))
            .replace("const TOPIC = \"service\";\nfn when(customer) {\n", "")
            .replace("\n}\nfn then(customer) { email(\"email\"); }", "")
    })
    .collect();
    insta::assert_snapshot!(all);
}

#[test]
fn scripts_that_do_not_parse() {
    let all: String = [
        "customer.plan == \"basic",
        "customer.plan == 'basic'",
        "customer.plan === 5",
        "customer.default == 5",
        "customer.new == 5",
        "customer. == 5",
        "if customer.plan = 5 { true }",
        "customer.plan == 5 and customer.x",
        "customer.plan == 5 customer.x == 4",
        "(customer.plan == 5",
        "customer.plan ==",
        "let x 5; x",
        "break",
        "}",
        "fn inner() { 5 } inner() == 5",
        "5 = 6",
        "#{ a: 1, a: 2 }.a == 1",
        "€",
        "\"\\q\" == \"\"",
        "let case = 5; true",
        "(customer.plan = 5)",
        "customer.x > = 5",
        "(customer.x => 5)",
        "customer.x =< 5",
        "customer.x <> 5",
        "customer.x ≥ 5",
        "customer.plan in (\"a\", \"b\") || customer.x",
        "customer.plan == \"a\" || \"b\" || \"c\"",
        "customer.plan.to_upper() != \"a\" and \"b\"",
        "days_since(customer.since) > 3 || 5",
        "customer.x && \"b\"",
        "if \"a\" { true }",
        "customer.x ? 1 : 2",
        "customer.x > 10%",
        "customer.x > 10 % && customer.y",
        "customer.x &&\n  // and more\n",
        "not customer.x == 5",
        "customer.x && customer.y not in [1]",
        "customer.x is not null",
        "customer.x is missing or customer.y",
        "customer.x is greater than 5",
        "customer.plan contains \"a\"",
        "customer.x > 7 days",
        "customer.x > 3 months",
        "customer.x > 1,000",
        "customer.x > 1,5",
        "If customer.x { true } else { false }",
        "if customer.x then true else false",
        "if customer.x { true } elif customer.y { true }",
        "if customer.x: true",
        "if customer.x { true } else\n  false",
        "let last visit = 5; true",
        "let last-visit = 5; true",
        "let x: 5; x",
        "// it ends\n/* here",
        "customer.x -- or more",
        "# a comment",
        "days_since(customer.since > 3",
        "[1, 2",
        "days_since(customer.since)) > 3",
        "customer.plan in [\"a\", \"b\")",
    ]
    .iter()
    .map(|when| {
        wrong(&about_customers(when))
            .replace("const TOPIC = \"service\";\nfn when(customer) {\n", "")
            .replace("\n}\nfn then(customer) { email(\"email\"); }", "")
    })
    .collect();
    insta::assert_snapshot!(all);
}

/// What looks like a slip, and is none.
#[test]
fn what_rhai_takes_is_no_slip() {
    for script in [
        "// it isn't 'x'\nfn when(customer) { customer.plan == \"it's 'x'\" } fn then(customer) { task(\"task\"); }",
        "fn when(customer) { customer.x > 1 } /* 'y' */ fn then(customer) { task(\"task\"); } /* to do",
        "fn contains(x, end) { x % end } fn when(customer) { contains(customer.x, 3) == 0 } fn then(customer) { task(\"task\"); }",
        "fn when(customer) { let days = 3; if customer.x { days = 4; } days > 3 } fn then(customer) { task(\"task\", #{}, #{ days: 3 }); }",
        "fn when(customer) { `it's ${customer.plan}` == \"x\" } fn then(customer) { task(\"task\"); }",
    ] {
        let (rule, problems) = load(script);
        assert!(rule.is_some() && problems.is_empty(), "{script}\n{}", told(&problems));
    }
}

#[test]
fn everything_wrong_is_said_at_once() {
    let (_, problems) = load(
        "const TOPICS = \"x\";\nconst PRIORITY = 200;\nfn when(customer) { customer.a > b && days_sinse(c) > 1 }\nfn then(customer) { email(\"x\"); }",
    );
    assert_eq!(problems.len(), 5, "{}", told(&problems));
}

#[test]
fn a_script_that_is_absent_or_no_text_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let mut problems = Vec::new();
    assert!(
        engine().load(folder.path(), RuleId::from("x"), &|_, _, _| (), &mut problems).is_none()
    );
    std::fs::write(folder.path().join("rule.rhai"), b"//! \xff").unwrap();
    assert!(
        engine().load(folder.path(), RuleId::from("x"), &|_, _, _| (), &mut problems).is_none()
    );
    let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["missing-rule", "not-utf8"]);
}
