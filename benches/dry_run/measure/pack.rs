//! The pack that the dry run reads: made anew in a throwaway folder, from the list of rules.

use std::fs;
use std::path::Path;

use anyhow::Context;
use lookout::pack::{self, Pack};

use super::rules::TWINS;

const POLICY: &str = r#"timezone = "UTC"
channels = ["email"]

[topics.service]
consent = "opt-out"

[quiet_hours]
from = "20:00"
to = "07:00"

[[cap]]
contacts = 1
per = "1d"
"#;

/// The signals, by name.
pub const SIGNALS: [(&str, &str); 4] = [
    (
        "customers",
        "SELECT customer_id, name, email, phone, locale, timezone, preferred_channel, owner, \
         consents, refusals, plan, registered_on, seats, country\nFROM customers\n\
         WHERE registered_on <= :as_of\n",
    ),
    (
        "usage",
        "SELECT customer_id, last_login, logins, logins_before, exports, api_errors, \
         storage_share, invited\nFROM product_usage\nWHERE counted_on <= :as_of\n",
    ),
    (
        "billing",
        "SELECT customer_id, monthly, overdue, oldest_invoice, failed_payments, renews_on, \
         auto_renew, discount\nFROM billing_accounts\nWHERE counted_on <= :as_of\n",
    ),
    (
        "support",
        "-- default: open = 0, urgent = 0, reopened = 0, complaints = 0\n\
         SELECT customer_id, open, urgent, reopened, oldest_open, last_answer, satisfaction, \
         complaints\nFROM support_desk\nWHERE counted_on <= :as_of\n",
    ),
];

const EMAIL: &str = "---
subject: A word about your account
because: You are a customer of ours, and something may be in your way.
---
Dear {{ customer.name }},

We noticed something about your account that we would rather tell you than wait for you to find it.
";

const TASK: &str = "---
subject: Please look after {{ customer.name }}
---
They are on the {{ customer.plan }} plan.
";

/// A rule to be written.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its folder.
    pub id: String,
    /// The body of `when`.
    pub when: String,
    /// Functions beside it.
    pub functions: String,
}

/// The twenty rules.
pub fn twins() -> Vec<Script> {
    let script = |twin: &super::rules::Twin| Script {
        id: twin.id.to_owned(),
        when: twin.rhai.to_owned(),
        functions: twin.functions.to_owned(),
    };
    TWINS.iter().map(script).collect()
}

/// Writes a pack of these rules and loads it as every command does. Their e-mail shows `columns` to
/// its reader, each written as templates do: `customer.usage.logins`.
pub fn make(folder: &Path, rules: &[Script], columns: &[&str]) -> anyhow::Result<Pack> {
    let signals = folder.join("signals");
    fs::create_dir_all(&signals)?;
    fs::write(folder.join("policy.toml"), POLICY)?;
    for (name, sql) in SIGNALS {
        fs::write(signals.join(format!("{name}.sql")), sql)?;
    }
    let shown: String = columns.iter().map(|column| format!("\n{{{{ {column} }}}}\n")).collect();
    for (number, script) in rules.iter().enumerate() {
        let rule = folder.join(&script.id);
        fs::create_dir_all(&rule)?;
        fs::write(rule.join("rule.rhai"), written(number, script))?;
        fs::write(rule.join("email.md"), format!("{EMAIL}{shown}"))?;
        fs::write(rule.join("task.md"), TASK)?;
    }
    let loaded = pack::load(folder);
    let problems = || loaded.problems.iter().map(|p| p.message.clone()).collect::<Vec<_>>();
    loaded.pack.with_context(|| format!("the generated pack has errors: {:?}", problems()))
}

fn written(number: usize, script: &Script) -> String {
    format!(
        "//! Generated to be measured: {id}.\n\nconst TOPIC = \"service\";\n\
         const PRIORITY = {priority};\n\n\
         fn when(customer) {{\n    {when}\n}}\n\n{functions}\n\
         fn then(customer) {{\n    if customer.plan == \"enterprise\" {{\n        \
         task(\"task\", #{{ assign: customer.owner, due: \"4h\" }});\n    }} else {{\n        \
         email(\"email\");\n    }}\n}}\n",
        id = script.id,
        priority = 10 + number,
        when = script.when,
        functions = script.functions,
    )
}
