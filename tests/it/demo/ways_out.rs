//! The other ways out: an SMS provider over HTTP, calls and tasks for colleagues, and an instant
//! that is not now.

use std::path::Path;

use lookout::config::{Config, Environment, Overrides};
use lookout::domain::OutreachState;
use lookout::store::{OutboxQuery, Store};
use lookout::worker::{Halt, SecondLook, Worker};
use lookout::{app, deliver::Channels};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::unpacked;
use crate::support::program::{Ran, lookout, ran, run};

const RUN: &str = "run --as-of 1998-05-07T09:00:00Z --format json";

fn with_sms(folder: &Path, line: &str, url: &str) -> Ran {
    ran(lookout(folder).args(line.split(' ')).env("LOOKOUT_CHANNELS__SMS__URL", url))
}

fn json(folder: &Path, line: &str) -> Value {
    serde_json::from_str(&run(folder, line).fine()).unwrap()
}

/// Writes the demo's configuration anew, with another address for SMS.
fn configure_sms(folder: &Path, url: &str) {
    let file = folder.join("lookout.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("file:sms", url)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_message_that_fails_for_now_goes_out_later_under_the_same_key() {
    let demo = unpacked();
    let service = MockServer::start().await;
    let busy = ResponseTemplate::new(503);
    Mock::given(method("POST")).respond_with(busy).up_to_n_times(1).mount(&service).await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(202)).mount(&service).await;
    configure_sms(demo.path(), &service.uri());

    let first = run(demo.path(), RUN);
    assert_eq!(first.code, 4, "{}", first.err);
    let error = "the service answered 503 Service Unavailable";
    assert_eq!(first.err.trim(), format!("failed-logins FRANK on sms: retry ({error})"));
    let outbox = json(demo.path(), "outbox --only retry --format json");
    assert_eq!(outbox["states"]["retry"], 1);
    let row = &outbox["outreaches"][0];
    assert_eq!((row["state"].as_str(), row["attempts"].as_u64()), (Some("retry"), Some(1)));
    assert_eq!(row["last_error"], error);

    // Not before its time …
    let told = run(demo.path(), "deliver").fine();
    let later = "6 wait for their time, the first for 7 May 13:00.\n";
    assert_eq!(told, format!("Nothing was due to leave.\n{later}"));
    assert_eq!(service.received_requests().await.unwrap().len(), 1);
    // … and then on a clock that shows it.
    deliver_when_due(demo.path()).await;
    let requests = service.received_requests().await.unwrap();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].headers["webhook-id"], requests[1].headers["webhook-id"]);
    assert_eq!(requests[0].headers["webhook-id"], row["key"].as_str().unwrap());
    let body: Value = serde_json::from_slice(&requests[1].body).unwrap();
    assert_eq!(
        (body["rule"].as_str(), body["customer_id"].as_str()),
        (Some("failed-logins"), Some("FRANK"))
    );
    let words = body["text"].as_str().unwrap();
    assert!(words.starts_with("Northwind Traders: Ihr Konto wurde nach 5 fehlge"), "{words}");
    assert!(body["to"].as_str().unwrap().ends_with("0877310"), "{body}");
    assert_eq!(json(demo.path(), "outbox --format json")["states"]["retry"], 0);
}

/// Delivers at the wall time at which the outreach that failed is tried again.
async fn deliver_when_due(folder: &Path) {
    let file = folder.join("lookout.toml");
    let config = Config::of(Some(&file), &Environment::default(), &Overrides::default()).unwrap();
    let pack = app::pack(&config).unwrap();
    let store = Store::open(config.state.as_deref().unwrap()).await.unwrap();
    let channels = Channels::open(&config.channels).unwrap();
    let query = OutboxQuery { state: Some(OutreachState::Retry), limit: 9 };
    let at = store.outbox(&query).await.unwrap().outreaches[0].next_attempt_at;
    let wall = move || at;
    let worker = Worker {
        pack: &pack,
        store: &store,
        second_look: SecondLook::In(None),
        channels: &channels,
        wall: &wall,
        allow_time_travel: false,
        progress: None,
        halt: &Halt::default(),
        follow: false,
    };
    let delivered = worker.deliver().await.unwrap();
    assert_eq!(delivered.states, [(OutreachState::Sent, 1)].into());
}

#[test]
fn calls_and_tasks_become_work_for_colleagues_that_somebody_finishes() {
    let demo = unpacked();
    run(demo.path(), RUN).fine();
    let tasks = json(demo.path(), "tasks --format json");
    let tasks = tasks["tasks"].as_array().unwrap();
    let told: Vec<_> = tasks
        .iter()
        .map(|t| ["rule", "customer_id", "subject", "assign"].map(|f| t[f].as_str().unwrap()))
        .collect();
    let owner = "margaret.peacock@example.com";
    assert_eq!(tasks.len(), 7);
    assert!(told.contains(&["stalled-order", "ERNSH", "11008", owner]), "a call: {told:?}");
    let security = ["failed-logins", "QUICK", "QUICK", "security@example.com"];
    assert!(told.contains(&security), "a task: {told:?}");
    assert!(
        told.iter().all(|t| t[1] != "MEREP"),
        "a call that waits for a decent hour is no task yet"
    );
    let ready = json(demo.path(), "outbox --only ready --format json");
    let waiting = ready["outreaches"].as_array().unwrap();
    assert!(
        waiting
            .iter()
            .any(|o| o["subjects"][0]["customer_id"] == "MEREP" && o["channel"] == "phone")
    );
    let call = tasks.iter().find(|t| t["customer_id"] == "ERNSH").unwrap();
    assert_eq!(call["title"], "Call Ernst Handel about order 11008");
    assert_eq!(call["due_at"], "1998-05-07T13:00:00Z");
    assert!(call["body"].as_str().unwrap().starts_with("Roland Mendel, 7675-3425\n"), "{call}");

    let id = call["id"].as_i64().unwrap();
    let done = run(demo.path(), &format!("tasks --done {id}")).fine();
    assert_eq!(done, format!("Task {id} is done.\n"));
    let open = json(demo.path(), "tasks --format json");
    assert_eq!(open["tasks"].as_array().unwrap().len(), 6);
    assert!(open["tasks"].as_array().unwrap().iter().all(|t| t["id"] != id));
    let all = json(demo.path(), "tasks --all --format json");
    let finished: Vec<_> =
        all["tasks"].as_array().unwrap().iter().filter(|t| t["done_at"].is_string()).collect();
    assert_eq!((finished.len(), &finished[0]["id"]), (1, &json!(id)));
    let twice = run(demo.path(), &format!("tasks --done {id}"));
    assert_eq!((twice.code, twice.out.as_str()), (2, ""));
}

/// What is not loopback, and yet reaches a server on this machine.
fn not_loopback(service: &MockServer) -> String {
    format!("http://0.0.0.0:{}", service.address().port())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_real_hears_of_an_instant_that_is_not_now() {
    let demo = unpacked();
    let service = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(202)).mount(&service).await;
    let url = not_loopback(&service);

    let far = with_sms(demo.path(), RUN, &url);
    assert_eq!(far.code, 0);
    assert_eq!(far.json()["totals"]["contact"], 21);
    assert!(far.err.starts_with("1 outreach stayed in the outbox: "), "{}", far.err);
    assert!(far.err.contains("--allow-time-travel"), "{}", far.err);
    assert_eq!(service.received_requests().await.unwrap().len(), 0);
    let ready = json(demo.path(), "outbox --only ready --format json");
    let waiting = ready["outreaches"].as_array().unwrap();
    let sms = waiting.iter().filter(|o| o["channel"] == "sms").collect::<Vec<_>>();
    assert_eq!((sms.len(), &sms[0]["attempts"]), (1, &json!(0)));
    assert_eq!(
        json(demo.path(), "outbox --format json")["states"]["sent"],
        23,
        "the rest is local"
    );

    let still = with_sms(demo.path(), "deliver", &url);
    let later = "6 wait for their time, the first for 7 May 13:00.\n";
    assert_eq!((still.code, still.out), (0, format!("Nothing has left.\n{later}")));
    assert!(still.err.contains("1 outreach stayed in the outbox"), "{}", still.err);
    assert_eq!(service.received_requests().await.unwrap().len(), 0);

    let meant = with_sms(demo.path(), "deliver --allow-time-travel", &url);
    let sent = format!("Delivery: 1 sent.\n{later}");
    assert_eq!((meant.code, meant.out, meant.err), (0, sent, String::new()));
    assert_eq!(service.received_requests().await.unwrap().len(), 1);
}

#[test]
fn nobody_real_is_mailed_of_an_instant_that_is_not_now() {
    let demo = unpacked();
    let line: Vec<_> = RUN.split(' ').collect();
    let mut command = lookout(demo.path());
    command.args(line).env("LOOKOUT_CHANNELS__EMAIL__URL", "smtp://mail.example.invalid");
    let far = ran(&mut command);
    assert_eq!(far.code, 0, "a server that does not exist was not even looked for");
    assert!(far.err.starts_with("16 outreaches stayed in the outbox: "), "{}", far.err);
    let ready = json(demo.path(), "outbox --only ready --format json");
    let mails = ready["outreaches"].as_array().unwrap().iter().filter(|o| o["channel"] == "email");
    let attempts: Vec<_> = mails.map(|o| o["attempts"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [0; 21], "the 5 that wait for a decent hour, too");
}
