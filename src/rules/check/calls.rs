//! Calls: operators, `in`, the script's own functions, and those of the language.

use rhai::{Expr, FnCallExpr, Token};

use super::compare::{compare, where_true};
use super::known::{Is, Known, Texts};
use super::scene::{Binding, Scene, Term};
use super::{Checker, Outcome};
use crate::predicate::{Comparison, Told};
use crate::rules::row::RowKind;
use crate::rules::script::Function;
use crate::rules::source::Spot;
use crate::rules::{dates, sandbox, verbs};

/// Functions that change nothing of what they are given.
pub(super) const PURE: [&str; 22] = [
    "len",
    "contains",
    "starts_with",
    "ends_with",
    "to_upper",
    "to_lower",
    "sub_string",
    "abs",
    "to_float",
    "to_int",
    "floor",
    "ceiling",
    "round",
    "parse_int",
    "parse_float",
    "type_of",
    "min",
    "max",
    "split",
    "index_of",
    "is_empty",
    "to_string",
];

/// Functions that change the text they are given, and so raise on a fact.
pub(super) const CHANGING: [&str; 10] = [
    "trim",
    "clear",
    "replace",
    "crop",
    "truncate",
    "remove",
    "pop",
    "pad",
    "make_upper",
    "make_lower",
];

/// Functions that raise on what is no text, list or map.
const OF_WORDS: [&str; 10] = [
    "len",
    "contains",
    "starts_with",
    "ends_with",
    "to_upper",
    "to_lower",
    "sub_string",
    "split",
    "parse_int",
    "parse_float",
];

/// Functions that raise on what is absent.
const OF_NUMBERS: [&str; 6] = ["abs", "to_float", "to_int", "floor", "ceiling", "round"];

impl Checker<'_> {
    pub(super) fn call(&mut self, call: &FnCallExpr, spot: Spot, scene: Scene) -> Outcome {
        let name = call.name.as_str();
        match (name, call.args.as_slice()) {
            ("contains", [list, value]) => self.one_of(list, value, spot, scene),
            (_, [a, b]) if call.is_operator_call() => match Comparison::of_operator(name) {
                Some(how) => self.comparison(how, [a, b], spot, scene),
                None => {
                    let x = self.expression(a, scene);
                    let y = self.expression(b, x.after.clone());
                    let mut scene = y.after.clone();
                    let texts = [self.source.text(x.spot), self.source.text(y.spot)];
                    let [a, b] = texts;
                    let known = self.calculated(name, [(x, a), (y, b)], spot, &mut scene);
                    self.plain(known, None, scene, spot)
                }
            },
            (_, [a]) if call.is_operator_call() => match call.op_token {
                Some(Token::Bang) => self.not(a, spot, scene),
                _ => self.signed(name, a, spot, scene),
            },
            (_, arguments) => {
                let key = (name.to_owned(), arguments.len());
                match self.functions.get(&key) {
                    Some(function) => self.own(function, arguments, spot, scene),
                    None => self.native(name, arguments, spot, scene),
                }
            }
        }
    }

    /// `-a`
    fn signed(&mut self, operator: &str, of: &Expr, spot: Spot, scene: Scene) -> Outcome {
        let of = self.expression(of, scene);
        let is = of.known.is;
        if !is.has(Is::NUMBER.or(Is::OTHER)) && is != Is::NOTHING && !is.only(Is::ABSENT) {
            self.wrong_kind(spot, of.spot, &of.known, &format!("`{operator}`"), "a number");
        } else {
            self.raises_where_absent(&of, spot, &format!("`{operator}`"));
        }
        let known = match is.has(Is::OTHER) {
            true => Known::any(),
            false if operator == "-" && is.has(Is::INT.or(Is::FLOAT)) => {
                let (low, high) = (-of.known.high, -of.known.low);
                Known { low, high, ..Known::of(is.and(Is::NUMBER)) }
            }
            false => Known::of(is.and(Is::NUMBER)),
        };
        self.plain(known, None, of.after, spot)
    }

    /// `value in list`, which Rhai makes a call of `contains`.
    fn one_of(&mut self, list: &Expr, value: &Expr, spot: Spot, scene: Scene) -> Outcome {
        let turned = std::mem::take(&mut self.turned);
        if let Expr::FnCall(range, _) = list
            && let Some(Token::InclusiveRange | Token::ExclusiveRange) = range.op_token
        {
            return self.within(range, value, spot, scene);
        }
        let asked = value;
        let value = self.expression(asked, scene);
        let Expr::Array(items, _) = list else {
            let list = self.expression(list, value.after.clone());
            self.raises_where_absent(&list, spot, "`in`");
            if list.known.is.without(Is::ABSENT).only(Is::WORDS) {
                self.raises_where_absent(&value, spot, "`in`");
            }
            return self.open(list.after, spot);
        };
        let (mut scene, mut listed) = (value.after.clone(), Vec::new());
        for item in items.iter() {
            let item = self.expression(item, scene);
            scene = item.after.clone();
            listed.push(item);
        }
        let strange =
            listed.iter().find(|item| super::compare::are_strangers(&value.known, &item.known));
        if let Some(item) = strange.cloned() {
            self.strangers(Comparison::Equal, &value, &item, item.spot, None);
            return self.open(scene, spot);
        }
        let certain = |value: &Known| {
            let mays = listed.iter().map(|item| compare(Comparison::Equal, value, &item.known));
            let may_be = mays.clone().any(|may| may.be_true);
            let may_not_be = mays.clone().all(|may| may.be_false);
            (may_be != may_not_be).then_some(may_be)
        };
        let by_flow = certain(&self.by_itself(asked, &value)).is_none();
        let is_quiet = by_flow && self.is_called() || self.is_switch([asked], [&value]);
        let certain = certain(&value.known).filter(|_| !is_quiet);
        if let Some(first) = listed.first() {
            self.certainty(spot, certain.map(|is| is != turned), [&value, first], by_flow);
        }
        if certain.is_some() {
            let scene = self.doubted([&value, &value], scene);
            return self.open(scene, spot);
        }
        let (mut yes, mut no) = (scene.clone(), scene.clone());
        if let Some(term) = &value.term
            && let Some(found) = (listed.iter())
                .map(|item| where_true(Comparison::Equal, &value.known, &item.known))
                .reduce(|all, one| all.or(&one))
        {
            yes.learn(term, found, &self.fields);
            let texts = listed.iter().filter_map(|item| item.known.only_text());
            let but = Texts::But(texts.map(str::to_owned).collect());
            let rest = value.known.saying(value.known.texts.and(&but));
            no.learn(term, rest, &self.fields);
        }
        let hushed = value.known.absent.clone();
        let hushed = hushed.filter(|_| !listed.iter().any(|item| item.known.is.has(Is::ABSENT)));
        let known = Known::of(Is::BOOL);
        Outcome { known, term: None, after: scene, yes: Some(yes), no: Some(no), hushed, spot }
    }

    /// `value in 1..10`
    fn within(&mut self, range: &FnCallExpr, value: &Expr, spot: Spot, scene: Scene) -> Outcome {
        let value = self.expression(value, scene);
        let mut scene = value.after.clone();
        let mut bounds = Vec::new();
        for bound in range.args.iter() {
            let bound = self.expression(bound, scene);
            scene = bound.after.clone();
            bounds.push(bound.known);
        }
        let is = value.known.is;
        if !is.has(Is::INT.or(Is::OTHER)) && is != Is::NOTHING && !is.only(Is::ABSENT) {
            let what = "`in` with a range";
            self.wrong_kind(spot, value.spot, &value.known, what, "a whole number");
            return self.open(scene, spot);
        }
        self.raises_where_absent(&value, spot, "`in` with a range");
        let mut yes = scene.clone();
        if let (Some(term), [from, to]) = (&value.term, bounds.as_slice())
            && !is.has(Is::OTHER)
            && from.is_exact()
            && to.is_exact()
            && from.is.or(to.is) == Is::INT
        {
            let last = match range.op_token {
                Some(Token::ExclusiveRange) => to.high - 1.0,
                _ => to.high,
            };
            let whole = value.known.without(Is::ANY.without(Is::INT));
            yes.learn(term, whole.within(from.low, last), &self.fields);
        }
        let no = scene.clone();
        let known = Known::of(Is::BOOL);
        Outcome {
            known,
            term: None,
            after: scene,
            yes: Some(yes),
            no: Some(no),
            hushed: None,
            spot,
        }
    }

    /// The script's own function: its body, with what it is given here.
    fn own(
        &mut self,
        function: &Function,
        arguments: &[Expr],
        spot: Spot,
        scene: Scene,
    ) -> Outcome {
        let (mut scene, mut inside) = (scene, Vec::new());
        let before = self.fresh;
        for (name, argument) in function.parameters.iter().zip(arguments) {
            let binding = match row(argument, &scene) {
                Some(row) => Binding::Row(row),
                None => {
                    let given = self.expression(argument, scene);
                    let (term, after) = self.named(given);
                    scene = after;
                    Binding::Value(term)
                }
            };
            inside.push((name.clone(), binding));
        }
        if self.exits.len() > sandbox::CALL_LEVELS {
            return self.plain(Known::any(), None, scene, spot);
        }
        let outside = std::mem::replace(&mut scene.names, inside);
        let outer = std::mem::replace(&mut self.in_if, false);
        let mut ways = self.ways(&function.body, scene.clone());
        self.in_if = outer;
        for way in &mut ways {
            let ways = [Some(&mut way.after), way.yes.as_mut(), way.no.as_mut()];
            for scene in ways.into_iter().flatten() {
                scene.names.clone_from(&outside);
                scene.forget(before, way.term.as_ref());
            }
        }
        scene.names = outside;
        match self.anyone(ways) {
            Some(outcome) => Outcome { spot, ..outcome },
            None => self.plain(Known::of(Is::NOTHING), None, scene, spot),
        }
    }

    /// A function of the language, of the pack, or a verb.
    fn native(&mut self, name: &str, arguments: &[Expr], spot: Spot, scene: Scene) -> Outcome {
        let Some((first, rest)) = arguments.split_first() else {
            let known =
                if verbs::NAMES.contains(&name) { Known::of(Is::ABSENT) } else { Known::any() };
            return self.plain(known, None, scene, spot);
        };
        let of = self.expression(first, scene);
        if let Some(number) = dates::NAMES.iter().position(|known| *known == name) {
            return self.time(number, of, spot);
        }
        self.method(name, of, Some(first), rest, false, spot)
    }

    /// `days_since(…)` and its like.
    fn time(&mut self, number: usize, of: Outcome, spot: Spot) -> Outcome {
        let is = of.known.is;
        if !is.has(Is::WORDS.or(Is::OTHER)) && is != Is::NOTHING && !is.only(Is::ABSENT) {
            let what = format!("`{}`", dates::NAMES[number]);
            self.wrong_kind(spot, of.spot, &of.known, &what, "a date or an instant");
            return self.plain(Known::of(Is::INT), None, of.after, spot);
        }
        if self.tells_no_time(&of) {
            let what = format!("`{}`", dates::NAMES[number]);
            self.wrong_kind(spot, of.spot, &of.known, &what, "a date or an instant");
            let known = Known::of(is.and(Is::ABSENT).or(Is::INT));
            return self.plain(known, None, of.after, spot);
        }
        match of.term {
            Some(of_term) => {
                let term = Term::Time(number, Box::new(of_term));
                let known = self.known(&term, &of.after);
                self.plain(known, Some(term), of.after, spot)
            }
            None => {
                let absent = of.known.absent.clone();
                let known = Known { absent, ..Known::of(is.and(Is::ABSENT).or(Is::INT)) };
                self.plain(known, None, of.after, spot)
            }
        }
    }

    /// Whether something is text in which nobody ever wrote a date: a column of the database, or a text
    /// that is written out.
    fn tells_no_time(&self, of: &Outcome) -> bool {
        let is_text = |is: Is| is.without(Is::ABSENT) == Is::TEXT;
        match &of.term {
            Some(term @ Term::Field(_)) => {
                self.is_sure() && is_text(self.fields.everywhere(term).is)
            }
            Some(_) => false,
            None => of.known.only_text().is_some_and(|text| Told::read(text).is_none()),
        }
    }

    /// A function that has its first value in hand. `receiver` is where that stands, if a function
    /// might change it.
    pub(super) fn method(
        &mut self,
        name: &str,
        of: Outcome,
        receiver: Option<&Expr>,
        rest: &[Expr],
        or_nothing: bool,
        spot: Spot,
    ) -> Outcome {
        let mut scene = of.after.clone();
        let mut given = Vec::new();
        for argument in rest {
            let outcome = self.expression(argument, scene);
            scene = outcome.after.clone();
            given.push(outcome);
        }
        let is = of.known.is;
        let there = is.without(Is::ABSENT);
        let what = format!("`{name}`");
        if OF_WORDS.contains(&name) {
            if there != Is::NOTHING && there.only(Is::BOOL.or(Is::NUMBER)) {
                self.wrong_kind(spot, of.spot, &of.known, &what, "text");
            } else if !or_nothing {
                self.raises_where_absent(&of, spot, &what);
            }
        } else if OF_NUMBERS.contains(&name) && !or_nothing {
            self.raises_where_absent(&of, spot, &what);
        }
        if let Some(receiver) = receiver.filter(|_| !PURE.contains(&name)) {
            scene = self.shaken_by(receiver, scene);
        }
        if let Some(term) = of.term.as_ref().filter(|_| !or_nothing && OF_WORDS.contains(&name)) {
            let there = self.known(term, &scene).without(Is::ABSENT);
            scene.learn(term, there, &self.fields);
        }
        let (known, term) = self.given_by(name, &of, &given);
        let known = match or_nothing && is.has(Is::ABSENT) {
            true => Known { absent: of.known.absent.clone(), ..known.or(&Known::of(Is::ABSENT)) },
            false => known,
        };
        self.plain(known, term.filter(|_| !or_nothing), scene, spot)
    }

    fn given_by(&self, name: &str, of: &Outcome, given: &[Outcome]) -> (Known, Option<Term>) {
        let known = match (name, given) {
            ("len", []) => {
                let term = of.term.clone().map(|term| Term::Length(Box::new(term)));
                let known = match &term {
                    Some(term) => self.known(term, &of.after),
                    None => Known::between(0.0, f64::INFINITY),
                };
                return (known, term);
            }
            ("contains" | "starts_with" | "ends_with" | "is_empty", _) => Known::of(Is::BOOL),
            ("to_upper" | "to_lower" | "sub_string" | "type_of" | "to_string", _) => {
                Known::of(Is::TEXT)
            }
            ("to_float", []) => Known::of(Is::FLOAT.or(Is::ODD)),
            (verb, _) if verbs::NAMES.contains(&verb) => Known::of(Is::ABSENT),
            _ => Known::any(),
        };
        (known, None)
    }
}

/// The row that an argument hands over as a whole.
fn row(argument: &Expr, scene: &Scene) -> Option<RowKind> {
    let Expr::Variable(variable, ..) = argument else { return None };
    match scene.binding(&variable.1) {
        Some(Binding::Row(row)) => Some(*row),
        _ => None,
    }
}
