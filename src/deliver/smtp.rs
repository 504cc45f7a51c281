//! A mail server: how it is reached, and the connections that wait for the next message. Whether
//! a message left depends on how far its conversation got. No message is begun again once DATA was
//! said, and no password goes over an open line.

mod line;

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use reqwest::Url;
use tokio::net::TcpStream;

use super::{DeliverError, Delivery, Parcel, email, is_loopback, redact};
use crate::config::ChannelConfig;
use crate::fault;
use line::{Answer, Content, Failure, Line, answered_by};

/// How long the server may take to be reached, TLS and greeting included.
const CONNECT: Duration = Duration::from_secs(30);
/// How many open connections wait for the next message.
const IDLE: usize = 4;

/// A mail server and who we are to it.
pub(super) struct Server {
    from: email::Sender,
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    idle: Mutex<Vec<Line>>,
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
    fn of(scheme: &str, host: &str) -> Self {
        match scheme {
            "smtps" => Self::Tls,
            _ if is_loopback(host) => Self::Open,
            _ => Self::StartTls,
        }
    }
}

impl Server {
    /// Reads `smtp://[user@]host[:port]` or `smtps://…`; connects to nothing.
    pub(super) fn open(
        from: email::Sender,
        config: &ChannelConfig,
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
        let security = Security::of(url.scheme(), &host);
        let usual = match security {
            Security::Tls => 465,
            Security::StartTls => 587,
            Security::Open => 25,
        };
        let port = url.port().unwrap_or(usual);
        Ok(Self { from, host, port, security, credentials, idle: Mutex::default() })
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
        let mut line = match self.line_with(message.envelope()).await {
            Ok(line) => line,
            Err(failure) => return failure.before_data(),
        };
        fault::point("smtp.envelope_taken");
        if !transmitting.await {
            self.put_back(line);
            return Delivery::GivenUp;
        }
        match line.content(&content).await {
            Ok(answer) => {
                self.put_back(line);
                let said = answer.first_line().map(redact).unwrap_or_default();
                Delivery::Sent { detail: format!("{} {} {said}", self.host, answer.code()) }
            }
            Err(failure) => {
                let delivery = failure.after_data();
                self.keep(line, &failure);
                delivery
            }
        }
    }

    /// An open connection on which the server took sender and recipient.
    ///
    /// A server may have hung up on a connection that waited. Nothing was sent over it, so a new
    /// one is tried once.
    async fn line_with(&self, envelope: &Envelope) -> Result<Line, Failure> {
        let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut line) = waiting {
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

    /// A new connection. Whatever the server has against it, the message can go another time.
    async fn open_line(&self) -> Result<Line, Failure> {
        let later =
            |failure: Failure, what| Failure { answer: Answer::Later, ..failure.about(what) };
        let hello = self.hello();
        let line = answered_by(CONNECT, self.connect(&hello), |failure| failure).await;
        fault::point("smtp.connected");
        let mut line =
            line.map_err(|failure| later(failure, "the mail server can't be reached"))?;
        if let Some(credentials) = &self.credentials {
            line.log_in(credentials).await.map_err(|failure| {
                later(failure, "the mail server refuses the user or password")
            })?;
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
        let tls = || TlsParameters::new(self.bare_host().to_owned()).map_err(Failure::from);
        if self.security == Security::Tls {
            let server = (self.bare_host(), self.port);
            let tls = Some(tls()?);
            let connection = AsyncSmtpConnection::connect_tokio1(server, None, hello, tls, None);
            return Line::new(connection.await?, hello).await;
        }
        let stream = TcpStream::connect((self.bare_host(), self.port)).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn AsyncTokioStream> = Box::new(stream);
        let mut connection = AsyncSmtpConnection::connect_with_transport(stream, hello).await?;
        if self.security == Security::StartTls {
            if !connection.can_starttls() {
                return Err(Failure::broken("it offers no encryption (STARTTLS)".to_owned()));
            }
            connection.starttls(tls()?, hello).await?;
        }
        Line::new(connection, hello).await
    }

    /// The host without the brackets of an IPv6 address.
    fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
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
            idle.push(line);
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
            assert_eq!(Security::of("smtp", local), Security::Open, "{local}");
        }
        for far in
            ["mail.example.com", "localhost.example.com", "10.0.0.1", "[::2]", "127.0.0.1.nip.io"]
        {
            assert_eq!(Security::of("smtp", far), Security::StartTls, "{far}");
        }
        assert_eq!(Security::of("smtps", "localhost"), Security::Tls);
    }

    #[test]
    fn a_user_may_hold_any_character() {
        assert_eq!(percent_decode("care%40example.com"), "care@example.com");
        assert_eq!(percent_decode("50%"), "50%");
    }
}
