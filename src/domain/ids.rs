//! Names that must not be mistaken for one another.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: AsRef<str>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(Arc::from(text.as_ref()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

id!(
    /// A rule: the name of its folder.
    RuleId
);
id!(
    /// A customer, as the company's own database names them; always text, ordered by bytes.
    CustomerId
);
id!(
    /// What a rule looks at: the customer's id, or the key of a keyed signal's row, as text.
    SubjectId
);
id!(
    /// A signal: the name of its file without `.sql`.
    SignalName
);
id!(
    /// An outreach: the dedupe key of the first subject it speaks of.
    OutreachKey
);
