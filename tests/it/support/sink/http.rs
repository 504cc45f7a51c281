//! An HTTP service that takes everything, unless it is ordered otherwise.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{Book, Identity, Orders, Sink};

/// What the service does instead of taking a request and saying 202.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Answers with this status and these headers, and takes nothing unless it is 2xx.
    Say(u16, Vec<(&'static str, String)>),
    /// Takes it and answers 200 with a body that never ends.
    Endless,
    /// Takes it and answers, a byte at a time with so long a pause before each.
    Slow(Duration),
    /// Takes it and hangs up without a word.
    TakeAndDrop,
    /// Hangs up without a word.
    Drop,
    /// Says nothing, and keeps the connection until the other side goes.
    Hang,
}

/// What it heard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// Such as `POST /send HTTP/1.1`.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// As it came.
    pub(crate) body: String,
}

impl Request {
    /// The value of a header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// An HTTP service.
pub(crate) struct WebSink {
    sink: Sink<Reply>,
    heard: Arc<Mutex<Vec<Request>>>,
}

impl WebSink {
    /// A service, over TLS where it has an identity.
    pub(crate) fn start(identity: Option<Identity>) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        let sink = Sink::start(move |stream, _, book, orders| {
            let house = House { book, orders, log: Arc::clone(&log) };
            let identity = identity.clone();
            // A connection that breaks is the other side's business.
            async move { house.receive(stream, identity).await.unwrap_or_default() }
        });
        Self { sink, heard }
    }

    /// The address to configure.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/send", self.port)
    }

    /// The requests that it heard, in order.
    pub(crate) fn heard(&self) -> Vec<Request> {
        self.heard.lock().unwrap().clone()
    }
}

impl std::ops::Deref for WebSink {
    type Target = Sink<Reply>;

    fn deref(&self) -> &Self::Target {
        &self.sink
    }
}

impl std::ops::DerefMut for WebSink {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.sink
    }
}

struct House {
    book: Book,
    orders: Orders<Reply>,
    log: Arc<Mutex<Vec<Request>>>,
}

const TAKEN: &[u8] = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";

impl House {
    async fn receive(self, stream: TcpStream, identity: Option<Identity>) -> io::Result<()> {
        match identity {
            None => self.talk(stream).await,
            Some(identity) => self.talk(TlsAcceptor::from(identity).accept(stream).await?).await,
        }
    }

    async fn talk(&self, stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(request) = read(&mut stream).await? {
            self.log.lock().unwrap().push(request.clone());
            let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
            let to = body["to"].as_str().unwrap_or_default().to_owned();
            let order = self.orders.ask(Some(&to), |_| true);
            let refuses = match &order {
                Some(Reply::Say(status, _)) => !(200..300).contains(status),
                Some(Reply::Drop | Reply::Hang) => true,
                _ => false,
            };
            if !refuses {
                let key = request.header("webhook-id").to_owned();
                self.book.write(key, to, request.body.len()).await;
            }
            let Some(order) = order else {
                stream.get_mut().write_all(TAKEN).await?;
                continue;
            };
            if !carry_out(order, &mut stream).await? {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Whether the conversation goes on.
async fn carry_out(
    order: Reply,
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
) -> io::Result<bool> {
    match order {
        Reply::Say(status, headers) => {
            let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
            let headers: String = headers.collect();
            let answer = format!("HTTP/1.1 {status} Ordered\r\ncontent-length: 0\r\n{headers}\r\n");
            stream.get_mut().write_all(answer.as_bytes()).await?;
            return Ok(true);
        }
        Reply::Endless => {
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                stream.get_mut().write_all(&[b'x'; 4096]).await?;
            }
        }
        Reply::Slow(pause) => {
            for byte in TAKEN {
                tokio::time::sleep(pause).await;
                stream.get_mut().write_all(&[*byte]).await?;
            }
            return Ok(true);
        }
        Reply::Hang => {
            tokio::io::copy(stream, &mut tokio::io::sink()).await?;
        }
        Reply::TakeAndDrop | Reply::Drop => {}
    }
    Ok(false)
}

/// The next request, or nothing where the other side went.
async fn read(stream: &mut BufReader<impl AsyncRead + Unpin>) -> io::Result<Option<Request>> {
    let mut request = Request::default();
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let text = line.trim_end();
        match text.split_once(':') {
            _ if request.line.is_empty() => request.line = text.to_owned(),
            Some((name, value)) => {
                request.headers.push((name.to_lowercase(), value.trim().to_owned()));
            }
            None => {
                let length = request.header("content-length").parse().unwrap_or(0);
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await?;
                request.body = String::from_utf8_lossy(&body).into_owned();
                return Ok(Some(request));
            }
        }
        line.clear();
    }
    Ok(None)
}
