//! Whose word is believed on where a request comes from.
//!
//! `X-Forwarded-For` is whatever a client writes until a proxy of ours adds to it. So it counts only
//! when the connection comes from a trusted proxy, and is read from the right: the first address that
//! no trusted proxy has is the client's. Where it cannot be read, the connection's own address is
//! used, and everyone behind that proxy shares its patience.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks whose word on that is believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address, for a request of `peer` with these headers.
    pub(crate) fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines = headers.get_all(FORWARDED_FOR).iter();
        self.nearest(peer, lines.map(HeaderValue::as_bytes))
    }

    /// `forwarded` holds the header's lines in their order.
    fn nearest<'a>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) -> IpAddr {
        let mut nearest = peer;
        if !self.trust(peer) {
            return peer;
        }
        let hops = forwarded
            .rev()
            .flat_map(|line| line.rsplit(|byte| *byte == b','));
        for hop in hops {
            let Some(address) = parse(hop) else {
                return nearest;
            };
            if !self.trust(address) {
                return address;
            }
            nearest = address;
        }
        nearest
    }
}

/// An address, with or without a port; `None` for anything else a client may have put there.
fn parse(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    match (bare.parse::<IpAddr>(), text.parse::<SocketAddr>()) {
        (Ok(address), _) => Some(address.to_canonical()),
        (Err(_), Ok(address)) => Some(address.ip().to_canonical()),
        (Err(_), Err(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"].map(|net| net.parse().expect("a network"));
        let lines = forwarded.iter().map(|line| line.as_bytes());
        let peer = peer.parse().expect("an address");
        TrustedProxies::new(&trusted)
            .nearest(peer, lines)
            .to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(origin("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn behind_a_proxy_the_rightmost_address_that_is_not_ours_counts() {
        assert_eq!(origin("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            origin("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"]),
            "198.51.100.7"
        );
        assert_eq!(
            origin("10.0.0.1", &["1.1.1.1", "198.51.100.7:1234"]),
            "198.51.100.7"
        );
        assert_eq!(
            origin("2001:db8::1", &["[2001:4860::1]:443"]),
            "2001:4860::1"
        );
        assert_eq!(origin("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn what_cannot_be_read_is_nobodys_address() {
        assert_eq!(origin("10.0.0.1", &["198.51.100.7, unknown"]), "10.0.0.1");
        assert_eq!(origin("10.0.0.1", &["unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(origin("10.0.0.1", &[""]), "10.0.0.1");
        assert_eq!(origin("10.0.0.1", &[]), "10.0.0.1");
    }
}
