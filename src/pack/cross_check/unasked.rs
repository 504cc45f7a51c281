//! Words in a rule's folder that no call asks for: often a language, or a name, that is written otherwise.

use std::collections::BTreeSet;

use crate::domain::{Ask, Channel, Place, Problem, nearest};
use crate::pack::PackRule;
use crate::policy::Policy;

/// Words that may lie ready for a call to come.
const READY: [&str; 4] = ["email", "sms", "phone", "task"];

/// Reports words that no call asks for, where every call says what it asks for.
pub(super) fn words(rule: &PackRule, policy: &Policy, problems: &mut Vec<Problem>) {
    if !rule.rule.asks_are_written {
        return;
    }
    let asks = || rule.rule.asks.iter().map(|ask| &ask.ask);
    let is_contacted = asks().any(|ask| matches!(ask, Ask::Contact(_)));
    let used: BTreeSet<&str> = asks()
        .filter_map(|ask| match ask {
            Ask::Send(_, template) => Some(template.as_str()),
            Ask::Contact(_) => None,
        })
        .collect();
    for name in rule.templates.names().filter(|name| !used.contains(name)) {
        if READY.contains(&name) || policy.channels.contains(&Channel(name.to_owned())) {
            continue;
        }
        let known = || used.iter().copied().chain(READY);
        let help = match (language(name, known()), nearest(&name.to_lowercase(), known())) {
            (Some((meant, language)), _) => format!("did you mean {meant}.{language}.md?"),
            (None, Some(meant)) => format!("did you mean {meant}.md?"),
            // `contact()` takes a channel that has words of its name.
            (None, None) if is_contacted => continue,
            (None, None) => "delete the file, or ask for it in `then`".to_owned(),
        };
        let file = rule.rule.folder.join(format!("{name}.md"));
        let message = format!("no `then` asks for the words `{name}`");
        problems.push(Problem::finding(Place::file(file), "unused-words", message).help(help));
    }
}

/// The words and the language of `email_de`.
fn language<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<(&'n str, String)> {
    let lower = name.to_lowercase();
    let language = |meant: &str| {
        let rest = lower.strip_prefix(meant)?.strip_prefix(['_', '-'])?;
        let is_one = |part: &str| (2..=3).contains(&part.len()) && part.is_ascii();
        rest.split(['_', '-']).all(is_one).then(|| rest.replace('_', "-"))
    };
    let mut known = known;
    known.find_map(|meant| Some((meant, language(meant)?)))
}
