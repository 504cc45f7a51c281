//! Servers for mail and HTTP on loopback that take what comes and can be told to misbehave. What
//! they accept stands in their book, on disk, before they say so; nothing is lost there, also
//! where thousands of messages come in a second over many connections.
//!
//! A sink runs on threads of its own, so that a test may block while a program delivers to it.

mod book;
mod certificates;
mod http;
mod orders;
mod smtp;

use std::future::Future;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

pub(crate) use book::{Book, Entry};
pub(crate) use certificates::{Authority, self_signed};
pub(crate) use http::{Reply, WebSink};
pub(crate) use orders::Orders;
pub(crate) use smtp::{Act, MailSink, Manner, Phase, Tls};

/// A server that ends with this value. `O` is what it can be ordered to do.
pub(crate) struct Sink<O> {
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    /// What it accepted.
    pub(crate) book: Book,
    /// What it is to do next.
    pub(crate) orders: Orders<O>,
    door: watch::Sender<bool>,
    stands: watch::Receiver<bool>,
    runtime: Option<Runtime>,
}

impl<O: Send + 'static> Sink<O> {
    fn start<F>(serve: impl Fn(TcpStream, usize, Book, Orders<O>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (door, wanted) = watch::channel(true);
        let (said, stands) = watch::channel(true);
        let (book, orders) = (Book::new(), Orders::default());
        let (its_book, its_orders) = (book.clone(), orders.clone());
        let mut connection = 0;
        runtime.spawn(listen(listener, wanted, said, move |stream| {
            connection += 1;
            tokio::spawn(serve(stream, connection, its_book.clone(), its_orders.clone()));
        }));
        Self { port, book, orders, door, stands, runtime: Some(runtime) }
    }

    /// From now on nobody listens on the port: a connection is refused. Connections that stand
    /// stay.
    pub(crate) async fn shut(&mut self) {
        self.door.send(false).unwrap();
        self.stands.wait_for(|open| !open).await.unwrap();
    }

    /// Listens again, on the same port.
    pub(crate) async fn open(&mut self) {
        self.door.send(true).unwrap();
        self.stands.wait_for(|open| *open).await.unwrap();
    }
}

impl<O> Drop for Sink<O> {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn listen(
    listener: std::net::TcpListener,
    mut wanted: watch::Receiver<bool>,
    stands: watch::Sender<bool>,
    mut take: impl FnMut(TcpStream),
) {
    let address = listener.local_addr().unwrap();
    let mut listener = TcpListener::from_std(listener).unwrap();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                stream.set_nodelay(true).unwrap();
                take(stream);
                continue;
            }
            shut = wanted.wait_for(|open| !open) => if shut.is_err() { return },
        }
        drop(listener);
        stands.send_replace(false);
        if wanted.wait_for(|open| *open).await.is_err() {
            return;
        }
        listener = TcpListener::bind(address).await.unwrap();
        stands.send_replace(true);
    }
}

/// What a server shows to whoever asks for TLS.
pub(crate) type Identity = Arc<rustls::ServerConfig>;
