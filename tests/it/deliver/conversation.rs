//! What is said to a mail server, word by word, against one that follows a script.

use std::sync::{Arc, Mutex};

use lookout::deliver::{Channels, Delivery, Parcel};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

use super::{error, mail, parcel, send};

/// A server that answers as it is told and remembers what it heard.
struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

/// What it says to a word, and how often it has heard that word by then, over all connections. The
/// end of a message is the word `.`.
type Script = fn(&str, usize) -> Say;

enum Say {
    Now(&'static str),
    /// Together with the next answer.
    Later(&'static str),
    /// Nothing: it hangs up.
    Nothing,
}

const FINE: Say = Say::Now("250 fine\r\n");
const PIPELINING: Say = Say::Now("250-peer\r\n250 PIPELINING\r\n");

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        tokio::spawn(async move {
            for connection in 1.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, connection, script, Arc::clone(&log)));
            }
        });
        Self { port, heard }
    }

    fn channels(&self) -> Channels {
        mail(format!("smtp://127.0.0.1:{}", self.port))
    }

    /// What it heard so far, each word behind the number of its connection.
    fn heard(&self) -> String {
        self.heard.lock().unwrap().join(", ")
    }
}

async fn serve(stream: TcpStream, connection: usize, script: Script, log: Arc<Mutex<Vec<String>>>) {
    let (from, mut to) = stream.into_split();
    let mut lines = BufReader::new(from).lines();
    to.write_all(b"220 peer\r\n").await.unwrap();
    let (mut held, mut in_message) = (String::new(), false);
    while let Ok(Some(line)) = lines.next_line().await {
        if in_message && line != "." {
            continue;
        }
        let word = line.get(..4).unwrap_or(&line);
        let times = {
            let mut log = log.lock().unwrap();
            log.push(format!("{connection} {word}"));
            log.iter().filter(|heard| heard.ends_with(&format!(" {word}"))).count()
        };
        match script(word, times) {
            Say::Nothing => return,
            Say::Later(answer) => held.push_str(answer),
            Say::Now(answer) => {
                held.push_str(answer);
                // The other side may have gone.
                to.write_all(held.as_bytes()).await.ok();
                held.clear();
                in_message = answer.starts_with("354");
            }
        }
    }
}

/// Takes everything, one command at a time.
fn plain(word: &str, _: usize) -> Say {
    if word == "DATA" { Say::Now("354 go ahead\r\n") } else { FINE }
}

/// Takes everything, and answers about the sender only when it knows the recipient.
fn together(word: &str, times: usize) -> Say {
    match word {
        "EHLO" => PIPELINING,
        "RSET" | "MAIL" => Say::Later("250 fine\r\n"),
        _ => plain(word, times),
    }
}

fn numbered(key: &str) -> Parcel {
    Parcel { key: key.into(), ..parcel("email") }
}

#[tokio::test]
async fn sender_and_recipient_go_together_and_data_for_itself() {
    let server = Server::start(together).await;
    let channels = server.channels();
    for key in ["a1", "a2"] {
        let at_data = async {
            assert!(server.heard().ends_with("1 MAIL, 1 RCPT"), "{}", server.heard());
            true
        };
        let delivery = channels.send(&numbered(key), at_data).await;
        assert!(matches!(delivery, Delivery::Sent { .. }), "{delivery:?}");
    }
    let message = "1 MAIL, 1 RCPT, 1 DATA, 1 .";
    assert_eq!(server.heard(), format!("1 EHLO, 1 EHLO, {message}, {message}"));
}

#[tokio::test]
async fn a_message_that_was_given_up_is_forgotten_before_the_next() {
    for script in [plain, together] {
        let server = Server::start(script).await;
        let channels = server.channels();
        let given_up = channels.send(&numbered("a1"), async { false }).await;
        assert_eq!(given_up, Delivery::GivenUp);
        let (sent, _) = send(&channels, &numbered("a2")).await;
        assert!(matches!(sent, Delivery::Sent { .. }), "{sent:?}");
        let heard = server.heard();
        let after = heard.strip_prefix("1 EHLO, 1 EHLO, ").unwrap();
        assert_eq!(after, "1 MAIL, 1 RCPT, 1 RSET, 1 MAIL, 1 RCPT, 1 DATA, 1 .");
    }
}

#[tokio::test]
async fn a_refusal_in_the_middle_leaves_no_answer_unread() {
    let server = Server::start(|word, times| match (word, times) {
        ("MAIL", 1) => Say::Later("550 5.7.1 not you\r\n"),
        ("RCPT", 1) => Say::Now("503 5.5.1 whose\r\n"),
        ("RCPT", 2) => Say::Now("550 5.1.1 unknown\r\n"),
        _ => together(word, times),
    })
    .await;
    let channels = server.channels();
    let (sender, asked) = send(&channels, &numbered("a1")).await;
    assert!(matches!(sender, Delivery::Blocked { .. }), "{sender:?}");
    assert!(error(&sender).contains("refuses us as the sender") && asked == 0, "{sender:?}");
    let (recipient, asked) = send(&channels, &numbered("a2")).await;
    assert!(matches!(recipient, Delivery::Permanent { .. }) && asked == 0, "{recipient:?}");
    let (sent, asked) = send(&channels, &numbered("a3")).await;
    assert!(matches!(sent, Delivery::Sent { .. }) && asked == 1, "{sent:?}");
    let heard = server.heard();
    assert!(heard.ends_with("1 RSET, 1 MAIL, 1 RCPT, 1 DATA, 1 ."), "{heard}");
}

#[tokio::test]
async fn a_connection_that_the_server_left_while_it_waited_is_replaced() {
    let hangs_up: Script = |word, times| match (word, times) {
        ("MAIL", 2) => Say::Nothing,
        _ => plain(word, times),
    };
    let says_so: Script = |word, times| match (word, times) {
        ("MAIL", 2) => Say::Now("421 4.4.2 too long\r\n"),
        _ => plain(word, times),
    };
    for script in [hangs_up, says_so] {
        let server = Server::start(script).await;
        let channels = server.channels();
        for key in ["a1", "a2", "a3"] {
            let (sent, asked) = send(&channels, &numbered(key)).await;
            assert!(matches!(sent, Delivery::Sent { .. }) && asked == 1, "{sent:?}");
        }
        let heard = server.heard();
        let second = heard.split_once("1 MAIL, 2 EHLO, ").unwrap().1;
        assert!(second.ends_with("2 ., 2 MAIL, 2 RCPT, 2 DATA, 2 ."), "{heard}");
    }
}

#[tokio::test]
async fn a_new_connection_that_breaks_is_not_replaced() {
    let server = Server::start(|word, times| match word {
        "RCPT" => Say::Nothing,
        _ => plain(word, times),
    })
    .await;
    let (lost, asked) = send(&server.channels(), &numbered("a1")).await;
    assert!(matches!(lost, Delivery::Temporary { .. }) && asked == 0, "{lost:?}");
    assert_eq!(server.heard(), "1 EHLO, 1 EHLO, 1 MAIL, 1 RCPT");
}

#[tokio::test]
async fn an_end_that_nobody_confirmed_is_uncertain_and_said_once() {
    let server = Server::start(|word, times| match (word, times) {
        (".", 2) => Say::Nothing,
        _ => together(word, times),
    })
    .await;
    let channels = server.channels();
    let (sent, _) = send(&channels, &numbered("a1")).await;
    assert!(matches!(sent, Delivery::Sent { .. }), "{sent:?}");
    let (lost, asked) = send(&channels, &numbered("a2")).await;
    assert!(matches!(lost, Delivery::Uncertain { .. }) && asked == 1, "{lost:?}");
    assert!(server.heard().ends_with("1 MAIL, 1 RCPT, 1 DATA, 1 ."), "{}", server.heard());
}

#[tokio::test]
async fn four_messages_at_a_time_have_four_connections_that_stay() {
    let server = Server::start(together).await;
    let channels = server.channels();
    for _ in 0..3 {
        let all_at_data = Barrier::new(4);
        let one = |key: &'static str| {
            let (channels, all_at_data) = (&channels, &all_at_data);
            async move {
                let at_data = async {
                    all_at_data.wait().await;
                    true
                };
                channels.send(&numbered(key), at_data).await
            }
        };
        let (a, b, c, d) = tokio::join!(one("a1"), one("a2"), one("a3"), one("a4"));
        for sent in [a, b, c, d] {
            assert!(matches!(sent, Delivery::Sent { .. }), "{sent:?}");
        }
    }
    let heard = server.heard();
    assert_eq!(heard.matches("EHLO").count(), 8, "{heard}");
    assert_eq!(heard.matches("DATA").count(), 12, "{heard}");
}
