//! The first administrator of a server that is tried out, and how one signs in with curl.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use countersign::crypto;
use countersign_issuer::Password;
use countersign_server::{DirectoryError, Server};

use crate::failure::Failure;
use crate::output;

/// The name of the administrator that `--dev` makes.
const DEV_ADMIN: &str = "admin";

/// Makes the first administrator and says how to sign in.
pub(super) async fn welcome(server: &Server, curl: &Curl) -> Result<(), Failure> {
    let password = random_password()?;
    let asked = Password::new(password.clone()).map_err(Failure::failed)?;
    match server
        .directory()
        .add(DEV_ADMIN, asked, vec![DEV_ADMIN.to_owned()])
        .await
    {
        Ok(_) => {
            output::line(&format!("user      {DEV_ADMIN}"))?;
            output::line(&format!("password  {password}   (shown this once)"))?;
            output::line("")?;
            output::line(&login_line(curl, &password))?;
        }
        Err(DirectoryError::NameTaken(_)) => {
            output::note(&format!(
                "the user {DEV_ADMIN} exists already; its password is as it was"
            ))?;
            output::line(&login_line(curl, "YOUR-PASSWORD"))?;
        }
        Err(error) => return Err(Failure::failed(error)),
    }
    let Curl { command, url } = curl;
    output::line(&format!(
        "{command} -H \"Authorization: Bearer $TOKEN\" {url}/me"
    ))
}

/// How this very server is called: at the address listened on. The issuer is only a name here; what
/// answers there may be somebody else, who must not be sent a password.
pub(super) struct Curl {
    command: String,
    url: String,
}

impl Curl {
    pub(super) fn to(address: SocketAddr, certificate: Option<&Path>) -> Self {
        let mut near = address;
        if address.ip().is_unspecified() {
            near.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        match certificate {
            None => Self {
                command: "curl".to_owned(),
                url: format!("http://{near}"),
            },
            Some(file) => Self {
                command: format!("curl --cacert {}", quoted(&file.to_string_lossy())),
                url: format!("https://{near}"),
            },
        }
    }
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The tutorial's first line, with the token kept for its second.
fn login_line(Curl { command, url }: &Curl, password: &str) -> String {
    format!(
        "TOKEN=$({command} -s {url}/login -H 'Content-Type: application/json' \
         -d '{{\"username\":\"{DEV_ADMIN}\",\"password\":\"{password}\"}}' \
         | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
    )
}

/// 120 random bits.
fn random_password() -> Result<String, Failure> {
    let bytes = crypto::random::<15>().map_err(Failure::failed)?;
    Ok(countersign::base64url::encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_for_curl_lead_to_this_server() {
        let to = |address: &str, certificate: Option<&str>| {
            let address = address.parse().expect("an address");
            let Curl { command, url } = Curl::to(address, certificate.map(Path::new));
            format!("{command} {url}")
        };
        assert_eq!(to("127.0.0.1:80", None), "curl http://127.0.0.1:80");
        assert_eq!(to("0.0.0.0:7800", None), "curl http://127.0.0.1:7800");
        assert_eq!(to("[::]:7800", None), "curl http://[::1]:7800");
        assert_eq!(
            to("0.0.0.0:443", Some("own cert's.pem")),
            r"curl --cacert 'own cert'\''s.pem' https://127.0.0.1:443"
        );
        assert_eq!(
            to("192.0.2.7:443", Some("/etc/tls/cert.pem")),
            "curl --cacert /etc/tls/cert.pem https://192.0.2.7:443"
        );
    }
}
