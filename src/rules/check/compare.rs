//! What a comparison comes to, from what is known of its sides, and what is known of them afterwards.
//! As Rhai 1.27 does it: values of different kinds are unequal and in no order.

use super::known::{Is, Known, Texts, slack};
use crate::domain::{Kind, Value};
use crate::predicate::Comparison;

/// Whether a comparison may be true, and whether it may be false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct May {
    pub(super) be_true: bool,
    pub(super) be_false: bool,
}

const BOTH: May = May { be_true: true, be_false: true };

impl May {
    fn is(value: bool) -> Self {
        Self { be_true: value, be_false: !value }
    }

    fn or(self, other: Self) -> Self {
        let be_true = self.be_true || other.be_true;
        Self { be_true, be_false: self.be_false || other.be_false }
    }

    pub(super) fn known(self) -> Known {
        Known::verdict(self.be_true, self.be_false)
    }
}

/// Kinds that can be told apart by a comparison, and never equal each other.
const FAMILIES: [Is; 4] = [Is::ABSENT, Is::BOOL, Is::NUMBER, Is::WORDS];

/// Whether values of both sides, where they are there at all, are of kinds that never agree.
pub(super) fn are_strangers(a: &Known, b: &Known) -> bool {
    let families = |is: Is| FAMILIES[1..].iter().filter(move |family| is.has(**family));
    let unknown = a.is.or(b.is).has(Is::OTHER);
    let something = families(a.is).next().is_some() && families(b.is).next().is_some();
    something && !unknown && !families(a.is).any(|family| b.is.has(*family))
}

/// What a comparison may come to.
pub(super) fn compare(how: Comparison, a: &Known, b: &Known) -> May {
    if a.is.or(b.is).has(Is::OTHER) {
        return BOTH;
    }
    let mut may = May::default();
    for family in FAMILIES {
        for other in FAMILIES {
            let (a_is, b_is) = (a.is.and(family), b.is.and(other));
            if a_is == Is::NOTHING || b_is == Is::NOTHING {
                continue;
            }
            let (a, b) = (Known { is: a_is, ..a.clone() }, Known { is: b_is, ..b.clone() });
            may = may.or(match family {
                _ if family != other => May::is(how.of_strangers()),
                Is::ABSENT => May::is(how == Comparison::Equal),
                Is::BOOL => booleans(how, a_is, b_is),
                Is::NUMBER => numbers(how, &a, &b),
                _ => texts(how, &a, &b),
            });
        }
    }
    may
}

fn booleans(how: Comparison, a: Is, b: Is) -> May {
    let values = |is: Is| {
        [(Is::FALSE, 0.0), (Is::TRUE, 1.0)].into_iter().filter(move |(bit, _)| is.has(*bit))
    };
    let each = values(a).flat_map(|(_, a)| values(b).map(move |(_, b)| (a, b)));
    each.fold(May::default(), |may, (a, b)| {
        let of = Known::between(a, a);
        may.or(numbers(how, &of, &Known::between(b, b)))
    })
}

fn numbers(how: Comparison, a: &Known, b: &Known) -> May {
    let odd = Is::ODD;
    if a.is.has(odd) || b.is.has(odd) {
        // To Rhai, what is no number is neither more nor less than another, nor is it unequal; but
        // nothing in its order is told where zero is about.
        let strange = |odd: &Known, other: &Known| match is_ordinary_and_not_zero(other) {
            true => May::is(false).or(match odd.is.without(Is::ODD) {
                Is::NOTHING => May::default(),
                rest => numbers(how, &Known { is: rest, ..odd.clone() }, other),
            }),
            false => BOTH,
        };
        return match (a.is.has(odd), b.is.has(odd)) {
            (true, false) => strange(a, b),
            (false, true) => numbers(how.turned(), b, a),
            _ => BOTH,
        };
    }
    let exact = a.is_exact() && b.is_exact();
    let s = match exact {
        true => 0.0,
        false => [a.low, a.high, b.low, b.high].into_iter().map(slack).fold(0.0, f64::max),
    };
    let less =
        |a: &Known, b: &Known| May { be_true: a.low < b.high + s, be_false: a.high + s >= b.low };
    let at_most = |a: &Known, b: &Known| May {
        be_true: a.low <= b.high + s,
        be_false: if exact { a.high > b.low } else { a.high + s >= b.low },
    };
    let one = a.low == a.high && b.low == b.high && a.low == b.low;
    let equal =
        May { be_true: a.low <= b.high + s && b.low <= a.high + s, be_false: !(one && exact) };
    match how {
        Comparison::Less => less(a, b),
        Comparison::AtMost => at_most(a, b),
        Comparison::Greater => less(b, a),
        Comparison::AtLeast => at_most(b, a),
        Comparison::Equal => equal,
        Comparison::Unequal => May { be_true: equal.be_false, be_false: equal.be_true },
    }
}

fn is_ordinary_and_not_zero(known: &Known) -> bool {
    !known.is.has(Is::ODD)
        && (known.low > slack(0.0) || known.high < -slack(0.0))
        && (known.low.is_finite() && known.high.is_finite())
}

fn texts(how: Comparison, a: &Known, b: &Known) -> May {
    let may_equal = may_be_equal(a, b);
    match (how, a.only_text(), b.only_text()) {
        (_, Some(a), Some(b)) => May::is(match how {
            Comparison::Equal => a == b,
            Comparison::Unequal => a != b,
            Comparison::Less => a < b,
            Comparison::AtMost => a <= b,
            Comparison::Greater => a > b,
            Comparison::AtLeast => a >= b,
        }),
        (Comparison::Equal, ..) => May { be_true: may_equal, be_false: true },
        (Comparison::Unequal, ..) => May { be_true: true, be_false: may_equal },
        _ => BOTH,
    }
}

fn may_be_equal(a: &Known, b: &Known) -> bool {
    let has_form = |text: &String, is: Is| {
        let form = Kind::of(&Value::Text(text.clone())).map_or(Is::TEXT, Is::from);
        is.has(Is::TEXT) || is.has(form)
    };
    match a.texts.and(&b.texts) {
        Texts::Only(texts) => texts.iter().any(|text| has_form(text, a.is) && has_form(text, b.is)),
        Texts::But(_) => {
            let is = a.is.and(b.is);
            is.has(Is::WORDS) || a.is.or(b.is).has(Is::TEXT)
        }
    }
}

/// What is known of `a` where `a how b` is true.
pub(super) fn where_true(how: Comparison, a: &Known, b: &Known) -> Known {
    if a.is.or(b.is).has(Is::OTHER) {
        return a.clone();
    }
    if how == Comparison::Unequal {
        return where_unequal(a, b);
    }
    let mut families = Is::NOTHING;
    for family in FAMILIES {
        let absence = family == Is::ABSENT && how != Comparison::Equal;
        if b.is.has(family) && !absence {
            families = families.or(family);
        }
    }
    let mut known = a.without(Is::ANY.without(families));
    let odd_stays = !matches!(how, Comparison::Less | Comparison::Greater)
        && !is_ordinary_and_not_zero(b)
        || b.is.has(Is::ODD);
    if !odd_stays {
        known = known.without(Is::ODD);
    }
    if how == Comparison::Equal {
        if known.is.has(Is::WORDS) {
            known = known.saying(a.texts.and(&b.texts));
        }
        let bools = known.is.and(Is::BOOL).without(b.is);
        known = known.without(bools);
    }
    bounded(how, &known, b)
}

/// What is known of `a` where `a how b` is false.
pub(super) fn where_false(how: Comparison, a: &Known, b: &Known) -> Known {
    if a.is.or(b.is).has(Is::OTHER) {
        return a.clone();
    }
    let plain = b.is.only(Is::INT.or(Is::FLOAT));
    match how {
        Comparison::Equal => where_unequal(a, b),
        Comparison::Unequal => {
            let equal = where_true(Comparison::Equal, a, b);
            Known { is: equal.is.or(a.is.and(Is::ODD)), ..equal }
        }
        // What is of another kind makes it false, too.
        Comparison::Less if plain => bounded(Comparison::AtLeast, a, b),
        Comparison::AtMost if plain => bounded(Comparison::Greater, a, b),
        Comparison::Greater if plain => bounded(Comparison::AtMost, a, b),
        Comparison::AtLeast if plain => bounded(Comparison::Less, a, b),
        _ => a.clone(),
    }
}

fn where_unequal(a: &Known, b: &Known) -> Known {
    if b.is == Is::ABSENT || b.is == Is::TRUE || b.is == Is::FALSE {
        return a.without(b.is);
    }
    match b.only_text() {
        Some(text) => a.saying(a.texts.and(&Texts::But([text.to_owned()].into()))),
        None => a.clone(),
    }
}

/// `a` with its ordinary numbers within the bounds that `b` sets.
fn bounded(how: Comparison, a: &Known, b: &Known) -> Known {
    if !a.is.has(Is::INT.or(Is::FLOAT)) || !b.is.has(Is::INT.or(Is::FLOAT)) || b.is.has(Is::ODD) {
        return a.clone();
    }
    let exact = a.is_exact() && b.is_exact();
    let (least, most) = (f64::NEG_INFINITY, f64::INFINITY);
    let (step, low, high) = match exact {
        true => (1.0, b.low, b.high),
        false => (0.0, b.low - slack(b.low), b.high + slack(b.high)),
    };
    match how {
        Comparison::Less => a.within(least, high - step),
        Comparison::AtMost => a.within(least, high),
        Comparison::Greater => a.within(low + step, most),
        Comparison::AtLeast => a.within(low, most),
        Comparison::Equal => a.within(low, high),
        Comparison::Unequal => a.clone(),
    }
}
