//! A source that is suddenly empty or gone: no episode ends, nothing goes out of what reads it, and
//! the next good run goes on as if nothing had been.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use lookout::domain::{RuleId, parse_instant};
use lookout::pack;
use lookout::pipeline::{self, RunError, Watch};
use lookout::signals::{Source, SourceError};
use rstest::rstest;

use super::*;
use crate::support::postgres;

/// What is broken, how it is mended, which rules sit out, and the alarm's code.
#[rstest]
#[case::emptied("DELETE FROM parcels", &["late"], "emptied-signal", "the signal `parcels` is empty")]
#[case::a_column_renamed("ALTER TABLE parcels RENAME sent_at TO dispatched_at", &["late"], "sql-error", "sent_at")]
#[case::a_column_all_null("UPDATE visits SET minutes = NULL", &["absent", "everyone"], "emptied-column", "`minutes` of the signal `visits`")]
#[case::nobody_has_an_address("UPDATE people SET email = NULL", &["absent", "everyone", "late"], "emptied-column", "`email` of the signal `customers`")]
#[case::every_address_is_blank("UPDATE people SET email = ''", &["absent", "everyone", "late"], "emptied-column", "`email` of the signal `customers`")]
#[case::finds_nobody("UPDATE parcels SET sent_at = '1998-05-06 00:00:00'", &["late"], "finds-nobody", "`late` finds nobody, and usually finds about 40")]
fn what_is_suddenly_empty_ends_nothing(
    #[case] damage: &str,
    #[case] out: &[&str],
    #[case] code: &str,
    #[case] message: &str,
) {
    let (company, spared) = (Company::new(200), Company::new(200));
    for company in [&company, &spared] {
        assert_eq!(company.run("1998-05-05T09:00:00Z").code, 0);
    }
    let whole = std::fs::read(company.path("company.db")).unwrap();
    let (before, open) =
        (company.written(), ["late", "absent", "everyone"].map(|r| company.open(r)));
    company.sql(damage);
    for command in ["dry-run", "run"] {
        let bad = company.lookout(&format!("{command} --as-of 1998-05-06T10:00:00Z --format json"));
        assert_eq!(bad.code, 4, "{}", bad.err);
        let told = alarms(&bad);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(
            (told[0].0.as_str(), told[0].1.iter().map(String::as_str).collect::<Vec<_>>()),
            (code, out.to_vec())
        );
        assert!(told[0].2.contains(message), "{told:?}");
        // What is only looked at is told, and not logged besides.
        assert_eq!(bad.err.contains("sits out"), command == "run", "{}", bad.err);
    }
    let again = company.lookout("run --as-of 1998-05-06T10:00:00Z");
    assert!(again.out.starts_with("Somebody has to look at this\n"), "{}", again.out);
    assert_eq!(company.written(), before, "nothing went out");
    assert_eq!(["late", "absent", "everyone"].map(|r| company.open(r)), open, "nothing ended");
    let state = company.state("SELECT COUNT(*) FROM signal_fields WHERE empty_at IS NOT NULL");
    assert_eq!(state, 0, "what was missing is not taken for usual");

    std::fs::write(company.path("company.db"), whole).unwrap();
    let (good, expected) =
        (company.run("1998-05-07T09:00:00Z"), spared.run("1998-05-07T09:00:00Z"));
    assert_eq!((good.code, alarms(&good)), (0, vec![]));
    assert_eq!(told(&good), told(&expected));
}

/// What became of each candidate; when a message left, to the microsecond, is no part of it.
fn told(ran: &Ran) -> Vec<String> {
    let line =
        |d: &Value| format!("{} {} {} {}", d["rule"], d["subject"], d["outcome"], d["reason"]);
    ran.json()["decisions"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn without_customers_nothing_is_decided() {
    let company = Company::new(200);
    company.run("1998-05-05T09:00:00Z");
    let runs = company.state("SELECT COUNT(*) FROM runs");
    company.sql("DELETE FROM people");
    for command in ["dry-run", "run"] {
        let bad = company.lookout(&format!("{command} --as-of 1998-05-06T10:00:00Z"));
        assert_eq!(bad.code, 3, "{}", bad.out);
        assert!(
            bad.err.contains(
                "the signal `customers` is empty, and never was before, so nothing was decided"
            ),
            "{}",
            bad.err
        );
        assert!(bad.err.contains("lookout approve --signal customers"), "{}", bad.err);
    }
    assert_eq!(company.state("SELECT COUNT(*) FROM runs"), runs);
    assert_eq!(company.open("late"), 40);
}

#[test]
fn what_really_is_so_is_accepted() {
    let company = Company::new(200);
    company.run("1998-05-05T09:00:00Z");
    company.sql("DELETE FROM parcels");
    assert_eq!(company.run("1998-05-06T10:00:00Z").code, 4);
    let misspelt = company.lookout("approve --signal parcel --yes");
    assert!(
        misspelt.code == 2 && misspelt.err.contains("did you mean `parcels`?"),
        "{}",
        misspelt.err
    );
    assert_eq!(company.lookout("approve --signal parcels").code, 1, "nobody said yes");
    company.lookout("approve --signal parcels --yes").fine();
    // The signal may be empty; that its rule finds nobody is still to be said.
    let silent = company.run("1998-05-06T10:05:00Z");
    assert_eq!(
        (silent.code, alarms(&silent)[0].0.as_str(), company.open("late")),
        (4, "finds-nobody", 40)
    );
    company.lookout("approve late --yes").fine();
    let good = company.run("1998-05-06T10:10:00Z");
    assert_eq!((good.code, alarms(&good), company.open("late")), (0, vec![], 0));
}

#[test]
fn what_was_empty_before_alarms_nobody() {
    let company = Company::new(200);
    company.sql("UPDATE people SET owner = NULL; DELETE FROM parcels");
    assert_eq!(company.run("1998-05-04T09:00:00Z").code, 0);
    company.sql("UPDATE people SET owner = 'nancy'; INSERT INTO parcels VALUES ('p1', 'c000001', '1998-04-20 00:00:00', NULL)");
    assert_eq!(company.run("1998-05-05T09:00:00Z").code, 0);
    company.sql("UPDATE people SET owner = NULL; DELETE FROM parcels");
    let third = company.run("1998-05-06T09:00:00Z");
    assert_eq!((third.code, alarms(&third), company.open("late")), (0, vec![], 0));
}

#[test]
fn a_file_that_became_garbage_is_said_and_nothing_is_recorded() {
    let company = Company::new(200);
    company.run("1998-05-05T09:00:00Z");
    let whole = std::fs::read(company.path("company.db")).unwrap();
    std::fs::write(company.path("company.db"), b"garbage".repeat(10_000)).unwrap();
    let bad = company.run("1998-05-06T10:00:00Z");
    assert_eq!((bad.code, company.open("late")), (3, 40), "{}", bad.err);
    assert!(bad.err.contains("company.db"), "{}", bad.err);
    assert_eq!(company.state("SELECT COUNT(*) FROM runs"), 1);
    std::fs::write(company.path("company.db"), whole).unwrap();
    assert_eq!(company.run("1998-05-06T10:05:00Z").code, 0);
}

/// In the middle: some rows were read and judged already.
#[tokio::test]
async fn a_file_overwritten_while_it_is_read_gives_no_half_run() {
    let company = Company::new(60_000);
    company.everyone_is_true();
    let file = company.path("company.db");
    let garbage = |_| {
        let length = std::fs::metadata(&file).unwrap().len() as usize;
        let mut opened = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
        std::io::Write::write_all(&mut opened, &vec![0x5a; length]).unwrap();
    };
    let url = format!("sqlite:{}", company.path("company.db").display());
    let error = broken_while_it_is_read(&company, &url, &garbage).await;
    assert!(matches!(error, RunError::Source(SourceError::Unavailable(_))), "{error}");
}

#[tokio::test]
async fn a_server_that_goes_away_in_the_middle_gives_no_half_run() {
    let company = Company::new(200);
    let url = postgres::database().await;
    postgres::execute(
        &url,
        "CREATE TABLE people AS SELECT 'c' || i AS id, 'Customer ' || i AS name,
             'c' || i || '@example.com' AS email, repeat('nancy', 50) AS owner FROM generate_series(1, 60000) AS i;
         CREATE TABLE parcels (no TEXT, person TEXT, sent_at TIMESTAMPTZ, arrived_at TIMESTAMPTZ);
         CREATE TABLE visits (person TEXT, minutes INTEGER)",
    )
    .await;
    company.everyone_is_true();
    let terminate = |_| {
        let url = url.clone();
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let killer = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(postgres::execute(&url, kill));
        });
        killer.join().unwrap();
    };
    let error = broken_while_it_is_read(&company, &url, &terminate).await;
    assert!(matches!(error, RunError::Source(SourceError::Unavailable(_))), "{error}");
}

/// What a run says whose source breaks after the first batch.
async fn broken_while_it_is_read(
    company: &Company,
    url: &str,
    damage: &(dyn Fn(u64) + Sync),
) -> RunError {
    let pack = pack::load(&company.path("rules")).pack.unwrap();
    let as_of = parse_instant("1998-05-06T10:00:00Z").unwrap();
    let rules: BTreeSet<RuleId> = [RuleId::from("everyone")].into();
    let source = Source::open(url).await.unwrap();
    let mut view = source.view(as_of).await.unwrap();
    let done = AtomicBool::new(false);
    let once = |rows| {
        if !done.swap(true, Ordering::Relaxed) {
            damage(rows);
        }
    };
    let watch = Watch { progress: Some(&once), ..Watch::default() };
    let error = pipeline::find(&pack, &mut view, as_of, &rules, watch).await.unwrap_err();
    assert!(done.into_inner(), "rows were read before");
    error
}
