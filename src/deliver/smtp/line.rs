//! One connection to a mail server and what is said on it: every command is one write, and
//! commands that need no answer in between go together where the server takes them so. DATA is
//! never among those: it waits for its own call.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::time::timeout;

use super::super::{Network, redact};
use super::reply::{Meaning, Phase, meaning};
use crate::fault;

/// An open connection.
pub(super) struct Line {
    connection: AsyncSmtpConnection,
    patience: Patience,
    /// Whether the server takes several commands at once (RFC 2920).
    pipelining: bool,
    /// Whether a message was begun and not sent, so that the server has to forget it first.
    begun: bool,
}

/// How long the server may take to answer.
#[derive(Clone, Copy)]
struct Patience {
    command: Duration,
    data: Duration,
    content: Duration,
}

impl Line {
    /// Asks the server once more what it can, because nobody kept what it said about this.
    pub(super) async fn new(
        mut connection: AsyncSmtpConnection,
        hello: &ClientId,
        network: &Network,
    ) -> Result<Self, Failure> {
        let patience =
            Patience { command: network.command, data: network.data, content: network.content };
        let again = connection.command(Ehlo::new(hello.clone()));
        let pipelining = match answered(Phase::Hello, patience.command, again).await {
            Ok(answer) => answer.message().any(|line| line.eq_ignore_ascii_case("PIPELINING")),
            Err(failure) if failure.ends_connection() => return Err(failure),
            Err(_) => false,
        };
        Ok(Self { connection, patience, pipelining, begun: false })
    }

    /// Tells the server user and password.
    pub(super) async fn log_in(&mut self, credentials: &Credentials) -> Result<(), Failure> {
        if self.connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
            let said = "it offers no way to log in that we know (PLAIN, LOGIN)".to_owned();
            return Err(Failure { cause: Cause::Refused(Meaning::Us), said, ends: false });
        }
        let login = self.connection.auth(DEFAULT_MECHANISMS, credentials);
        answered(Phase::Login, self.patience.command, login).await.map(|_| ())
    }

    /// Whether nothing can be said on it any more.
    pub(super) fn has_broken(&self) -> bool {
        self.connection.has_broken()
    }

    /// Tells the server sender and recipients. Fails unless it takes them all.
    pub(super) async fn envelope(&mut self, envelope: &Envelope) -> Result<(), Failure> {
        let mail = Mail::new(envelope.from().cloned(), self.options(envelope)?);
        let recipients = envelope.to().iter().map(|to| Rcpt::new(to.clone(), Vec::new()));
        let recipients: Vec<String> = recipients.map(|rcpt| rcpt.to_string()).collect();
        let mut commands = Vec::new();
        if self.begun {
            commands.push((Phase::Sender, Rset.to_string()));
        }
        commands.push((Phase::Sender, mail.to_string()));
        commands.extend(recipients.into_iter().map(|to| (Phase::Recipient, to)));
        self.begun = true;
        if self.pipelining {
            return self.at_once(commands).await;
        }
        for (phase, command) in commands {
            answered(phase, self.patience.command, self.connection.command(command)).await?;
        }
        Ok(())
    }

    /// The same in one write. Every answer is read, whatever the ones before it said.
    async fn at_once(&mut self, commands: Vec<(Phase, String)>) -> Result<(), Failure> {
        let all: String = commands.iter().map(|(_, command)| command.as_str()).collect();
        let mut outcome = Ok(());
        for (place, (phase, _)) in commands.into_iter().enumerate() {
            let answer = match place {
                0 => answered(phase, self.patience.command, self.connection.command(&all)).await,
                _ => answered(phase, self.patience.command, self.connection.read_response()).await,
            };
            let Err(failure) = answer else { continue };
            let ends = failure.ends_connection();
            // The first thing that went wrong is what the others came from.
            let first = outcome.err().unwrap_or(failure);
            outcome = Err(Failure { ends: ends || first.ends, ..first });
            if ends {
                break;
            }
        }
        outcome
    }

    fn options(&self, envelope: &Envelope) -> Result<Vec<MailParameter>, Failure> {
        let addresses = envelope.from().into_iter().chain(envelope.to());
        if addresses.into_iter().all(|address| AsRef::<str>::as_ref(address).is_ascii()) {
            return Ok(Vec::new());
        }
        if !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            let said = "the mail server takes no address in another script".to_owned();
            return Err(Failure { cause: Cause::Refused(Meaning::Never), said, ends: false });
        }
        Ok(vec![MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)])
    }

    /// Says DATA and then the message, and gives what the server answers to the whole of it.
    pub(super) async fn content(&mut self, content: &Content) -> Result<Response, Failure> {
        answered(Phase::Content, self.patience.data, self.connection.command(Data)).await?;
        fault::point("smtp.content_asked_for");
        if let Some(half) = fault::torn("smtp.within_content", &content.0) {
            let sent = fault::last_words(self.connection.command(half));
            answered(Phase::Content, self.patience.content, sent).await?;
        }
        let sent = fault::waiting("smtp.before_answer", self.connection.command(content));
        let answer = answered(Phase::Content, self.patience.content, sent).await?;
        fault::point("smtp.answered");
        self.begun = false;
        Ok(answer)
    }
}

/// A message as it goes over the line, its end included.
pub(super) struct Content(String);

impl Content {
    /// Doubles the dot at the beginning of a line and ends with a line that is a dot. None where
    /// the message is not UTF-8.
    pub(super) fn new(message: Vec<u8>) -> Option<Self> {
        let message = String::from_utf8(message).ok()?;
        let dot = if message.starts_with('.') { "." } else { "" };
        let line_end = if message.ends_with("\r\n") { "" } else { "\r\n" };
        Some(Self(format!("{dot}{}{line_end}.\r\n", message.replace("\r\n.", "\r\n.."))))
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What went wrong on a connection.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) cause: Cause,
    /// For people.
    pub(super) said: String,
    /// The server answered, and hung up.
    pub(super) ends: bool,
}

/// Whether the server said what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It did.
    Refused(Meaning),
    /// There is no answer, or none that makes sense.
    Broken,
}

impl Failure {
    pub(super) fn broken(said: String) -> Self {
        Self { cause: Cause::Broken, said, ends: true }
    }

    /// The server's answer, which is not the one that was wanted.
    pub(super) fn refused(phase: Phase, code: u16, said: &str) -> Self {
        let cause = Cause::Refused(meaning(phase, code, said));
        // 421 is the one answer that announces the end.
        let failure = Self {
            cause,
            said: format!("the mail server said {code}: {}", redact(said)),
            ends: code == 421,
        };
        match (phase, cause) {
            (Phase::Sender, Cause::Refused(Meaning::Us)) => failure.about(
                "the mail server refuses us as the sender, who may need a user and a password",
            ),
            (Phase::Recipient | Phase::Content, Cause::Refused(Meaning::Us)) => {
                failure.about("the mail server refuses us")
            }
            _ => failure,
        }
    }

    pub(super) fn about(self, what: &str) -> Self {
        Self { said: format!("{what}: {}", self.said), ..self }
    }

    /// Whether nothing more can be said on the connection.
    pub(super) fn ends_connection(&self) -> bool {
        self.ends || self.cause == Cause::Broken
    }

    fn of(phase: Phase, error: &Error) -> Self {
        let source = std::error::Error::source(error).map(ToString::to_string);
        match error.status() {
            Some(code) => Self::refused(phase, code.into(), &source.unwrap_or_default()),
            None => Self::broken(redact(&source.unwrap_or_else(|| error.to_string()))),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::broken(error.to_string())
    }
}

/// What the server answers in this phase, or that it does not in time.
pub(super) async fn answered<T>(
    phase: Phase,
    limit: Duration,
    command: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    in_time(limit, async { command.await.map_err(|error| Failure::of(phase, &error)) }).await
}

/// What comes of it, unless it takes too long.
pub(super) async fn in_time<T>(
    limit: Duration,
    what: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(limit, what).await.unwrap_or_else(|_| {
        Err(Failure::broken(format!("no answer within {} seconds", limit.as_secs_f32())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_message_ends_it() {
        let sent = |message: &str| Content::new(message.into()).unwrap().to_string();
        assert_eq!(sent("a\r\n"), "a\r\n.\r\n");
        assert_eq!(sent("a"), "a\r\n.\r\n");
        assert_eq!(sent(".\r\n.\r\n..\r\na.b\r\n"), "..\r\n..\r\n...\r\na.b\r\n.\r\n");
        assert_eq!(sent(""), "\r\n.\r\n");
        assert!(Content::new(vec![0xff]).is_none());
    }
}
