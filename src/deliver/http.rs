//! Any HTTP service: an SMS provider, a chat hook, a help desk. A parcel may arrive more than
//! once, always under the same `webhook-id`; a redirect is never followed, and no name leads inside.

mod address;
mod answer;
mod names;
mod signature;
mod words;

use std::collections::BTreeMap;
use std::future::Future;

use minijinja::Environment;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Request, Response, Url, redirect};
use serde_json::{Value as Json, json};

use super::folder::Folder;
use super::smtp::percent_decode;
use super::standing::{Meant, Standing};
use super::{DeliverError, Delivery, Network, Parcel, is_loopback};
use crate::config::ChannelConfig;
use crate::fault;
use answer::Meaning;
use signature::Signer;

/// How much of an answer is read, in bytes.
const ANSWER: usize = 64 * 1024;
/// The header that bears the outreach's key, the same at every try.
const ID: &str = "webhook-id";
/// The header that says when a request was signed.
const TIMESTAMP: &str = "webhook-timestamp";
/// The header that bears the signatures.
const SIGNATURE: &str = "webhook-signature";

type Fault<'a> = &'a dyn Fn(&'static str, String) -> DeliverError;

/// One service.
pub(super) struct Service {
    target: Target,
    method: Method,
    headers: HeaderMap,
    body: Environment<'static>,
    secret: Option<String>,
    signer: Option<Signer>,
    standing: Standing,
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
        network: &Network,
        fault: Fault<'_>,
    ) -> Result<Self, DeliverError> {
        let unused = [
            ("from", config.from.is_some()),
            ("ca", config.ca.is_some()),
            ("tls", config.tls.is_some()),
        ];
        if let Some((key, _)) = unused.into_iter().find(|(_, used)| *used) {
            return Err(fault(key, "only e-mail has one; remove the line".to_owned()));
        }
        let variable = format!("LOOKOUT_CHANNELS__{}__SECRET", name.to_uppercase());
        let set = format!("set it with {variable}, or {variable}_FILE");
        let target = target(config, network, &set, fault)?;
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
        let signer = config.signing_secret.as_deref().map(Signer::open).transpose();
        let signer = signer.map_err(|message| fault("signing_secret", message))?;
        let headers = words::headers(&config.headers, config.secret.as_deref(), fault)?;
        let body = words::body(config, &headers, fault)?;
        let (secret, standing) = (config.secret.clone(), Standing::default());
        Ok(Self { target, method, headers, body, secret, signer, standing })
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
        let client = match &self.target {
            Target::Web { client, .. } => client,
            Target::Folder(folder) => {
                let name = format!("{}.json", parcel.key);
                return match self.shown(parcel) {
                    Ok(shown) => folder.write(&name, shown.as_bytes(), transmitting).await,
                    Err(error) => Delivery::Permanent { dead: false, error },
                };
            }
        };
        let Some(request) = self.request(parcel, body) else {
            let error = "the request can't be put together".to_owned();
            return Delivery::Permanent { dead: false, error };
        };
        if !transmitting.await {
            return Delivery::GivenUp;
        }
        fault::point("http.before_request");
        match client.execute(request).await {
            Ok(answer) => {
                let status = answer.status();
                let meaning = answer::meaning(status, answer.headers(), parcel.date);
                read_to_limit(answer).await;
                fault::point("http.answered");
                self.outcome(parcel, meaning, &status.to_string())
            }
            Err(error) => match names::inside(&error) {
                Some(address) => blocked(
                    parcel,
                    &format!(
                        "the service's name leads to {address}, which is inside; if that is meant, \
                     write networks = \"{address}\""
                    ),
                ),
                None => Delivery::Temporary { after: None, error: broken(&error) },
            },
        }
    }

    fn request(&self, parcel: &Parcel, body: String) -> Option<Request> {
        let Target::Web { client, url, user } = &self.target else { return None };
        let body = if self.method == Method::GET { String::new() } else { body };
        let mut headers = self.headers.clone();
        let mut set = |name, value: &str| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
            Some(())
        };
        set(ID, parcel.key.as_str())?;
        if let Some(signer) = &self.signer {
            let (timestamp, signature) = signer.sign(parcel.key.as_str(), parcel.date, &body);
            set(TIMESTAMP, &timestamp)?;
            set(SIGNATURE, &signature)?;
        }
        let mut request = client.request(self.method.clone(), url.clone()).headers(headers);
        if let Some(user) = user {
            request = request.basic_auth(user, self.secret.as_deref());
        }
        if self.method != Method::GET {
            request = request.body(body);
        }
        request.build().ok()
    }

    fn outcome(&self, parcel: &Parcel, meaning: Meaning, status: &str) -> Delivery {
        let error = format!("the service answered {status}");
        match meaning {
            Meaning::Taken => {
                self.standing.took();
                Delivery::Sent { detail: format!("HTTP {}", &status[..3]) }
            }
            Meaning::Later { after } => Delivery::Temporary { after, error },
            Meaning::Never => Delivery::Permanent { dead: false, error },
            Meaning::Us(why) => blocked(parcel, &format!("{error}: {why}")),
            Meaning::Unclear => match self.standing.refused(&parcel.key) {
                Meant::Message => Delivery::Permanent { dead: false, error },
                Meant::Open => Delivery::Temporary { after: None, error },
                Meant::Us => blocked(parcel, &format!("{error} to several messages in a row")),
            },
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
        words::render(&self.body, data)
    }

    /// What would be sent, for a file: the secret is not shown.
    fn shown(&self, parcel: &Parcel) -> Result<String, String> {
        let mut headers: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, value) in &self.headers {
            let value =
                if value.is_sensitive() { "(secret)" } else { value.to_str().unwrap_or("") };
            headers.insert(name.as_str(), value);
        }
        headers.insert(ID, parcel.key.as_str());
        if self.signer.is_some() {
            headers.insert(SIGNATURE, "(signature)");
        }
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

fn target(
    config: &ChannelConfig,
    network: &Network,
    set: &str,
    fault: Fault<'_>,
) -> Result<Target, DeliverError> {
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
    let host = url.host_str().unwrap_or_default();
    let networks = config.networks.as_deref();
    let guard = names::Guard::new(network.names.clone(), host, networks).map_err(|wrong| {
        let message = format!("`{wrong}` is no network; write 10.1.0.0/16, 192.168.0.7");
        fault("networks", message)
    })?;
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .dns_resolver(guard)
        .connect_timeout(network.connect)
        .timeout(network.exchange)
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

/// The service takes nothing of ours, whatever it is.
fn blocked(parcel: &Parcel, error: &str) -> Delivery {
    let cure = format!("once that is put right: lookout resume {}", parcel.channel);
    Delivery::Blocked { error: format!("{error}; {cure}") }
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
