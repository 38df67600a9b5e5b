use std::fmt;

/// What sort of secret it is: a leak is reported by this, and never by the secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A user's password, wrong ones too: a mistyped one is nearly right.
    Password,
    /// An access token.
    AccessToken,
    /// A refresh token.
    RefreshToken,
    /// A signed device token.
    DeviceToken,
    /// A client's secret, or the header that carries it.
    ClientSecret,
    /// An assertion that a client signed.
    Assertion,
    /// A cookie's value.
    Cookie,
    /// The key that everything at rest is sealed under.
    MasterKey,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Password,
        Self::AccessToken,
        Self::RefreshToken,
        Self::DeviceToken,
        Self::ClientSecret,
        Self::Assertion,
        Self::Cookie,
        Self::MasterKey,
    ];

    /// The kind of the member of this name, in the bodies and forms of the server's routes.
    pub fn of_member(name: &str) -> Option<Self> {
        Some(match name {
            "password" | "current" | "new" => Self::Password,
            "access_token" => Self::AccessToken,
            "refresh_token" => Self::RefreshToken,
            "device_token" => Self::DeviceToken,
            "client_secret" | "secret" => Self::ClientSecret,
            "client_assertion" => Self::Assertion,
            _ => return None,
        })
    }

    /// The kind of what a variable of this name holds, of ours or of an example's.
    pub(crate) fn of_variable(name: &str) -> Option<Self> {
        match name {
            name if name.ends_with("_FILE") => None,
            name if name.contains("MASTER_KEY") => Some(Self::MasterKey),
            name if name.contains("PASSWORD") => Some(Self::Password),
            name if name.contains("SECRET") => Some(Self::ClientSecret),
            name if name.ends_with("TOKEN") => Some(Self::AccessToken),
            _ => None,
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::AccessToken => "access token",
            Self::RefreshToken => "refresh token",
            Self::DeviceToken => "device token",
            Self::ClientSecret => "client secret",
            Self::Assertion => "assertion",
            Self::Cookie => "cookie",
            Self::MasterKey => "master key",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
