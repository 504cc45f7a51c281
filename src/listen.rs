//! The small HTTP endpoint behind the links of messages: who opens one sees a page, and only who
//! then says so hears no more. Nothing changes on a GET, nothing is answered with 200 before it is
//! committed, and no address is ever part of a page or a log.

mod form;
mod page;
mod words;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::clock;
use crate::domain::{Consent, Outreach, OutreachKey};
use crate::opt_out::OptOut;
use crate::policy::Topic;
use crate::store::{Store, StoreError};
use form::{Scope, Unreadable};
use page::Page;
use words::Words;

/// How many connections are open at a time; the next ones wait.
const CONNECTIONS: usize = 256;
/// How long a client may take to say what it wants, and how long open requests may go on once the
/// endpoint is to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the endpoint answers from.
pub struct Endpoint {
    /// Where suppressions are written.
    pub store: Store,
    /// Checks the links.
    pub opt_out: OptOut,
    /// The topics that there are; anything else can be stopped, too.
    pub topics: BTreeMap<String, Topic>,
}

/// Answers on `listener` until `stop` is ready, then finishes what it has begun.
pub async fn serve(endpoint: Endpoint, listener: TcpListener, stop: impl Future<Output = ()>) {
    let endpoint = Arc::new(endpoint);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let next = async { (room.clone().acquire_owned().await, listener.accept().await) };
        let (place, stream) = tokio::select! {
            () = &mut stop => break,
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => (place, stream),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let endpoint = endpoint.clone();
        let answer = service_fn(move |request| {
            let endpoint = endpoint.clone();
            async move { Ok::<_, Infallible>(endpoint.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(TokioIo::new(stream), answer);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that goes away in the middle is no fault of ours.
            connection.await.ok();
            drop(place);
        });
    }
    tokio::time::timeout(PATIENCE, graceful.shutdown()).await.ok();
}

/// Ready once this process is told to end: by SIGTERM, or from the keyboard.
///
/// # Errors
/// When the system does not let the process hear of it.
#[cfg(unix)]
pub fn told_to_end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ready once this process is told to end, from the keyboard.
///
/// # Errors
/// None; it is known only once it is waited for.
#[cfg(not(unix))]
pub fn told_to_end() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        tokio::signal::ctrl_c().await.ok();
    })
}

type Answer = Response<Full<Bytes>>;

impl Endpoint {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let accepted = request.headers().get(header::ACCEPT_LANGUAGE).cloned();
        let accepted = accepted.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
        let by_client = Words::accepted(accepted);
        let acts = match *request.method() {
            Method::GET | Method::HEAD => false,
            Method::POST => true,
            _ => {
                let mut refused = answer(StatusCode::METHOD_NOT_ALLOWED, Page::Unknown, by_client);
                let allowed = HeaderValue::from_static("GET, HEAD, POST");
                refused.headers_mut().insert(header::ALLOW, allowed);
                return refused;
            }
        };
        let Some(key) = self.key(request.uri().path()) else {
            return answer(StatusCode::NOT_FOUND, Page::Unknown, by_client);
        };
        let scope = match acts {
            true => match tokio::time::timeout(PATIENCE, form::read(request)).await {
                Ok(Ok(scope)) => Some(scope),
                Ok(Err(unreadable)) => return unreadable.answer(by_client),
                Err(_) => return answer(StatusCode::REQUEST_TIMEOUT, Page::Later, by_client),
            },
            false => None,
        };
        // On a task of its own: a client that goes away must not end a transaction half way.
        let endpoint = self.clone();
        let done = tokio::spawn(async move { endpoint.decide(&key, scope).await }).await;
        match done {
            Ok(Ok(Some((outreach, page)))) => {
                let words = Words::of(&outreach).unwrap_or(by_client);
                let title = |topic: &str| self.topics.get(topic)?.title(Some(words.language));
                answer(page.status(), page.titled(title), words)
            }
            Ok(Ok(None)) => answer(StatusCode::NOT_FOUND, Page::Unknown, by_client),
            Ok(Err(error)) => {
                tracing::error!(%error, "the state database can't be asked; the customer is told to try again");
                unavailable(by_client)
            }
            Err(error) => {
                tracing::error!(%error, "an answer failed");
                unavailable(by_client)
            }
        }
    }

    /// The outreach that a path is about: its last part is a token, alone or under the path of
    /// `[opt_out] url`, so that a proxy may leave that path in place or take it away.
    fn key(&self, path: &str) -> Option<OutreachKey> {
        let rest = path.strip_prefix(self.opt_out.path()).unwrap_or(path);
        self.opt_out.check(rest.strip_prefix('/')?)
    }

    /// Does what is asked, which is nothing where `scope` is `None`; gives what to show.
    async fn decide(
        &self,
        key: &OutreachKey,
        scope: Option<Scope>,
    ) -> Result<Option<(Outreach, Page)>, StoreError> {
        let Some(outreach) = self.store.outreach(key).await? else {
            tracing::warn!(outreach = %key, "a link of ours names an outreach that is not in the state database");
            return Ok(None);
        };
        let topic = outreach.topic.clone();
        let known = topic.as_ref().and_then(|topic| self.topics.get(topic));
        let necessary = known.is_some_and(|topic| topic.consent == Consent::Always);
        let page = match (scope, topic) {
            (None, topic) => Page::Choice { topic, necessary },
            (Some(Scope::Topic), Some(topic)) if necessary => Page::Necessary { topic },
            (Some(Scope::Topic), Some(topic)) => {
                self.stop(key, Some(&topic)).await?;
                Page::TopicStopped { topic }
            }
            (Some(Scope::All | Scope::Topic), _) => {
                self.stop(key, None).await?;
                Page::AllStopped
            }
        };
        Ok(Some((outreach, page)))
    }

    async fn stop(&self, key: &OutreachKey, topic: Option<&str>) -> Result<(), StoreError> {
        if let Some(stopped) = self.store.stop(key, topic, clock::wall()).await? {
            let (rule, new) = (&stopped.outreach.rule, stopped.new);
            tracing::info!(outreach = %key, %rule, topic = topic.unwrap_or("*"), new, "opted out");
        }
        Ok(())
    }
}

impl Unreadable {
    fn answer(self, words: &'static Words) -> Answer {
        match self {
            Self::TooLong => answer(StatusCode::PAYLOAD_TOO_LARGE, Page::Later, words),
            Self::OtherKind => answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, Page::Later, words),
            Self::NoAnswer | Self::Broken => answer(StatusCode::BAD_REQUEST, Page::Later, words),
        }
    }
}

fn unavailable(words: &'static Words) -> Answer {
    let mut answer = answer(StatusCode::SERVICE_UNAVAILABLE, Page::Later, words);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("120"));
    answer
}

fn answer(status: StatusCode, page: Page, words: &'static Words) -> Answer {
    const HEADERS: [(header::HeaderName, &str); 7] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, page::SECURITY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
        (header::VARY, "accept-language"),
    ];
    let mut answer = Response::new(Full::new(Bytes::from(page.html(words))));
    *answer.status_mut() = status;
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
