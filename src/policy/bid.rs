//! A bid: one candidate as it comes to the table, with all that the gates look at.
//! A bid never changes once it lies on the table.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Policy, Topic};
use crate::domain::{
    Ask, Asked, Channel, CustomerId, Facts, Instant, Outreach, OutreachKey, OutreachSubject,
    Recipient, RuleId, RuleSettings, SubjectId, Template, Value, normalise_email, normalise_phone,
};

/// A candidate on the table.
#[derive(Clone, Debug)]
pub(super) struct Bid<'a> {
    /// Its rule.
    pub rule: &'a RuleSettings,
    /// The rule's topic, as policy has it.
    pub topic: Option<&'a Topic>,
    /// Whom it is about.
    pub customer: CustomerId,
    /// What it is about.
    pub subject: SubjectId,
    /// What is known.
    pub facts: &'a Facts,
    /// The place of its ask in `then`.
    pub position: u32,
    /// For `contact()`: the channels that its rule has words for, in the order they are tried.
    pub options: Vec<Channel>,
    /// How it would go.
    pub channel: Channel,
    /// With which words.
    pub template: Template,
    /// What was asked besides.
    pub asked: Asked,
    /// The values for which the topic is muted.
    pub muted: Option<BTreeMap<String, Value>>,
    /// Where its episode stands.
    pub episode: Standing,
    /// Whether an earlier run decided it and its rule is not evaluated now: its episode stays as it was.
    pub carried: bool,
    /// Whether it is the last word on an episode that is over.
    pub last_word: bool,
    /// Not worth saying later than this.
    pub expires_at: Instant,
}

/// Which of the things that an episode may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A contact, whatever the channel.
    Contact,
    /// A task; one round may have several: the place in what was asked.
    Task(u32),
    /// The last word to the customer, when the episode is over.
    LastWord,
    /// A task when the episode is over.
    LastTask(u32),
}

/// How far an episode has come, on the count that matters to a bid: contacts, or tasks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Standing {
    /// The run that first saw it.
    pub started_at: Instant,
    /// How often it has been contacted (or made tasks of) before.
    pub times: u32,
    /// When last.
    pub last_at: Option<Instant>,
}

impl<'a> Bid<'a> {
    /// What an outreach says of one of its subjects, as it was decided: nothing is asked anew.
    pub fn decided(
        outreach: &'a Outreach,
        subject: &'a OutreachSubject,
        rule: &'a RuleSettings,
        policy: &'a Policy,
    ) -> Self {
        Self {
            rule,
            topic: rule.topic.as_ref().and_then(|topic| policy.topics.get(topic)),
            customer: subject.customer.clone(),
            subject: subject.subject.clone(),
            facts: &subject.facts,
            position: outreach.position,
            options: Vec::new(),
            channel: outreach.channel.clone(),
            template: outreach.template.clone(),
            asked: Asked {
                ask: Ask::Send(outreach.channel.clone(), outreach.template.clone()),
                assign: outreach.assign.clone(),
                due: None,
                values: subject.values.clone(),
            },
            muted: None,
            episode: Standing {
                started_at: subject.episode_started_at,
                times: subject.ordinal.saturating_sub(1),
                last_at: None,
            },
            carried: true,
            last_word: outreach.last_word,
            expires_at: outreach.expires_at,
        }
    }
}

impl Bid<'_> {
    /// The address it would go to, as the database has it.
    pub fn address(&self) -> Option<String> {
        self.channel.is_contact().then(|| self.facts.customer().address(&self.channel.0)).flatten()
    }

    /// That address, normalised; `None` where there is none, or none that is valid.
    pub fn recipient(&self) -> Option<Recipient> {
        normalise(&self.channel, &self.address()?)
    }

    /// The key that no second contact may bear.
    pub fn key(&self) -> OutreachKey {
        let ordinal = self.episode.times + 1;
        let kind = match (self.last_word, self.channel.is_contact()) {
            (false, true) => Kind::Contact,
            (false, false) => Kind::Task(self.position),
            (true, true) => Kind::LastWord,
            (true, false) => Kind::LastTask(self.position),
        };
        dedupe_key(
            &self.rule.id,
            &self.customer,
            &self.subject,
            self.episode.started_at,
            ordinal,
            kind,
        )
    }
}

/// The normalised address on a channel, or `None` if it is none.
pub(super) fn normalise(channel: &Channel, address: &str) -> Option<Recipient> {
    match crate::domain::Customer::address_column(&channel.0) {
        "email" => normalise_email(address),
        "phone" => normalise_phone(address),
        column => (!address.chars().any(char::is_control))
            .then(|| Recipient(format!("{column}:{address}"))),
    }
}

/// `hash(rule, subject, start of the episode, which contact of the episode)`, whatever the channel
/// or the address. Tasks count by themselves.
pub fn dedupe_key(
    rule: &RuleId,
    customer: &CustomerId,
    subject: &SubjectId,
    episode_started_at: Instant,
    ordinal: u32,
    kind: Kind,
) -> OutreachKey {
    let kind = match kind {
        Kind::Contact => "contact".to_owned(),
        Kind::Task(position) => format!("task {position}"),
        Kind::LastWord => "last word".to_owned(),
        Kind::LastTask(position) => format!("last task {position}"),
    };
    let started = episode_started_at.timestamp_micros().to_string();
    let ordinal = ordinal.to_string();
    let mut hash = Sha256::new();
    for part in [rule.as_str(), customer.as_str(), subject.as_str(), &started, &ordinal, &kind] {
        // The length first, so that no two lists of parts read the same.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    let bytes = hash.finalize();
    let hex = bytes.iter().take(16).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    OutreachKey::from(hex.collect::<String>())
}
