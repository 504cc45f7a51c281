//! The ways out: e-mail over SMTP, any HTTP service, or a folder of files. One parcel is tried
//! once per call, and the outcome is told apart: it has left, it may be tried again, it never
//! will leave, or nobody knows. Nothing here reads or writes the outbox, and no address, name or
//! word of a message gets into an error or a log.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;

use chrono::TimeDelta;

use crate::config::ChannelConfig;
use crate::domain::{Channel, CustomerId, Instant, OutreachKey, RuleId};

mod dkim;
mod email;
mod folder;
mod http;
mod limits;
mod network;
mod smtp;
mod standing;

pub use limits::Limits;
pub use network::{Names, Network};

/// Every configured way out, by the name of its channel.
#[derive(Debug)]
pub struct Channels(BTreeMap<String, (Way, Limits)>);

/// One rendered message on its way to one person.
#[derive(Clone)]
pub struct Parcel {
    /// Fixes the Message-ID, the idempotency key and the name of a file.
    pub key: OutreachKey,
    /// The channel that it takes.
    pub channel: String,
    /// The address on that channel.
    pub to: String,
    /// The customer's name; any text, it is cleaned here.
    pub to_name: Option<String>,
    /// One line.
    pub subject: String,
    /// A whole HTML document.
    pub html: String,
    /// The same as plain text.
    pub text: String,
    /// Whose idea it was.
    pub rule: RuleId,
    /// Whom it is for.
    pub customer_id: CustomerId,
    /// Who answers for us: the address of the customer's owner, where it is one.
    pub reply_to: Option<String>,
    /// Where the customer stops this topic: an address that shows a page to whoever opens it, and
    /// acts on a POST (RFC 8058). None where the topic can't be refused.
    pub unsubscribe: Option<String>,
    /// The mail's Date: wall time.
    pub date: Instant,
}

/// What became of a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It has left; `detail` says who took it.
    Sent {
        /// Such as `250 mail.example.com`, `HTTP 202` or the path of a file.
        detail: String,
    },
    /// It has not left and may be tried again.
    Temporary {
        /// How long the service asked us to wait, if it did.
        after: Option<TimeDelta>,
        /// Why, for people.
        error: String,
    },
    /// It has not left and never will.
    Permanent {
        /// Whether there is nobody at this address, for any message.
        dead: bool,
        /// Why, for people.
        error: String,
    },
    /// It has not left, and as things are no other message would on this channel: the service
    /// refuses us. Somebody has to look.
    Blocked {
        /// Why, for people.
        error: String,
    },
    /// The connection broke when the server may already have had it. Never try again.
    Uncertain {
        /// Why, for people.
        error: String,
    },
    /// `transmitting` said no: the parcel is somebody else's by now. Nothing has left.
    GivenUp,
}

/// What is wrong with a channel's configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lookout.toml, [channels.{channel}], {key}: {message}")]
pub struct DeliverError {
    /// The channel.
    pub channel: String,
    /// The key in its section.
    pub key: &'static str,
    /// What is wrong and what helps; never the secret.
    pub message: String,
}

#[derive(Debug)]
enum Way {
    Smtp(Box<smtp::Server>),
    MailFolder {
        from: email::Sender,
        folder: folder::Folder,
    },
    Http(Box<http::Service>),
    /// Takes everything and keeps nothing.
    Nowhere,
}

impl Channels {
    /// Ways out of these names that lead nowhere: each takes everything and keeps nothing.
    pub fn nowhere(names: impl IntoIterator<Item = String>) -> Self {
        let alone = Limits { connections: 1, pause: None, domain_pause: None };
        Self(names.into_iter().map(|name| (name, (Way::Nowhere, alone))).collect())
    }

    /// Checks every channel's configuration and gets it ready; connects to nothing.
    ///
    /// # Errors
    /// The first thing that is wrong with a channel.
    pub fn open(configured: &BTreeMap<String, ChannelConfig>) -> Result<Self, DeliverError> {
        Self::open_on(configured, &Network::default())
    }

    /// The same on a network with other names or less patience.
    ///
    /// # Errors
    /// As for [`Channels::open`].
    pub fn open_on(
        configured: &BTreeMap<String, ChannelConfig>,
        network: &Network,
    ) -> Result<Self, DeliverError> {
        let mut ways = BTreeMap::new();
        for (name, config) in configured {
            let fault = |key, message| DeliverError { channel: name.clone(), key, message };
            let limits = Limits::open(config, &fault)?;
            ways.insert(name.clone(), (Way::open(name, config, network)?, limits));
        }
        Ok(Self(ways))
    }

    /// The channels' names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether what takes this channel stays on this machine: a folder, or a server on loopback.
    pub fn is_local(&self, name: &str) -> bool {
        match self.0.get(name).map(|(way, _)| way) {
            Some(Way::Smtp(server)) => server.is_local(),
            Some(Way::MailFolder { .. } | Way::Nowhere) => true,
            Some(Way::Http(service)) => service.is_local(),
            None => false,
        }
    }

    /// How much a channel takes at once.
    pub fn limits(&self, name: &str) -> Option<Limits> {
        self.0.get(name).map(|(_, limits)| *limits)
    }

    /// Tries once to send a parcel.
    ///
    /// `transmitting` is awaited at most once, just before the server may take the parcel: before
    /// SMTP's DATA, before an HTTP request, before a file gets its name. It says whether the
    /// parcel is still ours to send.
    pub async fn send(
        &self,
        parcel: &Parcel,
        transmitting: impl Future<Output = bool> + Send,
    ) -> Delivery {
        let Some((way, _)) = self.0.get(&parcel.channel) else {
            return Delivery::Permanent {
                dead: false,
                error: format!(
                    "no channel `{0}` is configured; add [channels.{0}] to lookout.toml",
                    parcel.channel
                ),
            };
        };
        if !is_plain(parcel.key.as_str()) {
            return Delivery::Permanent {
                dead: false,
                error: "the outreach's key is malformed".to_owned(),
            };
        }
        match way {
            Way::Smtp(server) => server.send(parcel, transmitting).await,
            Way::MailFolder { from, folder } => match email::message(from, parcel) {
                Ok(message) => {
                    let name = format!("{}.eml", parcel.key);
                    folder.write(&name, &message.formatted(), transmitting).await
                }
                Err(error) => Delivery::Permanent { dead: false, error },
            },
            Way::Http(service) => service.send(parcel, transmitting).await,
            Way::Nowhere => match transmitting.await {
                true => Delivery::Sent { detail: "nowhere".to_owned() },
                false => Delivery::GivenUp,
            },
        }
    }
}

impl Way {
    fn open(name: &str, config: &ChannelConfig, network: &Network) -> Result<Self, DeliverError> {
        let fault = |key: &'static str, message: String| DeliverError {
            channel: name.to_owned(),
            key,
            message,
        };
        if name == Channel::TASK || name == Channel::PHONE {
            let message = format!(
                "`{name}` is work for a colleague and needs no channel; remove the section"
            );
            return Err(fault("url", message));
        }
        if name != Channel::EMAIL {
            email::not_for(config, &fault)?;
            return Ok(Self::Http(Box::new(http::Service::open(name, config, network, &fault)?)));
        }
        let unused = [
            ("method", config.method.is_some()),
            ("headers", !config.headers.is_empty()),
            ("body", config.body.is_some()),
            ("signing_secret", config.signing_secret.is_some()),
            ("networks", config.networks.is_some()),
        ];
        if let Some((key, _)) = unused.into_iter().find(|(_, used)| *used) {
            return Err(fault(key, "e-mail has none; only HTTP channels do".to_owned()));
        }
        let from = email::Sender::open(config, &fault)?;
        if let Some(folder) = folder::Folder::open(&config.url).map_err(|m| fault("url", m))? {
            return Ok(Self::MailFolder { from, folder });
        }
        Ok(Self::Smtp(Box::new(smtp::Server::open(from, config, network, &fault)?)))
    }
}

// By hand: a parcel holds what must never get into a log.
impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel")
            .field("key", &self.key)
            .field("channel", &self.channel)
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}

/// Whether a host can only be this machine.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// Whether a key can be part of a header and of a file's name as it is.
fn is_plain(key: &str) -> bool {
    (1..=200).contains(&key.len())
        && !key.starts_with('.')
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// What a server said, without anything that looks like an address, on one short line.
pub fn redact(said: &str) -> String {
    let words = said.split(|c: char| c.is_whitespace() || c.is_control());
    let words = words.filter(|word| !word.is_empty());
    let words = words.map(|word| if word.contains('@') { "(address)" } else { word });
    let line: Vec<&str> = words.collect();
    line.join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(name: &str, config: ChannelConfig) -> Result<Channels, DeliverError> {
        Channels::open(&BTreeMap::from([(name.to_owned(), config)]))
    }

    fn mail(url: &str) -> ChannelConfig {
        let from = Some("Care team <care@example.com>".to_owned());
        ChannelConfig { url: url.to_owned(), from, ..ChannelConfig::default() }
    }

    fn web(url: &str) -> ChannelConfig {
        ChannelConfig { url: url.to_owned(), ..ChannelConfig::default() }
    }

    #[test]
    fn every_way_out_opens() {
        let secret = Some("s3cret".to_owned());
        for (name, config, local) in [
            ("email", mail("smtp://127.0.0.1:2525"), true),
            ("email", mail("smtp://localhost"), true),
            ("email", mail("smtp://[::1]:25"), true),
            ("email", mail("smtps://mail.example.com"), false),
            ("email", mail("file:outbox"), true),
            ("sms", web("https://sms.example.com/send"), false),
            ("sms", web("http://127.0.0.1:9/send"), true),
            ("sms", web("file:outbox"), true),
            (
                "email",
                ChannelConfig { secret: secret.clone(), ..mail("smtp://u%40x@mail.example.com") },
                false,
            ),
        ] {
            let channels = open(name, config).unwrap();
            assert_eq!(channels.names().collect::<Vec<_>>(), [name]);
            assert_eq!(channels.is_local(name), local, "{channels:?}");
            assert!(!format!("{channels:?}").contains("s3cret"));
        }
    }

    #[test]
    fn a_mistake_names_the_channel_and_the_key() {
        let with = |change: &dyn Fn(&mut ChannelConfig), mut config: ChannelConfig| {
            change(&mut config);
            config
        };
        let cases: Vec<(&str, ChannelConfig, &str, &str)> = vec![
            ("email", mail("mail.example.com"), "url", "smtp://"),
            ("email", mail("https://mail.example.com"), "url", "smtp://"),
            ("email", mail("smtp://"), "url", "smtp://"),
            (
                "email",
                mail("smtp://u:pw-in-url@mail.example.com"),
                "url",
                "LOOKOUT_CHANNELS__EMAIL__SECRET",
            ),
            (
                "email",
                mail("smtp://u@mail.example.com"),
                "secret",
                "LOOKOUT_CHANNELS__EMAIL__SECRET",
            ),
            ("email", mail("smtp://mail.example.com/x"), "url", "smtp://"),
            ("email", mail("file:"), "url", "folder"),
            ("email", with(&|c| c.from = None, mail("file:x")), "from", "Care team"),
            ("email", with(&|c| c.from = Some("Care".into()), mail("file:x")), "from", "Care team"),
            ("email", with(&|c| c.body = Some("x".into()), mail("file:x")), "body", "HTTP"),
            ("sms", web("smtp://sms.example.com"), "url", "https://"),
            (
                "sms",
                web("https://u:pw-in-url@sms.example.com"),
                "url",
                "LOOKOUT_CHANNELS__SMS__SECRET",
            ),
            (
                "sms",
                with(&|c| c.from = Some("a@b.example".into()), web("file:x")),
                "from",
                "e-mail",
            ),
            (
                "sms",
                with(&|c| c.method = Some("FETCH ME".into()), web("https://x.example")),
                "method",
                "POST",
            ),
            (
                "sms",
                with(
                    &|c| {
                        c.headers.insert("a b".into(), "x".into());
                    },
                    web("https://x.example"),
                ),
                "headers",
                "a b",
            ),
            (
                "sms",
                with(
                    &|c| {
                        c.headers.insert("Host".into(), "x".into());
                    },
                    web("https://x.example"),
                ),
                "headers",
                "Host",
            ),
            (
                "sms",
                with(
                    &|c| {
                        c.headers.insert("x".into(), "{{ secret }}".into());
                    },
                    web("https://x.example"),
                ),
                "secret",
                "SECRET",
            ),
            (
                "sms",
                with(&|c| c.body = Some("{{ nam }}".into()), web("https://x.example")),
                "body",
                "nam",
            ),
            (
                "sms",
                with(&|c| c.body = Some("{\"to\": \"{{ to }}\"}".into()), web("https://x.example")),
                "body",
                "JSON",
            ),
            ("email", with(&|c| c.tls = Some("maybe".into()), mail("smtp://x")), "tls", "required"),
            (
                "email",
                with(&|c| c.ca = Some("/nowhere/own.pem".into()), mail("smtps://x")),
                "ca",
                "/nowhere/own.pem",
            ),
            (
                "email",
                with(&|c| c.ca = Some("/dev/null".into()), mail("smtps://x")),
                "ca",
                "no certificate",
            ),
            (
                "email",
                with(&|c| c.ca = Some("own.pem".into()), mail("smtp://localhost")),
                "ca",
                "tls = \"required\"",
            ),
            (
                "email",
                with(&|c| c.networks = Some("10.0.0.0/8".into()), mail("smtps://x")),
                "networks",
                "HTTP",
            ),
            ("sms", with(&|c| c.ca = Some("x".into()), web("https://x")), "ca", "e-mail"),
            (
                "sms",
                with(&|c| c.networks = Some("10.0.0.0/8, home".into()), web("https://x")),
                "networks",
                "`home` is no network",
            ),
            (
                "sms",
                with(&|c| c.signing_secret = Some("whsec_pw-in-url".into()), web("https://x")),
                "signing_secret",
                "24 to 64 bytes",
            ),
            ("task", web("https://x.example"), "url", "colleague"),
        ];
        for (name, config, key, words) in cases {
            let shown = format!("{config:?}");
            let error = open(name, config).unwrap_err();
            assert_eq!((error.channel.as_str(), error.key), (name, key), "{shown}: {error}");
            let said = error.to_string();
            assert!(said.starts_with(&format!("lookout.toml, [channels.{name}], {key}: ")));
            assert!(said.contains(words), "{said}");
            assert!(!said.contains("pw-in-url"), "{said}");
        }
    }

    #[test]
    fn what_a_server_says_holds_no_address() {
        assert_eq!(
            redact("5.1.1 <Ana@Example.com>:\r\n unknown\u{7} user"),
            "5.1.1 (address) unknown user"
        );
    }

    #[test]
    fn a_key_is_a_plain_name() {
        assert!(is_plain("0a1b-2c"));
        for wrong in ["", "..", "a/b", "a b", "a\nb", "ü"] {
            assert!(!is_plain(wrong), "{wrong:?}");
        }
    }
}
