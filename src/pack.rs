//! The pack: everything that customer success writes, loaded whole, with all its problems at once.
//! Nothing here touches a database; names are held against one by [`crate::pipeline`].

mod cross_check;
pub mod fit;
mod hash;
pub mod scripts;
mod spine;
pub mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use crate::document::did_you_mean;
use crate::domain::{
    About, Ask, Channel, Consent, Customer, Field, Outreach, OutreachSubject, Place, Problem,
    RuleId, RuleSettings, Severity, SignalName,
};
use crate::policy::{self, Policy, Version};
use crate::rules::{Condition, Engine, Rule, cases::Case};
use crate::scheduler::{Schedule, ScheduleError};
use crate::signals::{self, Signals};
use crate::templates::{self, Ending, HowToStop, Message, Reader, RenderError, RuleTemplates};

pub use hash::KEPT;

/// A pack that loaded: it may have findings, but no errors.
pub struct Pack {
    /// Its folder.
    pub folder: PathBuf,
    /// A hash of everything in it.
    pub hash: String,
    /// The hash of each of its files, by the path from its folder; hidden files don't count.
    pub files: BTreeMap<String, String>,
    /// Who may be contacted, how often, when, about what.
    pub policy: Policy,
    /// The queries.
    pub signals: Signals,
    /// The rules, by id.
    pub rules: BTreeMap<RuleId, PackRule>,
    /// When topics are muted, by topic.
    pub mutes: BTreeMap<String, Condition>,
    /// What evaluates the rules.
    pub engine: Engine,
}

/// What a message is written from.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// The name of the words.
    pub template: &'a str,
    /// The way that it goes.
    pub channel: &'a Channel,
    /// What it is sent under, as policy.toml names it.
    pub topic: Option<&'a str>,
    /// What it speaks of; of the first it is known who reads it.
    pub subjects: &'a [OutreachSubject],
}

/// One rule with its words and its examples.
pub struct PackRule {
    /// The script.
    pub rule: Rule,
    /// The words.
    pub templates: RuleTemplates,
    /// The examples.
    pub cases: Vec<Case>,
    /// When it is evaluated; at every run where it has none.
    pub schedule: Option<Schedule>,
    /// Every field that its script, its words and its topic's condition read, the spine, and the
    /// addresses of the channels that it may send on.
    pub reads: BTreeSet<Field>,
    /// Where each of them is first read.
    pub places: BTreeMap<Field, Place>,
    /// Where its words first read a field, in each language.
    pub read_by_words: Vec<(Field, Place)>,
    /// What it is now, and under which policy.
    pub version: Version,
}

/// What became of loading a pack.
pub struct Loaded {
    /// The pack, if it has no errors.
    pub pack: Option<Pack>,
    /// Every problem, sorted by place.
    pub problems: Vec<Problem>,
}

/// Loads a pack.
pub fn load(folder: &Path) -> Loaded {
    let mut problems = Vec::new();
    let pack = read(folder, &mut problems);
    problems.sort();
    problems.dedup();
    let unusable = problems.iter().any(|p| p.severity == Severity::Error);
    Loaded { pack: pack.filter(|_| !unusable), problems }
}

fn read(folder: &Path, problems: &mut Vec<Problem>) -> Option<Pack> {
    if !folder.is_dir() {
        let problem = Problem::error(Place::file(folder), "missing-pack", "there is no pack here");
        problems
            .push(problem.help("name its folder with --rules, or make one with `lookout init`"));
        return None;
    }
    // Before anything is read: what changes meanwhile has another hash than what is kept here.
    let (hash, files) = hash::of_folder(folder, problems);
    let policy_file = folder.join("policy.toml");
    let policy = policy::load(&policy_file, problems);
    let signals = signals::load(&folder.join("signals"), problems);
    let engine = Engine::new(&policy.calendar);
    let mutes = mutes(&policy, &engine, problems);
    let mut rules = BTreeMap::new();
    for (id, folder) in rule_folders(folder, problems) {
        let about = |signal: &SignalName, place: Place, problems: &mut Vec<Problem>| {
            if let Some(signals) = &signals {
                cross_check::about(&id, signal, place, signals, problems);
            }
        };
        if let Some(rule) = engine.load(&folder, id.clone(), &about, problems) {
            rules.insert(id, PackRule::new(rule, &folder, &policy_file, problems));
        }
    }
    let mut pack = Pack {
        folder: folder.to_owned(),
        hash,
        files,
        policy,
        signals: signals?,
        rules,
        mutes,
        engine,
    };
    cross_check::pack(&mut pack, problems);
    Some(pack)
}

/// Every folder with a rule in it, by the rule's id.
fn rule_folders(folder: &Path, problems: &mut Vec<Problem>) -> Vec<(RuleId, PathBuf)> {
    let mut folders = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(crate::document::unreadable(folder, &error));
            return folders;
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if !path.is_dir() || name == "signals" || name.starts_with('.') {
            continue;
        }
        if !path.join("rule.rhai").is_file() {
            let problem =
                Problem::error(Place::file(&path), "no-rule", "this folder has no rule.rhai");
            let usual = || "every folder of the pack but `signals` is a rule".to_owned();
            let help = did_you_mean(&path, "rule.rhai").unwrap_or_else(usual);
            problems.push(problem.help(help));
        } else if !name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
        {
            let message = format!("`{name}` can't be a rule's id");
            let problem = Problem::error(Place::file(&path), "bad-rule-id", message);
            problems.push(problem.help("use small letters, digits and hyphens: stalled-order"));
        } else {
            folders.push((RuleId::from(name), path));
        }
    }
    if folders.is_empty() {
        let problem = Problem::error(Place::file(folder), "empty-pack", "this pack has no rules");
        problems.push(problem.help("a rule is a folder with a rule.rhai in it"));
    }
    folders.sort();
    folders
}

fn mutes(
    policy: &Policy,
    engine: &Engine,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Condition> {
    let conditions =
        policy.topics.iter().filter_map(|(name, topic)| Some((name, topic.condition()?)));
    let compile = |(name, (text, place)): (&String, (&str, &Place))| {
        Some((name.clone(), engine.condition(text, place.clone(), problems)?))
    };
    conditions.filter_map(compile).collect()
}

impl PackRule {
    fn new(rule: Rule, folder: &Path, policy: &Path, problems: &mut Vec<Problem>) -> Self {
        let templates = RuleTemplates::load(folder, problems);
        let cases_file = folder.join("cases.toml");
        let cases = match cases_file.is_file() {
            true => crate::rules::cases::load(&cases_file, rule.subject_name.as_deref(), problems),
            false => Vec::new(),
        };
        for case in cases.iter().filter(|case| case.resolved && !rule.has_last_word()) {
            let message = "the case asks for a last word, and the rule has no `resolved`";
            let help = "write `fn resolved(…)` into rule.rhai, or delete `resolved = true`";
            problems.push(Problem::error(case.place.clone(), "no-last-word", message).help(help));
        }
        if cases.is_empty() && !problems.iter().any(|p| p.place.file == cases_file) {
            let message = format!("the rule `{}` has no case", rule.settings.id);
            let usual = "add a cases.toml with an example that matches and one that does not";
            let misnamed = did_you_mean(folder, "cases.toml").filter(|_| !cases_file.is_file());
            let help = misnamed.unwrap_or_else(|| usual.to_owned());
            problems.push(Problem::finding(Place::file(&rule.file), "no-case", message).help(help));
        }
        let schedule = rule.settings.schedule.as_ref().and_then(|text| {
            let place = rule.setting_places.get("SCHEDULE").cloned();
            let place = place.unwrap_or_else(|| Place::file(&rule.file));
            let refuse = |error: ScheduleError| {
                let (message, help) = match &error {
                    ScheduleError::Never(_) => (
                        format!("SCHEDULE never comes: {error}"),
                        "choose a day that each month has: the first, at nine, is \"0 9 1 * *\"",
                    ),
                    _ => (
                        format!("SCHEDULE is no crontab line: {error}"),
                        "minute, hour, day of the month, month, weekday: Monday to Friday at nine is \
                         \"0 9 * * 1-5\"",
                    ),
                };
                problems.push(Problem::error(place, "bad-schedule", message).help(help))
            };
            Schedule::parse(text).map_err(refuse).ok()
        });
        let spine = Customer::SPINE.iter().map(|column| Field::Customer((*column).to_owned()));
        let reads = rule.reads.iter().cloned().chain(spine).collect();
        let places = rule.places.clone();
        let own = hash::of_rule(folder, problems);
        let version = Version { bound: hash::with_file(&own, policy), rule: own };
        let read_by_words = Vec::new();
        Self { rule, templates, cases, schedule, reads, places, read_by_words, version }
    }

    /// The fields that somebody wrote down, so that they must be there; the spine may lack columns.
    pub fn named(&self) -> impl Iterator<Item = (&Field, &Place)> {
        self.places.iter()
    }

    /// The fields that somebody wrote down, each under the name of the signal that gives it.
    pub fn named_by_signal(&self) -> impl Iterator<Item = Field> {
        self.places.keys().map(|field| match (field, &self.rule.settings.about) {
            (Field::Subject(column), About::Signal(signal)) => {
                Field::Signal(signal.clone(), column.clone())
            }
            (field, _) => field.clone(),
        })
    }

    /// The contacts that its script may ask for, as far as they are written out, in its order.
    pub fn contacts(&self) -> impl Iterator<Item = Ask> {
        self.rule.asks.iter().filter_map(|asked| match &asked.ask {
            Ask::Send(channel, _) => channel.is_contact().then(|| asked.ask.clone()),
            Ask::Contact(_) => Some(Ask::Contact(self.contact_channels())),
        })
    }

    /// The channels that `contact()` may take: those for which there are words of that name. Words that
    /// the script sends on another channel are none of their own.
    pub fn contact_channels(&self) -> Vec<Channel> {
        let sent_elsewhere = |name: &str| {
            let named =
                |ask: &Ask| matches!(ask, Ask::Send(on, words) if words == name && on.0 != name);
            self.rule.asks.iter().any(|ask| named(&ask.ask))
        };
        let names = self.templates.names().filter(|name| !sent_elsewhere(name));
        names.map(|name| Channel(name.to_owned())).filter(Channel::is_contact).collect()
    }
}

impl Pack {
    /// The metadata of every rule.
    pub fn settings(&self) -> BTreeMap<RuleId, RuleSettings> {
        self.rules.iter().map(|(id, rule)| (id.clone(), rule.rule.settings.clone())).collect()
    }

    /// When each rule is evaluated; one without a schedule at every run.
    pub fn schedules(&self) -> BTreeMap<RuleId, Option<Schedule>> {
        self.rules.iter().map(|(id, rule)| (id.clone(), rule.schedule.clone())).collect()
    }

    /// What each rule is now, and under which policy.
    pub fn versions(&self) -> BTreeMap<RuleId, Version> {
        self.rules.iter().map(|(id, rule)| (id.clone(), rule.version.clone())).collect()
    }

    /// The condition that mutes a rule's topic, if it has one.
    pub fn mute(&self, rule: &RuleSettings) -> Option<&Condition> {
        self.mutes.get(rule.topic.as_ref()?)
    }

    /// The words of an outreach, in the customer's language; a task's, in the company's. `page` is
    /// the address at which the customer stops the topic, where there is such a page.
    ///
    /// # Errors
    /// When the rule or its words are gone, or the words can't be rendered with these facts.
    pub fn message(&self, outreach: &Outreach, page: Option<&str>) -> Result<Message, RenderError> {
        let gone = || RenderError {
            place: Place::file(self.folder.join(outreach.rule.as_str())),
            message: format!("the pack no longer has the rule `{}`", outreach.rule),
        };
        let rule = self.rules.get(&outreach.rule).ok_or_else(gone)?;
        let customer = outreach.subjects.first().filter(|_| !outreach.channel.is_task());
        let locale = customer.and_then(|subject| subject.facts.customer().text("locale"));
        let letter = Letter {
            template: &outreach.template,
            channel: &outreach.channel,
            topic: outreach.topic.as_deref(),
            subjects: &outreach.subjects,
        };
        self.letter(rule, &letter, locale.as_deref(), page)
    }

    /// The words of a rule in a language, whichever its reader would get.
    ///
    /// # Errors
    /// When the words can't be rendered with these facts.
    pub fn letter(
        &self,
        rule: &PackRule,
        letter: &Letter<'_>,
        locale: Option<&str>,
        page: Option<&str>,
    ) -> Result<Message, RenderError> {
        let subject = rule.rule.subject_name.as_deref();
        let context = templates::context(subject, &rule.rule.constants, letter.subjects);
        let first = letter.subjects.first().filter(|_| !letter.channel.is_task());
        let customer = first.map(|subject| subject.facts.customer());
        let stop = self.how_to_stop(letter.topic, page);
        let name = letter.topic.unwrap_or_default();
        let title = self.policy.topics.get(name).and_then(|topic| topic.title(locale));
        let topic = title.unwrap_or(name);
        let in_short = letter.channel.0 != Channel::EMAIL;
        let reader = Reader {
            locale,
            timezone: self.timezone(customer),
            ending: customer.map(|_| Ending { topic, in_short, stop: &stop }),
        };
        rule.templates.render(letter.template, reader, &context)
    }

    /// How a customer stops a topic, where `page` is the address of the page for it, if there is
    /// one. Where it is [`HowToStop::Never`], a message needs no such page.
    pub fn how_to_stop(&self, topic: Option<&str>, page: Option<&str>) -> HowToStop {
        let topic = topic.and_then(|topic| self.policy.topics.get(topic));
        match (topic.map(|topic| topic.consent), page) {
            (Some(Consent::Always), _) => HowToStop::Never,
            (_, Some(page)) => HowToStop::Link(page.to_owned()),
            (_, None) => HowToStop::Reply,
        }
    }

    /// Where the instants of a message are told: where the customer is, or else the company.
    pub fn timezone(&self, customer: Option<Customer<'_>>) -> Tz {
        let own = customer.and_then(|customer| customer.timezone());
        own.unwrap_or(self.policy.calendar.timezone)
    }
}
