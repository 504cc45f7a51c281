//! Signing requests, so that a service knows that they are ours, after Standard Webhooks 1.0
//! (<https://www.standardwebhooks.com>). The secret itself never leaves.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{HMAC_SHA256, Key, sign};

use crate::domain::Instant;

/// How long a secret is, in bytes, as the specification asks.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=64;

/// What requests are signed with: one secret, or more of them while an old one is being replaced.
pub(super) struct Signer(Vec<Key>);

impl Signer {
    /// Reads `whsec_…`, or several of them with spaces between.
    ///
    /// # Errors
    /// What is wrong; never the secret.
    pub(super) fn open(secrets: &str) -> Result<Self, String> {
        const CURE: &str = "write whsec_ and 24 to 64 bytes in Base64, such as `whsec_$(openssl \
                            rand -base64 32)` makes; for a change of secrets, both with a space \
                            between";
        let key = |secret: &str| {
            let bytes = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
            LENGTH.contains(&bytes.len()).then(|| Key::new(HMAC_SHA256, &bytes))
        };
        let keys: Option<Vec<Key>> = secrets.split_whitespace().map(key).collect();
        let keys = keys.filter(|keys| !keys.is_empty());
        Ok(Self(keys.ok_or_else(|| format!("this is no signing secret; {CURE}"))?))
    }

    /// The values of `webhook-timestamp` and `webhook-signature`: one signature a secret.
    pub(super) fn sign(&self, id: &str, at: Instant, body: &str) -> (String, String) {
        let timestamp = at.timestamp().to_string();
        let content = format!("{id}.{timestamp}.{body}");
        let one = |key| format!("v1,{}", STANDARD.encode(sign(key, content.as_bytes())));
        let all: Vec<String> = self.0.iter().map(one).collect();
        (timestamp, all.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector of the specification's own libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn signed(secrets: &str) -> (String, String) {
        let at = Instant::from_timestamp(1_614_265_330, 0).unwrap();
        let signer = Signer::open(secrets).unwrap();
        signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, "{\"test\": 2432232314}")
    }

    #[test]
    fn a_signature_is_as_published() {
        assert_eq!(signed(SECRET), ("1614265330".to_owned(), SIGNATURE.to_owned()));
    }

    #[test]
    fn two_secrets_give_two_signatures() {
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let (_, both) = signed(&format!("{other} {SECRET}"));
        let both: Vec<&str> = both.split(' ').collect();
        assert_eq!((both.len(), both[1]), (2, SIGNATURE));
        assert_ne!(both[0], SIGNATURE);
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        for wrong in [
            "",
            " ",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_short",
            "whsec_c2hvcnQ=",
            "whsec_not base64",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw x",
        ] {
            let error = Signer::open(wrong).err().expect(wrong);
            assert!(error.contains("whsec_ and 24 to 64 bytes"), "{error}");
            assert!(!error.contains("MfKQ"), "{error}");
        }
    }
}
