//! One entry of `egress.allow`: addresses by network, or hosts by name.
//!
//! A name is matched as the target spells it. What it resolves to is still never link-local,
//! metadata or a listener of ours, but otherwise the operator who lists a name trusts its DNS.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// One entry of `egress.allow`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AllowEntry {
    /// `10.0.0.0/8`, or a single address.
    Network {
        /// Any address of the network.
        address: IpAddr,
        /// Leading bits that count.
        bits: u8,
    },
    /// `hooks.example.com`.
    Host(Box<str>),
    /// `*.example.com`: every name below it, not itself.
    Below(Box<str>),
}

/// A text is not an entry of `egress.allow`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("'{text}' is not a network (10.0.0.0/8), an address, a host name or *.domain")]
pub struct AllowEntryError {
    text: Box<str>,
}

impl AllowEntry {
    /// Whether the entry covers a name, or an address that the name may have.
    pub(super) fn may_cover_name(&self, host: &str) -> bool {
        match self {
            Self::Network { .. } => true,
            Self::Host(_) | Self::Below(_) => {
                self.covers(host, IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
            }
        }
    }

    pub(super) fn covers(&self, host: &str, address: IpAddr) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        match self {
            Self::Network { address: network, bits } => same_network(*network, address, *bits),
            Self::Host(name) => host.eq_ignore_ascii_case(name),
            Self::Below(domain) => host
                .len()
                .checked_sub(domain.len())
                .and_then(|start| host.split_at_checked(start))
                .is_some_and(|(below, tail)| {
                    tail.eq_ignore_ascii_case(domain) && below.len() > 1 && below.ends_with('.')
                }),
        }
    }
}

impl FromStr for AllowEntry {
    type Err = AllowEntryError;

    fn from_str(text: &str) -> Result<Self, AllowEntryError> {
        parse(text).ok_or_else(|| AllowEntryError { text: text.into() })
    }
}

impl fmt::Display for AllowEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network { address, bits } => write!(f, "{address}/{bits}"),
            Self::Host(name) => f.write_str(name),
            Self::Below(domain) => write!(f, "*.{domain}"),
        }
    }
}

fn parse(text: &str) -> Option<AllowEntry> {
    if let Some((address, bits)) = text.split_once('/') {
        let (address, bits) = (address.parse().ok()?, bits.parse().ok()?);
        return (bits <= width(address)).then_some(AllowEntry::Network { address, bits });
    }
    if let Ok(address) = text.parse() {
        return Some(AllowEntry::Network { address, bits: width(address) });
    }
    match text.strip_prefix("*.") {
        Some(domain) => is_name(domain).then(|| AllowEntry::Below(domain.into())),
        None => is_name(text).then(|| AllowEntry::Host(text.into())),
    }
}

/// A host name. A last label of digits would be a mistyped address.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn same_network(network: IpAddr, address: IpAddr, bits: u8) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let differs = network.to_bits() ^ address.to_bits();
            differs.checked_shr(32 - u32::from(bits)).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let differs = network.to_bits() ^ address.to_bits();
            differs.checked_shr(128 - u32::from(bits)).unwrap_or(0) == 0
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}
