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

use super::super::{Delivery, redact};
use crate::fault;

/// How long the server may take to answer a command.
const COMMAND: Duration = Duration::from_secs(60);
/// How long it may take to accept the whole message; RFC 5321 asks for ten minutes.
const ACCEPT: Duration = Duration::from_secs(600);

/// An open connection.
pub(super) struct Line {
    connection: AsyncSmtpConnection,
    /// Whether the server takes several commands at once (RFC 2920).
    pipelining: bool,
    /// Whether a message was begun and not sent, so that the server has to forget it first.
    begun: bool,
}

impl Line {
    /// Asks the server once more what it can, because nobody kept what it said about this.
    pub(super) async fn new(
        mut connection: AsyncSmtpConnection,
        hello: &ClientId,
    ) -> Result<Self, Failure> {
        let pipelining = match answered(connection.command(Ehlo::new(hello.clone()))).await {
            Ok(answer) => answer.message().any(|line| line.eq_ignore_ascii_case("PIPELINING")),
            Err(failure) if failure.ends_connection() => return Err(failure),
            Err(_) => false,
        };
        Ok(Self { connection, pipelining, begun: false })
    }

    /// Tells the server user and password.
    pub(super) async fn log_in(&mut self, credentials: &Credentials) -> Result<(), Failure> {
        answered(self.connection.auth(DEFAULT_MECHANISMS, credentials)).await.map(|_| ())
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
        let reset = if self.begun { Rset.to_string() } else { String::new() };
        self.begun = true;
        if self.pipelining {
            return self.at_once(reset, mail.to_string(), recipients).await;
        }
        if !reset.is_empty() {
            answered(self.connection.command(reset)).await?;
        }
        answered(self.connection.command(mail)).await.map_err(Failure::of_sender)?;
        for recipient in recipients {
            answered(self.connection.command(recipient)).await?;
        }
        Ok(())
    }

    /// The same in one write. Every answer is read, whatever the ones before it said.
    async fn at_once(
        &mut self,
        reset: String,
        mail: String,
        recipients: Vec<String>,
    ) -> Result<(), Failure> {
        let resets = !reset.is_empty();
        let commands = format!("{reset}{mail}{}", recipients.concat());
        let mut outcome = Ok(());
        for place in 0..usize::from(resets) + 1 + recipients.len() {
            let answer = match place {
                0 => answered(self.connection.command(&commands)).await,
                _ => answered(self.connection.read_response()).await,
            };
            let Err(failure) = answer else { continue };
            let ends = failure.ends_connection();
            let failure = if place == usize::from(resets) { failure.of_sender() } else { failure };
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
            return Err(Failure {
                answer: Answer::Never,
                said: "the mail server takes no address in another script".to_owned(),
                ends: false,
            });
        }
        Ok(vec![MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)])
    }

    /// Says DATA and then the message, and gives what the server answers to the whole of it.
    pub(super) async fn content(&mut self, content: &Content) -> Result<Response, Failure> {
        answered(self.connection.command(Data)).await?;
        fault::point("smtp.content_asked_for");
        if let Some(half) = fault::torn("smtp.within_content", &content.0) {
            fault::last_words(self.connection.command(half)).await?;
        }
        let sent = fault::waiting("smtp.before_answer", self.connection.command(content));
        let answer = answered_by(ACCEPT, sent, Failure::from).await?;
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

/// What went wrong, and whether the server said so itself.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) answer: Answer,
    pub(super) said: String,
    /// The server answered, and hung up.
    pub(super) ends: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// 4xx.
    Later,
    /// 5xx.
    Never,
    /// No answer, or none that makes sense.
    None,
}

impl Failure {
    pub(super) fn broken(said: String) -> Self {
        Self { answer: Answer::None, said, ends: true }
    }

    pub(super) fn about(self, what: &str) -> Self {
        Self { said: format!("{what}: {}", self.said), ..self }
    }

    /// Whether nothing more can be said on the connection.
    pub(super) fn ends_connection(&self) -> bool {
        self.ends || self.answer == Answer::None
    }

    /// What the server has against us as a sender (no password was given, say) is no word about the
    /// customer: once it is put right, the message can go.
    pub(super) fn of_sender(self) -> Self {
        let answer = match self.answer {
            Answer::Never => Answer::Later,
            answer => answer,
        };
        Self { answer, ..self }
            .about("the mail server refuses us as the sender, who may need a user and a password")
    }

    pub(super) fn before_data(&self) -> Delivery {
        let error = self.said.clone();
        match self.answer {
            Answer::Never => Delivery::Permanent { dead: false, error },
            Answer::Later | Answer::None => Delivery::Temporary { after: None, error },
        }
    }

    pub(super) fn after_data(&self) -> Delivery {
        let error = self.said.clone();
        match self.answer {
            Answer::Never => Delivery::Permanent { dead: false, error },
            Answer::Later => Delivery::Temporary { after: None, error },
            Answer::None => Delivery::Uncertain { error },
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let said = redact(&source.unwrap_or_default());
        let code = error.status().map(|code| code.to_string()).unwrap_or_default();
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
        // 421 is the one answer that announces the end.
        let ends = code == "421";
        Self { answer, said: format!("the mail server said {code}: {said}"), ends }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::broken(error.to_string())
    }
}

async fn answered<T>(command: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    answered_by(COMMAND, command, Failure::from).await
}

pub(super) async fn answered_by<T, E>(
    limit: Duration,
    command: impl Future<Output = Result<T, E>>,
    failure: impl Fn(E) -> Failure,
) -> Result<T, Failure> {
    match timeout(limit, command).await {
        Ok(result) => result.map_err(failure),
        Err(_) => Err(Failure::broken(format!("no answer within {} seconds", limit.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_means_depends_on_how_far_it_got() {
        let failure = |answer| Failure { answer, said: "x".to_owned(), ends: false };
        let error = || "x".to_owned();
        assert_eq!(
            failure(Answer::None).before_data(),
            Delivery::Temporary { after: None, error: error() }
        );
        assert_eq!(
            failure(Answer::Later).before_data(),
            Delivery::Temporary { after: None, error: error() }
        );
        assert_eq!(
            failure(Answer::Never).before_data(),
            Delivery::Permanent { dead: false, error: error() }
        );
        assert_eq!(failure(Answer::None).after_data(), Delivery::Uncertain { error: error() });
        assert_eq!(
            failure(Answer::Later).after_data(),
            Delivery::Temporary { after: None, error: error() }
        );
        assert_eq!(
            failure(Answer::Never).after_data(),
            Delivery::Permanent { dead: false, error: error() }
        );
    }

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
