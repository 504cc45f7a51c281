//! Operators: comparisons, `!`, calculations, and what has to be true or false.

use rhai::{ASTNode, Expr};

use super::compare::{May, are_strangers, compare, where_false, where_true};
use super::known::{Is, Known};
use super::scene::Scene;
use super::{Checker, Outcome};
use crate::predicate::Comparison;
use crate::rules::source::Spot;

impl Checker<'_> {
    /// What is known where something that has to be true or false is the one or the other.
    pub(super) fn truth(
        &mut self,
        outcome: &Outcome,
        what: &str,
    ) -> (Option<Scene>, Option<Scene>) {
        let is = outcome.known.is;
        if is != Is::NOTHING && !is.has(Is::BOOL.or(Is::OTHER)) && !is.only(Is::ABSENT) {
            self.wrong_kind(outcome.spot, outcome.spot, &outcome.known, what, "true or false");
            return (Some(outcome.after.clone()), Some(outcome.after.clone()));
        }
        self.raises_where_absent(outcome, outcome.spot, what);
        (outcome.yes.clone(), outcome.no.clone())
    }

    /// `a == b` and its like.
    pub(super) fn comparison(
        &mut self,
        how: Comparison,
        sides: [&Expr; 2],
        spot: Spot,
        scene: Scene,
    ) -> Outcome {
        let a = self.expression(sides[0], scene);
        let b = self.expression(sides[1], a.after.clone());
        let after = b.after.clone();
        if are_strangers(&a.known, &b.known) {
            let whole = self.chained(sides[0], &a, &b, spot);
            self.strangers(how, &a, &b, spot, whole);
            return self.open(after, spot);
        }
        if self.is_one_and_list(how, sides, [&a, &b], spot) || self.is_no_date(how, [&a, &b], spot)
        {
            return self.open(after, spot);
        }
        if self.loses_fraction(how, &a, &b) || self.loses_fraction(how, &b, &a) {
            return self.open(after, spot);
        }
        let mut outcome = self.compared(how, sides, [&a, &b], after, spot);
        for (side, how, other) in [(&a, how, &b), (&b, how.turned(), &a)] {
            self.without_fallback(side, how, other, &mut outcome);
        }
        let is_true = |side: &Outcome| side.known.is == Is::TRUE;
        for (side, other) in [(&a, &b), (&b, &a)] {
            let Some(reason) = side.known.absent.clone() else { continue };
            if other.known.is.has(Is::ABSENT.or(Is::OTHER)) {
                continue;
            }
            match how {
                // Who asks for what is not true takes what is absent with it.
                Comparison::Unequal if is_true(other) => {}
                Comparison::Unequal => self.true_where_absent(spot, side, &reason, &mut outcome),
                _ => outcome.hushed = Some(reason),
            }
        }
        outcome
    }

    /// `3 < x < 7` as two comparisons.
    fn chained(&self, first: &Expr, a: &Outcome, b: &Outcome, spot: Spot) -> Option<String> {
        let Expr::FnCall(call, _) = first else { return None };
        Comparison::of_operator(&call.name).filter(|_| call.is_operator_call())?;
        let middle = self.source.text(self.source.spot(call.args.get(1)?));
        let all = self.source.text((a.spot.1, spot.1));
        let a = self.source.text(a.spot);
        let a = a.strip_prefix('(').and_then(|a| a.strip_suffix(')')).unwrap_or(&a);
        let b = self.source.text(b.spot);
        let operator = all.strip_suffix(&b)?.trim();
        Some(format!("write two comparisons: `{a} && {middle} {operator} {b}`"))
    }

    /// Reports a single value that is compared with a list.
    fn is_one_and_list(
        &mut self,
        how: Comparison,
        sides: [&Expr; 2],
        outcomes: [&Outcome; 2],
        spot: Spot,
    ) -> bool {
        let is_list = |side: usize| matches!(sides[side], Expr::Array(..));
        let is_one = |side: usize| outcomes[side].known.is.only(Is::CELL);
        match [is_list(0) && is_one(1), is_list(1) && is_one(0)] {
            [true, _] => self.one_and_list(how, outcomes[1], outcomes[0], spot),
            [_, true] => self.one_and_list(how, outcomes[0], outcomes[1], spot),
            _ => return false,
        }
        true
    }

    /// Reports a date that is put in an order with a text that is written like no date.
    fn is_no_date(&mut self, how: Comparison, [a, b]: [&Outcome; 2], spot: Spot) -> bool {
        let is_time = |side: &Outcome| {
            let is = side.known.is.without(Is::ABSENT);
            is != Is::NOTHING && is.only(Is::DATE.or(Is::INSTANT))
        };
        let is_order = !matches!(how, Comparison::Equal | Comparison::Unequal);
        for (date, other) in [(a, b), (b, a)] {
            let text = other.known.only_text().filter(|text| !begins_a_date(text));
            if let Some(text) = text.filter(|_| is_order && is_time(date)).map(str::to_owned) {
                self.no_date(date, &text, spot);
                return true;
            }
        }
        false
    }

    /// Of `x ?? fallback`: where the fallback can't have made the comparison true, `x` is there; so
    /// too where it can't have made it false.
    fn without_fallback(
        &self,
        side: &Outcome,
        how: Comparison,
        other: &Outcome,
        outcome: &mut Outcome,
    ) {
        let Some(stands_in) = &side.known.stands_in else { return };
        let (term, fallback) = &**stands_in;
        let may = compare(how, fallback, &other.known);
        let ways = [(&mut outcome.yes, may.be_true), (&mut outcome.no, may.be_false)];
        for scene in
            ways.into_iter().filter(|(_, may_be)| !may_be).filter_map(|(way, _)| way.as_mut())
        {
            scene.find(term, &self.fields);
        }
    }

    fn compared(
        &mut self,
        how: Comparison,
        sides: [&Expr; 2],
        [a, b]: [&Outcome; 2],
        after: Scene,
        spot: Spot,
    ) -> Outcome {
        let may = compare(how, &a.known, &b.known);
        let by_itself = compare(how, &self.by_itself(sides[0], a), &self.by_itself(sides[1], b));
        let by_flow = is_certain(may) && !is_certain(by_itself);
        if is_certain(may) && (self.is_switch(sides, [a, b]) || asks_for_empty(how, [a, b])) {
            self.certainty(spot, None, [a, b], by_flow);
            return self.open(after, spot);
        }
        let is_absence = a.known.is == Is::ABSENT || b.known.is == Is::ABSENT;
        let mut certain = is_certain(may).then_some(may.be_true);
        // To ask whether something is there once more than needed is careful, and no mistake.
        let careful = match how {
            Comparison::Unequal => is_absence && may.be_true,
            _ => is_absence && by_flow && !may.be_true,
        };
        // What is known already may be said again, but in order of size, or after `||`. A function
        // of the script's own may be right for other values than those that it is called with.
        let equality = matches!(how, Comparison::Equal | Comparison::Unequal);
        let repeats = self.in_if || (self.joint == "&&" && equality);
        if careful || (by_flow && (self.is_called() || (repeats && may.be_true))) {
            certain = None;
        }
        if is_certain(may) && careful {
            let yes = may.be_true.then(|| after.clone());
            let no = may.be_false.then(|| after.clone());
            return Outcome { known: may.known(), term: None, after, yes, no, hushed: None, spot };
        }
        self.certainty(spot, certain, [a, b], by_flow);
        if certain.is_some() {
            let after = self.doubted([a, b], after);
            return self.open(after, spot);
        }
        let turned = how.turned();
        let side = |is: bool| {
            let of = if is { where_true } else { where_false };
            let mut scene = after.clone();
            if let Some(term) = &a.term {
                scene.learn(term, of(how, &a.known, &b.known), &self.fields);
            }
            if let Some(term) = &b.term {
                scene.learn(term, of(turned, &b.known, &a.known), &self.fields);
            }
            scene
        };
        let yes = may.be_true.then(|| side(true));
        let no = may.be_false.then(|| side(false));
        Outcome { known: may.known(), term: None, after, yes, no, hushed: None, spot }
    }

    /// What is known of a side wherever it stands, whatever comes before it or calls it.
    pub(super) fn by_itself(&self, side: &Expr, outcome: &Outcome) -> Known {
        match &outcome.term {
            Some(term) if !matches!(term, super::Term::Local(_)) => self.fields.everywhere(term),
            _ if side.is_constant() => outcome.known.clone(),
            _ if self.is_called() => Known::any(),
            _ if outcome.known.is_one() => outcome.known.clone(),
            _ => Known::of(outcome.known.is),
        }
    }

    /// Whether the walk is inside a function that the script itself calls.
    pub(super) fn is_called(&self) -> bool {
        self.exits.len() > 1
    }

    /// Whether a side says what the author set by hand: a named constant, or a variable with one
    /// value. Who asks for that may want to set it otherwise another day.
    pub(super) fn is_switch<const N: usize>(
        &self,
        sides: [&Expr; N],
        outcomes: [&Outcome; N],
    ) -> bool {
        sides.into_iter().zip(outcomes).any(|(side, outcome)| {
            let is_local = matches!(outcome.term, Some(super::Term::Local(_)));
            is_local && outcome.known.is_one() || self.reads_constant(side, &outcome.after)
        })
    }

    fn reads_constant(&self, side: &Expr, scene: &Scene) -> bool {
        let is_other = |path: &[ASTNode<'_>]| match path.last() {
            Some(ASTNode::Expr(Expr::Variable(variable, ..))) => {
                let name = variable.1.as_str();
                scene.binding(name).is_some() || !self.constants.contains_key(name)
            }
            _ => true,
        };
        !side.walk(&mut Vec::new(), &mut { is_other })
    }

    /// The scene after a mistake: what was learned of its sides is in doubt, and explains nothing more.
    pub(super) fn doubted(&self, sides: [&Outcome; 2], mut scene: Scene) -> Scene {
        for term in sides.into_iter().filter_map(|side| side.term.as_ref()) {
            if !matches!(term, super::Term::Local(_)) {
                scene.learn(term, self.fields.everywhere(term), &self.fields);
            }
        }
        scene
    }

    /// `!a`
    pub(super) fn not(&mut self, of: &Expr, spot: Spot, scene: Scene) -> Outcome {
        if let Expr::BoolConstant(value, _) = of {
            return self.plain(Known::boolean(!value), None, scene, spot);
        }
        self.turned = self.source.spot(of) == spot;
        let inner = self.expression(of, scene);
        let (yes, no) = self.truth(&inner, "`!`");
        let mut outcome = Outcome {
            known: Known::verdict(no.is_some(), yes.is_some()),
            term: None,
            after: inner.after.clone(),
            yes: no,
            no: yes,
            hushed: None,
            spot,
        };
        if let Some(reason) = inner.hushed.clone() {
            self.true_where_absent(spot, &inner, &reason, &mut outcome);
        }
        outcome
    }

    /// What a calculation gives. Each side comes with its text.
    pub(super) fn calculated(
        &mut self,
        operator: &str,
        sides: [(Outcome, String); 2],
        spot: Spot,
        scene: &mut Scene,
    ) -> Known {
        let [(a, _), (b, _)] = &sides;
        let (x, y) = (a.known.is, b.known.is);
        if x.or(y).has(Is::OTHER) || x == Is::NOTHING || y == Is::NOTHING {
            return Known::any();
        }
        if !matches!(operator, "+" | "-" | "*" | "/" | "%" | "**") {
            return Known::any();
        }
        let (number, words) = (Is::NUMBER, Is::WORDS);
        let is_time =
            |is: Is| is.has(words) && is.without(Is::ABSENT).only(Is::DATE.or(Is::INSTANT));
        if (is_time(x) && y.has(number.or(words)) || is_time(y) && x.has(number))
            && matches!(operator, "+" | "-")
            && !(x.or(y).has(Is::TEXT))
        {
            self.date_as_text(operator, spot, &sides);
            return Known::any();
        }
        let joins = operator == "+" && x.or(y).has(words);
        let cuts_out = operator == "-" && x.has(words) && y.has(words);
        let counts = x.has(number) && y.has(number);
        if !joins && !cuts_out && !counts {
            let strange = if x.has(number) || x.only(Is::ABSENT) { b } else { a };
            if !strange.known.is.only(Is::ABSENT) {
                let what = format!("`{operator}`");
                self.wrong_kind(spot, strange.spot, &strange.known, &what, "a number");
            }
            return Known::any();
        }
        for (side, other) in [(a, b), (b, a)] {
            // A text takes what is absent as nothing more to say.
            if !(operator == "+" && other.known.is.has(words)) {
                self.raises_where_absent(side, spot, &format!("`{operator}`"));
                if let Some(term) = &side.term
                    && side.known.is.has(Is::ABSENT)
                {
                    let there = side.known.without(Is::ABSENT);
                    scene.learn(term, there, &self.fields);
                }
            }
        }
        let of_numbers = match counts {
            true => self.amount(operator, a, b, spot),
            false => Known::of(Is::NOTHING),
        };
        match joins || cuts_out {
            true => of_numbers.or(&Known::of(Is::TEXT)),
            false => of_numbers,
        }
    }

    fn amount(&mut self, operator: &str, a: &Outcome, b: &Outcome, spot: Spot) -> Known {
        let (x, y) = (&a.known, &b.known);
        let float = Is::FLOAT.or(Is::ODD);
        let mut is = Is::NOTHING;
        if x.is.has(float) || y.is.has(float) {
            is = is.or(float);
        }
        if x.is.has(Is::INT) && y.is.has(Is::INT) {
            is = is.or(Is::INT);
        }
        let mut known = Known::of(is);
        if is == Is::INT && x.is_exact() && y.is_exact() {
            let corners = |of: fn(f64, f64) -> f64| {
                let all = [(x.low, y.low), (x.low, y.high), (x.high, y.low), (x.high, y.high)];
                let all = all.map(|(a, b)| of(a, b));
                let least = all.into_iter().fold(f64::INFINITY, f64::min);
                let most = all.into_iter().fold(f64::NEG_INFINITY, f64::max);
                match all.into_iter().any(f64::is_nan) {
                    true => (f64::NEG_INFINITY, f64::INFINITY),
                    false => (least, most),
                }
            };
            (known.low, known.high) = match operator {
                "+" => corners(|a, b| a + b),
                "-" => corners(|a, b| a - b),
                "*" => corners(|a, b| a * b),
                "/" if x.low == x.high && y.low == y.high && y.low != 0.0 => {
                    let quotient = (x.low / y.low).trunc();
                    (quotient, quotient)
                }
                _ => (known.low, known.high),
            };
        }
        let whole = |known: &Known| known.is.has(Is::INT) && !known.is.has(float);
        if operator == "/" && whole(x) && whole(y) {
            let exact = x.low == x.high && y.low == y.high && y.low != 0.0 && x.low % y.low == 0.0;
            known.cut = (!exact).then_some(spot);
        }
        if matches!(operator, "*" | "+" | "-") {
            for (cut, other) in [(x, b), (y, a)] {
                let Some(division) = cut.cut else { continue };
                let has_fraction = !other.known.is.has(Is::INT);
                if has_fraction || (operator == "*" && self.divides_by_field(division)) {
                    self.cut_off(division, &format!("`{operator}` takes it further"));
                }
            }
        }
        known
    }

    /// Whether a division is by something that no constant says: a share rather than a rounding.
    fn divides_by_field(&self, division: Spot) -> bool {
        let text = self.source.text(division);
        let divisor = text.rsplit('/').next().unwrap_or_default().trim();
        divisor.contains('.') && !divisor.starts_with(|c: char| c.is_ascii_digit())
    }

    /// Whether a quotient of whole numbers is compared with a fraction; then it is reported.
    fn loses_fraction(&mut self, how: Comparison, cut: &Outcome, other: &Outcome) -> bool {
        let Some(division) = cut.known.cut else { return false };
        let with = &other.known;
        if with.is.has(Is::INT) || !with.is.has(Is::FLOAT) {
            return false;
        }
        // Whether a share is 1 or more can be asked of whole numbers too.
        let is_whole = with.low == with.high && with.low.fract() == 0.0;
        if is_whole && matches!(how, Comparison::AtLeast | Comparison::Less) {
            return false;
        }
        let text = self.source.text(other.spot);
        self.cut_off(division, &format!("it is compared with `{text}`"));
        true
    }
}

/// Whether a text is a date or an instant, or how one begins: `1998`, `1998-05`. Those stand in the order
/// of time.
fn begins_a_date(text: &str) -> bool {
    let form = "0000-00-00".chars();
    let fits = text.chars().zip(form).all(|(c, of)| c == of || of == '0' && c.is_ascii_digit());
    text.is_empty() || fits && matches!(text.chars().count(), 4 | 7 | 10..)
}

/// Whether a date is compared with `""` where nothing is absent: a column of text may say so that there
/// is no date, if on no row of today.
fn asks_for_empty(how: Comparison, sides: [&Outcome; 2]) -> bool {
    matches!(how, Comparison::Equal | Comparison::Unequal)
        && sides.iter().any(|side| side.known.only_text() == Some(""))
        && sides.iter().all(|side| side.known.absent.is_none())
}

fn is_certain(may: May) -> bool {
    may.be_true != may.be_false
}
