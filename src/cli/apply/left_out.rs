//! What of a plan is done and what is left out, and why, in words.

use super::Done;
use crate::cli::output::{BOLD, RESET};
use crate::cli::tables::aligned;
use crate::cli::wording::{Times, counted, refusal};
use crate::domain::About;
use crate::pack::Pack;
use crate::pipeline::plan::{Because, Changed, LeftOut};

/// The plan, how much of it is done, and each row that is not.
pub(super) fn text(pack: &Pack, done: &Done<'_>, times: &Times) -> String {
    let (plan, became) = (done.plan, &done.considered.became);
    let planned = plan.rows.len() as u64;
    let made = format!("{}, as of {}", plan.plan, times.say(&plan.as_of));
    let (put_off, left) = (became.put_off.len() as u64, became.left_out.len() as u64);
    let until = match (became.put_off.iter().min(), became.put_off.iter().max()) {
        (Some(first), Some(last)) if first < last => {
            format!("put off (the last until {})", times.say(last))
        }
        (_, last) => format!("put off until {}", last.map(|at| times.say(at)).unwrap_or_default()),
    };
    let mut count = match became.done {
        _ if planned == 0 => "there is nothing in it, so nothing is recorded".to_owned(),
        0 => "nothing of it is done now".to_owned(),
        all if all == planned => "all of it is done".to_owned(),
        some => format!("{some} done"),
    };
    let waits = (became.held, "held until somebody approves");
    for (number, what) in [(put_off, until.as_str()), waits, (left, "left out")] {
        if number > 0 {
            count.push_str(&format!(", {number} {what}"));
        }
    }
    let since = match done.same_data {
        true => "the data are what they were",
        false => "the data have changed since",
    };
    let rows = counted(planned, "row");
    let mut text = format!("{BOLD}Plan{RESET} {made}, {rows}: {count}; {since}\n");
    let rows: Vec<_> = became.left_out.iter().map(|one| row(pack, one, times)).collect();
    text.push_str(&aligned(&rows, 2));
    text.push('\n');
    text
}

fn row(pack: &Pack, left_out: &LeftOut, times: &Times) -> Vec<String> {
    let LeftOut { row, because } = left_out;
    let subject = match row.subject.as_str() == row.customer_id.as_str() {
        true => String::new(),
        false => row.subject.to_string(),
    };
    vec![
        row.rule.to_string(),
        row.customer_id.to_string(),
        subject,
        row.channel.to_string(),
        why(pack, left_out, because, times),
    ]
}

fn why(pack: &Pack, left_out: &LeftOut, because: &Because, times: &Times) -> String {
    match because {
        Because::NoLongerTrue(read) => no_longer_true(pack, left_out, read),
        Because::TrueAgain => "true again, so it is not over".to_owned(),
        Because::NotAsked => "the rule no longer asks for it".to_owned(),
        Because::NotWaiting => {
            "no longer waits in the outbox: it has left, or was taken back".to_owned()
        }
        Because::NotJudged(error) => format!("the rule could not be judged on it: {error}"),
        Because::SitsOut => "the rule sits out this run".to_owned(),
        Because::Refused(told) => refusal(told, &left_out.row.channel, times),
        Because::Changed(changed) => changed_to(changed, times),
    }
}

/// `no longer among `orders`, so the rule is no longer true`, or what `when` reads now.
fn no_longer_true(pack: &Pack, left_out: &LeftOut, read: &serde_json::Value) -> String {
    let about = pack.rules.get(&left_out.row.rule).map(|rule| &rule.rule.settings.about);
    if read["gone"] == true {
        let where_from = match about {
            Some(About::Signal(signal)) => format!("`{signal}`"),
            _ => "the customers".to_owned(),
        };
        return format!("no longer among {where_from}, so the rule is no longer true of it");
    }
    let values = read["read"].as_object().into_iter().flatten();
    let values: Vec<String> =
        values.map(|(name, value)| format!("{name} = {}", said(value))).collect();
    match values.is_empty() {
        true => "the rule is no longer true of it".to_owned(),
        false => format!("the rule is no longer true of it: {}", values.join(", ")),
    }
}

fn said(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "()".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn changed_to(changed: &Changed, times: &Times) -> String {
    match changed {
        Changed::Channel(now) => format!("would go by {now} now"),
        Changed::Template(now) => format!("would go with the words `{now}` now"),
        Changed::Address => "would go to another address now".to_owned(),
        Changed::Assign => "would be for another colleague now".to_owned(),
        Changed::Contacted => "was done meanwhile".to_owned(),
        Changed::BeganAgain => "was over meanwhile, and has begun again".to_owned(),
        Changed::TooLate(at) => format!("was to be done by {}", times.say(at)),
        Changed::NotWhole => {
            "the rule has more to say last than was planned; the next run says all of it".to_owned()
        }
    }
}
