//! Cells at which types, numbers, texts and times go wrong, as each database writes them.

use chrono::Datelike;

use super::chance::Chance;
use super::company::{Database, Family};
use super::moment::When;

const INTS: [i64; 24] = [
    0,
    0,
    1,
    1,
    -1,
    2,
    3,
    5,
    7,
    7,
    10,
    -10,
    100,
    127,
    -32_768,
    32_767,
    2_147_483_647,
    -2_147_483_648,
    9_007_199_254_740_991,
    9_007_199_254_740_992,
    9_007_199_254_740_993,
    i64::MAX,
    i64::MIN,
    i64::MIN + 1,
];

const FLOATS: [f64; 22] = [
    0.0,
    -0.0,
    0.1,
    0.3,
    0.5,
    -0.5,
    1.0,
    1.5,
    2.0,
    3.0,
    7.0,
    -7.5,
    100.0,
    1e15,
    9_007_199_254_740_992.0,
    9.223_372_036_854_776e18,
    -9.223_372_036_854_776e18,
    1e300,
    -1e300,
    f64::MIN_POSITIVE,
    5e-324,
    1e-17,
];

pub const TEXTS: [&str; 34] = [
    "",
    "",
    "a",
    "A",
    "b",
    "ab",
    "ana",
    "Ana",
    "ANA",
    "Zoë",
    "zoë",
    "ZOË",
    "größer",
    "GRÖSSER",
    "日本",
    "İ",
    "ß",
    "e\u{301}",
    "é",
    "10",
    "7",
    "07",
    "7.0",
    "-1",
    "1e3",
    "true",
    "a'b",
    "%",
    "a_c",
    "abc",
    "a\\b",
    " a",
    "a ",
    "it is a long one",
];

/// A whole number.
pub fn int(chance: &mut Chance) -> i64 {
    match chance.below(10) {
        0..=4 => chance.between(-3, 12),
        _ => chance.pick(&INTS),
    }
}

/// A finite number with a fraction, often one bit beside another one.
pub fn float(chance: &mut Chance) -> f64 {
    let float = match chance.below(6) {
        0 => chance.between(-30, 30) as f64 / 10.0,
        1 => chance.between(0, 12) as f64,
        2 => int(chance) as f64,
        _ => chance.pick(&FLOATS),
    };
    let beside = match chance.below(8) {
        0 => float.next_up(),
        1 => float.next_down(),
        2 => float.next_up().next_up(),
        3 => float * 3.0 / 3.0 + float / 10.0 - float / 10.0,
        _ => float,
    };
    if beside.is_finite() { beside } else { float }
}

/// A cell of a column of this type, as SQL.
pub fn cell(
    chance: &mut Chance,
    database: Database,
    (declared, family): (&str, Family),
    when: &When,
) -> String {
    match database {
        Database::Sqlite => stored(chance, family, when),
        Database::Postgres => typed(chance, declared, when),
    }
}

/// SQLite takes anything anywhere, and changes some of it.
fn stored(chance: &mut Chance, family: Family, when: &When) -> String {
    match family {
        Family::Int => int(chance).to_string(),
        Family::Float => match chance.below(20) {
            0 => "9e999".to_owned(),
            1 => "-9e999".to_owned(),
            2 => "'NaN'".to_owned(),
            3 | 4 => int(chance).to_string(),
            _ => format!("{:?}", float(chance)),
        },
        Family::Text => match chance.below(60) {
            0 => "replace(hex(zeroblob(4100)), '00', 'ab')".to_owned(),
            _ => quoted(chance.pick(&TEXTS)),
        },
        Family::Date => quoted(&date(chance, when)),
        Family::Instant => quoted(&instant(chance, when)),
        Family::Bool => chance.pick(&["0", "1", "0", "1", "0", "1", "2", "-1", "1.0"]).to_string(),
        Family::Any => match chance.below(24) {
            0 => "x'61'".to_owned(),
            1 => "CAST(x'63e9' AS TEXT)".to_owned(),
            _ => {
                let families = [Family::Int, Family::Float, Family::Text, Family::Bool];
                let family = chance.pick(&families);
                stored(chance, family, when)
            }
        },
    }
}

/// A date as SQLite may hold it: mostly one, sometimes something else.
fn date(chance: &mut Chance, when: &When) -> String {
    const ODD: [&str; 16] = [
        "0001-01-01",
        "9999-12-31",
        "1998-02-30",
        "1998-5-7",
        "",
        "soon",
        "1998-05-07 10:00:00",
        "1998-05-07 00:00:00",
        " 1998-05-07",
        "1998-05-07 ",
        "0000-01-01",
        "19980507",
        "1998",
        "10000-01-01",
        "1998-05-07T10:00:00+02:00",
        "1998/05/07",
    ];
    match chance.below(8) {
        0 => chance.pick(&ODD).to_owned(),
        _ => when.day(chance).to_string(),
    }
}

/// An instant as SQLite may hold it: in many spellings, sometimes none.
fn instant(chance: &mut Chance, when: &When) -> String {
    const ODD: [&str; 18] = [
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59",
        "1998-02-30 09:00:00",
        "soon",
        "",
        "1998-05-07 24:00:00",
        "1998-05-07 23:59:60",
        "1998-05-07 9:00:00",
        "1998-05-07",
        "1998-05-07 09:00:00+02:00",
        "1998-05-07 09:00:00.1234567891",
        "1998-05-07t09:00:00z",
        "1998-05-07 09:00:00 UTC",
        "0000-01-01 00:00:00",
        "1998-05-31 09:00:00",
        "1998-05-07 09",
        "10000-01-01 00:00:00",
        "1998-06-31 09:00:00",
    ];
    const SPELLINGS: [&str; 9] = [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%d %H:%M:%S%.6f",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M:%S%.fZ",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M:%S",
    ];
    if chance.percent(12) {
        return chance.pick(&ODD).to_owned();
    }
    let at = when.instant(chance);
    if chance.percent(8) {
        let ahead = chrono::FixedOffset::east_opt(7200).unwrap();
        return at.with_timezone(&ahead).to_rfc3339();
    }
    at.format(chance.pick(&SPELLINGS)).to_string()
}

/// PostgreSQL holds each column to its type; the text is read as that type.
fn typed(chance: &mut Chance, declared: &str, when: &When) -> String {
    let text = match declared.split([' ', '(']).next().unwrap_or("") {
        "int2" => chance.pick(&INTS[..16]).to_string(),
        "int4" => chance.pick(&INTS[..18]).to_string(),
        "int8" => int(chance).to_string(),
        "float4" => match chance.below(12) {
            0 => chance.pick(&["NaN", "Infinity", "-Infinity", "-0"]).to_owned(),
            _ => format!("{:?}", chance.pick(&FLOATS[..15])),
        },
        "float8" => match chance.below(12) {
            0 => chance.pick(&["NaN", "Infinity", "-Infinity", "-0"]).to_owned(),
            _ => format!("{:?}", float(chance)),
        },
        "numeric" => numeric(chance, declared),
        "bool" => chance.pick(&["t", "f"]).to_owned(),
        "date" => pg_date(chance, when),
        "timestamp" | "timestamptz" => pg_instant(chance, when),
        "uuid" => format!("6f9619ff-8b86-d011-b42d-00cf4fc964{:02x}", chance.below(4)),
        "json" | "jsonb" => chance.pick(&["{\"a\": 1}", "1", "\"a\"", "null", "[]"]).to_owned(),
        "mood" => chance.pick(&["a", "b", "ana", "Ana", "7"]).to_owned(),
        "varchar" | "bpchar" | "code" => {
            let short: Vec<_> = TEXTS.iter().filter(|text| text.chars().count() <= 8).collect();
            (*chance.pick(&short)).to_owned()
        }
        _ if chance.below(60) == 0 => return "repeat('ab', 4100)".to_owned(),
        _ => chance.pick(&TEXTS).to_owned(),
    };
    quoted(&text)
}

fn numeric(chance: &mut Chance, declared: &str) -> String {
    const ODD: [&str; 9] = [
        "NaN",
        "Infinity",
        "-Infinity",
        "12345678901234567890.1234",
        "1e-20",
        "9007199254740993",
        "0.1000000000000000000001",
        "1e400",
        "-0.0",
    ];
    match chance.below(6) {
        0 if declared == "numeric" => chance.pick(&ODD).to_owned(),
        0 => "NaN".to_owned(),
        1 => chance.between(-1000, 1000).to_string(),
        _ => format!("{}", chance.between(-120, 120) as f64 / 10.0),
    }
}

fn pg_date(chance: &mut Chance, when: &When) -> String {
    const ODD: [&str; 7] = [
        "infinity",
        "-infinity",
        "0001-01-01",
        "9999-12-31",
        "10000-01-01",
        "0001-12-31 BC",
        "1998-05-07",
    ];
    match chance.below(12) {
        0 => chance.pick(&ODD).to_owned(),
        _ => year(when.day(chance)),
    }
}

fn pg_instant(chance: &mut Chance, when: &When) -> String {
    const ODD: [&str; 8] = [
        "infinity",
        "-infinity",
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59.999999",
        "10000-01-01 00:00:00",
        "0001-12-31 23:59:59 BC",
        "1998-05-07 09:00:00",
        "1998-05-07 00:00:00",
    ];
    match chance.below(12) {
        0 => chance.pick(&ODD).to_owned(),
        _ => {
            let at = when.instant(chance);
            format!("{} {}", year(at.date_naive()), at.format("%H:%M:%S%.6f"))
        }
    }
}

/// A date as PostgreSQL reads it.
fn year(day: chrono::NaiveDate) -> String {
    format!("{:04}-{:02}-{:02}", day.year().clamp(1, 9999), day.month(), day.day())
}

/// A text as an SQL literal.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
