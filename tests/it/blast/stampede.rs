//! A rule that is suddenly true for everybody: none of its messages goes out, all of the others' do.

use crate::support::door::{begin, settle};
use std::collections::BTreeSet;

use lookout::domain::{Outcome, RuleId, parse_instant};
use lookout::pack;
use lookout::pipeline::{self, Watch};
use lookout::signals::Source;
use lookout::store::{ClaimQuery, Settlement, Store};

use super::*;

/// How many customers the company has: 100,000 where `LOOKOUT_BLAST_BASE` says so.
#[allow(clippy::disallowed_methods, reason = "whoever runs the tests says how long they may take")]
fn base() -> u32 {
    std::env::var("LOOKOUT_BLAST_BASE").ok().and_then(|base| base.parse().ok()).unwrap_or(6_000)
}

#[test]
fn none_of_it_goes_out_and_all_of_the_others_do() {
    let company = Company::new(base());
    let first = company.run("1998-05-05T09:00:00Z");
    assert_eq!(
        (first.code, company.written()),
        (0, pairs(&[("absent", 30), ("everyone", 3), ("late", 40)]))
    );

    // Another forty late parcels, and the rule is edited.
    company.sql("UPDATE parcels SET no = 'q' || no WHERE no <= 'p000040'");
    company.everyone_is_true();
    let second = company.lookout("run --as-of 1998-05-06T10:00:00Z");
    assert_eq!(second.code, 0, "{}", second.err);
    let all = u64::from(base()) - 3;
    let word = format!(
        "`everyone`: {all} contacts in 24 hours, where 500 may go out without approval ([hold] rule)"
    );
    let top: Vec<&str> = second.out.lines().take(3).collect();
    assert!(top[1].contains(&word), "{top:?}");
    assert!(top[2].contains("lookout approve everyone"), "{top:?}");
    assert_eq!(second.out.matches("in 24 hours").count(), 1, "one clear word");
    assert!(second.err.contains("everyone"), "{}", second.err);
    assert_eq!(company.written(), pairs(&[("absent", 30), ("everyone", 3), ("late", 40)]));
    assert_eq!(
        company.state("SELECT COUNT(*) FROM outreaches WHERE rule = 'late' AND state = 'sent'"),
        80
    );
    assert_eq!(company.state("SELECT COUNT(*) FROM outreaches WHERE state = 'held'"), all as i64);

    // The same rule, five minutes later: as before, and no row is written anew.
    let rows = "SELECT COUNT(*) FROM outreaches WHERE state = 'held' AND run <> (SELECT MIN(run) FROM outreaches WHERE state = 'held')";
    let third = company.run("1998-05-06T10:05:00Z");
    assert_eq!((third.code, company.state(rows)), (0, 0));
    assert_eq!(third.json()["totals"]["held"], all);
    assert_eq!(company.written(), pairs(&[("absent", 30), ("everyone", 3), ("late", 40)]));

    // Edited back, it goes on as if nothing had been.
    company.write("rules/everyone/rule.rhai", EVERYONE);
    let fourth = company.run("1998-05-06T10:10:00Z");
    assert_eq!((fourth.code, alarms(&fourth)), (0, vec![]));
    assert_eq!(company.state("SELECT COUNT(*) FROM outreaches WHERE state = 'held'"), 0);
    assert_eq!(company.open("everyone"), 3);
}

/// Every five minutes for a day, with a worker after each run.
#[tokio::test]
async fn nobody_drips_under_the_limit() {
    let company = Company::new(150);
    company.everyone_is_true();
    let loaded = pack::load(&company.path("rules"));
    let pack = loaded.pack.unwrap();
    let state = format!("sqlite:{}", company.path("state.db").display());
    let store = Store::open(&state).await.unwrap();
    let source =
        Source::open(&format!("sqlite:{}", company.path("company.db").display())).await.unwrap();
    let rules: BTreeSet<RuleId> = pack.rules.keys().cloned().collect();
    let mut as_of = parse_instant("1998-05-06T00:00:00Z").unwrap();
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..=288 {
        let mut view = source.view(as_of).await.unwrap();
        let found =
            pipeline::find(&pack, &mut view, as_of, &rules, Watch::default()).await.unwrap();
        let ran = pipeline::commit(&pack, &found, &store, as_of, as_of).await.unwrap();
        let held = ran.report.decisions.iter().filter(|d| d.outcome == Outcome::Held);
        assert!(held.clone().all(|d| d.rule.as_str() == "everyone"));
        assert_eq!(held.count(), 150, "{as_of}");
        let query = ClaimQuery {
            wall: as_of,
            lease: chrono::TimeDelta::minutes(1),
            limit: 1000,
            channels: &["email".to_owned()],
            near_only: &[],
        };
        for claimed in store.claim(&query).await.unwrap() {
            let settled = Settlement::Sent { detail: String::new() };
            assert!(begin(&store, &claimed).await);
            assert!(settle(&store, &claimed.claim, settled, as_of).await);
            *sent.entry(claimed.outreach.rule.to_string()).or_default() += 1;
        }
        as_of += chrono::TimeDelta::minutes(5);
    }
    assert_eq!(sent.into_iter().collect::<Vec<_>>(), pairs(&[("absent", 30), ("late", 40)]));
}
