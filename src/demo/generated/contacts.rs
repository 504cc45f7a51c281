//! How to reach Northwind's customers. Phones are Northwind's own and are not repeated here.

use chrono::{NaiveDate, TimeDelta};

use super::super::northwind::Buyer;
use super::random::Random;
use super::{Table, text, text_or_null};

pub(super) fn table(buyers: &[Buyer], employees: &[(String, String)]) -> Table {
    let mut random = Random::new(1);
    Table {
        name: "customer_contacts",
        comment: "Generated for the demo; nobody here is real.",
        columns: "    customer_id varchar(5) NOT NULL PRIMARY KEY,
    email varchar(80),
    locale varchar(20),
    timezone varchar(40),
    plan varchar(20) NOT NULL,
    consents varchar(80),
    refusals varchar(80),
    owner varchar(80) NOT NULL,
    preferred_channel varchar(20),
    registered_at date NOT NULL",
        rows: buyers.iter().map(|buyer| row(buyer, employees, &mut random)).collect(),
    }
}

fn row(buyer: &Buyer, employees: &[(String, String)], random: &mut Random) -> String {
    // Every number is drawn for every customer, so that an exception moves nobody else.
    let employee = random.between(1, 10);
    let offers = random.percent(55);
    let surveys = random.percent(45);
    let refusal = random.between(0, 100);
    let preferred = random.between(0, 100);
    let days_before = random.between(7, 60);

    let employee = buyer.employee.unwrap_or(usize::try_from(employee).unwrap_or(1));
    let owner = employees.get(employee.saturating_sub(1));
    let owner = owner.map_or_else(String::new, |(first, last)| {
        format!("{}@example.com", folded(&format!("{first} {last}")))
    });
    let (locale, timezone) = place(buyer);
    let (consents, refusals) = wishes(buyer.id, offers, surveys, refusal);
    [
        text(buyer.id),
        text_or_null(email(buyer).as_deref()),
        text(locale),
        text_or_null(timezone),
        text(plan(buyer.orders)),
        text_or_null(consents),
        text_or_null(refusals),
        text(&owner),
        text_or_null(preferred_channel(buyer.id, preferred)),
        text(&registered(buyer, days_before)),
    ]
    .join(", ")
}

fn email(buyer: &Buyer) -> Option<String> {
    let usual = format!("{}@{}.example.com", folded(&buyer.contact), buyer.id.to_lowercase());
    match buyer.id {
        "LINOD" => None,
        "BOTTM" => Some(usual.replace('@', " at ")),
        "RICAR" => Some("compras.rio@example.com".to_owned()),
        "HANAR" => Some("Compras.Rio@Example.com".to_owned()),
        _ => Some(usual),
    }
}

/// Language and time zone. Somebody bought for the two Thai ones from Bangkok all along.
fn place(buyer: &Buyer) -> (&'static str, Option<&'static str>) {
    let (locale, timezone) = match buyer.country.as_str() {
        "Argentina" => ("es-AR", "America/Argentina/Buenos_Aires"),
        "Austria" => ("de-AT", "Europe/Vienna"),
        "Belgium" => ("fr-BE", "Europe/Brussels"),
        "Brazil" => ("pt-BR", "America/Sao_Paulo"),
        "Canada" if buyer.region.as_deref() == Some("BC") => ("en-CA", "America/Vancouver"),
        "Canada" => ("fr-CA", "America/Toronto"),
        "Denmark" => ("da-DK", "Europe/Copenhagen"),
        "Finland" => ("fi-FI", "Europe/Helsinki"),
        "France" => ("fr-FR", "Europe/Paris"),
        "Germany" => ("de-DE", "Europe/Berlin"),
        "Ireland" => ("en-IE", "Europe/Dublin"),
        "Italy" => ("it-IT", "Europe/Rome"),
        "Mexico" => ("es-MX", "America/Mexico_City"),
        "Norway" => ("nb-NO", "Europe/Oslo"),
        "Poland" => ("pl-PL", "Europe/Warsaw"),
        "Portugal" => ("pt-PT", "Europe/Lisbon"),
        "Spain" => ("es-ES", "Europe/Madrid"),
        "Sweden" => ("sv-SE", "Europe/Stockholm"),
        "Switzerland" if buyer.city == "Bern" => ("de-CH", "Europe/Zurich"),
        "Switzerland" => ("fr-CH", "Europe/Zurich"),
        "USA" => ("en-US", american_zone(buyer.region.as_deref())),
        "Venezuela" => ("es-VE", "America/Caracas"),
        _ => ("en-GB", "Europe/London"),
    };
    match buyer.id {
        "LAMAI" | "EASTC" => ("th-TH", Some("Asia/Bangkok")),
        "GREAL" => (locale, None),
        _ => (locale, Some(timezone)),
    }
}

fn american_zone(state: Option<&str>) -> &'static str {
    match state {
        Some("AK") => "America/Anchorage",
        Some("ID") => "America/Boise",
        Some("MT" | "NM" | "WY") => "America/Denver",
        _ => "America/Los_Angeles",
    }
}

/// Topics agreed to and topics refused.
fn wishes(
    id: &str,
    offers: bool,
    surveys: bool,
    refusal: i64,
) -> (Option<&'static str>, Option<&'static str>) {
    match id {
        "ANTON" | "BLONP" | "FAMIA" | "HUNGC" | "MEREP" | "VICTE" => (Some("offers"), None),
        "VINET" | "CHOPS" | "EASTC" | "HANAR" | "SUPRD" => (Some("offers,surveys"), None),
        "GODOS" | "PICCO" | "SPECD" | "WOLZA" => (Some("surveys"), None),
        "FOLIG" => (None, Some("offers")),
        "SEVES" | "TRADH" => (None, None),
        "REGGC" => (None, Some("service,offers")),
        "VAFFE" => (None, Some("service")),
        "ERNSH" | "RANCH" | "LINOD" | "GREAL" | "BOTTM" | "LAMAI" | "CACTU" | "BLAUS" | "RICAR"
        | "FISSA" | "PARIS" => (offers.then_some("offers"), None),
        _ => {
            let consents = match (offers, surveys) {
                (true, true) => Some("offers,surveys"),
                (true, false) => Some("offers"),
                (false, true) => Some("surveys"),
                (false, false) => None,
            };
            let refusals = match refusal {
                0..4 => Some("service"),
                4..12 => Some("offers/sms"),
                _ => None,
            };
            (consents, refusals)
        }
    }
}

/// By how much they buy.
fn plan(orders: usize) -> &'static str {
    match orders {
        0..8 => "basic",
        8..17 => "business",
        _ => "enterprise",
    }
}

fn preferred_channel(id: &str, chance: i64) -> Option<&'static str> {
    match (id, chance) {
        ("FRANK", _) => Some("sms"),
        ("EASTC" | "HILAA", _) => None,
        (_, 0..50) => Some("email"),
        (_, 50..60) => Some("phone"),
        (_, 60..68) => Some("sms"),
        _ => None,
    }
}

/// Some weeks before the first order.
fn registered(buyer: &Buyer, days_before: i64) -> String {
    match (buyer.id, &buyer.first_order) {
        ("FISSA", _) => "1998-04-16".to_owned(),
        (_, None) => "1998-05-04".to_owned(),
        (_, Some(first)) => {
            let first: NaiveDate = first.parse().unwrap_or_default();
            (first - TimeDelta::days(days_before)).to_string()
        }
    }
}

/// A name as the part of an address before the `@`: `José Pedro Freyre` gives `jose.pedro.freyre`.
fn folded(name: &str) -> String {
    let plain = name.to_lowercase().chars().fold(String::new(), |mut plain, letter| {
        match letter {
            'á' | 'à' | 'ã' | 'â' | 'ä' | 'å' => plain.push('a'),
            'é' | 'è' | 'ê' | 'ë' => plain.push('e'),
            'í' | 'ï' => plain.push('i'),
            'ó' | 'ô' | 'õ' | 'ö' | 'ø' => plain.push('o'),
            'ú' | 'ü' => plain.push('u'),
            'ç' => plain.push('c'),
            'ñ' => plain.push('n'),
            letter if letter.is_ascii_alphanumeric() => plain.push(letter),
            _ => plain.push(' '),
        }
        plain
    });
    plain.split_whitespace().collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_the_start_of_an_address() {
        assert_eq!(folded("Sergio Gutiérrez"), "sergio.gutierrez");
        assert_eq!(folded("Marie-Anne  O'Neill"), "marie.anne.o.neill");
    }
}
