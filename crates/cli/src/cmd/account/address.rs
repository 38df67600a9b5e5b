//! Addresses as they are typed.

/// The URL that is meant: `https` where no scheme is given, `http` for this machine, and `:7800` for a
/// port of it, as the server names itself where nothing else is set.
pub(in crate::cmd) fn address(typed: &str) -> String {
    if typed.contains("://") {
        return typed.to_owned();
    }
    if let Some(rest) = typed.strip_prefix(':')
        && rest.starts_with(|first: char| first.is_ascii_digit() || first == '/')
    {
        let colon = if rest.starts_with('/') { "" } else { ":" };
        return format!("http://127.0.0.1{colon}{rest}");
    }
    let host = typed.split(['/', '?']).next().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let own_machine = name == "localhost"
        || name.ends_with(".localhost")
        || name
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    let scheme = if own_machine { "http" } else { "https" };
    format!("{scheme}://{typed}")
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn what_is_left_out_is_filled_in() {
        for (typed, meant) in [
            ("https://auth.example/x", "https://auth.example/x"),
            ("http://auth.example", "http://auth.example"),
            ("auth.example.com", "https://auth.example.com"),
            ("auth.example:8443/me", "https://auth.example:8443/me"),
            ("localhost:7800/me", "http://localhost:7800/me"),
            ("127.0.0.1:7800", "http://127.0.0.1:7800"),
            ("[::1]:7800/me?x=y:z", "http://[::1]:7800/me?x=y:z"),
            (":7800/me", "http://127.0.0.1:7800/me"),
            (":/me", "http://127.0.0.1/me"),
            ("localhost.example", "https://localhost.example"),
        ] {
            assert_eq!(address(typed), meant, "{typed}");
        }
    }
}
