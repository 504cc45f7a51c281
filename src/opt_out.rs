//! Opting out: the signed link that a message carries, and the keyed hashes by which people who
//! were erased are known again. No link says anything about a person, and the key is never shown.

use std::fmt;
use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::{Config, ConfigError, OptOutConfig};
use crate::domain::{CustomerId, OutreachKey, Recipient};

/// The shortest key, in characters.
const KEY_LENGTH: usize = 32;
/// How much of a signature a link carries, in bytes.
const SIGNATURE: usize = 16;

/// What stands in front of the hash of somebody who was erased.
pub const ERASED: &str = "erased:";

/// Signs and checks links, and hashes who was erased.
#[derive(Clone)]
pub struct OptOut {
    url: String,
    key: Hmac<Sha256>,
}

/// What is hashed: one text is told apart as an id and as an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A customer's id.
    Customer,
    /// A normalised address.
    Address,
}

impl OptOut {
    /// Gets `[opt_out]` ready; `None` where it is left out.
    ///
    /// # Errors
    /// A url that is no `https://` address (or `http://` to this machine), a key that is absent or
    /// too short.
    pub fn open(config: &Config) -> Result<Option<Self>, ConfigError> {
        config.opt_out.as_ref().map(Self::of).transpose().map_err(ConfigError::Variable)
    }

    fn of(config: &OptOutConfig) -> Result<Self, String> {
        let OptOutConfig { url, key } = config;
        if !is_usable(url) {
            return Err(format!(
                "[opt_out] url {} is where customers reach `lookout listen`; write it like \
                 \"https://care.example.com/stop\", without ? and #",
                if url.is_empty() { "is left out: it".to_owned() } else { format!("`{url}`") }
            ));
        }
        if key.chars().count() < KEY_LENGTH {
            return Err(format!(
                "[opt_out] key has {} characters and needs {KEY_LENGTH} at least: put the output \
                 of `openssl rand -hex 32` into a file and name that in LOOKOUT_OPT_OUT__KEY_FILE",
                key.chars().count()
            ));
        }
        let key = Hmac::new_from_slice(key.as_bytes()).map_err(|error| error.to_string())?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), key })
    }

    /// Where the customer stops what an outreach is about. Says nothing about them.
    pub fn link(&self, key: &OutreachKey) -> String {
        format!("{}/{}", self.url, self.token(key))
    }

    /// Where customers reach the endpoint, without a `/` at its end.
    pub fn address(&self) -> &str {
        &self.url
    }

    /// The path under which links are reached from outside: `/stop`, or nothing.
    pub fn path(&self) -> &str {
        let after = self.url.split_once("://").map_or("", |(_, rest)| rest);
        after.find('/').map_or("", |slash| &after[slash..])
    }

    /// An outreach's key and its signature: `KEY-SIGNATURE`, all of it safe in an address.
    pub fn token(&self, key: &OutreachKey) -> String {
        let signature = self.sign("link", &[key.as_str()]).finalize().into_bytes();
        format!("{key}-{}", hex(&signature[..SIGNATURE]))
    }

    /// The outreach that a token was made for; `None` where it was not made with this key, byte
    /// for byte. Takes as long whichever byte is wrong.
    pub fn check(&self, token: &str) -> Option<OutreachKey> {
        let (key, signature) = token.rsplit_once('-')?;
        let signature = unhex(signature).filter(|bytes| bytes.len() == SIGNATURE)?;
        self.sign("link", &[key]).verify_truncated_left(&signature).ok()?;
        Some(OutreachKey::from(key))
    }

    /// What is kept of an id or an address once its owner is erased: `erased:` and a keyed hash.
    pub fn hash(&self, kind: Kind, text: &str) -> String {
        let kind = match kind {
            Kind::Customer => "customer",
            Kind::Address => "address",
        };
        format!("{ERASED}{}", hex(&self.sign("erased", &[kind, text]).finalize().into_bytes()))
    }

    /// What is kept of an erased customer's id.
    pub fn erased_customer(&self, customer: &CustomerId) -> CustomerId {
        self.hash(Kind::Customer, customer.as_str()).into()
    }

    /// What is kept of an erased address.
    pub fn erased_address(&self, address: &Recipient) -> Recipient {
        Recipient(self.hash(Kind::Address, &address.0))
    }

    /// By what a key is known again without being told: the same for the same key.
    pub fn fingerprint(&self) -> String {
        hex(&self.sign("fingerprint", &[]).finalize().into_bytes()[..SIGNATURE])
    }

    /// A signature for one purpose, of some texts; no two lists of texts read the same.
    fn sign(&self, purpose: &str, texts: &[&str]) -> Hmac<Sha256> {
        let mut key = self.key.clone();
        for text in ["lookout", purpose].iter().chain(texts) {
            key.update(&(text.len() as u64).to_be_bytes());
            key.update(text.as_bytes());
        }
        key
    }
}

impl fmt::Debug for OptOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OptOut").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Whether customers can be sent there: over TLS, unless it is this machine.
fn is_usable(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    let here = name == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let plain = |c: char| c.is_ascii_graphic() && !"?#\"<>\\^`{|}@".contains(c);
    (scheme == "https" || (scheme == "http" && here)) && !name.is_empty() && rest.chars().all(plain)
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Bytes from lower-case hex; another way of writing them is none.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn configured(url: &str, key: &str) -> Result<Option<OptOut>, String> {
        let opt_out = Some(OptOutConfig { url: url.to_owned(), key: key.to_owned() });
        let config = Config { opt_out, ..Config::default() };
        OptOut::open(&config).map_err(|error| error.to_string())
    }

    fn with_key(key: &str) -> OptOut {
        configured("https://care.example.com/stop/", key).unwrap().unwrap()
    }

    fn opt_out() -> OptOut {
        with_key("0123456789abcdef0123456789abcdef")
    }

    proptest! {
        #[test]
        fn a_token_is_good_as_it_is_and_with_any_byte_changed_it_is_none(
            key in "[0-9a-f]{32}", place in 0_usize..65, other in any::<u8>(),
        ) {
            let opt_out = opt_out();
            let token = opt_out.token(&OutreachKey::from(&key));
            prop_assert_eq!(opt_out.check(&token), Some(OutreachKey::from(&key)));
            let mut bytes = token.clone().into_bytes();
            bytes[place] = other;
            if let Ok(changed) = String::from_utf8(bytes) && changed != token {
                prop_assert_eq!(opt_out.check(&changed), None);
            }
            prop_assert_eq!(opt_out.check(&token[..place]), None);
            prop_assert_eq!(opt_out.check(&format!("{token}{}", char::from(other))), None);
            prop_assert_eq!(with_key(&format!("{key}x")).check(&token), None);
        }
    }

    #[test]
    fn a_link_is_the_url_and_the_token() {
        let opt_out = opt_out();
        let key = OutreachKey::from("00112233445566778899aabbccddeeff");
        let link = opt_out.link(&key);
        assert_eq!(link, format!("https://care.example.com/stop/{}", opt_out.token(&key)));
        assert_eq!(link.len(), "https://care.example.com/stop/".len() + 65);
        assert_eq!(opt_out.path(), "/stop");
        assert_eq!(configured("https://x.example", &"k".repeat(32)).unwrap().unwrap().path(), "");
        assert!(!format!("{opt_out:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn an_id_and_an_address_of_the_same_letters_are_two() {
        let opt_out = opt_out();
        let hash = opt_out.hash(Kind::Address, "mailto:ana@example.com");
        assert_eq!(hash.len(), ERASED.len() + 64);
        assert_eq!(hash, opt_out.hash(Kind::Address, "mailto:ana@example.com"));
        assert_ne!(hash, opt_out.hash(Kind::Customer, "mailto:ana@example.com"));
        assert_ne!(hash, with_key(&"k".repeat(32)).hash(Kind::Address, "mailto:ana@example.com"));
        assert_ne!(opt_out.fingerprint(), with_key(&"k".repeat(32)).fingerprint());
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_cure() {
        let key = "k".repeat(32);
        for url in ["", "care.example.com", "http://care.example.com", "https://", "https://a/?b"] {
            let error = configured(url, &key).unwrap_err();
            assert!(error.contains("https://care.example.com/stop"), "{url}: {error}");
        }
        for url in ["http://127.0.0.1:8025/stop", "http://localhost", "http://[::1]:80/x"] {
            assert!(configured(url, &key).is_ok(), "{url}");
        }
        let error = configured("https://a.example", "short").unwrap_err();
        assert!(error.contains("5 characters") && error.contains("KEY_FILE"), "{error}");
        assert!(OptOut::open(&Config::default()).unwrap().is_none());
    }
}
