//! Support tickets and what happened to them. What is old is solved; a few customers have a story.

use chrono::{NaiveDateTime, TimeDelta};

use super::super::northwind::Buyer;
use super::random::Random;
use super::{Table, instant, minutes_into, text};

struct Ticket {
    customer: &'static str,
    subject: &'static str,
    /// The first is the customer's, and opens the ticket.
    events: Vec<(NaiveDateTime, &'static str)>,
}

/// Month, day, hour and minute of 1998, UTC.
type When = (u32, u32, i64, i64);

pub(super) fn tables(buyers: &[Buyer]) -> [Table; 2] {
    let mut tickets = stories();
    tickets.extend(solved(buyers));
    tickets.sort_by_key(|ticket| (ticket.events[0].0, ticket.customer));
    let mut rows = Vec::new();
    let mut events = Vec::new();
    for (ticket, number) in tickets.iter().zip(5001..) {
        let opened = instant(ticket.events[0].0);
        rows.push(format!(
            "{number}, {}, {}, {opened}",
            text(ticket.customer),
            text(ticket.subject)
        ));
        events.extend(ticket.events.iter().map(|(at, kind)| (*at, number, *kind)));
    }
    events.sort_unstable();
    let event = |((at, ticket, kind), number): (&(NaiveDateTime, i32, &str), usize)| {
        format!("{number}, {ticket}, {}, {}", instant(*at), text(kind))
    };
    [
        Table {
            name: "support_tickets",
            comment: "Generated for the demo; instants are UTC.",
            columns: "    ticket_id integer NOT NULL PRIMARY KEY,
    customer_id varchar(5) NOT NULL,
    subject varchar(80) NOT NULL,
    opened_at timestamp NOT NULL",
            rows,
        },
        Table {
            name: "ticket_events",
            comment: "Generated for the demo; customer and staff wrote, solved, reopened.",
            columns: "    event_id integer NOT NULL PRIMARY KEY,
    ticket_id integer NOT NULL,
    happened_at timestamp NOT NULL,
    kind varchar(20) NOT NULL",
            rows: events.iter().zip(1..).map(event).collect(),
        },
    ]
}

/// Forty tickets of the past fourteen months, all solved within days.
fn solved(buyers: &[Buyer]) -> Vec<Ticket> {
    let mut random = Random::new(3);
    let count = i64::try_from(buyers.len()).unwrap_or(1);
    let mut tickets = Vec::new();
    for _ in 0..40 {
        let buyer = usize::try_from(random.between(0, count)).unwrap_or(0);
        let subject = random.pick([
            "One case arrived broken",
            "Invoice with the old address",
            "When is Chai back in stock?",
            "Delivery came to the wrong door",
            "How do I change our delivery address?",
            "Wrong discount on our last order",
            "Best before date on the cheese",
        ]);
        let opened = random.between(0, 410) * 24 * 60 + random.between(7 * 60, 16 * 60);
        let mut at = minutes_into(1997, 3, 1, opened);
        let mut events = vec![(at, "customer")];
        for _ in 0..random.between(1, 3) {
            at += TimeDelta::minutes(random.between(15, 300));
            events.push((at, "staff"));
            if random.percent(40) {
                at += TimeDelta::minutes(random.between(5, 600));
                events.push((at, "customer"));
            }
        }
        at += TimeDelta::minutes(random.between(60, 2 * 24 * 60));
        events.push((at, "solved"));
        tickets.push(Ticket { customer: buyers[buyer].id, subject, events });
    }
    tickets
}

fn stories() -> Vec<Ticket> {
    let at = |(month, day, hour, minute)| minutes_into(1998, month, day, hour * 60 + minute);
    let ticket = |customer, subject, events: &[(When, &'static str)]| {
        let events = events.iter().map(|(when, kind)| (at(*when), *kind)).collect();
        Ticket { customer, subject, events }
    };
    vec![
        // Nobody answered.
        ticket("FOLKO", "Two bottles were missing", &[((5, 5, 10, 12), "customer")]),
        ticket(
            "VAFFE",
            "Credit note for order 10973",
            &[
                ((4, 28, 8, 5), "customer"),
                ((4, 28, 13, 40), "staff"),
                ((5, 4, 7, 50), "customer"),
                ((5, 5, 14, 20), "customer"),
            ],
        ),
        // Not yet long enough.
        ticket("HUNGO", "Please add a second contact", &[((5, 6, 14, 30), "customer")]),
        // Answered, and now it is the customer's turn.
        ticket(
            "ANTON",
            "Price list for the summer",
            &[((5, 5, 15, 0), "customer"), ((5, 6, 8, 45), "staff")],
        ),
        // Said to be solved, and it was not.
        ticket(
            "SUPRD",
            "Wrong VAT number on our invoices",
            &[
                ((4, 22, 9, 10), "customer"),
                ((4, 23, 11, 25), "staff"),
                ((4, 24, 15, 0), "solved"),
                ((5, 6, 13, 20), "reopened"),
            ],
        ),
        ticket(
            "KOENE",
            "Cannot download delivery notes",
            &[
                ((4, 27, 7, 30), "customer"),
                ((4, 28, 9, 0), "staff"),
                ((4, 28, 9, 5), "solved"),
                ((5, 4, 6, 55), "reopened"),
                ((5, 6, 11, 35), "customer"),
            ],
        ),
        // Reopened too, but somebody is on it.
        ticket(
            "WARTH",
            "Pallets are too high for our gate",
            &[
                ((4, 20, 6, 40), "customer"),
                ((4, 21, 12, 10), "staff"),
                ((4, 29, 8, 0), "solved"),
                ((5, 5, 7, 15), "reopened"),
                ((5, 6, 9, 30), "staff"),
            ],
        ),
    ]
}
