//! How each mistake is said: what, where, why, and what helps. Nothing is found here.

use super::known::{Is, Known, Reason, Texts};
use super::{Certainty, Checker, Outcome};
use crate::domain::{Kind, Problem, Severity, Value};
use crate::predicate::Comparison;
use crate::rules::source::Spot;

/// The words of a problem.
pub(super) struct Said {
    pub(super) message: String,
    pub(super) label: String,
    pub(super) help: String,
}

fn said(message: impl Into<String>, label: impl Into<String>, help: impl Into<String>) -> Said {
    Said { message: message.into(), label: label.into(), help: help.into() }
}

/// Whether an operator needs true or false.
fn decides(what: &str) -> bool {
    ["`!`", "`&&`", "`||`", "`if`", "`when`", "the condition"].contains(&what)
}

impl Checker<'_> {
    /// An operator or function that raises on what it gets.
    pub(super) fn wrong_kind(
        &mut self,
        spot: Spot,
        of: Spot,
        known: &Known,
        what: &str,
        needs: &str,
    ) {
        if self.tries > 0 {
            return;
        }
        let (text, kind) = (self.source.text(of), known.is.words());
        let help = match (what, needs) {
            (_, "true or false") if known.is.only(Is::NUMBER.or(Is::ABSENT)) => {
                format!("compare it with something: `{text} != 0`, `{text} > 3`")
            }
            (_, "true or false") if known.is.only(Is::WORDS.or(Is::ABSENT)) => {
                format!("ask whether it is there: `{text} != ()`; or compare it: `{text} == \"…\"`")
            }
            (_, "true or false") => format!("compare it with something: `{text} == …`"),
            (_, "a date or an instant") if known.is.only(Is::WORDS.or(Is::ABSENT)) => {
                match known.only_text().map(date_meant) {
                    Some(Some(meant)) => format!("write \"{meant}\""),
                    Some(None) => "a date is written \"1998-05-07\"".to_owned(),
                    None => "name a column that holds dates".to_owned(),
                }
            }
            (_, "a number") if known.is.only(Is::DATE.or(Is::INSTANT).or(Is::ABSENT)) => {
                format!("count the days: `days_since({text})`")
            }
            _ => format!("give it {needs}"),
        };
        let message = format!("{what} needs {needs}, and `{text}` is {kind}");
        let label = if of == spot { self.where_known() } else { format!("`{text}` is {kind}") };
        self.report(spot, Severity::Finding, "wrong-kind", said(message, label, help));
    }

    /// Where kinds are known from, if that is not the database.
    fn where_known(&self) -> String {
        match self.is_sure() {
            true => "this raises".to_owned(),
            false => "this raises, with facts as the cases have them".to_owned(),
        }
    }

    /// A function that would change a fact.
    pub(super) fn changes_a_fact(&mut self, name: &str, of: &Outcome, spot: Spot) {
        if self.tries > 0 {
            return;
        }
        let text = self.source.text(of.spot);
        let message = format!("`{name}` would change `{text}` itself, and facts don't change");
        let help = format!("copy it into a variable first: `let copy = {text}; copy.{name}(…);`");
        self.report(spot, Severity::Finding, "changed-fact", said(message, "this raises", help));
    }

    /// Something that raises where a part of it is absent.
    pub(super) fn raises_where_absent(&mut self, of: &Outcome, spot: Spot, what: &str) {
        let Some(reason) = of.known.absent.clone() else { return };
        if self.tries > 0 || !of.known.is.has(Is::ABSENT) {
            return;
        }
        if let Some((at, help)) = reason.left_out {
            let message = format!("{what} fails where nothing is given");
            self.report(at, Severity::Finding, "may-be-absent", said(message, &reason.why, help));
            return;
        }
        let text = self.source.text(of.spot);
        let help = match what {
            what if decides(what) => format!("write `({text} ?? false)`, or `{text} == true`"),
            "`in` with a range" => {
                format!("ask first: `{text} != () && {}`", self.source.text(spot))
            }
            "`parse_int`" | "`parse_float`" => format!("ask first: `{text} != () && …`"),
            "`contains`" | "`starts_with`" | "`ends_with`" | "`len`" | "`in`" | "`to_upper`"
            | "`to_lower`" | "`sub_string`" | "`split`" => {
                format!("write `({text} ?? \"\")`, or ask first: `{text} != () && …`")
            }
            _ => format!("write `({text} ?? 0)`, or ask first: `{text} != () && …`"),
        };
        let message = format!("{what} fails where `{text}` is absent");
        let label = label(&text, &reason);
        self.report(of.spot, Severity::Finding, "may-be-absent", said(message, label, help));
    }

    /// A comparison that is true where a side of it is absent.
    pub(super) fn true_where_absent(
        &mut self,
        spot: Spot,
        side: &Outcome,
        reason: &Reason,
        outcome: &mut Outcome,
    ) {
        let text = self.source.text(spot);
        let named = match side.known.absent.is_some() {
            true => self.source.text(side.spot),
            false => reason.field.clone(),
        };
        let message = format!("`{text}` is also true where `{named}` is absent");
        let help = format!(
            "if that is not meant: `{named} != () && {text}`; if it is: `({named} == () || {text})`"
        );
        let label = label(&named, reason);
        self.report(spot, Severity::Finding, "may-be-absent", said(message, label, help));
        // Said once; what follows is about the same field.
        if let Some(term) = &side.term {
            let Outcome { after, yes, no, .. } = outcome;
            for scene in std::iter::once(after).chain(yes.as_mut()).chain(no.as_mut()) {
                let known = scene.known(term, &self.fields);
                scene.learn(term, Known { absent: None, ..known }, &self.fields);
            }
        }
    }

    /// A comparison of kinds that never agree.
    pub(super) fn strangers(
        &mut self,
        how: Comparison,
        a: &Outcome,
        b: &Outcome,
        spot: Spot,
        help: Option<String>,
    ) {
        let text = self.source.text(spot);
        let (a_text, b_text) = (self.source.text(a.spot), self.source.text(b.spot));
        let both_absent = a.known.is.and(b.known.is).has(Is::ABSENT);
        let comes_to = match how {
            Comparison::Unequal if both_absent => "true unless both are absent",
            Comparison::Unequal => "always true",
            Comparison::Equal if both_absent => "never true unless both are absent",
            _ => "never true",
        };
        let (a_kind, b_kind) = (a.known.is.words(), b.known.is.words());
        let message = match spot == b.spot {
            true => format!("`{a_text}` is never `{b_text}`: {a_kind} never equals {b_kind}"),
            false => {
                format!("`{text}` is {comes_to}: `{a_text}` is {a_kind}, `{b_text}` is {b_kind}")
            }
        };
        let label = match self.is_sure() {
            true => "no error is raised, but these never agree".to_owned(),
            false => "these are the kinds that the cases have".to_owned(),
        };
        let help = help
            .or_else(|| cure((&a.known, &a_text), (&b.known, &b_text)))
            .or_else(|| cure((&b.known, &b_text), (&a.known, &a_text)))
            .unwrap_or_else(|| "compare it with a value of its own kind".to_owned());
        self.report(spot, Severity::Finding, "different-kinds", said(message, label, help));
    }

    /// A single value that is compared with a list.
    pub(super) fn one_and_list(
        &mut self,
        how: Comparison,
        one: &Outcome,
        list: &Outcome,
        spot: Spot,
    ) {
        let text = self.source.text(spot);
        let (one, list) = (self.source.text(one.spot), self.source.text(list.spot));
        let (comes_to, operator) = match how {
            Comparison::Unequal => ("always true", "!in"),
            _ => ("never true", "in"),
        };
        let message = format!("`{text}` is {comes_to}: a list equals no single value");
        let label = "no error is raised, but these never agree";
        let help = format!("write `{one} {operator} {list}`");
        self.report(spot, Severity::Finding, "different-kinds", said(message, label, help));
    }

    /// A date that is put in an order with a text which is none.
    pub(super) fn no_date(&mut self, date: &Outcome, text: &str, spot: Spot) {
        let date = self.source.text(date.spot);
        let message = format!("`{date}` is a date, and \"{text}\" is written like none");
        let label = "these are compared letter by letter, not as days";
        let help = match date_meant(text) {
            Some(meant) => format!("write \"{meant}\", or count the days: `days_since({date})`"),
            None => {
                format!("write it like \"1998-05-07\", or count the days: `days_since({date})`")
            }
        };
        self.report(spot, Severity::Finding, "no-date", said(message, label, help));
    }

    /// A `switch` that never comes to one of its cases.
    pub(super) fn never_the_case(&mut self, value: &Outcome, case: &Known, spot: Spot) {
        let (value_text, text) = (self.source.text(value.spot), self.source.text(spot));
        let (kind, other) = (value.known.is.words(), case.is.words());
        let message = format!("`{value_text}` is {kind}, and never {other} such as `{text}`");
        let help = cure((&value.known, &value_text), (case, &text))
            .unwrap_or_else(|| format!("write cases that are {kind}"));
        self.report(
            spot,
            Severity::Finding,
            "different-kinds",
            said(message, "never the case", help),
        );
    }

    /// Notes whether something is always true or never.
    pub(super) fn certainty(
        &mut self,
        spot: Spot,
        value: Option<bool>,
        sides: [&Outcome; 2],
        by_flow: bool,
    ) {
        let text = self.source.text(spot);
        let (code, comes_to) = match value {
            Some(true) => ("always-true", "always true"),
            _ => ("never-true", "never true"),
        };
        let named = (sides.iter().find(|side| side.term.is_some()))
            .or_else(|| sides.iter().find(|side| !side.known.is_one()))
            .filter(|_| by_flow);
        let is_empty = |side: &&Outcome| side.known.only_text() == Some("");
        let is_empty = form(sides).is_some() && sides.iter().any(is_empty);
        let label = match named {
            Some(side) => format!(
                "what comes before leaves `{}` {}",
                self.source.text(side.spot),
                range(&side.known)
            ),
            None => match sides.iter().all(|side| side.known.is_one()) {
                true => "nothing in it changes from row to row".to_owned(),
                false if is_empty => "no date is an empty text".to_owned(),
                false => form(sides).unwrap_or_default().to_owned(),
            },
        };
        let here = if by_flow { " here" } else { "" };
        let help = match (value, by_flow) {
            _ if is_empty => "what is absent is written `()`",
            (Some(true), true) if self.joint == "||" => "where both have to hold, write `&&`",
            (Some(true), _) => "leave it out, or correct what it is compared with",
            (_, true) => "correct one of the two; where either will do, write `||`",
            (_, false) => "correct what it is compared with",
        };
        let problem = Problem::finding(
            self.source.place(spot),
            code,
            format!("`{text}` is {comes_to}{here}"),
        );
        let new = Certainty { value, problem: problem.label(label).help(help) };
        let known = self.certain.entry(spot).or_insert(new);
        if known.value != value {
            known.value = None;
        }
    }

    /// `true` or `false` where a condition is meant.
    pub(super) fn written_out(&mut self, spot: Spot, value: bool) {
        let (code, comes_to) = match value {
            true => ("always-true", "always true"),
            false => ("never-true", "never true"),
        };
        let message = format!("this part of the condition is {comes_to}");
        let help = "leave it out, or write what is meant";
        self.report(spot, Severity::Finding, code, said(message, "written out", help));
    }

    /// A division of whole numbers whose fraction matters.
    pub(super) fn cut_off(&mut self, division: Spot, why: &str) {
        let text = self.source.text(division);
        let message = format!("`{text}` divides whole numbers, so its fraction is cut off");
        let help = match text.split_once('/') {
            Some((a, b)) if !b.contains('/') => {
                format!("write `{} * 1.0 / {}`", a.trim_end(), b.trim_start())
            }
            _ => "multiply one of them by 1.0 first".to_owned(),
        };
        let help = match self.is_sure() {
            true => help,
            false => {
                format!("{help}; where the columns have fractions, write them in the cases: `9.0`")
            }
        };
        self.report(division, Severity::Finding, "lost-fraction", said(message, why, help));
    }

    /// A date that is added to or taken from as if it were a number.
    pub(super) fn date_as_text(
        &mut self,
        operator: &str,
        spot: Spot,
        sides: &[(Outcome, String); 2],
    ) {
        let is_time = |side: &&(Outcome, String)| {
            let is = side.0.known.is.without(Is::ABSENT);
            is != Is::NOTHING && is.only(Is::DATE.or(Is::INSTANT))
        };
        let date = sides.iter().find(is_time).map_or("", |side| side.1.as_str());
        let does = match operator {
            "+" => "puts texts together",
            _ => "takes one text out of the other",
        };
        let message = format!("a date is text here, and `{operator}` {does}");
        let help = format!("count the days: `days_since({date})` or `days_until({date})`");
        self.report(
            spot,
            Severity::Finding,
            "different-kinds",
            said(message, "no date comes of it", help),
        );
    }

    /// What never gives true or false.
    pub(super) fn never_works(&mut self, spot: Spot) {
        let severity = if self.is_sure() { Severity::Error } else { Severity::Finding };
        if let Some(problem) = self.found.get_mut(&(spot, "wrong-kind")) {
            problem.severity = severity;
            return;
        }
        if self.found.keys().any(|((from, to), _)| *from < spot.1 && spot.0 < *to) {
            return;
        }
        let message = "this never comes to true or false, so the rule never matches";
        let help = "end it with a condition: `customer.tickets.open > 3`";
        self.report(spot, severity, "no-verdict", said(message, "", help));
    }

    /// A way through `when` that ends without a value.
    pub(super) fn gives_nothing(&mut self, what: &str, spot: Spot) {
        let message = format!("{what} fails where it comes to this end: nothing is given there");
        let help = "let every way end with true or false";
        self.report(spot, Severity::Finding, "no-verdict", said(message, "", help));
    }

    /// A value in the middle of a function: a condition that decides nothing.
    pub(super) fn never_used(&mut self, spot: Spot) {
        let message = format!("nothing uses `{}`", self.source.text(spot));
        let help = "where it is a condition of what follows, write `&&` or `||` in place of the `;`; else \
                    delete it";
        self.report(
            spot,
            Severity::Finding,
            "unused-value",
            said(message, "it decides nothing", help),
        );
    }

    /// Code that nothing leads to.
    pub(super) fn never_reached(&mut self, spot: Spot) {
        let message = "this is never reached: what stands before it always ends the function";
        let help = "delete it, or move it before the `return`";
        self.report(spot, Severity::Finding, "unreachable", said(message, "", help));
    }
}

fn label(text: &str, reason: &Reason) -> String {
    match text == reason.field {
        true => reason.why.clone(),
        false => format!("`{}` may be absent: {}", reason.field, reason.why),
    }
}

/// How dates and instants are written, where a text that is none is compared with one.
fn form([a, b]: [&Outcome; 2]) -> Option<&'static str> {
    let only = |side: &Outcome, kinds: Is| {
        side.known.is.has(kinds) && side.known.is.only(kinds.or(Is::ABSENT))
    };
    let written = [a, b].iter().any(|side| side.known.only_text().is_some());
    let is_one = |kinds: Is| written && (only(a, kinds) || only(b, kinds));
    match () {
        () if is_one(Is::DATE) => Some("a date is written 1998-05-07"),
        () if is_one(Is::INSTANT) => Some("an instant is written 1998-05-07T09:00:00Z"),
        () => None,
    }
}

/// What helps where `a` is compared with `b`, which is of another kind.
fn cure((a, a_text): (&Known, &str), (b, b_text): (&Known, &str)) -> Option<String> {
    let only = |known: &Known, kinds: Is| known.is.only(kinds.or(Is::ABSENT));
    let written = b.only_text();
    if only(a, Is::WORDS) && Kind::of(&Value::Text(b_text.to_owned())) == Some(Kind::Date) {
        return Some(format!("a date stands in double quotes: `\"{b_text}\"`"));
    }
    if written == Some("") {
        return Some("what is absent is written `()`".to_owned());
    }
    if only(a, Is::DATE.or(Is::INSTANT)) && only(b, Is::NUMBER) {
        return Some(format!("count the days: `days_since({a_text})`"));
    }
    if only(a, Is::NUMBER) && only(b, Is::BOOL) {
        let number = match b.is {
            Is::TRUE => "1",
            Is::FALSE => "0",
            _ => return Some(format!("make true or false of it: `{a_text} == 1`")),
        };
        return Some(format!("compare it with the number: `{a_text} == {number}`"));
    }
    if only(a, Is::NUMBER) && written.is_some_and(|text| text.parse::<f64>().is_ok()) {
        return Some(format!("write the number without quotes: `{}`", written.unwrap_or_default()));
    }
    if only(a, Is::NUMBER)
        && let Some((number, _)) = written.and_then(|text| text.trim().split_once(' '))
        && number.parse::<f64>().is_ok()
    {
        return Some(format!("write the number alone, without quotes: `{number}`"));
    }
    if only(a, Is::BOOL) && written.is_some_and(|text| text == "true" || text == "false") {
        return Some(format!("write it without quotes: `{}`", written.unwrap_or_default()));
    }
    if only(a, Is::WORDS) && only(b, Is::NUMBER) {
        let kind = if b_text.contains('.') { "DECIMAL(12, 2)" } else { "INTEGER" };
        let column = a_text.rsplit('.').next().unwrap_or_default();
        let is_column = column.chars().all(|c| c.is_alphanumeric() || c == '_');
        let help = "make a number of it in the signal's query";
        return Some(match is_column && column != a_text {
            true => format!("{help}: `CAST({column} AS {kind}) AS {column}`"),
            false => help.to_owned(),
        });
    }
    None
}

/// `2026-02-01` for `01.02.2026` and `2026-2-1`; what may be read in two ways is none.
fn date_meant(text: &str) -> Option<String> {
    let parts = |separator: char| -> Option<[u32; 3]> {
        let parts: Vec<u32> = text.split(separator).map_while(|part| part.parse().ok()).collect();
        parts.try_into().ok()
    };
    let (year, month, day) = match (parts('.'), parts('-').or_else(|| parts('/'))) {
        (Some([day, month, year]), _) if year > 31 => (year, month, day),
        (_, Some([year, month, day])) if year > 31 => (year, month, day),
        _ => return None,
    };
    let meant = format!("{year:04}-{month:02}-{day:02}");
    (Kind::of(&Value::Text(meant.clone())) == Some(Kind::Date)).then_some(meant)
}

/// A number as its author wrote it, without the slack that it may have been given.
fn number(number: f64) -> f64 {
    format!("{number:.11e}").parse().unwrap_or(number)
}

/// What is left of a value, after `leaves x …`.
fn range(known: &Known) -> String {
    if known.is.has(Is::INT.or(Is::FLOAT)) && !known.is.has(Is::WORDS.or(Is::BOOL)) {
        return match (known.low.is_finite(), known.high.is_finite()) {
            (true, true) if known.low == known.high => format!("at {}", number(known.low)),
            (true, true) => format!("between {} and {}", number(known.low), number(known.high)),
            (true, false) => format!("at {} or more", number(known.low)),
            (false, true) => format!("at {} or less", number(known.high)),
            (false, false) => "as it is".to_owned(),
        };
    }
    match &known.texts {
        _ if known.is.only(Is::ABSENT) => "absent".to_owned(),
        Texts::Only(texts) if known.is.has(Is::WORDS) => {
            let texts: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
            format!("as {}", texts.join(" or "))
        }
        Texts::But(texts) if known.is.has(Is::WORDS) && !texts.is_empty() => {
            let texts: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
            format!("as something else than {}", texts.join(" or "))
        }
        _ if known.is.only(Is::BOOL) => format!("at {}", known.is == Is::TRUE),
        _ => "with no such value".to_owned(),
    }
}
