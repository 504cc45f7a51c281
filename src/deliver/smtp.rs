//! The conversation with a mail server, command by command, because the outcome depends on how
//! far it got. Nothing is sent again here, and no password goes over an open line.

use std::future::Future;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::message::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use reqwest::Url;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{DeliverError, Delivery, Parcel, email, is_loopback, redact};
use crate::config::ChannelConfig;

/// How long the server may take to be reached, TLS and greeting included.
const CONNECT: Duration = Duration::from_secs(30);
/// How long it may take to answer a command.
const COMMAND: Duration = Duration::from_secs(60);
/// How long it may take to accept the whole message; RFC 5321 asks for ten minutes.
const ACCEPT: Duration = Duration::from_secs(600);
/// How many open connections wait for the next message.
const IDLE: usize = 4;

/// A mail server and who we are to it.
pub(super) struct Server {
    from: email::Sender,
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    idle: Mutex<Vec<AsyncSmtpConnection>>,
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
            Err(error) => return Delivery::Permanent { error },
        };
        let mut connection = match self.connection().await {
            Ok(connection) => connection,
            Err(failure) => return Delivery::Temporary { error: failure.said },
        };
        if let Err(failure) = envelope(&mut connection, &message).await {
            let delivery = failure.before_data();
            self.keep(connection, &failure);
            return delivery;
        }
        if !transmitting.await {
            self.put_back(connection);
            return Delivery::GivenUp;
        }
        match content(&mut connection, &message).await {
            Ok(answer) => {
                self.put_back(connection);
                let said = answer.first_line().map(redact).unwrap_or_default();
                Delivery::Sent { detail: format!("{} {} {said}", self.host, answer.code()) }
            }
            Err(failure) => {
                let delivery = failure.after_data();
                self.keep(connection, &failure);
                delivery
            }
        }
    }

    /// An open connection on which no message has begun.
    async fn connection(&self) -> Result<AsyncSmtpConnection, Failure> {
        let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut connection) = waiting
            && answered(COMMAND, connection.command(Rset)).await.is_ok()
        {
            return Ok(connection);
        }
        let mut connection = answered_by(CONNECT, self.connect(), |failure| failure)
            .await
            .map_err(|failure| failure.about("the mail server can't be reached"))?;
        if let Some(credentials) = &self.credentials {
            answered(COMMAND, connection.auth(DEFAULT_MECHANISMS, credentials))
                .await
                .map_err(|failure| failure.about("the mail server refuses the user or password"))?;
        }
        Ok(connection)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let hello = match self.from.domain() {
            domain if domain.is_ascii() => ClientId::Domain(domain.to_owned()),
            _ => ClientId::default(),
        };
        let tls = || TlsParameters::new(self.bare_host().to_owned()).map_err(Failure::from);
        if self.security == Security::Tls {
            let server = (self.bare_host(), self.port);
            let tls = Some(tls()?);
            return Ok(AsyncSmtpConnection::connect_tokio1(server, None, &hello, tls, None).await?);
        }
        let stream = TcpStream::connect((self.bare_host(), self.port)).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn AsyncTokioStream> = Box::new(stream);
        let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &hello).await?;
        if self.security == Security::StartTls {
            if !connection.can_starttls() {
                return Err(Failure::broken("it offers no encryption (STARTTLS)".to_owned()));
            }
            connection.starttls(tls()?, &hello).await?;
        }
        Ok(connection)
    }

    /// The host without the brackets of an IPv6 address.
    fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Keeps the connection if the server answered in good order.
    fn keep(&self, connection: AsyncSmtpConnection, failure: &Failure) {
        if failure.answer != Answer::None {
            self.put_back(connection);
        }
    }

    fn put_back(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE && !connection.has_broken() {
            idle.push(connection);
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

async fn envelope(connection: &mut AsyncSmtpConnection, message: &Message) -> Result<(), Failure> {
    let envelope = message.envelope();
    let mut options = Vec::new();
    let addresses = envelope.from().into_iter().chain(envelope.to());
    if !addresses.into_iter().all(|address| AsRef::<str>::as_ref(address).is_ascii()) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure {
                answer: Answer::Never,
                said: "the mail server takes no address in another script".to_owned(),
            });
        }
        options.push(MailParameter::SmtpUtfEight);
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    answered(COMMAND, connection.command(Mail::new(envelope.from().cloned(), options)))
        .await
        .map_err(Failure::of_sender)?;
    for to in envelope.to() {
        answered(COMMAND, connection.command(Rcpt::new(to.clone(), Vec::new()))).await?;
    }
    Ok(())
}

async fn content(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
) -> Result<Response, Failure> {
    answered(COMMAND, connection.command(Data)).await?;
    answered(ACCEPT, connection.message(&message.formatted())).await
}

/// What went wrong, and whether the server said so itself.
#[derive(Debug)]
struct Failure {
    answer: Answer,
    said: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// 4xx.
    Later,
    /// 5xx.
    Never,
    /// No answer, or none that makes sense.
    None,
}

impl Failure {
    fn broken(said: String) -> Self {
        Self { answer: Answer::None, said }
    }

    fn about(self, what: &str) -> Self {
        Self { said: format!("{what}: {}", self.said), ..self }
    }

    /// What the server has against us as a sender (no password was given, say) is no word about the
    /// customer: once it is put right, the message can go.
    fn of_sender(self) -> Self {
        let answer = match self.answer {
            Answer::Never => Answer::Later,
            answer => answer,
        };
        Self { answer, ..self }
            .about("the mail server refuses us as the sender, who may need a user and a password")
    }

    fn before_data(&self) -> Delivery {
        let error = self.said.clone();
        match self.answer {
            Answer::Never => Delivery::Permanent { error },
            Answer::Later | Answer::None => Delivery::Temporary { error },
        }
    }

    fn after_data(&self) -> Delivery {
        let error = self.said.clone();
        match self.answer {
            Answer::Never => Delivery::Permanent { error },
            Answer::Later => Delivery::Temporary { error },
            Answer::None => Delivery::Uncertain { error },
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let said = redact(&source.unwrap_or_default());
        let answer = match (error.is_transient(), error.is_permanent()) {
            (true, _) => Answer::Later,
            (_, true) => Answer::Never,
            _ => {
                return Self::broken(if said.is_empty() {
                    redact(&error.to_string())
                } else {
                    said
                });
            }
        };
        let code = error.status().map(|code| code.to_string()).unwrap_or_default();
        Self { answer, said: format!("the mail server said {code}: {said}") }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::broken(error.to_string())
    }
}

async fn answered<T>(
    limit: Duration,
    command: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    answered_by(limit, command, Failure::from).await
}

async fn answered_by<T, E>(
    limit: Duration,
    command: impl Future<Output = Result<T, E>>,
    failure: impl Fn(E) -> Failure,
) -> Result<T, Failure> {
    match timeout(limit, command).await {
        Ok(result) => result.map_err(failure),
        Err(_) => Err(Failure::broken(format!("no answer within {} seconds", limit.as_secs()))),
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
    fn what_an_answer_means_depends_on_how_far_it_got() {
        let failure = |answer| Failure { answer, said: "x".to_owned() };
        let error = || "x".to_owned();
        assert_eq!(failure(Answer::None).before_data(), Delivery::Temporary { error: error() });
        assert_eq!(failure(Answer::Later).before_data(), Delivery::Temporary { error: error() });
        assert_eq!(failure(Answer::Never).before_data(), Delivery::Permanent { error: error() });
        assert_eq!(failure(Answer::None).after_data(), Delivery::Uncertain { error: error() });
        assert_eq!(failure(Answer::Later).after_data(), Delivery::Temporary { error: error() });
        assert_eq!(failure(Answer::Never).after_data(), Delivery::Permanent { error: error() });
    }

    #[test]
    fn a_user_may_hold_any_character() {
        assert_eq!(percent_decode("care%40example.com"), "care@example.com");
        assert_eq!(percent_decode("50%"), "50%");
    }
}
