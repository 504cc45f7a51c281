//! What a step gives for all rows of a batch at once.
//! A row of which nothing can be said is marked unsure; its other marks mean nothing.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Deref;
use std::rc::Rc;

use super::program::Literal;
use crate::domain::{Cells, Column, Texts};

/// One mark a row; empty where no row has it.
pub(super) type Marks<'b> = Cow<'b, [bool]>;

/// What one step gives.
#[derive(Clone, Debug)]
pub(super) enum Vector<'b> {
    /// The same for every row.
    Constant(Literal),
    /// True or false.
    Truth(Truth<'b>),
    /// A value a row, or its absence.
    Values(Values<'b>),
    /// Nothing can be said of any row.
    Unsure,
}

/// True or false for each row.
#[derive(Clone, Debug)]
pub(super) struct Truth<'b> {
    /// One a row; where it is unsure too, it means nothing.
    pub(super) yes: Marks<'b>,
    pub(super) unsure: Marks<'b>,
}

/// One value a row.
#[derive(Clone, Debug)]
pub(super) struct Values<'b> {
    pub(super) data: Data<'b>,
    pub(super) absent: Marks<'b>,
    pub(super) unsure: Marks<'b>,
}

/// Values of one type.
#[derive(Clone, Debug)]
pub(super) enum Data<'b> {
    /// No row has a value.
    Nothing,
    Bool(Cow<'b, [bool]>),
    Int(Cow<'b, [i64]>),
    Float(Cow<'b, [f64]>),
    Text(Marked<'b>),
    Day(&'b [i32]),
    At(&'b [i64]),
}

/// Texts with their marks, which are made when they are first needed.
#[derive(Clone, Debug)]
pub(super) struct Marked<'b> {
    pub(super) texts: Cow<'b, Texts>,
    marks: Rc<OnceCell<Vec<u64>>>,
}

impl Marked<'_> {
    fn borrowed(texts: &Texts) -> Marked<'_> {
        Marked { texts: Cow::Borrowed(texts), marks: Rc::default() }
    }

    pub(super) fn owned<'b>(texts: Texts) -> Marked<'b> {
        Marked { texts: Cow::Owned(texts), marks: Rc::default() }
    }

    fn lent(&self) -> Marked<'_> {
        Marked { texts: Cow::Borrowed(&self.texts), marks: self.marks.clone() }
    }

    /// For each row, whether its text is this one.
    pub(super) fn each_equals(&self, other: &str) -> Vec<bool> {
        self.texts.each_equals(self.marks.get_or_init(|| self.texts.marks()), other)
    }
}

impl Deref for Marked<'_> {
    type Target = Texts;

    fn deref(&self) -> &Texts {
        &self.texts
    }
}

impl<'b> Vector<'b> {
    /// The cells of a column. What stands aside there is unsure, and so is a text beyond `longest`.
    pub(super) fn column(column: &'b Column, longest: usize) -> Self {
        let rows = column.len();
        let mut unsure = Vec::new();
        let mut mark = |row: usize| {
            unsure.resize(rows, false);
            unsure[row] = true;
        };
        column.odd().iter().for_each(|(row, _)| mark(*row as usize));
        let data = match column.cells() {
            Cells::Nothing(_) => Data::Nothing,
            Cells::Bool(cells) => Data::Bool(Cow::Borrowed(cells)),
            Cells::Int(cells) => Data::Int(Cow::Borrowed(cells)),
            Cells::Float(cells) => Data::Float(Cow::Borrowed(cells)),
            Cells::Day(cells) => Data::Day(cells),
            Cells::At(cells) => Data::At(cells),
            Cells::Text(cells) => {
                if cells.all_bytes() > longest {
                    (0..rows).filter(|row| cells.bytes(*row) > longest).for_each(mark);
                }
                Data::Text(Marked::borrowed(cells))
            }
        };
        let absent = Cow::Borrowed(column.absent());
        Self::Values(Values { data, absent, unsure: Cow::Owned(unsure) })
    }

    /// As true or false: what is neither is unsure.
    pub(super) fn truth(&self, rows: usize) -> Truth<'_> {
        match self {
            Self::Truth(truth) => {
                Truth { yes: Cow::Borrowed(&truth.yes), unsure: Cow::Borrowed(&truth.unsure) }
            }
            Self::Constant(Literal::Bool(value)) => {
                Truth { yes: Cow::Owned(vec![*value; rows]), unsure: Cow::Borrowed(&[]) }
            }
            Self::Values(Values { data: Data::Bool(yes), absent, unsure }) => {
                let unsure = either(absent, unsure);
                Truth { yes: Cow::Borrowed(yes), unsure }
            }
            _ => Truth::unknown(rows),
        }
    }

    /// As one value a row.
    pub(super) fn values(&self, rows: usize) -> Option<Values<'_>> {
        let sure = |data| Values { data, absent: Cow::Borrowed(&[]), unsure: Cow::Borrowed(&[]) };
        match self {
            Self::Unsure => None,
            Self::Values(values) => Some(Values {
                data: values.data.lent(),
                absent: Cow::Borrowed(&values.absent),
                unsure: Cow::Borrowed(&values.unsure),
            }),
            Self::Truth(truth) => Some(Values {
                data: Data::Bool(Cow::Borrowed(&truth.yes)),
                absent: Cow::Borrowed(&[]),
                unsure: Cow::Borrowed(&truth.unsure),
            }),
            Self::Constant(literal) => match literal {
                Literal::Null => {
                    Some(Values { absent: Cow::Owned(vec![true; rows]), ..sure(Data::Nothing) })
                }
                Literal::Bool(value) => Some(sure(Data::Bool(Cow::Owned(vec![*value; rows])))),
                Literal::Int(value) => Some(sure(Data::Int(Cow::Owned(vec![*value; rows])))),
                Literal::Float(bits) => {
                    Some(sure(Data::Float(Cow::Owned(vec![f64::from_bits(*bits); rows]))))
                }
                Literal::Text(text) => {
                    let mut texts = Texts::default();
                    (0..rows).for_each(|_| texts.push(text));
                    Some(sure(Data::Text(Marked::owned(texts))))
                }
            },
        }
    }
}

impl Truth<'_> {
    /// Nothing can be said.
    pub(super) fn unknown(rows: usize) -> Self {
        Self { yes: Cow::Owned(vec![false; rows]), unsure: Cow::Owned(vec![true; rows]) }
    }
}

impl Data<'_> {
    /// The same values, belonging to nobody else; none for dates and instants.
    pub(super) fn owned<'b>(&self) -> Option<Data<'b>> {
        Some(match self {
            Self::Nothing => Data::Nothing,
            Self::Bool(cells) => Data::Bool(Cow::Owned(cells.to_vec())),
            Self::Int(cells) => Data::Int(Cow::Owned(cells.to_vec())),
            Self::Float(cells) => Data::Float(Cow::Owned(cells.to_vec())),
            Self::Text(cells) => Data::Text(Marked::owned(cells.texts.as_ref().clone())),
            Self::Day(_) | Self::At(_) => return None,
        })
    }

    fn lent(&self) -> Data<'_> {
        match self {
            Self::Nothing => Data::Nothing,
            Self::Bool(cells) => Data::Bool(Cow::Borrowed(cells)),
            Self::Int(cells) => Data::Int(Cow::Borrowed(cells)),
            Self::Float(cells) => Data::Float(Cow::Borrowed(cells)),
            Self::Text(cells) => Data::Text(cells.lent()),
            Self::Day(cells) => Data::Day(cells),
            Self::At(cells) => Data::At(cells),
        }
    }
}

/// The rows that have the one mark or the other.
pub(super) fn either<'m>(a: &'m [bool], b: &'m [bool]) -> Marks<'m> {
    match (a.is_empty(), b.is_empty()) {
        (true, _) => Cow::Borrowed(b),
        (_, true) => Cow::Borrowed(a),
        _ => Cow::Owned(a.iter().zip(b).map(|(a, b)| a | b).collect()),
    }
}

/// Whether a row has the mark.
pub(super) fn has(marks: &[bool], row: usize) -> bool {
    marks.get(row).copied().unwrap_or(false)
}

/// Gives further rows a mark.
pub(super) fn add(marks: &mut Vec<bool>, more: &[bool]) {
    if marks.is_empty() {
        marks.extend_from_slice(more);
    } else {
        marks.iter_mut().zip(more).for_each(|(mark, more)| *mark |= more);
    }
}

/// Rows that are looked through at once, so that one that is nowhere costs little to look for.
pub(super) const BLOCK: usize = 64;

/// Whether any row has the mark.
pub(super) fn any(marks: &[bool]) -> bool {
    marks.chunks(BLOCK).any(|block| block.iter().fold(false, |any, mark| any | mark))
}

/// Whether all rows have the mark.
pub(super) fn all(marks: &[bool]) -> bool {
    marks.chunks(BLOCK).all(|block| block.iter().fold(true, |all, mark| all & mark))
}

/// The rows that have the mark, in order.
pub(super) fn marked(marks: &[bool]) -> Vec<usize> {
    let mut rows = Vec::new();
    for (number, block) in marks.chunks(BLOCK).enumerate() {
        if any(block) {
            let marked = block.iter().enumerate().filter(|(_, mark)| **mark);
            rows.extend(marked.map(|(row, _)| number * BLOCK + row));
        }
    }
    rows
}
