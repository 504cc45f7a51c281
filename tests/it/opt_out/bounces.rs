//! Delivery reports and complaints: what each kind does to the outreach and to who may be written
//! to, whose reports are believed, and how a mailbox is read.

use rstest::rstest;

use super::*;

const POSTFIX: &str = include_str!("reports/postfix.eml");
const EXIM: &str = include_str!("reports/exim.eml");
const EXCHANGE: &str = include_str!("reports/exchange.eml");
const DELAYED: &str = include_str!("reports/delayed.eml");
const DELIVERED: &str = include_str!("reports/delivered.eml");
const COMPLAINT: &str = include_str!("reports/complaint.eml");
const VACATION: &str = include_str!("reports/vacation.eml");

/// A club whose one message, about service to Ana, is in a state; and the message's key.
async fn club(on: On, state: &str) -> (Club, OutreachKey) {
    let club = Club::new(on).await;
    club.member("ANA", "Ana@example.com", "en", "service");
    assert_eq!(club.run(4), ["service-news ANA contact"]);
    club.execute(&format!("UPDATE outreaches SET state = '{state}'")).await;
    let key = club.outreach("service-news", "ANA");
    (club, key)
}

fn report(sample: &str, key: &OutreachKey) -> String {
    sample.replace("{KEY}", key.as_str()).replace("{TO}", "ana@example.com")
}

impl Club {
    /// What `lookout bounces` makes of a message that is piped in.
    fn pipe(&self, message: &str) -> Value {
        let ran = self.piped(message);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
        ran.json()
    }

    fn piped(&self, message: &str) -> Ran {
        let mut command = self.command();
        program::ran(command.args(["bounces", "-", "--format", "json"]).write_stdin(message))
    }

    /// The state of the one outreach, how it ended and what went wrong.
    fn fate(&self) -> [String; 3] {
        let row = self.outbox().remove(0);
        ["state", "detail", "last_error"].map(|name| row[name].as_str().unwrap_or("-").to_owned())
    }
}

/// What is not 0 in a summary.
fn counts(summary: &Value) -> Vec<String> {
    let fields = summary.as_object().unwrap().iter();
    let fields = fields.filter(|(name, count)| *name != "schema_version" && **count != 0);
    fields.map(|(name, count)| format!("{count} {name}")).collect()
}

const SAYS: &str = "a delivery report says:";
const DEAD: &str = "* mailto:ana@example.com * bounce";

#[rstest]
#[tokio::test]
async fn a_dead_address_is_suppressed_and_the_message_failed(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[values("sent", "uncertain", "transmitting")] state: &str,
) {
    let (club, key) = club(on, state).await;
    let bounce = report(POSTFIX, &key);
    assert_eq!(counts(&club.pipe(&bounce)), ["1 failed", "1 messages", "1 suppressed"]);
    let [state, _, error] = club.fate();
    assert_eq!(state, "failed");
    assert!(error.starts_with(&format!("{SAYS} 550 5.1.1 (address) Recipient")), "{error}");
    assert_eq!(club.suppressions(), [DEAD]);
    // The same again changes nothing, and neither does a later word that it arrived.
    let before = club.outbox();
    assert_eq!(counts(&club.pipe(&bounce)), ["1 failed", "1 known", "1 messages"]);
    let arrived = report(DELIVERED, &key);
    assert_eq!(counts(&club.pipe(&arrived)), ["1 delivered", "1 known", "1 messages"]);
    assert_eq!((club.outbox(), club.suppressions()), (before, vec![DEAD.to_owned()]));
    // Not even what is necessary goes there any more.
    club.sql("UPDATE members SET told = ''");
    club.run(5);
    club.sql("UPDATE members SET told = 'security service'");
    assert_eq!(club.dry_run(6), ["security-news ANA suppressed", "service-news ANA suppressed"]);
}

#[tokio::test]
async fn every_server_has_its_own_way_of_saying_it() {
    let (club, key) = club(On::Sqlite, "sent").await;
    // The status says nothing but that it failed; the next server did not say that nobody is there.
    assert_eq!(counts(&club.pipe(&report(EXIM, &key))), ["1 failed", "1 messages"]);
    let [state, _, error] = club.fate();
    assert_eq!(state, "failed");
    assert!(error.starts_with(&format!("{SAYS} 550 5.2.1 The user")), "{error}");
    assert!(club.suppressions().is_empty());

    let known = ["1 failed", "1 messages", "1 suppressed"];
    assert_eq!(counts(&club.pipe(&report(EXCHANGE, &key))), known);
    assert_eq!(club.suppressions(), [DEAD]);
}

#[rstest]
#[tokio::test]
async fn a_delay_is_noted_and_an_arrival_settles_what_nobody_knew(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let (club, key) = club(on, "uncertain").await;
    assert_eq!(counts(&club.pipe(&report(DELAYED, &key))), ["1 delayed", "1 messages"]);
    let [state, _, error] = club.fate();
    assert_eq!(state, "uncertain");
    assert_eq!(
        error,
        format!("{SAYS} connect to mx.example.com[192.0.2.25]:25: Connection timed out")
    );
    let again = club.pipe(&report(DELAYED, &key));
    assert_eq!(counts(&again), ["1 delayed", "1 known", "1 messages"]);

    assert_eq!(counts(&club.pipe(&report(DELIVERED, &key))), ["1 delivered", "1 messages"]);
    let [state, detail, _] = club.fate();
    assert_eq!((state.as_str(), detail), ("sent", format!("{SAYS} delivered")));
    assert!(club.suppressions().is_empty());
}

#[rstest]
#[tokio::test]
async fn who_complains_hears_only_what_is_necessary(#[values(On::Sqlite, On::Postgres)] on: On) {
    let (club, key) = club(on, "uncertain").await;
    let complaint = report(COMPLAINT, &key);
    assert_eq!(counts(&club.pipe(&complaint)), ["1 complaints", "1 messages", "1 suppressed"]);
    assert_eq!(counts(&club.pipe(&complaint)), ["1 complaints", "1 known", "1 messages"]);
    assert_eq!(club.fate()[0], "sent");
    let everything = ["ANA mailto:ana@example.com * refused", "ANA tel:+492215553 * refused"];
    assert_eq!(club.suppressions(), everything);
    club.sql("UPDATE members SET told = ''");
    club.run(5);
    club.sql("UPDATE members SET told = 'offers security service'");
    let told =
        ["offers-news ANA suppressed", "security-news ANA contact", "service-news ANA suppressed"];
    assert_eq!(club.dry_run(6), told);
}

#[tokio::test]
async fn a_complaint_may_leave_the_address_out_and_what_is_no_complaint_is_none() {
    let (club, key) = club(On::Sqlite, "sent").await;
    for kind in ["not-spam", "auth-failure"] {
        let other = report(COMPLAINT, &key)
            .replace("Feedback-Type: abuse", &format!("Feedback-Type: {kind}"));
        assert_eq!(counts(&club.pipe(&other)), ["1 messages", "1 not_understood"], "{kind}");
    }
    assert!(club.suppressions().is_empty());
    let silent = report(COMPLAINT, &key).replace("Original-Rcpt-To: <ana@example.com>\n", "");
    assert_eq!(counts(&club.pipe(&silent)), ["1 complaints", "1 messages", "1 suppressed"]);
}

#[rstest]
#[tokio::test]
async fn a_forged_report_changes_nothing(#[values(On::Sqlite, On::Postgres)] on: On) {
    let (club, key) = club(on, "uncertain").await;
    let before = club.outbox();
    let stranger = OutreachKey::from("0".repeat(32));
    for sample in [POSTFIX, EXIM, EXCHANGE, DELAYED, DELIVERED, COMPLAINT] {
        let of_nobody = report(sample, &stranger);
        let of_others = report(sample, &key).replace("ana@example.com", "eve@example.com");
        for forged in [of_nobody, of_others] {
            assert_eq!(counts(&club.pipe(&forged)), ["1 messages", "1 not_understood"], "{forged}");
        }
    }
    // Where a report names no message, nothing can be believed of it.
    let nameless = report(POSTFIX, &key).replace(key.as_str(), "");
    assert_eq!(counts(&club.pipe(&nameless)), ["1 messages", "1 not_understood"]);
    for none in ["", "\0\u{1}\r\n\r\n", "Subject: Hello\n\nI have a question.\n"] {
        assert_eq!(counts(&club.pipe(none)), ["1 messages", "1 not_understood"], "{none:?}");
    }
    assert_eq!(counts(&club.pipe(&report(VACATION, &key))), ["1 automatic", "1 messages"]);
    assert_eq!(club.outbox(), before);
    assert!(club.suppressions().is_empty());
}

#[tokio::test]
async fn a_report_that_lost_its_way_back_names_the_message_by_its_id() {
    let (club, key) = club(On::Sqlite, "sent").await;
    let lost = report(POSTFIX, &key).replace("bounces+", "bounces-");
    assert_eq!(counts(&club.pipe(&lost)), ["1 failed", "1 messages", "1 suppressed"]);
    assert_eq!(club.fate()[0], "failed");
}

#[rstest]
#[case::ready("ready")]
#[case::retry("retry")]
#[case::withdrawn("withdrawn")]
#[tokio::test]
async fn what_has_not_left_can_not_have_come_back(#[case] state: &str) {
    let (club, key) = club(On::Sqlite, state).await;
    let before = club.outbox();
    let told = counts(&club.pipe(&report(EXIM, &key)));
    assert_eq!(told, ["1 failed", "1 known", "1 messages"]);
    assert_eq!(club.outbox(), before);
}

#[tokio::test]
async fn a_folder_is_read_once_and_a_person_gets_the_rest() {
    let (club, key) = club(On::Sqlite, "sent").await;
    club.write("reports/1.eml", &report(POSTFIX, &key));
    club.write("reports/2.eml", &report(VACATION, &key));
    club.write("reports/3.eml", "Subject: Hello\n\nI have a question.\n");
    let read = club.lookout("bounces reports");
    assert_eq!(read.code, 0, "{}", read.err);
    insta::assert_snapshot!("a_folder", format!("{}{}", read.out, read.err));
    let files: Vec<_> = program::files(&club.path().join("reports")).into_keys().collect();
    assert_eq!(files, ["not-understood/3.eml", "seen/1.eml", "seen/2.eml"]);
    assert_eq!(club.lookout("bounces reports").fine(), "No reports.\n");

    club.write("Maildir/new/1.mail", &report(POSTFIX, &key));
    fs::create_dir_all(club.path().join("Maildir/cur")).unwrap();
    let known = "1 message: 1 failed; 1 known already.\n";
    assert_eq!(club.lookout("bounces Maildir").fine(), known);
    let one = club.path().join("Maildir/seen/1.mail");
    assert_eq!(club.lookout(&format!("bounces {}", one.display())).fine(), known);

    let absent = club.lookout("bounces nowhere");
    assert_eq!(absent.code, 2);
    assert!(absent.err.contains("nowhere can't be read"), "{}", absent.err);
}

#[tokio::test]
async fn a_mail_server_keeps_what_could_not_be_taken_in() {
    let (club, key) = club(On::Sqlite, "sent").await;
    let bounce = report(POSTFIX, &key);
    let hold = club.hold().await;
    let away = club.piped(&bounce);
    assert_eq!((away.code, away.out.as_str()), (75, ""));
    assert!(away.err.contains("stayed locked"), "{}", away.err);
    hold.end().await;
    club.write("lookout.toml", "nonsense = 1\n");
    assert_eq!(club.piped(&bounce).code, 75);
    club.write("lookout.toml", CONFIGURATION);
    assert_eq!(counts(&club.pipe(&bounce)), ["1 failed", "1 messages", "1 suppressed"]);
}

#[rstest]
#[tokio::test]
async fn a_worker_that_is_late_does_not_undo_a_report(#[values(On::Sqlite, On::Postgres)] on: On) {
    use lookout::store::{ClaimQuery, Settled, Settlement};

    let (club, key) = club(on, "sent").await;
    let wall = lookout::domain::parse_instant("2026-01-05T08:00:00Z").unwrap();
    club.execute("UPDATE outreaches SET state = 'ready', ahead = 0, next_attempt_at = 0, last_attempt_at = 9000000000000000").await;
    let store = Store::open(&club.state).await.unwrap();
    let query = ClaimQuery {
        wall,
        lease: chrono::TimeDelta::minutes(1),
        limit: 1,
        channels: &["email".to_owned()],
        near_only: &[],
    };
    let claimed = store.claim(&query).await.unwrap().remove(0);
    assert!(begins(&store, &claimed, wall).await);
    assert_eq!(counts(&club.pipe(&report(EXIM, &key))), ["1 failed", "1 messages"]);
    let settlement = Settlement::Sent { detail: "250 OK".to_owned() };
    let late = Settled { claim: claimed.claim, settlement, dead: None, blocked: None };
    let turn = store.turn(&[late], &[], &|_, _| None, wall).await.unwrap();
    assert_eq!(turn.settled, [false]);
    assert_eq!(club.fate()[0], "failed");
}
