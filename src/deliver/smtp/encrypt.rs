//! Encrypting the line to a mail server, from the first byte or after STARTTLS. Nothing that came
//! before the handshake is believed after it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::io::{BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::line::Failure;
use super::reply::Phase;

/// What takes the place of the greeting that was read before the handshake.
const GREETED: &[u8] = b"220 encrypted\r\n";
/// The longest answer that is read before the handshake, in bytes.
const ANSWER: u64 = 64 * 1024;

/// Whom we trust, and to whom we talk.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// Trusts the public authorities, and those in the PEM file `ca` beside them.
    ///
    /// # Errors
    /// A file that can't be read or holds no certificate; a name that no certificate can bear.
    pub(super) fn new(host: &str, ca: Option<&str>) -> Result<Self, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(file) = ca {
            let own = certificates(Path::new(file))?;
            if own.is_empty() || roots.add_parsable_certificates(own).0 == 0 {
                return Err(format!("{file} holds no certificate in PEM"));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS can't be set up: {error}"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("no certificate can be made out to `{host}`"))?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Encrypts from the first byte.
    pub(super) async fn at_once(&self, stream: TcpStream) -> Result<Encrypted, Failure> {
        self.handshake(stream, b"").await
    }

    /// Asks for encryption and says nothing else in the clear but our name (RFC 3207). Bytes that
    /// come along with the answer were put there by somebody else (CVE-2011-0411): then nothing
    /// more is said.
    pub(super) async fn after_asking(
        &self,
        stream: TcpStream,
        hello: &ClientId,
    ) -> Result<Encrypted, Failure> {
        let mut stream = BufReader::new(stream);
        answer(&mut stream).await?;
        stream.get_mut().write_all(format!("EHLO {hello}\r\n").as_bytes()).await?;
        let offers = answer(&mut stream).await?;
        if !offers.iter().any(|offer| offer.trim().eq_ignore_ascii_case("STARTTLS")) {
            return Err(Failure::broken("it offers no encryption (STARTTLS)".to_owned()));
        }
        stream.get_mut().write_all(b"STARTTLS\r\n").await?;
        answer(&mut stream).await?;
        if !stream.buffer().is_empty() {
            let said = "it said more than it was asked before encryption, which somebody in the \
                        middle may have added";
            return Err(Failure::broken(said.to_owned()));
        }
        self.handshake(stream.into_inner(), GREETED).await
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        first: &'static [u8],
    ) -> Result<Encrypted, Failure> {
        let peer = stream.peer_addr()?;
        match self.connector.connect(self.name.clone(), stream).await {
            Ok(stream) => Ok(Encrypted { first, stream: Box::new(stream), peer }),
            Err(error) => Err(Failure::broken(distrust(&error))),
        }
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable =
        |error: rustls::pki_types::pem::Error| format!("cannot read {}: {error}", file.display());
    let all = CertificateDer::pem_file_iter(file).map_err(unreadable)?;
    all.collect::<Result<_, _>>().map_err(unreadable)
}

/// What every line of an answer says behind its number, or the refusal that it is.
async fn answer(stream: &mut BufReader<TcpStream>) -> Result<Vec<String>, Failure> {
    let senseless = || Failure::broken("its answer makes no sense".to_owned());
    let mut stream = stream.take(ANSWER);
    let mut said = Vec::new();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await?;
        if !line.ends_with(b"\n") {
            return Err(Failure::broken("it hung up".to_owned()));
        }
        let line = String::from_utf8_lossy(&line);
        let code = line.get(..3).and_then(|code| code.parse::<u16>().ok()).ok_or_else(senseless)?;
        said.push(line.get(4..).unwrap_or_default().trim_end().to_owned());
        if line.as_bytes().get(3) == Some(&b'-') {
            continue;
        }
        return match code {
            200..=299 => Ok(said),
            400..=599 => Err(Failure::refused(Phase::Hello, code, &said.join(" "))),
            _ => Err(senseless()),
        };
    }
}

/// Why there is no encryption, and the cure where it is ours.
fn distrust(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let why = match inner {
        Some(rustls::Error::InvalidCertificate(why)) => why,
        Some(error) => return format!("encryption failed: {error}"),
        None => return format!("encryption failed: {error}"),
    };
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is made out to another name".to_owned()
        }
        CertificateError::UnknownIssuer => "nobody whom we trust vouches for its certificate; \
            name the company's own authority with ca = \"FILE\""
            .to_owned(),
        other => format!("its certificate can't be trusted: {other}"),
    }
}

/// A line that nobody else can read.
pub(super) struct Encrypted {
    /// Read before anything that comes over the line.
    first: &'static [u8],
    stream: Box<TlsStream<TcpStream>>,
    peer: SocketAddr,
}

// By hand: it would show the whole state of the cipher.
impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypted").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl AsyncTokioStream for Encrypted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, into);
        }
        let (now, later) = self.first.split_at(into.remaining().min(self.first.len()));
        into.put_slice(now);
        self.first = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
