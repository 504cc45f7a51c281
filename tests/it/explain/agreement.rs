//! What is explained is what the run decided: for every customer and every rule of the demo.

use lookout::demo;
use lookout::domain::{CustomerId, Decision, Instant, Looked, Passage, RunReport, parse_instant};
use lookout::pack::{self, Pack};
use lookout::pipeline::{self, Basis, Explanation, Watch};
use lookout::rehearsal::Rehearsal;
use lookout::signals::Source;
use lookout::store::Store;

use crate::support::postgres;

/// The demo's pack and data, and books that were never written to.
struct Site {
    pack: Pack,
    source: Source,
    store: Books,
    folder: tempfile::TempDir,
}

/// Books in memory that are delivered from to nowhere, or a database.
enum Books {
    Tried(Rehearsal),
    Kept(Store),
}

impl Books {
    fn store(&self) -> &Store {
        match self {
            Self::Tried(rehearsal) => rehearsal.store(),
            Self::Kept(store) => store,
        }
    }
}

async fn site(state: Option<&str>) -> Site {
    let folder = tempfile::tempdir().unwrap();
    demo::unpack(folder.path()).unwrap();
    let pack = pack::load(&folder.path().join("rules")).pack.unwrap();
    let url = format!("sqlite:{}", folder.path().join("northwind.db").display());
    let source = Source::open(&url).await.unwrap();
    let store = match state {
        Some(url) => Books::Kept(Store::open(url).await.unwrap()),
        None => Books::Tried(Rehearsal::new(&pack).await.unwrap()),
    };
    Site { pack, source, store, folder }
}

fn at(text: &str) -> Instant {
    parse_instant(text).unwrap()
}

impl Site {
    async fn run(&self, as_of: Instant) -> RunReport {
        let rules = self.pack.rules.keys().cloned().collect();
        let mut view = self.source.view(as_of).await.unwrap();
        let watch = Watch::default();
        let mut found = pipeline::find(&self.pack, &mut view, as_of, &rules, watch).await.unwrap();
        let store = self.store.store();
        pipeline::look_back(&self.pack, &mut view, as_of, store, &mut found).await.unwrap();
        let run = pipeline::commit(&self.pack, &found, store, as_of, as_of).await.unwrap();
        run.report
    }

    /// Lets leave what is due until an instant.
    async fn deliver(&self, until: Instant) {
        let Books::Tried(rehearsal) = &self.store else { return };
        rehearsal.deliver(&self.pack, None, until).await.unwrap();
    }

    async fn explain(&self, customer: &CustomerId, as_of: Instant) -> Explanation {
        let mut view = self.source.view(as_of).await.unwrap();
        let watch = Watch { customer: Some(customer), ..Watch::default() };
        let store = Some(self.store.store());
        pipeline::explain(&self.pack, &mut view, store, as_of, watch).await.unwrap()
    }

    fn customers(&self) -> Vec<CustomerId> {
        let file = self.folder.path().join("northwind.db");
        let connection = rusqlite::Connection::open(file).unwrap();
        let mut ids = connection.prepare("SELECT customer_id FROM customers ORDER BY 1").unwrap();
        let ids = ids.query_map([], |row| row.get::<_, String>(0)).unwrap();
        ids.map(|id| CustomerId::from(id.unwrap())).collect()
    }
}

fn decisions(explanation: &Explanation) -> Vec<Decision> {
    explanation.decisions.iter().map(|explained| explained.decision.clone()).collect()
}

fn theirs(report: &RunReport, customer: &CustomerId) -> Vec<Decision> {
    report.decisions.iter().filter(|d| d.customer_id == *customer).cloned().collect()
}

fn is_last_word(gate: &Passage) -> bool {
    matches!(gate.looked, Looked::Episode { last_word: true, .. })
}

/// Every verdict is the sum of its parts, every trail ends where the decision does.
fn holds_together(site: &Site, explanation: &Explanation, as_of: Instant) {
    for seen in &explanation.found.seen {
        let rule = &site.pack.rules[&seen.rule].rule;
        let weighed = site.pack.engine.weigh(rule, &seen.facts, as_of);
        assert_eq!(weighed.holds(), seen.verdict.clone().ok(), "{} {}", seen.rule, seen.subject);
        assert!(weighed.decides);
    }
    for explained in &explanation.decisions {
        let gates = explained.gates.as_ref().expect("the way to it is known");
        let refusing = gates.iter().find(|gate| !gate.passes);
        let code = explained.decision.refusal.as_ref().map(|refusal| refusal.code());
        let gate = refusing.map(|gate| gate.looked.name());
        let expected = code.map(|code| match code {
            "no_address" => "address",
            "no_consent" => "consent",
            "suppressed" => "suppression",
            "muted" => "mute",
            "pending" | "already_contacted" => "episode",
            "held" => "hold",
            "outranked" => "rank",
            "expired" => "quiet",
            other => other,
        });
        assert_eq!(gate, expected, "{:?}", explained.decision);
    }
}

async fn every_explanation_agrees(site: &Site) {
    let as_of = at("1998-05-07T09:00:00Z");
    let customers = site.customers();
    assert_eq!(customers.len(), 91);
    let mut before = Vec::new();
    for customer in &customers {
        let explanation = site.explain(customer, as_of).await;
        assert_eq!(explanation.basis, Basis::Now);
        holds_together(site, &explanation, as_of);
        before.push(explanation);
    }
    let report = site.run(as_of).await;
    let mut told = 0;
    for (customer, before) in customers.iter().zip(&before) {
        let expected = theirs(&report, customer);
        assert_eq!(decisions(before), expected, "{customer}, before the run");
        let recorded = site.explain(customer, as_of).await;
        assert_eq!(recorded.basis, Basis::Recorded { same_pack: true });
        assert_eq!(decisions(&recorded), expected, "{customer}, as recorded");
        assert_eq!(recorded.decisions, before.decisions, "{customer}: the same way to it");
        told += expected.len();
    }
    assert_eq!((told, report.totals.matches), (report.decisions.len(), 46));
}

#[tokio::test]
async fn every_customer_of_the_demo_is_explained_as_the_run_decided() {
    every_explanation_agrees(&site(None).await).await;
}

#[tokio::test]
async fn the_same_on_postgresql() {
    let site = site(Some(&postgres::database().await)).await;
    let as_of = at("1998-05-07T09:00:00Z");
    let report = site.run(as_of).await;
    for customer in ["HANAR", "RANCH", "CACTU", "BOTTM", "REGGC", "KOENE"].map(CustomerId::from) {
        let recorded = site.explain(&customer, as_of).await;
        assert_eq!(decisions(&recorded), theirs(&report, &customer), "{customer}");
        holds_together(&site, &recorded, as_of);
    }
}

#[tokio::test]
async fn an_older_run_is_explained_by_what_was_known_then() {
    let site = site(None).await;
    // What somebody was told of on the first day is over on the last.
    let file = site.folder.path().join("northwind.db");
    let shipped = "UPDATE orders SET shipped_date = '1998-05-07' WHERE order_id = 11040";
    rusqlite::Connection::open(file).unwrap().execute(shipped, []).unwrap();
    let instants = ["1998-05-05T09:00:00Z", "1998-05-06T09:00:00Z", "1998-05-07T09:00:00Z"].map(at);
    let mut reports = Vec::new();
    let between = at("1998-05-06T14:00:00Z");
    let mut evaluated = Vec::new();
    let customers = ["HANAR", "RANCH", "CACTU", "KOENE", "GREAL"].map(CustomerId::from);
    for as_of in instants {
        if as_of > between {
            site.deliver(between).await;
            for customer in &customers {
                evaluated.push(site.explain(customer, between).await);
            }
        }
        site.deliver(as_of).await;
        reports.push(site.run(as_of).await);
        site.deliver(as_of).await;
    }
    let (mut ways, mut last_words) = (0, 0);
    for (as_of, report) in instants.into_iter().zip(&reports) {
        for customer in site.customers() {
            let recorded = site.explain(&customer, as_of).await;
            assert_eq!(decisions(&recorded), theirs(report, &customer), "{customer} at {as_of}");
            let known = || recorded.decisions.iter().filter_map(|it| it.gates.as_ref());
            ways += known().count();
            last_words += known().filter(|gates| gates.iter().any(is_last_word)).count();
        }
    }
    let all: usize = reports.iter().map(|report| report.decisions.len()).sum();
    assert!(ways * 10 >= all * 9, "the way to {ways} of {all} decisions is still known");
    assert!(last_words > 0, "what was over is known, too");
    // An instant between two runs knows nothing of the later one.
    for (customer, before) in customers.iter().zip(&evaluated) {
        let after = site.explain(customer, between).await;
        assert_eq!(after.basis, Basis::Then { newest: instants[2] });
        assert_eq!(before.basis, Basis::Now);
        assert_eq!(after.decisions, before.decisions, "{customer} at {between}");
    }
}
