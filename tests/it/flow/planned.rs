//! What two versions of a pack decide differently is told just where their dry runs differ; and a
//! plan carried out is the run that it is a plan of, or a part of it that costs nobody anything.

mod by_example;

use lookout::domain::{Decision, Outcome};
use lookout::pipeline::difference::{self, Difference, Kind, Side, What};
use lookout::pipeline::plan::{self, Carried, Plan};
use lookout::store::HistoryQuery;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::same_decisions::{Story, courier, policy, rule, stories};
use super::*;

type Place = (String, String, String);

/// A pack's story, and what an editor makes of the pack.
#[derive(Clone, Debug)]
struct Edit {
    story: Story,
    /// Which rule is written anew, if any, and how.
    rule: Option<(usize, String)>,
    policy: Option<String>,
    words: bool,
}

fn edits() -> impl Strategy<Value = Edit> {
    let rule = prop_oneof![1 => Just(None), 3 => (0..4usize, rule()).prop_map(Some)];
    let policy = prop_oneof![2 => Just(None), 1 => policy().prop_map(Some)];
    (stories(), rule, policy, any::<bool>()).prop_map(|(story, rule, policy, words)| Edit {
        story,
        rule,
        policy,
        words,
    })
}

/// Runs a property over generated stories.
fn for_all<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>, cases: u32, play: impl Fn(T)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let played = TestRunner::new_with_rng(config, rng).run(&strategy, |story| {
        play(story);
        Ok(())
    });
    if let Err(failed) = played {
        panic!("{failed}");
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn hold(pack: &mut Pack, story: &Story) {
    if let Some(most) = story.most {
        let hold = &mut pack.policy.hold;
        (hold.never, hold.rule, hold.share) = (most, most, 1.0);
    }
}

/// Lives through a story on some books, and gives the instant of its last run.
async fn live(courier: &Courier, pack: &Pack, story: &Story, stores: &[&Store]) -> Instant {
    let mut as_of = at("1998-05-04T09:00:00Z");
    for day in &story.days {
        if day.delivered {
            let wall = lookout::domain::format_instant(&(as_of + TimeDelta::minutes(45)));
            for store in stores {
                send(store, &wall).await;
            }
        }
        as_of += TimeDelta::minutes(day.after);
        courier.sql(&day.changes.join(";"));
        let found = courier.find(pack, as_of).await;
        for store in stores {
            pipeline::commit(pack, &found, store, as_of, as_of).await.unwrap();
        }
    }
    as_of
}

/// What a dry run prints of each subject, but for the names of messages and how many are held.
fn printed(considered: &Considered) -> std::collections::BTreeMap<Place, Vec<String>> {
    let mut printed: std::collections::BTreeMap<Place, Vec<String>> = Default::default();
    for decision in &considered.report.decisions {
        let mut told = serde_json::to_value(decision).unwrap();
        told["outreach"] = serde_json::Value::Null;
        // How many others are held with it is no difference to whom it is about.
        if told["outcome"] == "held" {
            told["evidence"] = serde_json::Value::Null;
        }
        printed.entry(place(decision)).or_default().push(told.to_string());
    }
    printed
}

fn place(d: &Decision) -> Place {
    (d.rule.to_string(), d.customer_id.to_string(), d.subject.to_string())
}

fn kind(change: &difference::Change) -> &'static str {
    change.kind.name()
}

async fn compare(edit: &Edit) -> BTreeSet<&'static str> {
    let courier = courier(&edit.story);
    let mut before = courier.pack();
    hold(&mut before, &edit.story);
    let store = Store::in_memory().await.unwrap();
    let as_of = live(&courier, &before, &edit.story, &[&store]).await + TimeDelta::hours(7);
    if let Some((number, script)) = &edit.rule {
        let name = format!("r{}", number % edit.story.rules.len());
        courier.rule(&name, script);
        let words = if script.contains("ABOUT") { PARCEL_WORDS } else { WORDS };
        courier.write(&format!("rules/{name}/phone.md"), words);
    }
    if edit.words {
        courier.write("rules/r0/email.md", "---\nsubject: Good day\n---\nAnd good bye.\n");
    }
    if let Some(policy) = &edit.policy {
        courier.write("rules/policy.toml", policy);
    }
    let mut after = courier.pack();
    hold(&mut after, &edit.story);
    let consider = async |pack: &Pack| {
        let found = courier.find(pack, as_of).await;
        pipeline::consider(pack, &found, Some(&store), as_of).await.unwrap()
    };
    let (old, new) = (consider(&before).await, consider(&after).await);
    let sides =
        [(&before, &old), (&after, &new)].map(|(pack, considered)| Side { pack, considered });
    let difference = difference::compare(sides[0], sides[1], as_of);

    let (old, new) = (printed(&old), printed(&new));
    let places: BTreeSet<&Place> = old.keys().chain(new.keys()).collect();
    let differing: BTreeSet<Place> =
        places.into_iter().filter(|place| old.get(*place) != new.get(*place)).cloned().collect();
    // Words, addresses and colleagues are not printed by a dry run; all else is.
    let unprinted = [What::Words, What::Address, What::Assign, What::Due];
    let is_printed = |change: &&difference::Change| match &change.kind {
        Kind::Changed(what) => what.iter().any(|what| !unprinted.contains(what)),
        _ => true,
    };
    let listed = difference.changes.iter().filter(is_printed);
    let listed: BTreeSet<Place> = listed
        .map(|c| (c.rule.to_string(), c.customer.to_string(), c.subject.to_string()))
        .collect();
    // What is held both ways is listed by its words where these differ.
    let all: BTreeSet<Place> = (difference.changes.iter())
        .map(|c| (c.rule.to_string(), c.customer.to_string(), c.subject.to_string()))
        .collect();
    assert!(differing.is_subset(&all), "not listed: {:?}", differing.difference(&all));
    assert!(listed.is_subset(&differing), "listed: {:?}", listed.difference(&differing));
    people_are_counted(sides, &difference);
    difference.changes.iter().map(kind).collect()
}

/// Each customer who hears something else is counted once.
fn people_are_counted(sides: [Side<'_>; 2], difference: &Difference) {
    let hears = |side: Side<'_>| -> BTreeSet<lookout::domain::CustomerId> {
        let decisions = side.considered.decided.decisions.iter();
        let going = decisions.filter(|d| d.outcome != Outcome::Refused && d.channel.is_contact());
        going.map(|d| d.customer_id.clone()).collect()
    };
    let [old, new] = sides.map(hears);
    let Difference { gained, lost, changed, .. } = difference;
    assert_eq!(*gained, new.difference(&old).cloned().collect());
    assert_eq!(*lost, old.difference(&new).cloned().collect());
    assert!(changed.iter().all(|customer| old.contains(customer) && new.contains(customer)));
}

#[test]
fn a_plan_lists_a_difference_just_where_two_dry_runs_differ() {
    let seen = std::cell::RefCell::new(BTreeSet::new());
    for_all(edits(), 24, |edit| seen.borrow_mut().extend(block_on(compare(&edit))));
    assert_eq!(seen.into_inner(), ["changed", "gained", "lost", "reason"].into());
}

/// Carries a plan out that was written and read again.
async fn carry_out(
    courier: &Courier,
    pack: &Pack,
    store: &Store,
    plan: Plan,
    as_of: Instant,
) -> Carried {
    let rules = plan.rules.iter().cloned().collect();
    let url = format!("sqlite:{}", courier.path("courier.db").display());
    let source = Source::open(&url).await.unwrap();
    let mut view = source.view(as_of).await.unwrap();
    let watch = Watch::default();
    let mut found = pipeline::find(pack, &mut view, as_of, &rules, watch).await.unwrap();
    pipeline::look_back(pack, &mut view, as_of, store, &mut found).await.unwrap();
    let planned = plan::look_up(pack, &mut view, as_of, plan, &found).await.unwrap();
    plan::carry_out(pack, &found, &planned, store, as_of, as_of).await.unwrap()
}

async fn planned(courier: &Courier, pack: &Pack, store: &Store, as_of: Instant) -> Plan {
    let url = format!("sqlite:{}", courier.path("courier.db").display());
    let source = Source::open(&url).await.unwrap();
    let mut view = source.view(as_of).await.unwrap();
    let rules = pack.rules.keys().cloned().collect();
    let watch = Watch::default();
    let mut found = pipeline::find(pack, &mut view, as_of, &rules, watch).await.unwrap();
    pipeline::look_back(pack, &mut view, as_of, store, &mut found).await.unwrap();
    let considered = pipeline::consider(pack, &found, Some(store), as_of).await.unwrap();
    let plan = Plan::of(pack, &found, &considered, as_of, source.describe(), Some(0));
    let text = serde_json::to_string(&plan).unwrap();
    let read = Plan::read(&text).unwrap();
    assert_eq!(read, plan);
    read
}

fn now(carried: Carried) -> Considered {
    match carried {
        Carried::Now(considered) => *considered,
        Carried::Before(before) => panic!("it was carried out before, as of {before}"),
    }
}

/// A plan that is carried out at once is the run that it is a plan of.
async fn at_once(story: &Story) {
    let courier = courier(story);
    let mut pack = courier.pack();
    hold(&mut pack, story);
    let stores = [Store::in_memory().await.unwrap(), Store::in_memory().await.unwrap()];
    let last = live(&courier, &pack, story, &[&stores[0], &stores[1]]).await;
    let as_of = last + TimeDelta::hours(5);
    let plan = planned(&courier, &pack, &stores[0], as_of).await;
    let carried = now(carry_out(&courier, &pack, &stores[0], plan.clone(), as_of).await);
    if plan.rows.is_empty() {
        assert_eq!(stores[0].newest_run().await.unwrap(), Some(last), "nothing is recorded");
        return;
    }
    let found = courier.find(&pack, as_of).await;
    let ran = pipeline::commit(&pack, &found, &stores[1], as_of, as_of).await.unwrap();
    assert_eq!(carried.became.left_out, []);
    assert_eq!(carried.decided, ran.decided);
    assert_eq!(outbox(&stores[0]).await, outbox(&stores[1]).await);
    let again = carry_out(&courier, &pack, &stores[0], plan, as_of + TimeDelta::minutes(1)).await;
    assert!(matches!(again, Carried::Before(before) if before == as_of));
}

#[test]
fn a_fresh_plan_carried_out_is_the_run() {
    for_all(stories(), 12, |story| block_on(at_once(&story)));
}

/// Whoever is outside a plan is contacted by the next run; whoever is in it is not contacted twice.
async fn in_part((story, chosen): &(Story, Vec<bool>)) {
    let courier = courier(story);
    let pack = courier.pack();
    let stores = [Store::in_memory().await.unwrap(), Store::in_memory().await.unwrap()];
    let last = live(&courier, &pack, story, &[&stores[0], &stores[1]]).await;
    let first = last + TimeDelta::hours(5);
    let next = first + TimeDelta::minutes(2);
    let mut plan = planned(&courier, &pack, &stores[0], first).await;
    let mut chosen = chosen.iter().cycle();
    plan.rows.retain(|_| *chosen.next().unwrap());
    let rows: BTreeSet<Place> = (plan.rows.iter())
        .map(|row| (row.rule.to_string(), row.customer_id.to_string(), row.subject.to_string()))
        .collect();
    let waited = waiting(&pack, &stores[0], first).await;
    let carried = now(carry_out(&courier, &pack, &stores[0], plan, first).await);
    let totals = &carried.report.totals;
    let sum = totals.contact + totals.deferred + totals.refused + totals.held + totals.task;
    assert_eq!(totals.candidates, sum, "every candidate is in one counted state");
    // Nothing that waits is taken back but what any run would take back.
    let found = courier.find(&pack, first).await;
    let full = pipeline::consider(&pack, &found, Some(&stores[1]), first).await.unwrap();
    let taken_back = |considered: &Considered| -> BTreeSet<lookout::domain::OutreachKey> {
        considered.decided.withdrawals.iter().map(|w| w.outreach.clone()).collect()
    };
    assert!(taken_back(&carried).is_subset(&taken_back(&full)));
    for place in going(&carried) {
        assert!(rows.contains(&place) || waited.contains(&place), "{place:?} was not planned");
    }
    send(&stores[0], &lookout::domain::format_instant(&first)).await;
    // The next run, beside one on books that know of no plan.
    let found = courier.find(&pack, next).await;
    let ran = pipeline::commit(&pack, &found, &stores[0], next, next).await.unwrap();
    let alone = pipeline::commit(&pack, &found, &stores[1], next, next).await.unwrap();
    let reached: BTreeSet<Place> = going(&carried).into_iter().chain(going(&ran)).collect();
    let person = |place: &Place| place.1.clone();
    // Whoever shares an address with somebody in the plan may have to wait for their sake.
    let untouched = |place: &Place| {
        let theirs = addresses(&courier, &person(place));
        !going(&carried)
            .iter()
            .any(|other| !theirs.is_disjoint(&addresses(&courier, &person(other))))
    };
    for place in going(&alone).iter().filter(|place| untouched(place)) {
        assert!(reached.contains(place), "{place:?} is lost");
    }
    // What has left or was handed out is not done again.
    let keys = |considered: &Considered| -> BTreeSet<lookout::domain::OutreachKey> {
        let outreaches = considered.decided.outreaches.iter().filter(|o| o.not_before <= first);
        outreaches.flat_map(|o| o.subjects.iter().map(|s| s.dedupe_key.clone())).collect()
    };
    assert!(keys(&carried).is_disjoint(&keys(&ran)), "done twice");
}

/// What goes out by a run: rule, customer and subject.
fn going(considered: &Considered) -> Vec<Place> {
    let decisions = considered.decided.decisions.iter();
    decisions.filter(|d| d.outcome != Outcome::Refused).map(place).collect()
}

/// The addresses of a customer of the courier.
fn addresses(courier: &Courier, customer: &str) -> BTreeSet<String> {
    let connection = rusqlite::Connection::open(courier.path("courier.db")).unwrap();
    let sql =
        "SELECT LOWER(email) FROM people WHERE id = ?1 UNION SELECT phone FROM people WHERE id = ?1
               UNION SELECT ?1";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([customer], |row| row.get::<_, Option<String>>(0)).unwrap();
    rows.filter_map(Result::unwrap).collect()
}

/// What waits in the outbox.
async fn waiting(pack: &Pack, store: &Store, as_of: Instant) -> BTreeSet<Place> {
    let evaluated: Vec<RuleId> = pack.rules.keys().cloned().collect();
    let query = HistoryQuery {
        evaluated: &evaluated,
        customers: &[],
        recipients: &[],
        since: as_of - TimeDelta::days(40),
        as_of,
    };
    let history = store.history(&query).await.unwrap();
    let waiting = history.waiting.iter().map(|waiting| &waiting.outreach);
    waiting
        .flat_map(|o| {
            o.subjects
                .iter()
                .map(|s| (o.rule.to_string(), s.customer.to_string(), s.subject.to_string()))
        })
        .collect()
}

#[test]
fn a_plan_carried_out_in_part_costs_nobody_anything() {
    let chosen = prop::collection::vec(any::<bool>(), 1..7);
    let stories = stories().prop_map(|story| Story { most: None, ..story });
    for_all((stories, chosen), 24, |story| block_on(in_part(&story)));
}
