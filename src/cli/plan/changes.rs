//! What a change does, gathered for those who read it: who, what, and why, in sections of rows that a
//! terminal and a pull request show alike.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::base::{self, Base};
use super::silence::{Silence, Voice};
use crate::cli::telling::Origin;
use crate::cli::wording::{Times, counted, listed, reason, refusal};
use crate::domain::{Alarm, CustomerId, Decision, Instant, Outcome, RuleId};
use crate::pipeline::difference::{Change, Decided, Difference, Kind, Moved, Side, What};

/// Two versions, and in what they differ.
pub(super) struct Compared<'a> {
    pub(super) base: &'a Base,
    pub(super) old: Side<'a>,
    pub(super) new: Side<'a>,
    pub(super) difference: &'a Difference,
    /// Of what no words can be written, and why.
    pub(super) unwritable: &'a [Alarm],
    pub(super) as_of: Instant,
    pub(super) origin: &'a Origin,
    pub(super) known: Known<'a>,
}

/// What is looked up for every change, found once.
pub(super) struct Known<'a> {
    /// What the rules of the older version are true of, and those of the newer one.
    voices: [Voice<'a>; 2],
    /// What each customer hears by the newer version.
    heard: HashMap<&'a CustomerId, Vec<&'a Decision>>,
}

impl<'a> Known<'a> {
    pub(super) fn of(old: Side<'a>, new: Side<'a>) -> Self {
        let mut heard: HashMap<_, Vec<_>> = HashMap::new();
        let decisions = new.considered.decided.decisions.iter();
        for told in decisions.filter(|d| d.outcome != Outcome::Refused && d.channel.is_contact()) {
            heard.entry(&told.customer_id).or_default().push(told);
        }
        Self { voices: [Voice::of(old), Voice::of(new)], heard }
    }
}

/// One rule's part.
pub(super) struct RulePart {
    pub(super) rule: RuleId,
    /// What it is for.
    pub(super) summary: String,
    /// What is to be known of the rule itself: that it is new, gone, or sits out.
    pub(super) note: Option<&'static str>,
    pub(super) sections: Vec<Section>,
}

/// Rows under a title: customer, name, subject, channel, when, title, why.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) rows: Vec<Vec<String>>,
}

/// The sections of a rule, in their order: whether about tasks, what kind, and the title.
const SECTIONS: [(bool, &str, &str); 6] = [
    (false, "lost", "No longer told"),
    (false, "gained", "Told now"),
    (false, "changed", "Told otherwise"),
    (true, "lost", "No longer a task for colleagues"),
    (true, "gained", "A task for colleagues now"),
    (true, "changed", "Another task for colleagues"),
];

impl Compared<'_> {
    pub(super) fn times(&self) -> Times {
        Times { zone: self.new.pack.policy.calendar.timezone, as_of: self.as_of }
    }

    /// What was compared, a line each.
    pub(super) fn heading(&self) -> Vec<[String; 2]> {
        let rules = self.new.pack.folder.display().to_string();
        let rows = [
            ("as of", self.times().heading()),
            ("data", self.origin.source.clone()),
            ("history", self.origin.history.clone()),
            ("before", self.base.told()),
            ("after", base::told(&rules, self.new.pack)),
            ("looked at", counted(self.new.considered.report.totals.customers, "customer")),
        ];
        rows.map(|(name, value)| [name.to_owned(), value]).to_vec()
    }

    /// What somebody has to look at before this version goes out.
    pub(super) fn alarms(&self) -> impl Iterator<Item = &Alarm> {
        self.new.considered.report.alarms.iter().chain(self.unwritable)
    }

    /// The whole in a sentence.
    pub(super) fn verdict(&self) -> String {
        let customers = self.difference.customers() as u64;
        let tasks = self.difference.changes.iter();
        let tasks = tasks.filter(|c| c.is_task && c.kind != Kind::Reason).count() as u64;
        match (customers, tasks) {
            (0, 0) => "Nobody would hear anything different".to_owned(),
            (0, tasks) => format!("No customer would, but {} would differ", counted(tasks, "task")),
            (customers, 0) => {
                format!("{} would hear something different", counted(customers, "customer"))
            }
            (customers, tasks) => format!(
                "{} would hear something different, and {} would differ",
                counted(customers, "customer"),
                counted(tasks, "task")
            ),
        }
    }

    /// Who, by what the change is to them.
    pub(super) fn people(&self) -> Vec<(&'static str, &BTreeSet<CustomerId>)> {
        let Difference { lost, gained, changed, .. } = self.difference;
        let people =
            [("nothing any more", lost), ("something now", gained), ("something else", changed)];
        people.into_iter().filter(|(_, customers)| !customers.is_empty()).collect()
    }

    /// Every rule of which something differs.
    pub(super) fn rules(&self) -> Vec<RulePart> {
        let rules: BTreeSet<&RuleId> = self.difference.changes.iter().map(|c| &c.rule).collect();
        let known: BTreeSet<&RuleId> =
            self.old.pack.rules.keys().chain(self.new.pack.rules.keys()).collect();
        let noted = known.into_iter().filter(|rule| self.note(rule).is_some());
        let rules: BTreeSet<&RuleId> = rules.into_iter().chain(noted).collect();
        let names = self.names();
        rules.into_iter().map(|rule| self.part(rule, &names)).collect()
    }

    fn part(&self, rule: &RuleId, names: &BTreeMap<CustomerId, String>) -> RulePart {
        let known = self.new.pack.rules.get(rule).or(self.old.pack.rules.get(rule));
        let changes: Vec<&Change> =
            self.difference.changes.iter().filter(|change| change.rule == *rule).collect();
        let rows = |wanted: &dyn Fn(&Change) -> bool| -> Vec<Vec<String>> {
            changes.iter().filter(|c| wanted(c)).map(|c| self.row(c, names)).collect()
        };
        let mut sections: Vec<Section> = SECTIONS
            .iter()
            .map(|(task, kind, title)| Section {
                title,
                rows: rows(&|c| c.is_task == *task && c.kind.name() == *kind),
            })
            .collect();
        let title = "Told neither way, only the reason differs";
        sections.push(Section { title, rows: rows(&|c| c.kind == Kind::Reason) });
        sections.retain(|section| !section.rows.is_empty());
        RulePart {
            rule: rule.clone(),
            summary: known.map(|rule| rule.rule.settings.summary.clone()).unwrap_or_default(),
            note: self.note(rule),
            sections,
        }
    }

    fn note(&self, rule: &RuleId) -> Option<&'static str> {
        let sits_out = |side: &Side<'_>| {
            side.considered.rules.get(rule).is_some_and(|fared| fared.quarantine.is_some())
        };
        let has = |side: &Side<'_>| side.pack.rules.contains_key(rule);
        match (has(&self.old), has(&self.new)) {
            (false, true) => return Some("a new rule"),
            (true, false) => return Some("the rule is gone"),
            _ => {}
        }
        match (sits_out(&self.old), sits_out(&self.new)) {
            (false, true) => Some("sits out the run now: nothing of it goes out"),
            (true, false) => Some("sat out the run before"),
            _ => None,
        }
    }

    fn names(&self) -> BTreeMap<CustomerId, String> {
        let matches = [&self.old, &self.new]
            .into_iter()
            .flat_map(|side| side.considered.rules.values().flat_map(|rule| &rule.matches));
        matches
            .filter_map(|m| Some((m.customer.clone(), m.facts.customer().text("name")?)))
            .collect()
    }

    fn row(&self, change: &Change, names: &BTreeMap<CustomerId, String>) -> Vec<String> {
        let shown = match change.kind {
            Kind::Lost => change.before.as_ref(),
            _ => change.after.as_ref().or(change.before.as_ref()),
        };
        let subject = match change.subject.as_str() == change.customer.as_str() {
            true => String::new(),
            false => change.subject.to_string(),
        };
        let channel = shown.filter(|_| !change.is_task).map(|d| d.decision.channel.to_string());
        let when = shown.map(|d| when(&d.decision, &self.times())).unwrap_or_default();
        vec![
            change.customer.to_string(),
            names.get(&change.customer).cloned().unwrap_or_default(),
            subject,
            channel.unwrap_or_default(),
            when,
            shown.and_then(|d| d.title.clone()).unwrap_or_default(),
            self.why(change),
        ]
    }

    fn why(&self, change: &Change) -> String {
        match &change.kind {
            Kind::Lost => {
                let lost = match (&change.after, &change.rival) {
                    (Some(now), Some(_)) => format!("displaced: {}", self.refused(now)),
                    (Some(now), None) => self.refused(now),
                    (None, _) => Silence::of(change, &self.known.voices[1]).now().to_owned(),
                };
                match self.instead(change) {
                    Some(instead) => format!("{lost}; {instead}"),
                    None => lost,
                }
            }
            Kind::Gained => match (&change.before, &change.rival) {
                (Some(was), Some(_)) => format!("freed: was {}", self.refused(was)),
                (Some(was), None) => format!("was not told: {}", self.refused(was)),
                (None, _) => Silence::of(change, &self.known.voices[0]).over().to_owned(),
            },
            Kind::Changed(what) => {
                let (Some(was), Some(now)) = (&change.before, &change.after) else {
                    return String::new();
                };
                let what = what.iter().map(|what| self.changed(*what, change, was, now));
                what.collect::<Vec<_>>().join("; ")
            }
            Kind::Reason => {
                let told = |decided: &Option<Decided>, silent: &str| {
                    decided.as_ref().map_or(silent.to_owned(), |decided| self.refused(decided))
                };
                let was = told(&change.before, Silence::of(change, &self.known.voices[0]).before());
                let now = told(&change.after, Silence::of(change, &self.known.voices[1]).now());
                format!("was: {was}; now: {now}")
            }
        }
    }

    fn refused(&self, decided: &Decided) -> String {
        let Decision { refusal: told, channel, .. } = &decided.decision;
        told.as_ref().map_or("goes out".to_owned(), |told| refusal(told, channel, &self.times()))
    }

    /// What the customer of something lost still hears.
    fn instead(&self, change: &Change) -> Option<String> {
        let heard = self.known.heard.get(&change.customer).into_iter().flatten();
        let heard: Vec<&Decision> = heard.filter(|_| !change.is_task).copied().collect();
        let same: Vec<String> =
            heard.iter().filter(|d| d.rule == change.rule).map(|d| d.subject.to_string()).collect();
        if !same.is_empty() {
            return Some(format!("still told about {}", listed(&same)));
        }
        let others: BTreeSet<String> = heard.iter().map(|d| d.rule.to_string()).collect();
        let others: Vec<String> = others.into_iter().collect();
        (!others.is_empty()).then(|| format!("hears from {}", listed(&others)))
    }

    fn changed(&self, what: What, change: &Change, was: &Decided, now: &Decided) -> String {
        let times = self.times();
        let until = |decided: &Decided| {
            let due = decided.outreach.as_ref().and_then(|outreach| outreach.due_at);
            due.map_or("no time".to_owned(), |due| times.say(&due))
        };
        let whom = |decided: &Decided| {
            let assign = decided.outreach.as_ref().and_then(|outreach| outreach.assign.clone());
            assign.unwrap_or("nobody in particular".to_owned())
        };
        match what {
            What::Channel => {
                format!("by {}, was {}", now.decision.channel, was.decision.channel)
            }
            What::Time => {
                format!("{}, was {}", when(&now.decision, &times), when(&was.decision, &times))
            }
            What::Approval if now.decision.outcome == Outcome::Held => {
                "waits for approval".to_owned()
            }
            What::Approval => "no longer waits for approval".to_owned(),
            What::Address => "to another address".to_owned(),
            What::Assign => format!("for {}, was {}", whom(now), whom(was)),
            What::Due => format!("until {}, was {}", until(now), until(was)),
            What::Words => match &change.words {
                Some([was, line]) if now.title.as_ref() == Some(line) => {
                    format!("the title was “{was}”")
                }
                Some([was, now]) if was != now => {
                    let [was, now] = excerpts(was, now);
                    format!("says “{now}”, was “{was}”")
                }
                _ => "other words".to_owned(),
            },
        }
    }

    /// How the sums move: rule, what, before → after.
    pub(super) fn sums(&self) -> Vec<[String; 3]> {
        let mut last = None;
        let row = |moved: &Moved| {
            let rule = moved.rule.as_ref().map_or("all rules", |rule| rule.as_str()).to_owned();
            let again = last.replace(rule.clone()).as_ref() == Some(&rule);
            let rule = if again { String::new() } else { rule };
            [rule, sum(moved.what), format!("{} → {}", moved.before, moved.after)]
        };
        self.difference.moved.iter().map(row).collect()
    }
}

/// Two lines as far as is needed to see in what they differ.
fn excerpts(was: &str, now: &str) -> [String; 2] {
    const BEFORE: usize = 30;
    const AFTER: usize = 40;
    let alike = was.chars().zip(now.chars()).take_while(|(a, b)| a == b).count();
    [was, now].map(|line| {
        let start =
            if line.chars().count() <= BEFORE + AFTER { 0 } else { alike.saturating_sub(BEFORE) };
        let shown: String = line.chars().skip(start).take(BEFORE + AFTER).collect();
        let more = line.chars().count() > start + BEFORE + AFTER;
        format!("{}{shown}{}", if start > 0 { "…" } else { "" }, if more { "…" } else { "" })
    })
}

/// `now`, `from 8 May 08:00`; nothing where it does not go out.
fn when(decision: &Decision, times: &Times) -> String {
    match (decision.outcome, &decision.not_before) {
        (Outcome::Contact, _) => "now".to_owned(),
        (Outcome::Deferred, Some(at)) => format!("from {}", times.say(at)),
        (Outcome::Deferred, None) => "later".to_owned(),
        (Outcome::Held, _) => "once approved".to_owned(),
        (Outcome::Refused | Outcome::Task, _) => String::new(),
    }
}

fn sum(what: &str) -> String {
    match what {
        "matches" => "matches".to_owned(),
        "errors" => "could not be judged".to_owned(),
        "contact" => "contacted now".to_owned(),
        "deferred" => "contacted later".to_owned(),
        "held" => "waiting for approval".to_owned(),
        "task" => "handed to colleagues".to_owned(),
        "refused" => "not contacted".to_owned(),
        code => format!("  {}", reason(code)),
    }
}
