//! An address to listen on: as it is typed, and as it is said.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use countersign_wire::paths::METRICS;

use crate::failure::Failure;
use crate::output;

/// The port that is proposed where none was typed.
const USUAL: u16 = 7800;

/// Reads `ADDRESS:PORT`; `localhost` is this machine.
pub(in crate::cmd) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        let whole = SocketAddr::new(address, USUAL);
        return Err(format!("the port is missing: {whole}"));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = port.parse::<u16>();
    if let ("localhost", Ok(port)) = (host, &port) {
        return Ok((Ipv4Addr::LOCALHOST, *port).into());
    }
    let port = port.unwrap_or(USUAL);
    let what = if text.contains("://") {
        "it is an address, not a URL"
    } else {
        "write an IP address and a port"
    };
    Err(format!(
        "{what}: 127.0.0.1:{port} for this machine alone, 0.0.0.0:{port} for all"
    ))
}

/// Says where the numbers are read.
pub(in crate::cmd) fn numbers_at(address: SocketAddr) -> Result<(), Failure> {
    if !address.ip().is_loopback() {
        output::warning(
            "whoever reaches the address of the numbers reads them; let nobody but the scraper",
        )?;
    }
    output::note(&format!("numbers on http://{address}{METRICS}"))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn what_cannot_be_listened_on_is_told_with_what_can() {
        for (typed, meant) in [
            ("127.0.0.1:7800", "127.0.0.1:7800"),
            ("[::]:80", "[::]:80"),
            ("localhost:7800", "127.0.0.1:7800"),
            ("localhost:0", "127.0.0.1:0"),
        ] {
            assert_eq!(
                address(typed).map(|it| it.to_string()),
                Ok(meant.to_owned())
            );
        }
        for (typed, hint) in [
            ("127.0.0.1", "the port is missing: 127.0.0.1:7800"),
            ("::1", "the port is missing: [::1]:7800"),
            ("[::1]", "the port is missing: [::1]:7800"),
            ("localhost", "127.0.0.1:7800 for this machine"),
            (":8080", "127.0.0.1:8080 for this machine"),
            ("8080", "0.0.0.0:8080 for all"),
            (
                "auth.example:443",
                "write an IP address and a port: 127.0.0.1:443",
            ),
            ("http://127.0.0.1:80", "not a URL: 127.0.0.1:80"),
            ("127.0.0.1:70000", "write an IP address and a port"),
        ] {
            let said = address(typed).expect_err(typed);
            assert!(said.contains(hint), "{typed}: {said}");
        }
    }
}
