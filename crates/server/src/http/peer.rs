//! Who is at the other end of the connection a request came by.

use std::net::SocketAddr;

/// The address there: the client's, or that of a proxy in front of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);
