//! The twenty rules, each twice: as a pack's author writes it and as somebody writes it who knows
//! the tables and SQL. The SQL is one text that both databases take.

/// When it is. The SQL has the days that it needs written out.
pub const AS_OF: &str = "2024-05-07T09:00:00Z";

/// One rule in both languages.
pub struct Twin {
    /// Its folder, and its column in the hand-made statement.
    pub id: &'static str,
    /// The body of `when`.
    pub rhai: &'static str,
    /// Functions that it calls.
    pub functions: &'static str,
    /// The same over the tables: `c`ustomers, `u`sage, `b`illing and `s`upport.
    pub sql: &'static str,
}

const fn twin(id: &'static str, rhai: &'static str, sql: &'static str) -> Twin {
    Twin { id, rhai, functions: "", sql }
}

impl Twin {
    const fn calling(self, functions: &'static str) -> Self {
        Self { functions, ..self }
    }
}

/// The rules; each is true for about one customer in a thousand.
pub const TWINS: [Twin; 20] = [
    twin(
        "gone-quiet",
        r#"customer.plan == "business" && days_since(customer.usage.last_login) >= 60
            && customer.usage.logins_before >= 50 && customer.billing.monthly >= 410"#,
        "c.plan = 'business' AND u.last_login <= '2024-03-08' AND u.logins_before >= 50
            AND b.monthly >= 410",
    ),
    twin(
        "never-began",
        r#"let days = days_since(customer.registered_on);
        days >= 14 && days < 74 && customer.usage.logins <= 1"#,
        "c.registered_on <= '2024-04-23' AND c.registered_on > '2024-02-23' AND u.logins <= 1",
    ),
    twin(
        "usage-halved",
        r#"customer.plan == "business" && customer.seats >= 170
            && customer.usage.logins * 2 < customer.usage.logins_before
            && customer.usage.logins_before >= 51"#,
        "c.plan = 'business' AND c.seats >= 170 AND u.logins * 2 < u.logins_before
            AND u.logins_before >= 51",
    ),
    twin(
        "storage-full",
        r#"customer.plan == "basic" && customer.usage.storage_share >= 0.99
            && customer.usage.logins >= 40"#,
        "c.plan = 'basic' AND u.storage_share >= 0.99 AND u.logins >= 40",
    ),
    twin(
        "api-errors",
        r#"customer.plan == "enterprise" && customer.usage.api_errors >= 98"#,
        "c.plan = 'enterprise' AND u.api_errors >= 98",
    ),
    twin(
        "moving-out",
        r#"customer.usage.exports >= 18 && customer.usage.logins <= 5
            && days_until(customer.billing.renews_on) <= 36"#,
        "u.exports >= 18 AND u.logins <= 5 AND b.renews_on <= '2024-06-12'",
    ),
    twin(
        "invitations-ignored",
        r#"customer.usage.invited >= 8 && customer.seats <= 5
            && days_since(customer.registered_on) <= 400"#,
        "u.invited >= 8 AND c.seats <= 5 AND c.registered_on >= '2023-04-03'",
    ),
    twin(
        "payment-failed",
        r#"if customer.billing.auto_renew { return false; }
        customer.billing.failed_payments >= 3 && customer.billing.overdue > 750.0"#,
        "NOT b.auto_renew AND b.failed_payments >= 3 AND b.overdue > 750.0",
    ),
    twin(
        "long-overdue",
        r#"customer.plan != "free" && customer.billing.overdue >= 700.0
            && days_since(customer.billing.oldest_invoice) >= 85"#,
        "c.plan <> 'free' AND b.overdue >= 700.0 AND b.oldest_invoice <= '2024-02-12'",
    ),
    twin(
        "renewal-at-risk",
        r#"customer.plan != "free" && !customer.billing.auto_renew
            && days_until(customer.billing.renews_on) <= 14
            && customer.usage.logins < 20 && customer.billing.monthly >= 50.0"#,
        "c.plan <> 'free' AND NOT b.auto_renew AND b.renews_on <= '2024-05-21'
            AND u.logins < 20 AND b.monthly >= 50.0",
    ),
    twin(
        "big-renewal",
        r#"customer.plan == "enterprise" && customer.seats >= 60
            && days_until(customer.billing.renews_on) <= 30 && customer.support.open >= 1"#,
        "c.plan = 'enterprise' AND c.seats >= 60 AND b.renews_on <= '2024-06-06'
            AND COALESCE(s.open, 0) >= 1",
    ),
    twin(
        "discount-ends",
        r#"customer.plan == "business" && customer.billing.discount >= 0.4
            && days_until(customer.billing.renews_on) <= 12"#,
        "c.plan = 'business' AND b.discount >= 0.4 AND b.renews_on <= '2024-05-19'",
    ),
    twin(
        "urgent-tickets",
        r#"customer.plan == "enterprise" && customer.support.urgent >= 2
            && customer.support.open >= 4"#,
        "c.plan = 'enterprise' AND COALESCE(s.urgent, 0) >= 2 AND COALESCE(s.open, 0) >= 4",
    ),
    twin(
        "reopened-often",
        r#"customer.support.reopened >= 3 && customer.support.open >= 3
            && customer.seats > 190"#,
        "COALESCE(s.reopened, 0) >= 3 AND COALESCE(s.open, 0) >= 3 AND c.seats > 190",
    ),
    twin(
        "old-ticket",
        r#"days_since(customer.support.oldest_open) >= 37 && customer.support.urgent >= 2
            && customer.billing.monthly >= 450"#,
        "s.oldest_open <= '2024-03-31' AND COALESCE(s.urgent, 0) >= 2 AND b.monthly >= 450",
    ),
    twin(
        "unhappy",
        r#"customer.plan in ["business", "enterprise"] && customer.support.satisfaction < 1.4
            && customer.support.complaints >= 2 && customer.usage.logins > 10"#,
        "c.plan IN ('business', 'enterprise') AND s.satisfaction < 1.4
            AND COALESCE(s.complaints, 0) >= 2 AND u.logins > 10",
    ),
    twin(
        "complaints-nl",
        r#"customer.country == "NL" && customer.support.complaints >= 3
            && customer.seats >= 180"#,
        "c.country = 'NL' AND COALESCE(s.complaints, 0) >= 3 AND c.seats >= 180",
    ),
    twin(
        "ask-for-a-word",
        r#"customer.support.satisfaction >= 4.8 && customer.support.open == 0
            && customer.usage.logins >= 40 && customer.usage.exports > 2
            && customer.billing.overdue == 0.0"#,
        "s.satisfaction >= 4.8 AND COALESCE(s.open, 0) = 0 AND u.logins >= 40 AND u.exports > 2
            AND b.overdue = 0.0",
    ),
    twin(
        "outgrown",
        r#"let busy = is_busy(customer.usage.logins, customer.usage.logins_before);
        customer.plan == "free" && customer.seats >= 195 && customer.usage.storage_share > 0.8
            && busy"#,
        "c.plan = 'free' AND c.seats >= 195 AND u.storage_share > 0.8
            AND (u.logins > 45 OR u.logins_before > 55)",
    )
    .calling("fn is_busy(now, before) { now > 45 || before > 55 }\n"),
    twin(
        "unanswered",
        r#"customer.support.open >= 4 && customer.support.urgent >= 3
            && days_since(customer.support.last_answer) >= 28"#,
        "COALESCE(s.open, 0) >= 4 AND COALESCE(s.urgent, 0) >= 3 AND s.last_answer <= '2024-04-09'",
    ),
];
