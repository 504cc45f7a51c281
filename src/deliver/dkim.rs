//! The signature that says whose mail it is (DKIM, RFC 6376 and RFC 8463). What is signed are the
//! bytes that go out; nothing is read of them but their headers and their body, and no key gets
//! into an error or a log.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SigningKey;
use rustls::{SignatureAlgorithm, SignatureScheme};
use sha2::{Digest, Sha256};

use super::DeliverError;
use crate::config::ChannelConfig;
use crate::domain::Instant;

/// The headers that are signed, each once more than it is there: nobody can add another one
/// (RFC 6376, section 8.15).
const SIGNED: [&str; 14] = [
    "From",
    "Reply-To",
    "Sender",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// How many characters of a signature stand on a line.
const LINE: usize = 70;

/// Who signs, and with which key.
pub(super) struct Signer {
    domain: String,
    selector: String,
    key: Arc<dyn SigningKey>,
    scheme: SignatureScheme,
}

impl Signer {
    /// Reads `dkim_selector`, `dkim_domain` and `dkim_key`; none of them is no signature.
    pub(super) fn open(
        config: &ChannelConfig,
        sender: &str,
        fault: &dyn Fn(&'static str, String) -> DeliverError,
    ) -> Result<Option<Self>, DeliverError> {
        const SET: &str = "set it with LOOKOUT_CHANNELS__EMAIL__DKIM_KEY, or \
                           LOOKOUT_CHANNELS__EMAIL__DKIM_KEY_FILE";
        let ChannelConfig { dkim_selector, dkim_domain, dkim_key, .. } = config;
        let (selector, pem) = match (dkim_selector, dkim_key) {
            (Some(selector), Some(pem)) => (selector, pem),
            (None, None) if dkim_domain.is_none() => return Ok(None),
            (_, None) => {
                let message = format!("mail is to be signed, and the key is missing; {SET}");
                return Err(fault("dkim_key", message));
            }
            (None, Some(_)) => {
                let message = "there is a key to sign with; say under which name the domain \
                               publishes it: dkim_selector = \"lookout\"";
                return Err(fault("dkim_selector", message.to_owned()));
            }
        };
        if !is_name(selector) {
            let message = format!("`{selector}` is no selector; write dkim_selector = \"lookout\"");
            return Err(fault("dkim_selector", message));
        }
        let domain = dkim_domain.as_deref().unwrap_or(sender).to_ascii_lowercase();
        if !is_name(&domain) {
            let message = format!("`{domain}` is no domain; write dkim_domain = \"example.com\"");
            return Err(fault("dkim_domain", message));
        }
        let (key, scheme) = read(pem).map_err(|message| fault("dkim_key", message))?;
        Ok(Some(Self { domain, selector: selector.clone(), key, scheme }))
    }

    /// The header that signs a whole message, with its line end; it goes before the message.
    pub(super) fn header(&self, mail: &[u8], at: Instant) -> Result<String, String> {
        const UNREADABLE: &str = "the message can't be signed: it has no end of its headers";
        let text = std::str::from_utf8(mail).map_err(|_| UNREADABLE)?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or(UNREADABLE)?;
        let fields = fields(head);
        let mut names: Vec<&str> = Vec::new();
        let mut signed = String::new();
        for name in SIGNED {
            // The last one first, as a verifier takes them (RFC 6376, section 5.4.2).
            for field in fields.iter().rev().filter(|f| is_called(f, name)) {
                names.push(name);
                signed.push_str(&relaxed(field));
                signed.push_str("\r\n");
            }
            names.push(name);
        }
        let algorithm = match self.scheme {
            SignatureScheme::ED25519 => "ed25519-sha256",
            _ => "rsa-sha256",
        };
        let mut header = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; d={};\r\n\ts={}; t={};\r\n\
             \th={};\r\n\tbh={};\r\n\tb=",
            self.domain,
            self.selector,
            at.timestamp(),
            names.join(":\r\n\t "),
            BASE64.encode(Sha256::digest(relaxed_body(body))),
        );
        signed.push_str(&relaxed(&header));
        let signature = BASE64.encode(self.sign(signed.as_bytes())?);
        let mut rest = signature.as_str();
        while let Some((line, after)) = rest.split_at_checked(LINE) {
            header.push_str(line);
            header.push_str("\r\n\t ");
            rest = after;
        }
        header.push_str(rest);
        Ok(header + "\r\n")
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        const REFUSED: &str = "the message can't be signed with the key of dkim_key";
        let signer = self.key.choose_scheme(&[self.scheme]).ok_or(REFUSED)?;
        let signature = match self.scheme {
            // It signs the hash (RFC 8463, section 3); RSA hashes by itself.
            SignatureScheme::ED25519 => signer.sign(&Sha256::digest(text)),
            _ => signer.sign(text),
        };
        signature.map_err(|_| REFUSED.to_owned())
    }
}

// By hand: without the key.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("domain", &self.domain)
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}

/// The key in a PEM text, and how it signs.
fn read(pem: &str) -> Result<(Arc<dyn SigningKey>, SignatureScheme), String> {
    const CURE: &str =
        "make one with `openssl genrsa 2048`, or `openssl genpkey -algorithm ed25519`";
    let key = PrivateKeyDer::from_pem_slice(pem.trim().as_bytes()).map_err(|_| {
        format!("this is no private key in PEM, from -----BEGIN to -----END; {CURE}")
    })?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(|_| {
        format!("the key is damaged, or neither RSA of 2048 to 4096 bits nor Ed25519; {CURE}")
    })?;
    match key.algorithm() {
        SignatureAlgorithm::RSA => Ok((key, SignatureScheme::RSA_PKCS1_SHA256)),
        SignatureAlgorithm::ED25519 => Ok((key, SignatureScheme::ED25519)),
        _ => Err(format!("DKIM knows RSA and Ed25519, and this is another kind of key; {CURE}")),
    }
}

/// Whether a text is a name of the DNS.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.len() <= 200 && text.split('.').all(is_label)
}

/// The header fields of a head, each with its continuation lines.
fn fields(head: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut start = 0;
    for (end, _) in head.match_indices("\r\n") {
        if !head[end + 2..].starts_with([' ', '\t']) {
            fields.push(&head[start..end]);
            start = end + 2;
        }
    }
    fields.push(&head[start..]);
    fields
}

fn is_called(field: &str, name: &str) -> bool {
    field.split_once(':').is_some_and(|(own, _)| own.trim_end().eq_ignore_ascii_case(name))
}

/// A header field in the relaxed form (RFC 6376, section 3.4.2), without its line end.
fn relaxed(field: &str) -> String {
    let (name, value) = field.split_once(':').unwrap_or((field, ""));
    let words: Vec<&str> =
        value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect();
    format!("{}:{}", name.trim_end().to_ascii_lowercase(), words.join(" "))
}

/// A body in the relaxed form (RFC 6376, section 3.4.4).
fn relaxed_body(body: &str) -> String {
    let mut relaxed = String::with_capacity(body.len());
    let mut blank = 0;
    for line in body.split_terminator("\r\n") {
        let line = line.trim_end_matches([' ', '\t']);
        if line.is_empty() {
            blank += 1;
            continue;
        }
        relaxed.extend(std::iter::repeat_n("\r\n", std::mem::take(&mut blank)));
        let mut space = false;
        for c in line.chars() {
            let is_space = matches!(c, ' ' | '\t');
            match (is_space, space) {
                (true, true) => {}
                (true, false) => relaxed.push(' '),
                (false, _) => relaxed.push(c),
            }
            space = is_space;
        }
        relaxed.push_str("\r\n");
    }
    relaxed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relaxed_forms_are_those_of_the_standard() {
        // RFC 6376, section 3.4.5.
        let head = "A: X\r\nB : Y\t\r\n\tZ  ";
        assert_eq!(fields(head).into_iter().map(relaxed).collect::<Vec<_>>(), ["a:X", "b:Y Z"]);
        assert_eq!(relaxed_body(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
        assert_eq!(relaxed_body("\r\n\r\n"), "");
        assert_eq!(relaxed_body("a\r\n\r\nb"), "a\r\n\r\nb\r\n");
    }

    #[test]
    fn a_name_of_the_dns_holds_nothing_else() {
        for right in ["example.com", "s1._domainkey", "2026-a"] {
            assert!(is_name(right), "{right}");
        }
        for wrong in ["", "a b", "example.com;", "a..b", "bücher.example", "x\r\ny"] {
            assert!(!is_name(wrong), "{wrong:?}");
        }
    }
}
