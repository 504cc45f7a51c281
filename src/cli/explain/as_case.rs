//! `lookout explain --as-case`: a customer's facts and history as a case to keep, with what is decided
//! of them, on the books that `explain` goes by. Who it is about is masked as in a snapshot. Every case
//! is played before it is shown, over the `[base]` of the file that it is for.

mod written;

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde_json::json;

use super::Story;
use crate::cli::args::Exit;
use crate::cli::is_json;
use crate::cli::output::Output;
use crate::clock;
use crate::domain::{
    About, Channel, Charge, CustomerId, Decision, Episode, Facts, History, Instant, Outcome,
    OutreachKey, Refusal, RuleId, Span, SubjectId, Value,
};
use crate::pack::{Pack, PackRule};
use crate::pipeline::case::{self, Failure};
use crate::pipeline::{EpisodeKey, Explanation, past};
use crate::rules::cases::Base;
use crate::signals::snapshot::{self, SnapshotOptions};
use crate::store::Store;
use written::Written;

/// What is told of a customer.
pub struct Told<'a> {
    /// The pack.
    pub pack: &'a Pack,
    /// Whom the cases are about; it was watched when the rules looked.
    pub customer: &'a CustomerId,
    /// What the rules found, and what is decided of it.
    pub explanation: &'a Explanation,
    /// The books, if there are any.
    pub store: Option<&'a Store>,
    /// When.
    pub as_of: Instant,
}

/// One subject as a case.
#[derive(Clone, Debug)]
pub struct Made {
    /// The rule.
    pub rule: RuleId,
    /// What it is about.
    pub subject: SubjectId,
    /// The case, for `cases.toml`.
    pub text: String,
    /// Where the case by itself comes to another decision: what is decided now, and what it gives.
    pub differs: Vec<Failure>,
}

/// One subject of the customer that a rule looks at, or looked at and had told of.
struct Subject {
    id: SubjectId,
    facts: Facts,
    /// Whether it is over.
    over: bool,
    matched: bool,
}

/// Prints the customer's subjects as cases of the rule.
pub(super) async fn run(
    told: &Told<'_>,
    rules: &[&PackRule],
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let mut cases = Vec::new();
    for rule in rules {
        cases.extend(told.cases(rule).await?);
    }
    for Made { subject, differs, .. } in &cases {
        for Failure { expected, actual, .. } in differs {
            output.remark(&format!(
                "{subject}: the case by itself gives another decision: now {expected}, as a case {actual}. \
                 What a case does not hold had a part in it: a message that waits already, an approval, \
                 or other customers."
            ));
        }
    }
    let is_held = |rule: &&&PackRule| told.is_held(&rule.rule.settings.id);
    for rule in rules.iter().filter(is_held) {
        let id = &rule.rule.settings.id;
        output
            .remark(&format!("{id} is held now; in the case it goes out, which knows no [hold]."));
    }
    let changed = rules.iter().any(|rule| told.was_otherwise(&rule.rule.settings.id));
    if changed {
        output.remark(
            "The run of that instant decided otherwise, as `lookout explain` shows: the data or the pack \
             have changed since, or it told of what is over. The case holds what they give now.",
        );
    }
    let fine = !changed && cases.iter().all(|made| made.differs.is_empty());
    if is_json(output) {
        let case = |Made { rule, subject, text, differs }: &Made| {
            let same = differs.is_empty();
            json!({ "rule": rule, "subject": subject, "case": text, "same_decision": same })
        };
        let cases: Vec<_> = cases.iter().map(case).collect();
        output.json(&json!({ "schema_version": 1, "cases": cases }));
    } else {
        let texts: Vec<&str> = cases.iter().map(|made| made.text.as_str()).collect();
        output.text(&texts.join("\n"));
    }
    Ok(if fine { Exit::Fine } else { Exit::Findings })
}

impl Told<'_> {
    /// The customer's subjects as cases of a rule, each played once.
    ///
    /// # Errors
    /// When the rule has nothing to look at, or could not be judged.
    pub async fn cases(&self, rule: &PackRule) -> anyhow::Result<Vec<Made>> {
        let file = rule.rule.folder.join("cases.toml");
        let base = Base::of(&file, rule.rule.subject_name.as_deref());
        let mut cases = Vec::new();
        for subject in self.subjects(rule)? {
            let text = self.case(rule, &subject, &base).await?;
            let differs = self.play(rule, &text, &base)?;
            let (rule, subject) = (rule.rule.settings.id.clone(), subject.id);
            cases.push(Made { rule, subject, text, differs });
        }
        Ok(cases)
    }

    /// Whether something of a rule waits for approval.
    fn is_held(&self, rule: &RuleId) -> bool {
        let mut decisions = self.explanation.considered.report.decisions.iter();
        decisions
            .any(|d| (&d.rule, &d.customer_id, d.outcome) == (rule, self.customer, Outcome::Held))
    }

    /// Whether what a run wrote down of a rule is not what follows once more.
    fn was_otherwise(&self, rule: &RuleId) -> bool {
        let come_to = |d: &Decision| {
            let refusal = d.refusal.as_ref().map(Refusal::code);
            (d.subject.clone(), d.channel.clone(), d.outcome, refusal, d.not_before)
        };
        let ours = |d: &&Decision| d.rule == *rule && d.customer_id == *self.customer;
        let Explanation { decisions, considered, .. } = self.explanation;
        let told = decisions.iter().map(|told| &told.decision).filter(ours).map(come_to);
        let again = considered.report.decisions.iter().filter(ours).map(come_to);
        !told.eq(again)
    }

    /// What something is decided of; where there is nothing, what the rule is asked about next.
    fn subjects(&self, rule: &PackRule) -> anyhow::Result<Vec<Subject>> {
        let id = &rule.rule.settings.id;
        anyhow::ensure!(
            self.explanation.evaluated.contains(id),
            "the run of that instant did not look at `{id}`; give another --as-of"
        );
        let mut subjects = Vec::new();
        for seen in self.explanation.found.seen.iter().filter(|seen| seen.rule == *id) {
            if let Err(error) = &seen.verdict {
                anyhow::bail!(
                    "`{id}` could not be judged for {}, and a case can't expect that: {}",
                    seen.subject,
                    error.message
                );
            }
            subjects.push(Subject {
                id: seen.subject.clone(),
                facts: seen.facts.clone(),
                over: false,
                matched: matches!(seen.verdict, Ok(true)),
            });
        }
        let told = self.explanation.over().filter(|((of, ..), _)| of == id);
        for ((_, _, subject), over) in told {
            subjects.retain(|seen| seen.id != *subject);
            let (id, facts) = (subject.clone(), over.facts.clone());
            subjects.push(Subject { id, facts, over: true, matched: false });
        }
        anyhow::ensure!(
            !subjects.is_empty(),
            "`{id}` has nothing to look at for `{}`, so there is no case to make",
            self.customer
        );
        let silent = subjects.iter().all(|subject| !subject.matched && !subject.over);
        match silent {
            true => {
                let next = self.next(rule);
                subjects.retain(|subject| Some(&subject.id) == next.as_ref());
            }
            false => subjects.retain(|subject| subject.matched || subject.over),
        }
        Ok(subjects)
    }

    /// The subject that a silent rule is asked about next: the one that `explain` shows first.
    fn next(&self, rule: &PackRule) -> Option<SubjectId> {
        let Self { pack, customer, explanation, as_of, .. } = *self;
        let story = Story { pack, customer, explanation, as_of };
        let ordered = story.in_order(rule, &story.seen(&rule.rule.settings.id));
        ordered.first().map(|(seen, _)| seen.subject.clone())
    }

    /// The case, as it is written.
    async fn case(
        &self,
        rule: &PackRule,
        subject: &Subject,
        base: &Base,
    ) -> anyhow::Result<String> {
        let history = match self.store {
            None => History::default(),
            Some(store) => {
                let books = (store, &self.explanation.basis);
                past(self.pack, &subject.facts, self.customer, books, self.as_of).await?
            }
        };
        let settings = &rule.rule.settings;
        let key = (settings.id.clone(), self.customer.clone(), subject.id.clone());
        let matching_for = match history.episodes.get(&key) {
            Some(episode) => Some(Span::of(self.as_of - episode.started_at)),
            None => settings.holds_for.map(|_| Span::of(TimeDelta::zero())),
        };
        let decisions: Vec<&Decision> = self
            .explanation
            .considered
            .report
            .decisions
            .iter()
            .filter(|d| d.rule == key.0 && d.customer_id == key.1 && d.subject == key.2)
            .collect();
        let (row, facts) = (rule.rule.subject_name.as_deref(), self.masked(rule, subject));
        let written = Written {
            name: self.name(rule, subject),
            as_of: self.as_of,
            absent: written::absent(base.facts(), &facts, row),
            row,
            facts,
            matching_for,
            contacts: contacts(&history, &key, self.as_of),
            suppressed: suppressed(&history, self.as_of),
            resolved: subject.over,
            rivals: rivals(&decisions, self.as_of),
            expect: self.expect(subject, &decisions),
        };
        Ok(written.text())
    }

    fn name(&self, rule: &PackRule, subject: &Subject) -> String {
        let zone = self.pack.policy.calendar.timezone;
        let day = self.as_of.with_timezone(&zone).format("%-d %b %Y, %H:%M");
        match &rule.rule.subject_name {
            Some(row) => format!("{}, {row} {}, {day}", self.customer, subject.id),
            None => format!("{}, {day}", self.customer),
        }
    }

    /// What is known, without what says who somebody is.
    fn masked(&self, rule: &PackRule, subject: &Subject) -> Facts {
        let pack = self.pack;
        let keep = pack.rules.values().flat_map(PackRule::named_by_signal).collect();
        let options = SnapshotOptions {
            mask: true,
            keep: &keep,
            pack: &pack.hash,
            as_of: self.as_of,
            taken_at: clock::wall(),
        };
        let mut facts = subject.facts.clone();
        let about = &rule.rule.settings.about;
        if let About::Signal(name) = about
            && let Some(key) = pack.signals.others.get(name).and_then(|signal| signal.key.clone())
        {
            let id = || Value::Text(subject.id.as_str().to_owned());
            facts.subject.entry(key).or_insert_with(id);
        }
        snapshot::masked(&pack.signals, about, &facts, &options)
    }

    /// What is decided, as a case expects it.
    fn expect(&self, subject: &Subject, decisions: &[&Decision]) -> BTreeMap<String, String> {
        let mut expect = BTreeMap::new();
        let decided = &self.explanation.considered.decided;
        // A case knows no `[hold]`: what is held goes out there.
        let held = decided.held.iter().map(|held| &held.outreach);
        let outreaches: Vec<_> = decided.outreaches.iter().chain(held).collect();
        for decision in decisions {
            let outreach = outreaches.iter().find(|o| Some(&o.key) == decision.outreach.as_ref());
            match (&decision.refusal, outreach) {
                (Some(refusal), _) if decision.outcome == Outcome::Refused => {
                    expect.entry("refused".to_owned()).or_insert(refusal.code().to_owned());
                }
                (_, Some(outreach)) => {
                    expect.insert(decision.channel.0.clone(), outreach.template.clone());
                }
                _ => {}
            }
            if let Some(until) = decision.not_before {
                expect.insert("deferred".to_owned(), crate::domain::format_instant(&until));
            }
        }
        if expect.is_empty() {
            let silence = if subject.matched { "nothing" } else { "no_match" };
            expect.insert(silence.to_owned(), "true".to_owned());
        }
        expect
    }

    /// Plays the case as `lookout test` will in the rule's own file, and gives what comes out otherwise.
    fn play(&self, rule: &PackRule, text: &str, base: &Base) -> anyhow::Result<Vec<Failure>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("cases.toml");
        std::fs::write(&file, text)?;
        let mut problems = Vec::new();
        let read = base.load(&file, rule.rule.subject_name.as_deref(), &mut problems);
        if let Some(problem) = problems.first() {
            anyhow::bail!("this can't be told as a case: {}", problem.message);
        }
        let played = read.iter().map(|one| case::play(self.pack, rule, one));
        Ok(played.flat_map(|played| played.failures).collect())
    }
}

/// Who contacted the person before, once a message: a list of what a case says of each.
fn contacts(
    history: &History,
    key: &EpisodeKey,
    as_of: Instant,
) -> Vec<BTreeMap<&'static str, String>> {
    let (rule, _, subject) = key;
    let is_own = |charge: &Charge| charge.rule == *rule && charge.subject == *subject;
    let mut charges: Vec<_> = history.charges.iter().filter(|charge| charge.at < as_of).collect();
    // Of a message that spoke of several things, what it said of this one.
    charges.sort_by_key(|charge| (!is_own(charge), charge.at));
    let mut seen: BTreeSet<&OutreachKey> = BTreeSet::new();
    charges.retain(|charge| seen.insert(&charge.outreach));
    charges.sort_by_key(|charge| (charge.at, &charge.outreach));
    let told = charges.iter().map(|charge| {
        let about = (charge.rule == *rule && !is_own(charge)).then_some(&charge.subject);
        contact(&charge.rule, as_of - charge.at, &charge.channel, about)
    });
    // What failed or came too late counts as told, and was charged to nobody.
    let counted = |contact: bool| {
        let own = charges.iter().filter(|c| is_own(c) && c.channel.is_contact() == contact);
        own.count() as u32
    };
    let uncharged = history.episodes.get(key).into_iter().flat_map(|episode| {
        let Episode { contacts, tasks, last_contact_at, last_task_at, .. } = *episode;
        let contacts = (Channel::EMAIL, last_contact_at, contacts.saturating_sub(counted(true)));
        let tasks = (Channel::TASK, last_task_at, tasks.saturating_sub(counted(false)));
        [contacts, tasks]
    });
    let uncharged = uncharged.flat_map(|(channel, at, count)| {
        let channel = Channel(channel.to_owned());
        let one = at.map(|at| contact(rule, as_of - at, &channel, None));
        one.into_iter().cycle().take(count as usize)
    });
    told.chain(uncharged).collect()
}

/// What the person is not to hear any more, once, however many addresses of theirs it is entered for.
fn suppressed(history: &History, as_of: Instant) -> Vec<BTreeMap<&'static str, String>> {
    let told = history.suppressions.iter().map(|one| {
        let ago = Span::of((as_of - one.since).max(TimeDelta::zero()));
        let cause = ("cause", one.cause.name().to_owned());
        let topic = one.topic.iter().map(|topic| ("topic", topic.clone()));
        [cause, ("ago", ago.to_string())].into_iter().chain(topic).collect()
    });
    told.collect::<BTreeSet<_>>().into_iter().collect()
}

fn contact(
    rule: &RuleId,
    elapsed: TimeDelta,
    channel: &Channel,
    about: Option<&SubjectId>,
) -> BTreeMap<&'static str, String> {
    let ago = Span::of(elapsed.max(TimeDelta::seconds(1)));
    let said =
        [("rule", rule.to_string()), ("ago", ago.to_string()), ("channel", channel.to_string())];
    said.into_iter().chain(about.map(|subject| ("subject", subject.to_string()))).collect()
}

/// The other rules of the same run that kept something from going out.
fn rivals(decisions: &[&Decision], as_of: Instant) -> BTreeSet<RuleId> {
    let refusals = decisions.iter().filter_map(|d| Some((&d.rule, d.refusal.as_ref()?)));
    let others = refusals.flat_map(|(own, refusal)| match refusal {
        // Another message of the same rule is no rival of it: a case has one subject.
        Refusal::Outranked { by, .. } if by != own => vec![by.clone()],
        Refusal::Cap { earlier, .. } => {
            let now = earlier.iter().filter(|e| e.at >= as_of && e.rule != *own);
            now.map(|earlier| earlier.rule.clone()).collect()
        }
        _ => Vec::new(),
    });
    others.collect()
}
