//! What a dry run's time and memory grow with: customers, rules, matches, and columns that are read.
//! Nothing is promised about these figures; they show where the time goes.

use std::path::Path;
use std::time::Duration;

use super::measure::pack::{self, Script};
use super::measure::{self, Database, watch};
use super::{CUSTOMERS, FEWER, ROUNDS, memory, only_up_to, server};
use crate::table::{Growth, grouped};

/// One thing to be run: a pack over a company.
struct Variant {
    what: String,
    rules: Vec<Script>,
    /// What its e-mails show.
    shown: &'static [&'static str],
}

/// Columns that an e-mail may show, beyond the two that it needs.
const SHOWN: [&str; 16] = [
    "customer.phone",
    "customer.owner",
    "customer.country",
    "customer.seats",
    "customer.registered_on",
    "customer.usage.invited",
    "customer.usage.exports",
    "customer.usage.api_errors",
    "customer.usage.storage_share",
    "customer.billing.discount",
    "customer.billing.monthly",
    "customer.billing.overdue",
    "customer.support.reopened",
    "customer.support.complaints",
    "customer.support.satisfaction",
    "customer.support.last_answer",
];

/// Measures on SQLite, and on a PostgreSQL `server` where there is one.
pub async fn measure(server: Option<&str>, tell: &dyn Fn(&str)) -> anyhow::Result<Vec<Growth>> {
    let scratch = tempfile::tempdir()?;
    let mut grown = Vec::new();
    for customers in [FEWER, 3 * FEWER, CUSTOMERS] {
        let variants = if customers == CUSTOMERS { over_the_large() } else { vec![as_it_is()] };
        let packs = scratch.path().join(customers.to_string());
        if let Some(server) = server {
            let work = async |database: Database| {
                all("PostgreSQL", &variants, &database, customers, &packs, tell).await
            };
            grown.extend(server::with_database(server, work).await?);
        }
        let database = Database::Sqlite(scratch.path().join(format!("{customers}.db")));
        grown.extend(all("SQLite", &variants, &database, customers, &packs, tell).await?);
    }
    Ok(grown)
}

fn as_it_is() -> Variant {
    Variant { what: "20 rules".to_owned(), rules: pack::twins(), shown: &[] }
}

fn over_the_large() -> Vec<Variant> {
    let variant = |what: &str, rules| Variant { what: what.to_owned(), rules, shown: &[] };
    vec![
        as_it_is(),
        variant("5 rules", pack::twins().into_iter().take(5).collect()),
        variant("40 rules", twice()),
        variant("20 rules, a tenth of the matches", only_up_to(FEWER)),
        variant("20 rules, and one that is true of one in 25", with_a_broad_one()),
        Variant {
            what: format!("20 rules, e-mails that show {} columns more", SHOWN.len()),
            rules: pack::twins(),
            shown: &SHOWN,
        },
    ]
}

fn twice() -> Vec<Script> {
    let again = |script: Script| Script { id: format!("{}-again", script.id), ..script };
    pack::twins().into_iter().chain(pack::twins().into_iter().map(again)).collect()
}

fn with_a_broad_one() -> Vec<Script> {
    let broad = Script {
        id: "enterprise".to_owned(),
        when: r#"customer.plan == "enterprise""#.to_owned(),
        functions: String::new(),
    };
    pack::twins().into_iter().chain([broad]).collect()
}

async fn all(
    name: &str,
    variants: &[Variant],
    database: &Database,
    customers: u64,
    packs: &Path,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Vec<Growth>> {
    tell(&format!("{name}: generating {} customers", grouped(customers)));
    database.fill(customers).await?;
    let mut grown = Vec::new();
    for (number, variant) in variants.iter().enumerate() {
        tell(&format!("{name}: {}", variant.what));
        let folder = packs.join(name).join(number.to_string());
        let pack = pack::make(&folder, &variant.rules, variant.shown)?;
        let mut shortest = Duration::MAX;
        let mut matches = 0;
        for _ in 0..ROUNDS {
            let (time, (found, _)) = watch(measure::dry_run(&pack, database)).await?;
            matches = found.rules.values().map(|rule| rule.matches.len() as u64).sum();
            shortest = shortest.min(time);
        }
        let peak = memory::of_dry_run(&folder, database)?;
        grown.push(Growth {
            database: name.to_owned(),
            customers,
            what: variant.what.clone(),
            matches,
            time: shortest,
            memory: peak.map(|peak| peak.bytes),
        });
    }
    Ok(grown)
}
