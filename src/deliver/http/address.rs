//! Which addresses a channel may connect to. Whatever a name stands for at the moment of the
//! connection, it leads nowhere inside, unless the configuration says so.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    first: IpAddr,
    bits: u8,
}

/// What is no address on the open Internet: the special-purpose registries of RFC 6890 for IPv4,
/// multicast, and the address at which one cloud's metadata lives outside of them.
const CLOSED: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8), // this host on this network, RFC 1122 §3.2.1.3
    (Ipv4Addr::new(10, 0, 0, 0), 8), // private, RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10), // shared by carriers (CGNAT), RFC 6598
    (Ipv4Addr::new(127, 0, 0, 0), 8), // loopback, RFC 1122 §3.2.1.3
    (Ipv4Addr::new(168, 63, 129, 16), 32), // the metadata of Azure
    (Ipv4Addr::new(169, 254, 0, 0), 16), // link-local, RFC 3927; the metadata of most clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12), // private, RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 24), // protocol assignments, RFC 6890
    (Ipv4Addr::new(192, 0, 2, 0), 24), // documentation, RFC 5737
    (Ipv4Addr::new(192, 88, 99, 0), 24), // 6to4 relays, RFC 7526
    (Ipv4Addr::new(192, 168, 0, 0), 16), // private, RFC 1918
    (Ipv4Addr::new(198, 18, 0, 0), 15), // benchmarks, RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation, RFC 5737
    (Ipv4Addr::new(203, 0, 113, 0), 24), // documentation, RFC 5737
    (Ipv4Addr::new(224, 0, 0, 0), 4), // multicast, RFC 5771
    (Ipv4Addr::new(240, 0, 0, 0), 4), // reserved and broadcast, RFC 1112 and RFC 919
];

/// The only addresses of IPv6 that are assigned on the open Internet (RFC 4291 §2.4).
const GLOBAL: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What of [`GLOBAL`] is not open, after RFC 6890 and its registry.
const CLOSED_6: [(Ipv6Addr, u8); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments (Teredo), RFC 2928
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation, RFC 3849
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation, RFC 9637
];

/// Whether an address lies on the open Internet.
pub(super) fn is_open(address: IpAddr) -> bool {
    match plain(address) {
        IpAddr::V4(address) => !CLOSED.iter().any(|(first, bits)| {
            Range { first: (*first).into(), bits: *bits }.holds(address.into())
        }),
        IpAddr::V6(address) => {
            let within = |(first, bits): &(Ipv6Addr, u8)| {
                Range { first: (*first).into(), bits: *bits }.holds(address.into())
            };
            within(&GLOBAL) && !CLOSED_6.iter().any(within)
        }
    }
}

/// The IPv4 address that an IPv6 address leads to, where it leads to one: mapped and compatible
/// (RFC 4291 §2.5.5), through NAT64 (RFC 6052 §2.1) or 6to4 (RFC 3056 §2).
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    let pair = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match six.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => address,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => pair(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => pair(high, low),
        [0x2002, high, low, ..] => pair(high, low),
        _ => address,
    }
}

impl Range {
    /// Reads `10.1.0.0/16`, `fd00::/8`, or an address alone; several with commas between.
    ///
    /// # Errors
    /// What is no such thing.
    pub(super) fn list(text: &str) -> Result<Vec<Self>, String> {
        let parts = text.split(',').map(str::trim);
        parts.map(|part| Self::parse(part).ok_or_else(|| part.to_owned())).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let (first, bits) = match text.split_once('/') {
            Some((first, bits)) => (first, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = first.parse().ok()?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse::<u8>().ok()?,
            None => most,
        };
        (bits <= most).then_some(Self { first, bits })
    }

    /// Whether an address, or the one that it leads to, is in the range.
    pub(super) fn reaches(&self, address: IpAddr) -> bool {
        self.holds(address) || self.holds(plain(address))
    }

    fn holds(&self, address: IpAddr) -> bool {
        let bits = u32::from(self.bits);
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let apart = first.to_bits() ^ address.to_bits();
                apart.checked_shr(32 - bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let apart = first.to_bits() ^ address.to_bits();
                apart.checked_shr(128 - bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> bool {
        is_open(text.parse().unwrap())
    }

    /// The registries of RFC 6890, first and last address of each block, and what lies beside it.
    #[test]
    fn only_the_open_internet_is_open() {
        for closed in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.192",
            "192.0.0.255",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "::10.1.2.3",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a01:203::1",
            "3fff::1",
            "3fff:fff:ffff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!open(closed), "{closed}");
        }
        for public in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "168.63.129.17",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
            "2001:200::1",
            "2606:4700::1111",
            "2a00::1",
            "3ffe:ffff::1",
            "3fff:1000::1",
        ] {
            assert!(open(public), "{public}");
        }
    }

    #[test]
    fn a_range_reaches_what_is_in_it_by_any_way() {
        let ranges = Range::list("10.1.0.0/16, fd00::/8,192.168.0.7, 0.0.0.0/0").unwrap();
        let told: Vec<String> = ranges.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["10.1.0.0/16", "fd00::/8", "192.168.0.7/32", "0.0.0.0/0"]);
        let reaches = |place: usize, address: &str| ranges[place].reaches(address.parse().unwrap());
        assert!(reaches(0, "10.1.255.255") && reaches(0, "::ffff:10.1.2.3"));
        assert!(reaches(0, "64:ff9b::a01:203") && !reaches(0, "10.2.0.0"));
        assert!(reaches(1, "fdff::1") && !reaches(1, "fc00::1") && !reaches(1, "10.1.0.0"));
        assert!(reaches(2, "192.168.0.7") && !reaches(2, "192.168.0.8"));
        assert!(reaches(3, "255.255.255.255") && !reaches(3, "fd00::1"));
        for wrong in ["", "10.1.0.0/33", "10.1/16", "::/129", "10.0.0.0/8,", "example.com"] {
            assert!(Range::list(wrong).is_err(), "{wrong}");
        }
    }
}
