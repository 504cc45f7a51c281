//! Rules that go wrong while they run: they hang nothing, and cost nobody else a message.

use super::company::*;

/// What a person reads of a rule whose script goes wrong. It sits out the second day; mended, it
/// goes on where it was, and nobody hears twice.
fn sits_out(from: &str, to: &str) -> String {
    let company = Company::after_the_first_day();
    company.change(RULE, from, to);
    let run = company.run(SECOND_DAY);
    assert_eq!(run.code, 4, "{}", run.whole());
    assert_eq!(company.contacts(), ["ANA late-order sent", "DORA welcome sent"]);
    assert_eq!(company.episodes(), ["ANA late-order", "DORA welcome"], "no episode ends");
    company.restore(RULE);
    assert_eq!(company.run(THIRD_DAY).code, 0);
    assert_eq!(company.mail().len(), 3);
    run.whole()
}

const CONDITION: &str = "days_since(order";

#[test]
fn a_rule_that_raises() {
    let always = format!("if order.order_id > 0 {{ throw \"odd\"; }} {CONDITION}");
    let told = [
        sits_out(CONDITION, &always),
        sits_out(CONDITION, "!order.total && days_since(order"),
        sits_out("\"email\")", "order.total)"),
        sits_out(CONDITION, "order.nothing == 1 || days_since(order"),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

/// Within what policy takes for granted, the others of the rule go on.
#[test]
fn a_rule_that_raises_on_one_row() {
    let company = Company::after_the_first_day();
    company.change(POLICY, "timezone", "errors = \"60%\"\ntimezone");
    company.change(
        RULE,
        CONDITION,
        &format!("if order.order_id == 1 {{ throw \"odd\"; }} {CONDITION}"),
    );
    let run = company.run(SECOND_DAY);
    assert_eq!(run.code, 0);
    let all = ["ANA late-order sent", "BEN late-order sent", "DORA welcome sent"];
    assert_eq!(company.contacts(), all);
    assert!(company.episodes().contains(&"ANA late-order".to_owned()));
    insta::assert_snapshot!(run.whole());
}

#[test]
fn a_rule_that_never_ends() {
    let deep = format!("deep(0) && {CONDITION}");
    let company = Company::after_the_first_day();
    company.change(RULE, CONDITION, &format!("loop {{ }} {CONDITION}"));
    let test = company.lookout("test");
    assert_eq!(test.code, 1);
    let recursion = {
        let company = Company::after_the_first_day();
        company.change(RULE, CONDITION, &deep);
        company.change(RULE, "fn then", "fn deep(n) { deep(n + 1) }\n\nfn then");
        let run = company.run(SECOND_DAY);
        assert_eq!((run.code, company.contacts().len()), (4, 2));
        run.whole()
    };
    let told = [
        test.whole(),
        sits_out(CONDITION, &format!("loop {{ }} {CONDITION}")),
        recursion,
        sits_out("email(\"email\")", "while true { } email(\"email\")"),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_rule_that_fills_the_memory() {
    let string = format!("let s = \"x\"; loop {{ s += s; }} {CONDITION}");
    let map = format!("let m = #{{}}; let i = 0; loop {{ m[`${{i}}`] = i; i += 1; }} {CONDITION}");
    let list = format!("let a = []; loop {{ a.push(a); }} {CONDITION}");
    let told = [string, map, list].map(|script| sits_out(CONDITION, &script));
    insta::assert_snapshot!(told.join("\n"));
}
