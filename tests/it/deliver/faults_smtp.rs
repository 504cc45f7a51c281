//! What becomes of a message when the mail server misbehaves: the exact outcome, and what the
//! server holds.

use lookout::deliver::{Delivery, Parcel};

use super::{mail, parcel, send};
use crate::support::sink::{Act, Entry, MailSink, Manner, Phase};

fn numbered(key: &str) -> Parcel {
    Parcel { key: key.into(), ..parcel("email") }
}

#[tokio::test]
async fn the_book_holds_what_was_taken() {
    let sink = MailSink::start(Manner { pipelining: true, ..Manner::default() });
    let channels = mail(sink.url());
    sink.orders.to("ANA@example.com", Phase::Recipient.then(Act::Say("451 4.3.0 later")));
    sink.orders.next(Phase::Taken.then(Act::Drop));
    let bob = Parcel { to: "bob@example.com".into(), ..numbered("b1") };
    let (later, _) = send(&channels, &numbered("a1")).await;
    assert!(matches!(later, Delivery::Temporary { .. }), "{later:?}");
    let (lost, _) = send(&channels, &bob).await;
    assert!(matches!(lost, Delivery::Uncertain { .. }), "{lost:?}");
    sink.orders.until(2).await;
    assert_eq!(sink.orders.carried_out(), 2);
    sink.orders.none();
    let (sent, _) = send(&channels, &numbered("a2")).await;
    assert!(matches!(sent, Delivery::Sent { .. }), "{sent:?}");
    let entries = sink.book.entries();
    let entry = |count, key: &str, to: &str| {
        let size = entries[count as usize - 1].size;
        Entry { count, key: key.to_owned(), recipient: to.to_owned(), size }
    };
    assert_eq!(entries, [entry(1, "b1", "bob@example.com"), entry(2, "a2", "ana@example.com")]);
    assert!(entries.iter().all(|entry| entry.size > 500), "{entries:?}");
}

#[tokio::test]
async fn a_shut_door_opens_again() {
    let mut sink = MailSink::start(Manner::default());
    sink.shut().await;
    let channels = mail(sink.url());
    let (refused, _) = send(&channels, &numbered("a1")).await;
    assert!(matches!(refused, Delivery::Temporary { .. }), "{refused:?}");
    sink.open().await;
    let (sent, _) = send(&channels, &numbered("a1")).await;
    assert!(matches!(sent, Delivery::Sent { .. }), "{sent:?}");
    assert_eq!(sink.book.keys(), ["a1"]);
}
