//! Any HTTP service: an SMS provider, a chat hook, a help desk. A parcel may arrive more than
//! once, always under the same `webhook-id`; a redirect is never followed.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode, Url, redirect};
use serde_json::{Value as Json, json};

use super::folder::Folder;
use super::smtp::percent_decode;
use super::{DeliverError, Delivery, Parcel, is_loopback};
use crate::config::ChannelConfig;
use crate::fault;

/// How long the service may take to be reached.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one whole exchange may take.
const EXCHANGE: Duration = Duration::from_secs(30);
/// How much of an answer is read, in bytes.
const ANSWER: usize = 64 * 1024;
/// The header that bears the outreach's key, the same at every try.
const KEY: &str = "webhook-id";
/// What is sent where no body is configured.
const BODY: &str = "{\"to\": {{ to }}, \"subject\": {{ subject }}, \"text\": {{ text }}, \
    \"key\": {{ key }}, \"rule\": {{ rule }}, \"customer_id\": {{ customer_id }}}";

type Fault<'a> = &'a dyn Fn(&'static str, String) -> DeliverError;

/// One service.
pub(super) struct Service {
    target: Target,
    method: Method,
    headers: HeaderMap,
    body: Environment<'static>,
    secret: Option<String>,
}

#[derive(Debug)]
enum Target {
    Web { client: Client, url: Url, user: Option<String> },
    Folder(Folder),
}

impl Service {
    /// Checks the section and renders the body once with made-up data; connects to nothing.
    pub(super) fn open(
        name: &str,
        config: &ChannelConfig,
        fault: Fault<'_>,
    ) -> Result<Self, DeliverError> {
        if config.from.is_some() {
            return Err(fault("from", "only e-mail has a sender; remove the line".to_owned()));
        }
        let variable = format!("LOOKOUT_CHANNELS__{}__SECRET", name.to_uppercase());
        let set = format!("set it with {variable}, or {variable}_FILE");
        let target = target(config, &set, fault)?;
        let method = config.method.as_deref().unwrap_or("POST").to_uppercase();
        let method = ["POST", "PUT", "PATCH", "GET"]
            .contains(&method.as_str())
            .then(|| Method::from_bytes(method.as_bytes()).ok())
            .flatten()
            .ok_or_else(|| fault("method", "the method is POST, PUT, PATCH or GET".to_owned()))?;
        let uses_secret = |text: &str| {
            let engine = Environment::new();
            let names = engine.template_from_str(text).map(|t| t.undeclared_variables(false));
            names.is_ok_and(|names| names.contains("secret"))
        };
        let named = config.headers.values().chain(&config.body).any(|text| uses_secret(text));
        let user = matches!(&target, Target::Web { user: Some(_), .. });
        if (named || user) && config.secret.is_none() {
            return Err(fault("secret", format!("the secret is used and missing; {set}")));
        }
        let headers = headers(&config.headers, config.secret.as_deref(), fault)?;
        let body = body(config, &headers, fault)?;
        Ok(Self { target, method, headers, body, secret: config.secret.clone() })
    }

    pub(super) fn is_local(&self) -> bool {
        match &self.target {
            Target::Web { url, .. } => url.host_str().is_some_and(is_loopback),
            Target::Folder(_) => true,
        }
    }

    /// Tries once. Whatever breaks may be tried again: the service knows the key.
    pub(super) async fn send(
        &self,
        parcel: &Parcel,
        transmitting: impl Future<Output = bool> + Send,
    ) -> Delivery {
        let body = match self.render(parcel, self.secret.as_deref()) {
            Ok(body) => body,
            Err(error) => return Delivery::Permanent { dead: false, error },
        };
        let (client, url, user) = match &self.target {
            Target::Web { client, url, user } => (client, url, user),
            Target::Folder(folder) => {
                let name = format!("{}.json", parcel.key);
                return match self.shown(parcel) {
                    Ok(shown) => folder.write(&name, shown.as_bytes(), transmitting).await,
                    Err(error) => Delivery::Permanent { dead: false, error },
                };
            }
        };
        let mut headers = self.headers.clone();
        if let Ok(key) = HeaderValue::from_str(parcel.key.as_str()) {
            headers.insert(HeaderName::from_static(KEY), key);
        }
        let mut request = client.request(self.method.clone(), url.clone()).headers(headers);
        if let Some(user) = user {
            request = request.basic_auth(user, self.secret.as_deref());
        }
        if self.method != Method::GET {
            request = request.body(body);
        }
        if !transmitting.await {
            return Delivery::GivenUp;
        }
        fault::point("http.before_request");
        match request.send().await {
            Ok(answer) => {
                let status = answer.status();
                read_to_limit(answer).await;
                fault::point("http.answered");
                judge(status)
            }
            Err(error) => Delivery::Temporary { after: None, error: broken(&error) },
        }
    }

    fn render(&self, parcel: &Parcel, secret: Option<&str>) -> Result<String, String> {
        let data = json!({
            "to": parcel.to,
            "key": parcel.key,
            "subject": parcel.subject,
            "text": parcel.text,
            "html": parcel.html,
            "rule": parcel.rule,
            "customer_id": parcel.customer_id,
            "secret": secret,
        });
        render(&self.body, data)
    }

    /// What would be sent, for a file: the secret is not shown.
    fn shown(&self, parcel: &Parcel) -> Result<String, String> {
        let mut headers: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, value) in &self.headers {
            let value =
                if value.is_sensitive() { "(secret)" } else { value.to_str().unwrap_or("") };
            headers.insert(name.as_str(), value);
        }
        headers.insert(KEY, parcel.key.as_str());
        let body = self.render(parcel, self.secret.as_ref().map(|_| "(secret)"))?;
        let body = serde_json::from_str(&body).unwrap_or(Json::String(body));
        let shown = json!({ "method": self.method.as_str(), "headers": headers, "body": body });
        Ok(format!("{shown:#}\n"))
    }
}

// By hand: without the secret and what is made of it.
impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = match &self.target {
            Target::Web { url, .. } => url.host_str().unwrap_or_default(),
            Target::Folder(_) => "(a folder)",
        };
        f.debug_struct("Service").field("host", &host).finish_non_exhaustive()
    }
}

fn target(config: &ChannelConfig, set: &str, fault: Fault<'_>) -> Result<Target, DeliverError> {
    if let Some(folder) = Folder::open(&config.url).map_err(|message| fault("url", message))? {
        return Ok(Target::Folder(folder));
    }
    let mut url = Url::parse(&config.url)
        .ok()
        .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
        .ok_or_else(|| {
            let message = "this is no address of an HTTP service; write https://… or file:FOLDER";
            fault("url", message.to_owned())
        })?;
    if url.password().is_some() {
        return Err(fault("url", format!("a password has no place in an address; {set}")));
    }
    let user = Some(percent_decode(url.username())).filter(|user| !user.is_empty());
    // Only fails for an address without a host.
    let _ = url.set_username("");
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may have been quicker, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .timeout(EXCHANGE)
        .user_agent(concat!("lookout/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| {
            let why = std::error::Error::source(&error).map(ToString::to_string);
            fault(
                "url",
                format!("HTTPS can't be set up on this machine: {}", why.unwrap_or_default()),
            )
        })?;
    Ok(Target::Web { client, url, user })
}

fn headers(
    configured: &BTreeMap<String, String>,
    secret: Option<&str>,
    fault: Fault<'_>,
) -> Result<HeaderMap, DeliverError> {
    const OURS: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", KEY];
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
fn body(
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

fn render(engine: &Environment<'static>, data: Json) -> Result<String, String> {
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

/// What is left of the answer is of no use, but reading it keeps the connection open.
async fn read_to_limit(mut answer: Response) {
    let mut read = 0;
    while read < ANSWER {
        match answer.chunk().await {
            Ok(Some(chunk)) => read += chunk.len(),
            Ok(None) | Err(_) => break,
        }
    }
}

fn judge(status: StatusCode) -> Delivery {
    let error = format!("the service answered {status}");
    match status.as_u16() {
        200..=299 => Delivery::Sent { detail: format!("HTTP {}", status.as_u16()) },
        408 | 425 | 429 | 500..=599 => Delivery::Temporary { after: None, error },
        _ => Delivery::Permanent { dead: false, error },
    }
}

/// A connection's trouble without the address, which may hold a token.
fn broken(error: &reqwest::Error) -> String {
    let what = match (error.is_timeout(), error.is_connect()) {
        (true, _) => "the service did not answer in time",
        (_, true) => "the service can't be reached",
        _ => "the connection to the service broke",
    };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_what_became_of_it() {
        let judge = |code| judge(StatusCode::from_u16(code).unwrap());
        for sent in [200, 201, 202, 204] {
            assert!(matches!(judge(sent), Delivery::Sent { .. }), "{sent}");
        }
        for later in [408, 425, 429, 500, 502, 503, 599] {
            assert!(matches!(judge(later), Delivery::Temporary { .. }), "{later}");
        }
        for never in [301, 302, 304, 400, 401, 404, 410, 422] {
            assert!(matches!(judge(never), Delivery::Permanent { .. }), "{never}");
        }
    }
}
