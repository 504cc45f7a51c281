//! What lies between us and the services: how long they may take, and where names are looked up.
//! Nothing here depends on a channel.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// The network as channels see it; [`Network::default`] is the real one.
#[derive(Clone, Debug)]
pub struct Network {
    /// How long a host may take to be reached.
    pub connect: Duration,
    /// How long a mail server may take to greet, and to answer a command before DATA; RFC 5321
    /// §4.5.3.2.1 to §4.5.3.2.3 ask for five minutes.
    pub command: Duration,
    /// How long everything before DATA may take together, whatever the server makes of each step.
    pub before_data: Duration,
    /// How long a mail server may take to answer DATA; RFC 5321 §4.5.3.2.4 asks for two minutes.
    pub data: Duration,
    /// How long it may take to read the message and to say what became of it: RFC 5321 §4.5.3.2.5
    /// asks for three minutes a block, and §4.5.3.2.6 for ten after the last.
    pub content: Duration,
    /// How long a whole HTTP exchange may take, from the connection to the last byte read.
    pub exchange: Duration,
    /// Where the names of HTTP services are looked up.
    pub names: Names,
}

/// Where names are looked up.
#[derive(Clone, Debug)]
pub enum Names {
    /// As this machine does it.
    System,
    /// Only these names exist.
    Given(BTreeMap<String, Vec<IpAddr>>),
}

impl Default for Network {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(30),
            command: seconds(5 * 60),
            before_data: seconds(10 * 60),
            data: seconds(2 * 60),
            content: seconds(13 * 60),
            exchange: seconds(30),
            names: Names::System,
        }
    }
}
