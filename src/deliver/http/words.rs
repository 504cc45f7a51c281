//! What a service is told: headers and body as the configuration writes them. A value brings its own
//! quotes, so that data never becomes structure.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value as Json, json};

use super::super::DeliverError;
use super::{Fault, ID, SIGNATURE, TIMESTAMP};
use crate::config::ChannelConfig;

/// What is sent where no body is configured.
const BODY: &str = "{\"to\": {{ to }}, \"subject\": {{ subject }}, \"text\": {{ text }}, \
    \"key\": {{ key }}, \"rule\": {{ rule }}, \"customer_id\": {{ customer_id }}}";
/// What Lookout sets itself.
const OURS: [&str; 7] =
    ["host", "content-length", "transfer-encoding", "connection", ID, TIMESTAMP, SIGNATURE];

/// The headers as configured, with the secret in its place.
pub(super) fn headers(
    configured: &BTreeMap<String, String>,
    secret: Option<&str>,
    fault: Fault<'_>,
) -> Result<HeaderMap, DeliverError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, text) in configured {
        let unusable = |why: &str| fault("headers", format!("the header `{name}` {why}"));
        let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
            unusable("has a name that HTTP does not know; use letters, digits and hyphens")
        })?;
        if OURS.contains(&known.as_str()) {
            return Err(unusable("is set by Lookout itself; remove it"));
        }
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        let value =
            engine.render_str(text, minijinja::value::Serde(json!({ "secret": secret }))).map_err(
                |_| unusable("is a template that can't be read; it may hold {{ secret }}"),
            )?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| {
            unusable("holds a character that no header may hold, such as a line break")
        })?;
        value.set_sensitive(text.contains("{{"));
        headers.insert(known, value);
    }
    Ok(headers)
}

/// The body's template, which writes each value as its content type wants it.
pub(super) fn body(
    config: &ChannelConfig,
    headers: &HeaderMap,
    fault: Fault<'_>,
) -> Result<Environment<'static>, DeliverError> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    let is_json = kind == "application/json" || kind.ends_with("+json");
    match kind.as_str() {
        _ if is_json => engine.set_auto_escape_callback(|_| AutoEscape::Json),
        "application/x-www-form-urlencoded" => engine.set_formatter(write_form_value),
        "text/plain" => engine.set_auto_escape_callback(|_| AutoEscape::None),
        _ => {
            let message = format!(
                "a body of type `{kind}` is not supported; the content type is application/json, application/x-www-form-urlencoded or text/plain"
            );
            return Err(fault("headers", message));
        }
    }
    let source = config.body.clone().unwrap_or_else(|| BODY.to_owned());
    let unreadable = |error: minijinja::Error| {
        let said = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        fault("body", format!("the template can't be read: {said}"))
    };
    const NAMES: [&str; 8] =
        ["to", "key", "subject", "text", "html", "rule", "customer_id", "secret"];
    engine.add_template_owned("body", source).map_err(unreadable)?;
    let names = engine.get_template("body").map_err(unreadable)?.undeclared_variables(false);
    if let Some(name) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        let message = format!("there is no `{name}` to put in; there are {}", NAMES.join(", "));
        return Err(fault("body", message));
    }
    let sample: BTreeMap<&str, &str> = NAMES.iter().map(|name| (*name, "a \"b\" & c\nd")).collect();
    let rendered = render(&engine, json!(sample)).map_err(|error| fault("body", error))?;
    if is_json && serde_json::from_str::<Json>(&rendered).is_err() {
        let message =
            "what comes out is no JSON; write {\"to\": {{ to }}}: a value brings its own quotes";
        return Err(fault("body", message.to_owned()));
    }
    Ok(engine)
}

/// The body with what is to be put in.
pub(super) fn render(engine: &Environment<'static>, data: Json) -> Result<String, String> {
    engine
        .get_template("body")
        .and_then(|template| template.render(minijinja::value::Serde(data)))
        .map_err(|error| {
            let said = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            format!("the channel's body can't be rendered: {said}")
        })
}

fn write_form_value(
    out: &mut Output,
    _: &mut State,
    value: &Value,
) -> Result<(), minijinja::Error> {
    for byte in value.to_string().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.write_str(char::from(byte).encode_utf8(&mut [0; 4]))?;
        } else {
            out.write_str(&format!("%{byte:02X}"))?;
        }
    }
    Ok(())
}
