//! Keeping messages back and letting them go: pauses, the file STOP, and one outreach by its key.

use std::fs;

use super::{INSTANT, demo};
use crate::support::program::{Ran, run};

/// A run of the demo's instant.
fn ran(folder: &std::path::Path) -> Ran {
    run(folder, &format!("run --as-of {INSTANT}"))
}

#[test]
fn what_is_paused_stays_and_goes_on() {
    let demo = demo();
    let demo = demo.path();
    assert_eq!(run(demo, "pause --list").fine(), "Nothing is paused.\n");
    let said = run(demo, "pause stalled-order --because rewording").fine();
    assert!(said.starts_with("The rule stalled-order stays in the outbox"), "{said}");
    let unknown = run(demo, "pause stalled-ordr");
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("did you mean `stalled-order`?"), "{}", unknown.err);

    assert_eq!(
        ran(demo).err,
        "3 outreaches stayed in the outbox.\nThe rule stalled-order is paused: rewording. \
         `lookout resume stalled-order` lets it go.\n"
    );
    let listed = run(demo, "outbox --only ready --format json").json();
    let rules: Vec<_> =
        listed["outreaches"].as_array().unwrap().iter().map(|o| &o["rule"]).collect();
    assert!(rules.iter().any(|rule| *rule == "stalled-order"), "{rules:?}");

    assert_eq!(run(demo, "resume stalled-order").fine(), "The rule stalled-order goes on.\n");
    let delivered = run(demo, "deliver").fine();
    assert_eq!(delivered, "Delivery: 3 sent.\n6 wait for their time, the first for 7 May 13:00.\n");
    assert_eq!(run(demo, "resume").fine(), "Nothing changed: it was not paused.\n");
}

#[test]
fn a_file_stops_everything() {
    let demo = demo();
    let demo = demo.path();
    fs::write(demo.join("STOP"), "").unwrap();
    let ran = ran(demo);
    assert!(ran.out.contains("Nothing has left."), "{}", ran.out);
    let told = "17 outreaches stayed in the outbox: nothing leaves while STOP is there. Remove it to go on.\n";
    assert_eq!(ran.err, told);
    let listed = run(demo, "pause --list").fine();
    assert_eq!(listed, "Every message is kept back by the file STOP; remove it to let them go.\n");
    let stopped = run(demo, "deliver --format json").json();
    assert!(stopped["stopped"].as_u64().unwrap() > 10, "{stopped}");
    fs::remove_file(demo.join("STOP")).unwrap();
    let delivered = run(demo, "deliver --format json").json();
    assert_eq!(delivered["states"]["sent"], stopped["stopped"]);
}

#[test]
fn nothing_secret_is_needed_to_stop() {
    let demo = demo();
    let demo = demo.path();
    let config = fs::read_to_string(demo.join("lookout.toml")).unwrap();
    let url = "\n[opt_out]\nurl = \"https://care.example.com/stop\"\n";
    fs::write(demo.join("lookout.toml"), config + url).unwrap();
    assert_eq!(ran(demo).code, 2, "but to decide, the key is");
    assert!(run(demo, "pause").fine().starts_with("Everything stays in the outbox"));
    for line in ["pause --list", "outbox", "tasks", "resume"] {
        run(demo, line).fine();
    }
}

#[test]
fn one_outreach_is_cancelled_by_its_key() {
    let demo = demo();
    let demo = demo.path();
    run(demo, "pause");
    ran(demo);
    let listed = run(demo, "outbox --only ready --format json").json();
    let key = listed["outreaches"][0]["key"].as_str().unwrap();
    let said = run(demo, &format!("outbox cancel {}", &key[..8])).fine();
    assert_eq!(said, format!("{key} is cancelled, and does not leave.\n"));
    let again = run(demo, &format!("outbox cancel {key}"));
    assert_eq!(again.code, 2);
    assert!(again.err.contains("only what waits can be cancelled"), "{}", again.err);
    let nobody = run(demo, "outbox settle zzz arrived");
    assert!(nobody.err.contains("no outreach has a key that begins with `zzz`"), "{}", nobody.err);
}
