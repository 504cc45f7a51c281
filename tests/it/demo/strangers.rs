//! A pack and a schema that share no name with the demo: a company that rents out bicycles, with
//! numbers for ids, rows of its own, one word for SMS and another database.

use std::fs;
use std::path::Path;

use serde_json::Value;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::postgres;
use crate::support::program::{Ran, lookout, ran};

/// Monday morning in Lisbon.
const INSTANT: &str = "2024-06-03T08:30:00Z";

const SCHEMA: &str = "
    CREATE TABLE riders (no INTEGER PRIMARY KEY, nick VARCHAR(40), mobile VARCHAR(20),
                         speaks VARCHAR(8), said_yes VARCHAR(80), tier VARCHAR(10));
    INSERT INTO riders VALUES
        (1, 'Inês', '+351 910 000 001', 'pt-PT', NULL, 'day'),
        (2, 'Tomás', '+351 910 000 002', 'pt-PT', NULL, 'year'),
        (3, 'Maud', '+33 6 00 00 00 03', 'fr', 'news', 'day'),
        (10, 'Walt', NULL, 'en', 'news', 'year'),
        (11, 'Ines''s sister', '+351 910 000 001', 'pt', NULL, 'day');
    CREATE TABLE rentals (code INTEGER PRIMARY KEY, rider INTEGER, bike VARCHAR(20),
                          due TIMESTAMP, back TIMESTAMP, lock_state VARCHAR(10));
    INSERT INTO rentals VALUES
        (501, 1, 'Red 7', '2024-06-03 05:00:00', NULL, 'open'),
        (502, 1, 'Red 8', '2024-06-03 06:00:00', NULL, 'open'),
        (503, 2, 'Blue 1', '2024-06-03 08:15:00', NULL, 'open'),
        (504, 3, 'Blue 2', '2024-06-02 20:00:00', '2024-06-03 09:00:00', 'open'),
        (505, 10, 'Blue 3', '2024-06-02 20:00:00', NULL, 'open'),
        (506, 11, 'Red 9', '2024-06-03 05:00:00', NULL, 'open'),
        (507, 2, 'Cargo', '2024-06-01 12:00:00', '2024-06-01 11:00:00', 'shut'),
        (508, 3, 'Cargo', '2024-06-01 12:00:00', NULL, 'shut'),
        (509, 99, 'Ghost', '2024-06-01 12:00:00', NULL, 'open');
    CREATE TABLE trips (rider INTEGER, km DOUBLE PRECISION, day DATE);
    INSERT INTO trips VALUES (3, 12.5, '2024-05-30'), (3, 90.0, '2024-06-02'), (10, 140.25, '2024-06-01'),
        (2, 3.5, '2024-06-01');";

const PACK: &[(&str, &str)] = &[
    (
        "policy.toml",
        "timezone = \"Europe/Lisbon\"\nchannels = [\"whistle\"]\n\
         [topics.rides]\nconsent = \"opt-out\"\n[topics.news]\nconsent = \"opt-in\"\n\
         mute_when = \"customer.legs.km > 120.0\"\n[[cap]]\ncontacts = 2\nper = \"7d\"\n",
    ),
    (
        "signals/customers.sql",
        "SELECT no AS customer_id, nick AS name, mobile AS phone, mobile AS whistle, speaks AS locale, \
         said_yes AS consents, tier FROM riders WHERE :as_of > '2000-01-01'",
    ),
    (
        "signals/bikes_out.sql",
        "-- Bicycles that are out.\n-- key: code\n\
         SELECT rider AS customer_id, code, bike, due, lock_state FROM rentals \
         WHERE due <= :as_of AND (back IS NULL OR back > :as_of);",
    ),
    (
        "signals/legs.sql",
        "-- default: km = 0.0\nSELECT rider AS customer_id, SUM(km) AS km FROM trips \
         WHERE day <= :as_of GROUP BY rider",
    ),
    (
        "late-bike/rule.rhai",
        "//! Remind riders of a bicycle that is late.\n\
         const ABOUT = \"bikes_out\";\nconst TOPIC = \"rides\";\nconst PRIORITY = 70;\n\
         const GRACE = 1;\nconst EXPIRES = \"6h\";\n\
         fn when(customer, hire) { hire.lock_state == \"open\" && hours_since(hire.due) > GRACE }\n\
         fn then(customer, hire) { send(\"whistle\", \"ping\", #{ desk: \"Rossio\" }); }\n",
    ),
    (
        "late-bike/ping.md",
        "---\nsubject: Your bike\n---\n{{ customer.name }}, **{{ hire.bike }}** is late\
         {% for other in also %}, and so is {{ other.hire.bike }}{% endfor %}. Desk: {{ desk }}.\n",
    ),
    (
        "late-bike/ping.pt.md",
        "---\nsubject: A tua bicicleta\n---\n{{ customer.name }}, **{{ hire.bike }}** está atrasada\
         {% for other in also %}, e {{ other.hire.bike }} também{% endfor %}. Loja: {{ desk }}.\n",
    ),
    (
        "late-bike/cases.toml",
        "[base]\ncustomer = { customer_id = 1, name = \"Inês\", phone = \"+351 910 000 001\", whistle = \"+351 910 000 001\" }\n\
         hire = { code = 501, bike = \"Red 7\", due = \"2024-06-03T05:00:00Z\", lock_state = \"open\" }\n\
         [[case]]\nname = \"three hours\"\nas_of = \"2024-06-03T08:30:00Z\"\n\
         expect = { whistle = \"ping\", subject_contains = \"Your bike\" }\n\
         [[case]]\nname = \"half an hour\"\nas_of = \"2024-06-03T05:30:00Z\"\n\
         expect = { no_match = true }\n",
    ),
    (
        "long-legs/rule.rhai",
        "//! Cheer for those who ride far.\nconst TOPIC = \"news\";\nconst PRIORITY = 10;\n\
         const AWAY = 100.0;\nfn when(customer) { customer.legs.km >= AWAY }\n\
         fn then(customer) { contact(); if customer.tier == \"year\" { task(\"cake\", #{ assign: \"kitchen\", due: \"1d\" }); } }\n",
    ),
    (
        "long-legs/whistle.md",
        "---\nsubject: Bravo\n---\n{{ customer.legs.km }} km, {{ customer.name }}!\n",
    ),
    (
        "long-legs/cake.md",
        "---\nsubject: A cake for {{ customer.name }}\n---\nThey rode {{ customer.legs.km }} km.\n",
    ),
    (
        "long-legs/cases.toml",
        "[[case]]\nname = \"far\"\nas_of = \"2024-06-03T08:30:00Z\"\n\
         customer = { customer_id = 3, whistle = \"+33 6 00 00 00 03\", consents = \"news\", tier = \"day\", legs = { km = 102.5 } }\n\
         expect = { whistle = \"whistle\" }\n",
    ),
];

fn pack() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in PACK {
        let file = folder.path().join("playbook").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

fn command(folder: &Path, line: &str, source: &str, state: &str, service: &str) -> Ran {
    let mut command = lookout(folder);
    command.args(["--rules", "playbook", "--source", source, "--state", state]);
    command.args(["--format", "json"]).args(line.split(' '));
    if !["test", "tasks"].contains(&line) {
        command.args(["--as-of", INSTANT]);
    }
    ran(command.env("LOOKOUT_CHANNELS__WHISTLE__URL", service))
}

/// `rule customer subject channel outcome reason`
fn decisions(report: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let fields = ["rule", "customer_id", "subject", "channel", "outcome", "reason"];
    let told = |d: &Value| fields.map(|field| word(&d[field])).join(" ");
    report["decisions"].as_array().unwrap().iter().map(told).collect()
}

const EXPECTED: [&str; 8] = [
    "late-bike 1 501 whistle contact -",
    "late-bike 1 502 whistle contact -",
    "late-bike 10 505 whistle refused no_address",
    "late-bike 11 506 whistle contact -",
    "late-bike 3 504 whistle contact -",
    "long-legs 10 10 task task -",
    "long-legs 10 10 whistle refused no_address",
    "long-legs 3 3 whistle refused outranked",
];

async fn the_whole_way(folder: &Path, source: &str, state: &str) -> String {
    let service = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&service).await;
    let lookout = |line: &str| command(folder, line, source, state, &service.uri());

    let dry = lookout("dry-run").fine();
    let report: Value = serde_json::from_str(&dry).unwrap();
    assert_eq!(decisions(&report), EXPECTED, "{source}");
    assert_eq!(report["totals"]["orphans"], 1, "a bicycle of nobody");
    assert_eq!(report["totals"]["outreaches"], 3, "two phones, four bicycles; and a cake");
    let checked: Value = serde_json::from_str(&lookout("check").fine()).unwrap();
    assert_eq!(checked["problems"], serde_json::json!([]), "{source}");

    assert_eq!(lookout("run").fine(), dry, "a dry run is what a run does");
    let requests = service.received_requests().await.unwrap();
    let bodies = requests.iter().map(|r| serde_json::from_slice(&r.body).unwrap());
    let mut texts: Vec<_> = bodies
        .map(|b: Value| format!("{} {}", b["to"].as_str().unwrap(), b["text"].as_str().unwrap()))
        .collect();
    texts.sort_unstable();
    assert_eq!(
        texts.iter().map(|text| text.trim_end()).collect::<Vec<_>>(),
        [
            "+33 6 00 00 00 03 Maud, Blue 2 is late. Desk: Rossio.\n\
             To stop messages on this topic, just reply to this one and say so.",
            "+351 910 000 001 Inês, Red 7 está atrasada, e Red 8 também, e Red 9 também. Loja: Rossio.\n\
             Para não receber mais mensagens sobre este assunto, basta responder a esta mensagem.",
        ],
        "one message to one telephone, whoever shares it"
    );
    let tasks: Value = serde_json::from_str(&lookout("tasks").fine()).unwrap();
    assert_eq!(tasks["tasks"][0]["title"], "A cake for Walt");
    assert_eq!(tasks["tasks"][0]["body"].as_str().unwrap().trim(), "They rode 140.25 km.");

    // The same instant again, and the next hour: nobody hears twice.
    assert_eq!(lookout("run").fine(), dry);
    assert_eq!(service.received_requests().await.unwrap().len(), 2);
    let explained: Value = serde_json::from_str(&lookout("explain 10").fine()).unwrap();
    assert_eq!(explained["customer_id"], "10");
    let subjects = explained["subjects"].as_array().unwrap();
    let seen: Vec<_> = subjects
        .iter()
        .map(|s| format!("{} {} {}", s["rule"], s["subject"], s["matched"]))
        .collect();
    assert_eq!(seen, [r#""late-bike" "505" true"#, r#""long-legs" "10" true"#]);
    let tested: Value = serde_json::from_str(&lookout("test").fine()).unwrap();
    assert_eq!((tested["cases"].as_array().unwrap().len(), &tested["failed"]), (3, &0.into()));
    dry
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_and_schema_never_seen_before_work_unchanged() {
    let folder = pack();
    rusqlite::Connection::open(folder.path().join("bikes.db"))
        .unwrap()
        .execute_batch(SCHEMA)
        .unwrap();
    let server = postgres::database().await;
    postgres::execute(&server, SCHEMA).await;
    let on_sqlite = the_whole_way(folder.path(), "sqlite:bikes.db", "sqlite:own.db").await;
    // The company's data and Lookout's own tables may share a database.
    let on_postgres = the_whole_way(folder.path(), &server, &server).await;
    assert_eq!(on_postgres, on_sqlite);

    for (source, mask, file) in [
        ("sqlite:bikes.db", "", "a.snap"),
        ("sqlite:bikes.db", " --unmasked", "b.snap"),
        (&server, "", "c.snap"),
        (&server, " --unmasked", "d.snap"),
    ] {
        let save = format!("snapshot save {file}{mask}");
        command(folder.path(), &save, source, "sqlite:none.db", "file:x").fine();
        let seen = format!("snapshot:{file}");
        let dry = command(folder.path(), "dry-run", &seen, "sqlite:none.db", "file:x").fine();
        assert_eq!(dry, on_sqlite, "{source}{mask}");
    }
}
