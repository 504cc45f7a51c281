//! What a plan that is carried out leaves out, and what that means for the books, case by case.

use lookout::pipeline::plan::{Became, Because};

use super::*;

const AT: &str = "1998-05-07T09:00:00Z";
const LATER: &str = "1998-05-07T09:10:00Z";

/// What became of a run, by rule and subject, with the reason's evidence where a plan gives it.
fn lines(considered: &Considered) -> Vec<String> {
    let mut lines = told(considered);
    lines.extend(considered.became.left_out.iter().map(|left_out| {
        format!(
            "left out: {} {} {}",
            left_out.row.rule,
            left_out.row.subject,
            left_out.because.code()
        )
    }));
    lines
}

#[tokio::test]
async fn what_is_not_planned_outranks_and_does_not_go_out() {
    let courier = Courier::new(&[("lost", LOST), ("absent", ABSENT)]);
    courier.customer("ana", "ana@example.com");
    courier.customer("bob", "bob@example.com");
    courier.sql("INSERT INTO visits VALUES ('ana', 2), ('bob', 3)");
    let (pack, store) = (courier.pack(), courier.store().await);
    let plan = planned(&courier, &pack, &store, at(AT)).await;
    courier.parcel("p1", "ana", "1998-04-20");
    let carried = now(carry_out(&courier, &pack, &store, plan, at(LATER)).await);
    assert_eq!(
        lines(&carried),
        [
            "absent ana outranked",
            "absent bob contact",
            "lost p1 not_planned",
            "left out: absent ana outranked"
        ]
    );
    assert_eq!(send(&store, LATER).await, ["bob"]);
    assert_eq!(open_episodes(&courier, &store).await, ["absent ana", "absent bob", "lost p1"]);
    let next = courier.run(&store, "1998-05-07T09:20:00Z").await;
    assert_eq!(
        told(&next),
        ["absent ana outranked", "absent bob already_contacted", "lost p1 contact"]
    );
}

#[tokio::test]
async fn a_message_speaks_of_nothing_that_was_not_planned() {
    let courier = Courier::new(&[("lost", LOST)]);
    courier.customer("ana", "ana@example.com");
    courier.parcel("p2", "ana", "1998-04-29");
    let (pack, store) = (courier.pack(), courier.store().await);
    let plan = planned(&courier, &pack, &store, at(AT)).await;
    courier.parcel("p1", "ana", "1998-04-20");
    let carried = now(carry_out(&courier, &pack, &store, plan, at(LATER)).await);
    assert_eq!(lines(&carried), ["lost p1 not_planned", "lost p2 contact"]);
    let outreach = &carried.decided.outreaches[0];
    assert_eq!(outreach.subjects.len(), 1);
    assert_eq!(
        (&outreach.key, outreach.subjects[0].subject.as_str()),
        (&outreach.subjects[0].dedupe_key, "p2")
    );
}

#[tokio::test]
async fn an_episode_that_was_over_and_began_again_was_not_planned() {
    let courier = Courier::new(&[(
        "absent",
        &ABSENT.replace("const PRIORITY", "const FOR = \"1h\";\n const PRIORITY"),
    )]);
    courier.customer("ana", "ana@example.com");
    courier.sql("INSERT INTO visits VALUES ('ana', 2)");
    let (pack, store) = (courier.pack(), courier.store().await);
    courier.run(&store, "1998-05-07T07:00:00Z").await;
    let plan = planned(&courier, &pack, &store, at(AT)).await;
    assert_eq!(plan.rows.len(), 1);
    assert_eq!(plan.rows[0].episode, Some(at("1998-05-07T07:00:00Z")));
    courier.sql("UPDATE visits SET minutes = 90");
    courier.run(&store, "1998-05-07T09:01:00Z").await;
    courier.sql("UPDATE visits SET minutes = 1");
    courier.run(&store, "1998-05-07T09:02:00Z").await;
    let carried = now(carry_out(&courier, &pack, &store, plan, at("1998-05-07T10:30:00Z")).await);
    assert_eq!(lines(&carried), ["absent ana not_planned", "left out: absent ana began_again"]);
}

#[tokio::test]
async fn another_channel_and_a_late_hour_were_not_planned() {
    let by_choice = ABSENT.replace("email(\"email\")", "contact()");
    let courier = Courier::new(&[
        ("absent", &by_choice),
        ("lost", &LOST.replace("const PRIORITY", "const EXPIRES = \"1h\";\n const PRIORITY")),
    ]);
    courier.write("rules/absent/sms.md", "---\nsubject: Hello\n---\nHello.\n");
    courier.write("rules/policy.toml", &format!("channels = [\"email\", \"sms\"]\n{POLICY}"));
    courier.customer("ana", "ana@example.com");
    courier.customer("bob", "bob@example.com");
    courier.sql("INSERT INTO visits VALUES ('ana', 2); UPDATE people SET phone = '+49 221 55512' WHERE id = 'ana'");
    courier.parcel("p1", "bob", "1998-04-20");
    let (pack, store) = (courier.pack(), courier.store().await);
    let plan = planned(&courier, &pack, &store, at(AT)).await;
    courier.sql("UPDATE people SET email = NULL WHERE id = 'ana'");
    let carried = now(carry_out(&courier, &pack, &store, plan, at("1998-05-07T10:30:00Z")).await);
    assert_eq!(
        lines(&carried),
        [
            "absent ana not_planned",
            "lost p1 not_planned",
            "left out: absent ana channel",
            "left out: lost p1 too_late"
        ]
    );
    let left_out: Vec<_> =
        carried.became.left_out.iter().map(|one| one.because.evidence()).collect();
    assert_eq!(left_out[0], serde_json::json!({ "now": "sms" }));
    // Nothing is lost: the next run decides on both as they are now.
    let next = courier.run(&store, "1998-05-07T10:40:00Z").await;
    assert_eq!(told(&next), ["absent ana contact", "lost p1 contact"]);
}

#[tokio::test]
async fn a_rule_that_sits_out_and_a_row_that_fails_are_said() {
    let courier = Courier::new(&[("heavy", HEAVY), ("absent", ABSENT)]);
    courier.write("rules/policy.toml", &format!("errors = \"60%\"\n{POLICY}"));
    courier.customer("ana", "ana@example.com");
    courier.sql("INSERT INTO visits VALUES ('ana', 200)");
    for number in 1..=3 {
        courier.parcel(&format!("p{number}"), "ana", "1998-05-06");
    }
    courier.sql("UPDATE parcels SET weight = 30");
    let (pack, store) = (courier.pack(), courier.store().await);
    let plan = planned(&courier, &pack, &store, at(AT)).await;
    assert_eq!(plan.rows.len(), 3);
    courier.sql("UPDATE parcels SET weight = NULL WHERE no = 'p1'; UPDATE parcels SET weight = 2 WHERE no = 'p2'");
    let carried = now(carry_out(&courier, &pack, &store, plan.clone(), at(LATER)).await);
    assert_eq!(
        lines(&carried),
        ["heavy p3 contact", "left out: heavy p1 not_judged", "left out: heavy p2 no_longer_true"]
    );
    let Because::NotJudged(error) = &carried.became.left_out[0].because else { panic!() };
    assert!(error.contains("absent"), "{error}");
    assert_eq!(
        carried.became.left_out[1].because.evidence(),
        serde_json::json!({ "read": { "parcel.weight": 2 } })
    );

    let other = Store::in_memory().await.unwrap();
    courier.sql("UPDATE parcels SET weight = NULL");
    let carried = now(carry_out(&courier, &pack, &other, plan, at(LATER)).await);
    assert_eq!(
        lines(&carried),
        [
            "left out: heavy p1 sits_out",
            "left out: heavy p2 sits_out",
            "left out: heavy p3 sits_out"
        ]
    );
}

#[tokio::test]
async fn a_rule_stays_as_due_as_it_was() {
    let daily =
        ABSENT.replace("const PRIORITY", "const SCHEDULE = \"0 9 * * *\";\n const PRIORITY");
    let courier = Courier::new(&[("absent", &daily)]);
    for customer in ["ana", "bob"] {
        courier.customer(customer, &format!("{customer}@example.com"));
    }
    courier.sql("INSERT INTO visits VALUES ('ana', 2)");
    let (pack, store) = (courier.pack(), courier.store().await);
    let plan = planned(&courier, &pack, &store, at(AT)).await;
    courier.sql("INSERT INTO visits VALUES ('bob', 2)");
    let carried = now(carry_out(&courier, &pack, &store, plan, at(LATER)).await);
    assert_eq!(told(&carried), ["absent ana contact", "absent bob not_planned"]);
    assert!(store.last_evaluated().await.unwrap().is_empty());
    assert!(
        store
            .history(&HistoryQuery {
                evaluated: &[],
                customers: &[],
                recipients: &[],
                since: at(AT),
                as_of: at(LATER),
            })
            .await
            .unwrap()
            .volumes
            .values()
            .all(|volume| volume.versions.is_empty())
    );
    let recorded = store.recorded(at(LATER)).await.unwrap().unwrap();
    assert_eq!(serde_json::to_string(&recorded).unwrap(), json(&carried));
}

#[tokio::test]
async fn a_last_word_that_was_not_planned_is_said_by_the_next_run() {
    let with_last_word = format!("{LOST}\n fn resolved(customer, parcel) {{ email(\"task\"); }}\n");
    let courier = Courier::new(&[("lost", &with_last_word)]);
    for (customer, parcel) in [("ana", "p1"), ("bob", "p2")] {
        courier.customer(customer, &format!("{customer}@example.com"));
        courier.parcel(parcel, customer, "1998-04-20");
    }
    let (pack, store) = (courier.pack(), courier.store().await);
    courier.run(&store, "1998-05-06T09:00:00Z").await;
    assert_eq!(send(&store, "1998-05-06T09:00:00Z").await, ["ana", "bob"]);
    courier.arrives("p1", "1998-05-07 08:00:00");
    let plan = planned(&courier, &pack, &store, at(AT)).await;
    assert_eq!(
        plan.rows.iter().map(|row| (row.subject.as_str(), row.last_word)).collect::<Vec<_>>(),
        [("p1", true)]
    );
    courier.arrives("p2", "1998-05-07 09:05:00");
    let carried = now(carry_out(&courier, &pack, &store, plan, at(LATER)).await);
    assert_eq!(lines(&carried), ["lost p1 contact", "lost p2 not_planned"]);
    assert_eq!(open_episodes(&courier, &store).await, ["lost p2"]);
    assert_eq!(send(&store, LATER).await, ["ana"]);

    let empty = planned(&courier, &pack, &store, at("1998-05-07T09:15:00Z")).await;
    assert_eq!(empty.rows.len(), 1, "it is still to be said");
    let (next, later) = (at("1998-05-07T09:20:00Z"), "1998-05-07T09:20:00Z");
    let url = format!("sqlite:{}", courier.path("courier.db").display());
    let source = Source::open(&url).await.unwrap();
    let mut view = source.view(next).await.unwrap();
    let rules = pack.rules.keys().cloned().collect();
    let mut found = pipeline::find(&pack, &mut view, next, &rules, Watch::default()).await.unwrap();
    pipeline::look_back(&pack, &mut view, next, &store, &mut found).await.unwrap();
    let ran = pipeline::commit(&pack, &found, &store, next, next).await.unwrap();
    assert_eq!(told(&ran), ["lost p2 contact"]);
    assert_eq!(send(&store, later).await, ["bob"]);
    assert_eq!(open_episodes(&courier, &store).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_channel_is_not_looked_for_again_without_those_who_were_not_planned() {
    let by_choice = ABSENT.replace("email(\"email\")", "contact()");
    let courier = Courier::new(&[("absent", &by_choice), ("lost", LOST)]);
    courier.write("rules/absent/sms.md", "---\nsubject: Hello\n---\nHello.\n");
    courier.write("rules/policy.toml", &format!("channels = [\"email\", \"sms\"]\n{POLICY}"));
    courier.customer("ana", "both@example.com");
    courier.customer("bob", "both@example.com");
    courier.customer("cy", "cy@example.com");
    courier.sql(
        "INSERT INTO visits VALUES ('ana', 2);
         UPDATE people SET phone = '+49 221 55512' WHERE id = 'ana';
         UPDATE people SET refusals = 'service' WHERE id = 'bob'",
    );
    // What bob refuses reaches nobody at the address that he shares with ana.
    courier.parcel("p1", "bob", "1998-04-20");
    let (pack, store) = (courier.pack(), courier.store().await);
    let plan = planned(&courier, &pack, &store, at(AT)).await;
    assert_eq!(plan.rows.len(), 1);
    courier.parcel("p2", "cy", "1998-04-20");
    let carried = now(carry_out(&courier, &pack, &store, plan, at(LATER)).await);
    assert_eq!(
        lines(&carried),
        ["absent ana contact", "lost p1 no_consent", "lost p2 not_planned"]
    );
    assert_eq!(carried.decided.outreaches[0].channel.0, "sms");
}

#[tokio::test]
async fn a_plan_is_one_of_the_pack_that_was_decided_with() {
    let courier = Courier::new(&[("absent", ABSENT)]);
    courier.customer("ana", "ana@example.com");
    courier.sql("INSERT INTO visits VALUES ('ana', 2)");
    let (pack, store) = (courier.pack(), courier.store().await);
    // Somebody saves other words while the data are read.
    courier.write("rules/absent/email.md", "---\nsubject: Surprise\n---\nDear you.\n");
    let plan = planned(&courier, &pack, &store, at(AT)).await;
    assert!(plan.is_of(&pack));
    let now = courier.pack();
    assert!(!plan.is_of(&now));
    assert_eq!(plan.changed(&now), ["absent/email.md"]);
    // Nor is it one of a pack of which nothing is known but that it is another one.
    let other = Plan { pack: "another".to_owned(), ..plan };
    assert!(!other.is_of(&pack));
}

#[tokio::test]
async fn every_row_of_a_plan_is_counted_once() {
    let reminding = LOST.replace("const PRIORITY", "const REPEAT = \"2d\";\n const PRIORITY");
    let with_last_word =
        format!("{reminding}\n fn resolved(customer, parcel) {{ email(\"task\"); }}\n");
    let courier = Courier::new(&[("lost", &with_last_word)]);
    for (customer, parcel) in [("ana", "p1"), ("bob", "p2"), ("cy", "p3")] {
        courier.customer(customer, &format!("{customer}@example.com"));
        courier.parcel(parcel, customer, "1998-04-20");
    }
    let (mut pack, store) = (courier.pack(), courier.store().await);
    courier.run(&store, "1998-05-04T09:00:00Z").await;
    assert_eq!(send(&store, "1998-05-04T09:00:00Z").await.len(), 3);
    // All reminders are held; p1 arrives, so its last word is planned.
    let hold = &mut pack.policy.hold;
    (hold.never, hold.rule, hold.share) = (1, 1, 1.0);
    let second = at("1998-05-06T09:00:00Z");
    let found = courier.find(&pack, second).await;
    let ran = pipeline::commit(&pack, &found, &store, second, second).await.unwrap();
    assert_eq!(ran.report.totals.held, 3);
    courier.arrives("p1", "1998-05-07 08:00:00");
    let plan = planned(&courier, &pack, &store, at(AT)).await;
    let last_words: Vec<bool> = plan.rows.iter().map(|row| row.last_word).collect();
    assert_eq!(last_words, [true, false, false]);
    // It had not arrived after all, so its reminder is still held.
    courier.sql("UPDATE parcels SET arrived_at = NULL");
    let carried = now(carry_out(&courier, &pack, &store, plan, at(LATER)).await);
    assert_eq!(
        lines(&carried),
        ["lost p1 held", "lost p2 held", "lost p3 held", "left out: lost p1 true_again"]
    );
    let Became { done, put_off, held, left_out } = &carried.became;
    assert_eq!((*done, put_off.len(), *held, left_out.len()), (0, 0, 2, 1));
}

#[tokio::test]
async fn nothing_of_a_plan_leaves_later_than_it_was_worth_when_it_was_planned() {
    let short = ABSENT.replace("const PRIORITY", "const EXPIRES = \"12h\";\n const PRIORITY");
    let courier = Courier::new(&[("absent", &short)]);
    courier.customer("ana", "ana@example.com");
    courier.customer("bob", "bob@example.com");
    courier.sql(
        "INSERT INTO visits VALUES ('ana', 2), ('bob', 2);
         UPDATE people SET timezone = 'Europe/Lisbon' WHERE id = 'bob'",
    );
    let (pack, store) = (courier.pack(), courier.store().await);
    // Where ana is, it is half past seven in the evening, in UTC; where bob is, it is an hour later.
    let plan = planned(&courier, &pack, &store, at("1998-05-07T19:30:00Z")).await;
    assert_eq!(plan.rows.len(), 2);
    let ana = plan.rows[0].clone();
    assert_eq!((ana.outcome, ana.expires_at), (Outcome::Contact, at("1998-05-08T07:30:00Z")));
    let carried = now(carry_out(&courier, &pack, &store, plan, at("1998-05-07T20:30:00Z")).await);
    assert_eq!(
        lines(&carried),
        ["absent ana not_planned", "absent bob deferred", "left out: absent ana too_late"]
    );
    assert_eq!(carried.became.put_off, [at("1998-05-08T07:00:00Z")]);
    let outreach = &carried.decided.outreaches[0];
    assert_eq!(outreach.not_before, at("1998-05-08T07:00:00Z"));
    assert_eq!(outreach.expires_at, at("1998-05-08T07:30:00Z"), "as it was planned");
}

#[tokio::test]
async fn what_waited_and_has_left_is_not_said_to_be_unasked() {
    let daily =
        ABSENT.replace("const PRIORITY", "const SCHEDULE = \"0 21 * * *\";\n const PRIORITY");
    let courier = Courier::new(&[("absent", &daily)]);
    courier.customer("ana", "ana@example.com");
    courier.sql("INSERT INTO visits VALUES ('ana', 2)");
    let (pack, store) = (courier.pack(), courier.store().await);
    courier.run(&store, "1998-05-06T21:00:00Z").await;
    // At seven the rule is not due, and its message waits for eight.
    let seven = at("1998-05-07T07:00:00Z");
    let found = courier.find_some(&pack, seven, &BTreeSet::new()).await;
    let considered = pipeline::consider(&pack, &found, Some(&store), seven).await.unwrap();
    let plan = Plan::of(&pack, &found, &considered, seven, "the courier".to_owned(), None);
    assert_eq!((plan.rules.len(), plan.rows.len()), (0, 1));
    assert_eq!(send(&store, "1998-05-07T08:00:00Z").await, ["ana"]);
    let carried = now(carry_out(&courier, &pack, &store, plan, at("1998-05-07T08:10:00Z")).await);
    assert_eq!(lines(&carried), ["left out: absent ana not_waiting"]);
}
