//! The twenty rules as somebody would write them in Rust who has the customers as structs in memory.
//! This is the floor: no rule of a pack can be had for less.

use super::customer::{Customer, TODAY};
use super::{Contestant, Matches};

const TODAY_32: i32 = TODAY as i32;

/// Rust's own code over rows.
pub struct Native<'c> {
    pub customers: &'c [Customer],
}

impl Contestant for Native<'_> {
    fn name(&self) -> String {
        "native Rust predicates".to_owned()
    }

    fn customers(&self) -> usize {
        self.customers.len()
    }

    fn judge(&mut self) -> anyhow::Result<Matches> {
        let mut matches = vec![Vec::new(); 20];
        for (row, customer) in self.customers.iter().enumerate() {
            judge(row as u32, customer, &mut matches);
        }
        Ok(matches)
    }
}

/// All rules on one row, in the order of the list. Rows outside and rules inside is as fast as blocks of
/// rows with a loop for each rule, and more than twice as fast as a pass over all rows for each.
fn judge(row: u32, customer: &Customer, matches: &mut [Vec<u32>]) {
    let rules: [fn(&Customer) -> bool; 20] = [
        gone_quiet,
        never_began,
        usage_halved,
        storage_full,
        api_errors,
        moving_out,
        invitations_ignored,
        payment_failed,
        long_overdue,
        renewal_at_risk,
        big_renewal,
        discount_ends,
        urgent_tickets,
        reopened_often,
        old_ticket,
        unhappy,
        complaints_nl,
        ask_for_a_word,
        outgrown,
        unanswered,
    ];
    for (rule, matched) in rules.iter().zip(matches) {
        if rule(customer) {
            matched.push(row);
        }
    }
}

fn days_since(day: i32) -> i32 {
    TODAY_32 - day
}

fn days_until(day: i32) -> i32 {
    day - TODAY_32
}

fn gone_quiet(c: &Customer) -> bool {
    c.plan == "business"
        && c.last_login.is_some_and(|day| days_since(day) >= 60)
        && c.logins_before >= 50
        && c.monthly >= 410.0
}

fn never_began(c: &Customer) -> bool {
    let days = days_since(c.registered_on);
    (14..74).contains(&days) && c.logins <= 1
}

fn usage_halved(c: &Customer) -> bool {
    c.plan == "business"
        && c.seats >= 170
        && c.logins * 2 < c.logins_before
        && c.logins_before >= 51
}

fn storage_full(c: &Customer) -> bool {
    c.plan == "basic" && c.storage_share.is_some_and(|share| share >= 0.99) && c.logins >= 40
}

fn api_errors(c: &Customer) -> bool {
    c.plan == "enterprise" && c.api_errors >= 98
}

fn moving_out(c: &Customer) -> bool {
    c.exports.is_some_and(|exports| exports >= 18) && c.logins <= 5 && days_until(c.renews_on) <= 36
}

fn invitations_ignored(c: &Customer) -> bool {
    c.invited >= 8 && c.seats <= 5 && days_since(c.registered_on) <= 400
}

fn payment_failed(c: &Customer) -> bool {
    !c.auto_renew && c.failed_payments >= 3 && c.overdue > 750.0
}

fn long_overdue(c: &Customer) -> bool {
    c.plan != "free"
        && c.overdue >= 700.0
        && c.oldest_invoice.is_some_and(|day| days_since(day) >= 85)
}

fn renewal_at_risk(c: &Customer) -> bool {
    c.plan != "free"
        && !c.auto_renew
        && days_until(c.renews_on) <= 14
        && c.logins < 20
        && c.monthly >= 50.0
}

fn big_renewal(c: &Customer) -> bool {
    c.plan == "enterprise" && c.seats >= 60 && days_until(c.renews_on) <= 30 && c.open >= 1
}

fn discount_ends(c: &Customer) -> bool {
    c.plan == "business" && c.discount >= 0.4 && days_until(c.renews_on) <= 12
}

fn urgent_tickets(c: &Customer) -> bool {
    c.plan == "enterprise" && c.urgent >= 2 && c.open >= 4
}

fn reopened_often(c: &Customer) -> bool {
    c.reopened >= 3 && c.open >= 3 && c.seats > 190
}

fn old_ticket(c: &Customer) -> bool {
    c.oldest_open.is_some_and(|day| days_since(day) >= 37) && c.urgent >= 2 && c.monthly >= 450.0
}

fn unhappy(c: &Customer) -> bool {
    matches!(c.plan.as_str(), "business" | "enterprise")
        && c.satisfaction.is_some_and(|mark| mark < 1.4)
        && c.complaints >= 2
        && c.logins > 10
}

fn complaints_nl(c: &Customer) -> bool {
    c.country.as_deref() == Some("NL") && c.complaints >= 3 && c.seats >= 180
}

fn ask_for_a_word(c: &Customer) -> bool {
    c.satisfaction.is_some_and(|mark| mark >= 4.8)
        && c.open == 0
        && c.logins >= 40
        && c.exports.is_some_and(|exports| exports > 2)
        && c.overdue == 0.0
}

fn outgrown(c: &Customer) -> bool {
    c.plan == "free"
        && c.seats >= 195
        && c.storage_share.is_some_and(|share| share > 0.8)
        && (c.logins > 45 || c.logins_before > 55)
}

fn unanswered(c: &Customer) -> bool {
    c.open >= 4 && c.urgent >= 3 && c.last_answer.is_some_and(|day| days_since(day) >= 28)
}
