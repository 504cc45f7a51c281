//! A mail server: how it is reached, and the connections that wait for the next message. Whether
//! a message left depends on how far its conversation got. No message is begun again once DATA was
//! said, and no password goes over an open line.

mod encrypt;
mod line;
mod reply;

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use reqwest::Url;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::standing::{Meant, Standing};
use super::{DeliverError, Delivery, Network, Parcel, email, is_loopback, redact};
use crate::config::ChannelConfig;
use crate::fault;
use encrypt::Tls;
use line::{Cause, Content, Failure, Line, answered, in_time};
use reply::{Meaning, Phase};

/// How many open connections wait for the next message.
const IDLE: usize = 4;

/// How long one may wait. Servers hang up after five minutes (RFC 5321 §4.5.3.2.7), and what stands
/// in between may forget a quiet connection sooner, without a word.
const STALE: Duration = Duration::from_secs(60);

/// A mail server and who we are to it.
pub(super) struct Server {
    from: email::Sender,
    host: String,
    port: u16,
    security: Security,
    tls: Tls,
    credentials: Option<Credentials>,
    network: Network,
    standing: Standing,
    idle: Mutex<Vec<(Line, Instant)>>,
}

/// How the line is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS before anything else is said, or nothing is said.
    StartTls,
    /// None: the server is on this machine.
    Open,
}

impl Security {
    fn of(scheme: &str, host: &str, required: bool) -> Self {
        match scheme {
            "smtps" => Self::Tls,
            _ if is_loopback(host) && !required => Self::Open,
            _ => Self::StartTls,
        }
    }
}

impl Server {
    /// Reads `smtp://[user@]host[:port]` or `smtps://…`; connects to nothing.
    pub(super) fn open(
        from: email::Sender,
        config: &ChannelConfig,
        network: &Network,
        fault: &dyn Fn(&'static str, String) -> DeliverError,
    ) -> Result<Self, DeliverError> {
        const CURE: &str =
            "write smtp://user@mail.example.com, smtps://user@mail.example.com or file:FOLDER";
        const SECRET: &str =
            "set it with LOOKOUT_CHANNELS__EMAIL__SECRET, or LOOKOUT_CHANNELS__EMAIL__SECRET_FILE";
        let url = Url::parse(&config.url)
            .ok()
            .filter(|url| ["smtp", "smtps"].contains(&url.scheme()))
            .ok_or_else(|| fault("url", format!("this is no address of a mail server; {CURE}")))?;
        if url.password().is_some() {
            let message = format!("a password has no place in an address; {SECRET}");
            return Err(fault("url", message));
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let extra = !matches!(url.path(), "" | "/") || url.query().is_some();
        let host = host
            .filter(|_| !extra)
            .ok_or_else(|| {
                fault("url", format!("the address of the mail server is malformed; {CURE}"))
            })?
            .to_owned();
        let user = percent_decode(url.username());
        let credentials = match (user.is_empty(), &config.secret) {
            (true, _) => None,
            (false, Some(secret)) => Some(Credentials::new(user, secret.clone())),
            (false, None) => {
                let message =
                    format!("the address names a user, and their password is missing; {SECRET}");
                return Err(fault("secret", message));
            }
        };
        let required = match config.tls.as_deref() {
            None => false,
            Some("required") => true,
            Some(other) => {
                let message =
                    format!("`{other}` is no such thing; write \"required\", or leave it out");
                return Err(fault("tls", message));
            }
        };
        let security = Security::of(url.scheme(), &host, required);
        if security == Security::Open && config.ca.is_some() {
            let message = "the server is on this machine, and nothing is encrypted; write tls = \
                           \"required\" beside it, or remove the line";
            return Err(fault("ca", message.to_owned()));
        }
        let tls = Tls::new(bare(&host), config.ca.as_deref()).map_err(|m| fault("ca", m))?;
        let usual = match security {
            Security::Tls => 465,
            Security::StartTls => 587,
            Security::Open => 25,
        };
        let port = url.port().unwrap_or(usual);
        let (network, standing, idle) = (network.clone(), Standing::default(), Mutex::default());
        Ok(Self { from, host, port, security, tls, credentials, network, standing, idle })
    }

    pub(super) fn is_local(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Tries once. Before DATA nothing has left; after it only the server's own answer says so.
    pub(super) async fn send(
        &self,
        parcel: &Parcel,
        transmitting: impl Future<Output = bool> + Send,
    ) -> Delivery {
        let message = match email::message(&self.from, parcel) {
            Ok(message) => message,
            Err(error) => return Delivery::Permanent { dead: false, error },
        };
        let Some(content) = Content::new(message.formatted()) else {
            return Delivery::Permanent {
                dead: false,
                error: "the message can't be encoded".to_owned(),
            };
        };
        let line = in_time(self.network.before_data, self.line_with(message.envelope())).await;
        let mut line = match line {
            Ok(line) => line,
            Err(failure) => return self.outcome(parcel, failure, false),
        };
        fault::point("smtp.envelope_taken");
        if !transmitting.await {
            self.put_back(line);
            return Delivery::GivenUp;
        }
        match line.content(&content).await {
            Ok(answer) => {
                self.standing.took();
                self.put_back(line);
                let said = answer.first_line().map(redact).unwrap_or_default();
                Delivery::Sent { detail: format!("{} {} {said}", self.host, answer.code()) }
            }
            Err(failure) => {
                self.keep(line, &failure);
                self.outcome(parcel, failure, true)
            }
        }
    }

    /// What a failure means for the parcel. `transmitting` says that the server may have it.
    fn outcome(&self, parcel: &Parcel, failure: Failure, transmitting: bool) -> Delivery {
        let error = failure.said;
        let blocked = |error: String| {
            let cure = format!("once that is put right: lookout resume {}", parcel.channel);
            Delivery::Blocked { error: format!("{error}; {cure}") }
        };
        match failure.cause {
            Cause::Broken if transmitting => Delivery::Uncertain { error },
            Cause::Broken => Delivery::Temporary { after: None, error },
            Cause::Refused(Meaning::Later { after }) => Delivery::Temporary { after, error },
            Cause::Refused(Meaning::Never) => Delivery::Permanent { dead: false, error },
            Cause::Refused(Meaning::Nobody) => Delivery::Permanent { dead: true, error },
            Cause::Refused(Meaning::Us) => blocked(error),
            Cause::Refused(Meaning::Unclear) => match self.standing.refused(&parcel.key) {
                Meant::Message => Delivery::Permanent { dead: false, error },
                Meant::Open => Delivery::Temporary { after: None, error },
                Meant::Us => blocked(format!("several messages in a row were refused: {error}")),
            },
        }
    }

    /// An open connection on which the server took sender and recipient.
    ///
    /// A server may have hung up on a connection that waited. Nothing was sent over it, so a new
    /// one is tried once.
    async fn line_with(&self, envelope: &Envelope) -> Result<Line, Failure> {
        if let Some(mut line) = self.waiting() {
            match line.envelope(envelope).await {
                Ok(()) => return Ok(line),
                Err(failure) if failure.ends_connection() => {}
                Err(failure) => {
                    self.keep(line, &failure);
                    return Err(failure);
                }
            }
        }
        let mut line = self.open_line().await?;
        match line.envelope(envelope).await {
            Ok(()) => Ok(line),
            Err(failure) => {
                self.keep(line, &failure);
                Err(failure)
            }
        }
    }

    /// A new connection, logged in.
    async fn open_line(&self) -> Result<Line, Failure> {
        let hello = self.hello();
        let line = self.connect(&hello).await;
        fault::point("smtp.connected");
        let mut line = line.map_err(|failure| failure.about("the mail server can't be reached"))?;
        if let Some(credentials) = &self.credentials {
            let login = line.log_in(credentials).await;
            login
                .map_err(|failure| failure.about("the mail server refuses the user or password"))?;
        }
        Ok(line)
    }

    fn hello(&self) -> ClientId {
        match self.from.domain() {
            domain if domain.is_ascii() => ClientId::Domain(domain.to_owned()),
            _ => ClientId::default(),
        }
    }

    async fn connect(&self, hello: &ClientId) -> Result<Line, Failure> {
        let stream = in_time(self.network.connect, self.reach()).await?;
        let (limit, tls) = (self.network.command, &self.tls);
        let stream: Box<dyn AsyncTokioStream> = match self.security {
            Security::Open => Box::new(stream),
            Security::Tls => Box::new(in_time(limit, tls.at_once(stream)).await?),
            Security::StartTls => Box::new(in_time(limit, tls.after_asking(stream, hello)).await?),
        };
        let greeting = AsyncSmtpConnection::connect_with_transport(stream, hello);
        Line::new(answered(Phase::Hello, limit, greeting).await?, hello, &self.network).await
    }

    async fn reach(&self) -> Result<TcpStream, Failure> {
        let stream = TcpStream::connect((bare(&self.host), self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The connection that was used last, unless it has waited for too long.
    fn waiting(&self) -> Option<Line> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < STALE);
        idle.pop().map(|(line, _)| line)
    }

    /// Keeps the connection if the server answered in good order and stays.
    fn keep(&self, line: Line, failure: &Failure) {
        if !failure.ends_connection() {
            self.put_back(line);
        }
    }

    fn put_back(&self, line: Line) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE && !line.has_broken() {
            idle.push((line, Instant::now()));
        }
    }
}

// By hand: without the credentials and the connections.
impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

/// The host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// The text that a URL's user stands for.
pub(super) fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_on_this_machine_may_go_without_encryption() {
        for local in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "[::1]"] {
            assert_eq!(Security::of("smtp", local, false), Security::Open, "{local}");
        }
        for far in
            ["mail.example.com", "localhost.example.com", "10.0.0.1", "[::2]", "127.0.0.1.nip.io"]
        {
            assert_eq!(Security::of("smtp", far, false), Security::StartTls, "{far}");
        }
        assert_eq!(Security::of("smtps", "localhost", false), Security::Tls);
        assert_eq!(Security::of("smtp", "localhost", true), Security::StartTls);
    }

    #[test]
    fn a_user_may_hold_any_character() {
        assert_eq!(percent_decode("care%40example.com"), "care@example.com");
        assert_eq!(percent_decode("50%"), "50%");
    }
}
