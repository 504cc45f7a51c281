//! Looking up the name of a service. What comes out is what is connected to, so a name that
//! suddenly stands for an address inside gets nobody past.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::super::{Names, is_loopback};
use super::address::{Range, is_open};

/// Looks names up and leaves out what a channel may not reach.
pub(super) struct Guard {
    names: Names,
    /// What the configuration names, `localhost` among it where the channel's own address does.
    allowed: Arc<[Range]>,
}

/// A name that stands for nothing but addresses inside.
#[derive(Debug)]
pub(super) struct Inside(pub(super) IpAddr);

impl Guard {
    /// A guard for a channel whose address names `host` and whose configuration names `networks`.
    ///
    /// # Errors
    /// What is no network among them.
    pub(super) fn new(names: Names, host: &str, networks: Option<&str>) -> Result<Self, String> {
        let mut allowed = networks.map_or(Ok(Vec::new()), Range::list)?;
        if is_loopback(host) {
            allowed.extend(Range::list("127.0.0.0/8, ::1")?);
        }
        Ok(Self { names, allowed: allowed.into() })
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, allowed) = (self.names.clone(), Arc::clone(&self.allowed));
        Box::pin(async move {
            let found = look_up(&names, name.as_str()).await?;
            let may = |address: IpAddr| {
                is_open(address) || allowed.iter().any(|range| range.reaches(address))
            };
            let (open, inside): (Vec<_>, Vec<_>) = found.into_iter().partition(|a| may(a.ip()));
            match (open.is_empty(), inside.first()) {
                (true, Some(address)) => Err(Box::new(Inside(address.ip())) as Box<_>),
                _ => Ok(Box::new(open.into_iter()) as Addrs),
            }
        })
    }
}

async fn look_up(
    names: &Names,
    name: &str,
) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
    match names {
        // Port 0 stands for the one that the address names.
        Names::System => Ok(tokio::net::lookup_host((name, 0)).await?.collect()),
        Names::Given(known) => {
            let found = known.get(name).ok_or("no such name")?;
            Ok(found.iter().map(|address| SocketAddr::new(*address, 0)).collect())
        }
    }
}

/// Whether a request failed because of such a name, and where it led.
pub(super) fn inside(error: &reqwest::Error) -> Option<IpAddr> {
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(error) = cause {
        if let Some(Inside(address)) = error.downcast_ref() {
            return Some(*address);
        }
        cause = error.source();
    }
    None
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no address on the open Internet", self.0)
    }
}

impl Error for Inside {}
