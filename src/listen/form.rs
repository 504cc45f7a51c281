//! What a POST asks for: the one click of a mail program (RFC 8058), or a button of the page. A
//! body that says neither changes nothing.

use std::borrow::Cow;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Request;
use hyper::body::Incoming;
use hyper::header;
use mail_parser::{MessageParser, MimeHeaders};

/// The longest body, in bytes; a mail program sends some two hundred.
const LENGTH: usize = 16 * 1024;

/// How much is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The topic of the message.
    Topic,
    /// Everything that can be stopped.
    All,
}

/// Why a body asks for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is longer than any that we know.
    TooLong,
    /// It is no form.
    OtherKind,
    /// It is a form, but answers nothing that was asked.
    NoAnswer,
    /// It ended early.
    Broken,
}

/// Reads what a request asks for.
pub(super) async fn read(request: Request<Incoming>) -> Result<Scope, Unreadable> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_owned();
    let body = Limited::new(request.into_body(), LENGTH).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() { Unreadable::TooLong } else { Unreadable::Broken }
    })?;
    scope(&kind, &body.to_bytes())
}

fn scope(kind: &str, body: &[u8]) -> Result<Scope, Unreadable> {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => {
            form_urlencoded::parse(body).find_map(|(name, value)| asked(&name, &value))
        }
        "multipart/form-data" => {
            // Its parts are those of any Internet message.
            let message = [b"Content-Type: ", kind.as_bytes(), b"\r\n\r\n", body].concat();
            let message = MessageParser::new().parse(&message).ok_or(Unreadable::NoAnswer)?;
            message.parts.iter().find_map(|part| {
                let name = part.content_disposition()?.attribute("name")?;
                let value = Cow::from(part.text_contents()?);
                asked(name, value.trim())
            })
        }
        _ => return Err(Unreadable::OtherKind),
    }
    .ok_or(Unreadable::NoAnswer)
}

/// What one field asks for.
fn asked(name: &str, value: &str) -> Option<Scope> {
    match (name, value) {
        ("List-Unsubscribe", "One-Click") | ("stop", "topic") => Some(Scope::Topic),
        ("stop", "all") => Some(Scope::All),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "application/x-www-form-urlencoded";

    #[test]
    fn one_click_comes_in_either_form() {
        assert_eq!(scope(PLAIN, b"List-Unsubscribe=One-Click"), Ok(Scope::Topic));
        let parts = "---------------------------x1\r\n\
             Content-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n\
             ---------------------------x1--\r\n";
        let kind = "multipart/form-data; boundary=-------------------------x1";
        assert_eq!(scope(kind, parts.as_bytes()), Ok(Scope::Topic));
        let quoted = "multipart/form-data; charset=utf-8; boundary=\"-------------------------x1\"";
        assert_eq!(scope(quoted, parts.as_bytes()), Ok(Scope::Topic));
    }

    #[test]
    fn a_button_says_how_much() {
        assert_eq!(scope(PLAIN, b"stop=topic"), Ok(Scope::Topic));
        let kind = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
        assert_eq!(scope(kind, b"x=1&stop=all"), Ok(Scope::All));
    }

    #[test]
    fn anything_else_asks_for_nothing() {
        for body in ["", "List-Unsubscribe=", "list=One-Click", "stop=yes", "stop"] {
            assert_eq!(scope(PLAIN, body.as_bytes()), Err(Unreadable::NoAnswer), "{body}");
        }
        let kind = "multipart/form-data";
        assert_eq!(scope(kind, b"List-Unsubscribe=One-Click"), Err(Unreadable::NoAnswer));
        for kind in ["", "text/plain", "application/json"] {
            let told = scope(kind, b"List-Unsubscribe=One-Click");
            assert_eq!(told, Err(Unreadable::OtherKind), "{kind}");
        }
    }
}
