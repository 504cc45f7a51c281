//! The last word on an episode that is over. It is asked once, in the run in which the episode ends;
//! one that waits is carried until it leaves, unless what it speaks of is true again.

use super::bid::{Bid, Standing};
use super::decide::Inputs;
use crate::domain::{Outreach, OutreachSubject};

impl<'a> Inputs<'a> {
    /// What rules have to say last, of the episodes that end in this run.
    pub(super) fn last_words(&self) -> Vec<Bid<'a>> {
        let bid = |candidate: &'a _| {
            let bid = self.bid(candidate)?;
            let key = (bid.rule.id.clone(), bid.customer.clone(), bid.subject.clone());
            let started_at = self.history.episodes.get(&key)?.started_at;
            let episode = Standing { started_at, times: 0, last_at: None };
            let bid = Bid { episode, last_word: true, ..bid };
            Some(Bid { expires_at: self.expires_at(&bid), ..bid })
        };
        self.evaluation.last_words.iter().filter_map(bid).collect()
    }

    /// Whether a subject of a last word that waits is in trouble again.
    pub(super) fn true_again(&self, waiting: &Outreach, subject: &OutreachSubject) -> bool {
        let pair = (subject.customer.clone(), subject.subject.clone());
        let rule = self.evaluation.rules.get(&waiting.rule);
        let key = (waiting.rule.clone(), pair.0.clone(), pair.1.clone());
        let is_open = self.history.episodes.get(&key);
        rule.is_some_and(|judged| !judged.quarantined && judged.matched.contains(&pair))
            || is_open.is_some_and(|episode| episode.started_at != subject.episode_started_at)
    }
}
