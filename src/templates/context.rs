//! What a template sees. Nothing here knows how it is rendered.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::domain::{OutreachSubject, Value};

/// The names that a message's templates read: `customer` (with its signals), the subject's row
/// under the name that `then` gives it, the author's constants, the extra values that `then`
/// gave, and `also`, which holds the same for every further subject. Absent and NaN are none.
pub fn context(
    subject_name: Option<&str>,
    constants: &BTreeMap<String, Value>,
    subjects: &[OutreachSubject],
) -> Json {
    let mut names = match subjects.split_first() {
        Some((first, others)) => {
            let mut names = entry(subject_name, constants, first);
            let others: Vec<Json> =
                others.iter().map(|o| Json::Object(entry(subject_name, constants, o))).collect();
            names.insert("also".to_owned(), Json::Array(others));
            names
        }
        None => Map::new(),
    };
    names.entry("also").or_insert_with(|| json!([]));
    Json::Object(names)
}

fn entry(
    subject_name: Option<&str>,
    constants: &BTreeMap<String, Value>,
    subject: &OutreachSubject,
) -> Map<String, Json> {
    let mut names = fields(constants);
    names.extend(fields(&subject.values));
    let mut customer = fields(&subject.facts.customer);
    for (signal, row) in &subject.facts.signals {
        customer.insert(signal.clone(), Json::Object(fields(row)));
    }
    names.insert("customer".to_owned(), Json::Object(customer));
    if let Some(name) = subject_name {
        names.insert(name.to_owned(), Json::Object(fields(&subject.facts.subject)));
    }
    names
}

fn fields(values: &BTreeMap<String, Value>) -> Map<String, Json> {
    values.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Facts, parse_instant};

    fn subject(order: i64) -> OutreachSubject {
        OutreachSubject {
            dedupe_key: "k".into(),
            customer: "RANCH".into(),
            subject: order.to_string().into(),
            episode_started_at: parse_instant("1998-05-07").unwrap(),
            ordinal: 1,
            facts: Facts {
                customer: BTreeMap::from([("name".into(), Value::Text("Ana".into()))]),
                signals: BTreeMap::from([(
                    "tickets".into(),
                    BTreeMap::from([("open".into(), Value::Int(0))]),
                )]),
                subject: BTreeMap::from([
                    ("id".into(), Value::Int(order)),
                    ("weight".into(), Value::Float(f64::NAN)),
                ]),
            },
            values: BTreeMap::from([("discount".into(), Value::Float(0.5))]),
        }
    }

    #[test]
    fn the_first_subject_is_at_the_top_and_the_others_in_also() {
        let constants = BTreeMap::from([("PATIENCE".to_owned(), Value::Int(7))]);
        let one = |id: i64| {
            json!({
                "PATIENCE": 7, "discount": 0.5,
                "customer": { "name": "Ana", "tickets": { "open": 0 } },
                "order": { "id": id, "weight": null },
            })
        };
        let mut expected = one(1);
        expected["also"] = json!([one(2)]);
        assert_eq!(context(Some("order"), &constants, &[subject(1), subject(2)]), expected);
    }

    #[test]
    fn a_rule_about_customers_has_no_row() {
        let seen = context(None, &BTreeMap::new(), &[subject(1)]);
        assert_eq!(seen["also"], json!([]));
        assert_eq!(seen.get("order"), None);
    }
}
