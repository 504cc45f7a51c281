//! A mail server that takes everything, unless it is ordered otherwise.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{Book, Identity, Orders, Sink};

/// Something that the server is to do at a point of the conversation.
#[derive(Clone, Debug)]
pub(crate) struct Order(Phase, Act);

/// A point of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Before the greeting.
    Greeting,
    /// At EHLO.
    Hello,
    /// At STARTTLS, before the handshake.
    Starttls,
    /// At AUTH.
    Login,
    /// At MAIL.
    Sender,
    /// At RCPT.
    Recipient,
    /// At DATA, before the 354.
    Data,
    /// When the first line of the message has come.
    Content,
    /// At the final dot, before the message is written down.
    End,
    /// When the message is written down, before anybody is told.
    Taken,
}

/// What it does there instead of its usual answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Says this line. After a 421 it hangs up, as the number announces.
    Say(&'static str),
    /// The usual answer, and in the same breath what somebody else put behind it.
    Add(&'static str),
    /// The usual answer, a byte at a time with so long a pause before each.
    Slow(Duration),
    /// Says nothing, and keeps the connection until the other side goes.
    Hang,
    /// Hangs up.
    Drop,
}

/// What kind of server it is.
#[derive(Clone, Default)]
pub(crate) struct Manner {
    /// It takes several commands at once, and says so.
    pub(crate) pipelining: bool,
    /// It offers AUTH.
    pub(crate) login: bool,
    /// How it encrypts.
    pub(crate) tls: Tls,
}

#[derive(Clone, Default)]
pub(crate) enum Tls {
    /// Not at all; also what is left where somebody in the middle strips STARTTLS.
    #[default]
    None,
    /// After STARTTLS.
    Offered(Identity),
    /// From the first byte.
    Always(Identity),
}

/// A mail server.
pub(crate) struct MailSink {
    sink: Sink<Order>,
    heard: Heard,
}

type Heard = Arc<Mutex<Vec<String>>>;

impl MailSink {
    pub(crate) fn start(manner: Manner) -> Self {
        let heard = Heard::default();
        let log = Arc::clone(&heard);
        let sink = Sink::start(move |stream, connection, book, orders| {
            let (manner, log) = (manner.clone(), Arc::clone(&log));
            let house = House { manner, book, orders, log, connection, encrypted: false };
            // A connection that breaks is the other side's business.
            async move { house.receive(stream).await.unwrap_or_default() }
        });
        Self { sink, heard }
    }

    /// The address to configure.
    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The words it heard, each behind the number of its connection, and in lower case where
    /// everybody on the way could read it.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl std::ops::Deref for MailSink {
    type Target = Sink<Order>;

    fn deref(&self) -> &Self::Target {
        &self.sink
    }
}

impl std::ops::DerefMut for MailSink {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.sink
    }
}

impl Phase {
    /// The order to do something here.
    pub(crate) fn then(self, act: Act) -> Order {
        Order(self, act)
    }
}

/// One connection's side of the server.
struct House {
    manner: Manner,
    book: Book,
    orders: Orders<Order>,
    log: Heard,
    connection: usize,
    encrypted: bool,
}

/// How a conversation goes on.
enum Next {
    Go,
    Encrypt,
    End,
}

impl House {
    async fn receive(mut self, stream: TcpStream) -> io::Result<()> {
        if let Tls::Always(identity) = &self.manner.tls {
            let stream = TlsAcceptor::from(Arc::clone(identity)).accept(stream).await?;
            self.encrypted = true;
            return self.talk(stream, true).await.map(|_| ());
        }
        let Some(stream) = self.talk(stream, true).await? else { return Ok(()) };
        let Tls::Offered(identity) = &self.manner.tls else { return Ok(()) };
        let stream = TlsAcceptor::from(Arc::clone(identity)).accept(stream).await?;
        self.encrypted = true;
        self.talk(stream, false).await.map(|_| ())
    }

    /// Talks until the other side goes, or wants to be encrypted: then it gives the stream back.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        greet: bool,
    ) -> io::Result<Option<S>> {
        let mut talk =
            Talk { house: self, stream: BufReader::new(stream), out: Vec::new(), to: None };
        if greet && let Next::End = talk.answer(Phase::Greeting, "220 sink ESMTP\r\n").await? {
            return Ok(None);
        }
        let mut line = Vec::new();
        loop {
            if talk.stream.buffer().is_empty() {
                talk.flush().await?;
            }
            line.clear();
            if talk.stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(None);
            }
            match talk.command(&String::from_utf8_lossy(&line)).await? {
                Next::Go => {}
                Next::Encrypt => return Ok(Some(talk.stream.into_inner())),
                Next::End => return Ok(None),
            }
        }
    }

    fn note(&self, word: &str) {
        let word = if self.encrypted { word.to_uppercase() } else { word.to_lowercase() };
        self.log.lock().unwrap().push(format!("{} {word}", self.connection));
    }

    fn capabilities(&self) -> String {
        let mut all = vec!["sink"];
        if self.manner.pipelining {
            all.push("PIPELINING");
        }
        if self.manner.login {
            all.push("AUTH PLAIN");
        }
        if matches!(self.manner.tls, Tls::Offered(_)) && !self.encrypted {
            all.push("STARTTLS");
        }
        all.push("ENHANCEDSTATUSCODES");
        let last = all.len() - 1;
        let line = |(at, what): (usize, &&str)| {
            format!("250{}{what}\r\n", if at == last { ' ' } else { '-' })
        };
        all.iter().enumerate().map(line).collect()
    }
}

struct Talk<'a, S> {
    house: &'a House,
    stream: BufReader<S>,
    /// What is to be said in one breath.
    out: Vec<u8>,
    to: Option<String>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<'_, S> {
    async fn command(&mut self, line: &str) -> io::Result<Next> {
        let word = line.split([' ', '\r', '\n']).next().unwrap_or_default().to_uppercase();
        self.house.note(&word);
        match word.as_str() {
            "EHLO" | "HELO" => {
                let capabilities = self.house.capabilities();
                self.answer(Phase::Hello, &capabilities).await
            }
            "STARTTLS" => match self.answer(Phase::Starttls, "220 2.0.0 go ahead\r\n").await? {
                Next::Go if self.out.starts_with(b"220") => {
                    self.flush().await?;
                    Ok(Next::Encrypt)
                }
                other => Ok(other),
            },
            "AUTH" => self.answer(Phase::Login, "235 2.7.0 welcome\r\n").await,
            "MAIL" => self.answer(Phase::Sender, "250 2.1.0 fine\r\n").await,
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                self.to = Some(address.to_owned());
                self.answer(Phase::Recipient, "250 2.1.5 fine\r\n").await
            }
            "DATA" => match self.answer(Phase::Data, "354 go ahead\r\n").await? {
                Next::Go if self.out.ends_with(b"354 go ahead\r\n") => self.message().await,
                other => Ok(other),
            },
            "QUIT" => {
                self.out.extend(b"221 2.0.0 bye\r\n");
                self.flush().await?;
                Ok(Next::End)
            }
            "RSET" | "NOOP" => {
                self.out.extend(b"250 2.0.0 fine\r\n");
                Ok(Next::Go)
            }
            _ => {
                self.out.extend(b"500 5.5.2 what?\r\n");
                Ok(Next::Go)
            }
        }
    }

    /// Everything up to the final dot.
    async fn message(&mut self) -> io::Result<Next> {
        self.flush().await?;
        let (mut message, mut start) = (Vec::new(), 0);
        loop {
            if self.stream.read_until(b'\n', &mut message).await? == 0 {
                return Ok(Next::End);
            }
            if start == 0
                && let Some(act) = self.order(Phase::Content)
            {
                return self.act(act, "").await;
            }
            if &message[start..] == b".\r\n" {
                message.truncate(start);
                break;
            }
            start = message.len();
        }
        self.house.note(".");
        if let Some(act) = self.order(Phase::End) {
            return self.act(act, "250 2.0.0 not taken\r\n").await;
        }
        let to = self.to.take().unwrap_or_default();
        let key = key(&message);
        self.house.book.write(key, to.clone(), message.len()).await;
        self.to = Some(to);
        self.answer(Phase::Taken, "250 2.0.0 taken\r\n").await
    }

    fn order(&self, phase: Phase) -> Option<Act> {
        let order = self.house.orders.ask(self.to.as_deref(), |Order(at, _)| *at == phase);
        order.map(|Order(_, act)| act)
    }

    /// Says what is usual, or does what was ordered.
    async fn answer(&mut self, phase: Phase, usual: &str) -> io::Result<Next> {
        match self.order(phase) {
            Some(act) => self.act(act, usual).await,
            None => {
                self.out.extend(usual.as_bytes());
                Ok(Next::Go)
            }
        }
    }

    async fn act(&mut self, act: Act, usual: &str) -> io::Result<Next> {
        match act {
            Act::Say(line) => {
                self.out.extend(line.as_bytes());
                self.out.extend(b"\r\n");
                if line.starts_with("421") {
                    self.flush().await?;
                    return Ok(Next::End);
                }
            }
            Act::Add(more) => {
                self.out.extend(usual.as_bytes());
                self.out.extend(more.as_bytes());
            }
            Act::Slow(pause) => {
                self.flush().await?;
                for byte in usual.bytes() {
                    tokio::time::sleep(pause).await;
                    self.out.push(byte);
                    self.flush().await?;
                }
            }
            Act::Hang => {
                self.flush().await?;
                tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await?;
                return Ok(Next::End);
            }
            Act::Drop => {
                self.flush().await?;
                return Ok(Next::End);
            }
        }
        Ok(Next::Go)
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.stream.get_mut().write_all(&self.out).await?;
        self.out.clear();
        self.stream.get_mut().flush().await
    }
}

/// What stands before the `@` of a message's Message-ID.
fn key(message: &[u8]) -> String {
    let head = message.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(message.len());
    let head = String::from_utf8_lossy(&message[..head]);
    let id = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("Message-ID").then(|| value.trim().to_owned())
    });
    let id = id.unwrap_or_default();
    id.trim_start_matches('<').split('@').next().unwrap_or_default().to_owned()
}
