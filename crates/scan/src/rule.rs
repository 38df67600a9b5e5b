//! What is looked for, why it matters, and the way out.

use core::fmt;
use core::str::FromStr;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Worth knowing: safe with the library's present version, or by luck.
    Note,
    /// Should be otherwise.
    Warning,
    /// Lets a stranger in.
    Error,
}

impl Level {
    /// `error`, `warning` or `note`, as in SARIF.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that is looked for. Its name is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// A secret in the code is handed to a JWT library.
    HardcodedSecret,
    /// A token is made without `exp`.
    NoExpiry,
    /// The signature is not checked.
    VerificationOff,
    /// Claims are read by a function that checks nothing.
    UnverifiedDecode,
    /// `exp` is not checked.
    ExpiryCheckOff,
    /// Tokens without a signature are made or accepted.
    AlgorithmNone,
    /// Shared secrets and public keys are accepted in one place.
    AlgorithmsMixed,
    /// The token says how it is to be checked.
    AlgorithmFromToken,
    /// Nothing says how tokens are signed.
    NoAlgorithms,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 9] = [
        Self::HardcodedSecret,
        Self::NoExpiry,
        Self::VerificationOff,
        Self::UnverifiedDecode,
        Self::ExpiryCheckOff,
        Self::AlgorithmNone,
        Self::AlgorithmsMixed,
        Self::AlgorithmFromToken,
        Self::NoAlgorithms,
    ];

    /// Its name, as in `countersign: allow NAME reason`.
    pub fn name(self) -> &'static str {
        match self {
            Self::HardcodedSecret => "hardcoded-secret",
            Self::NoExpiry => "no-expiry",
            Self::VerificationOff => "verification-off",
            Self::UnverifiedDecode => "unverified-decode",
            Self::ExpiryCheckOff => "expiry-check-off",
            Self::AlgorithmNone => "algorithm-none",
            Self::AlgorithmsMixed => "algorithms-mixed",
            Self::AlgorithmFromToken => "algorithm-from-token",
            Self::NoAlgorithms => "no-algorithms",
        }
    }

    /// How bad it is.
    pub fn level(self) -> Level {
        match self {
            Self::HardcodedSecret
            | Self::VerificationOff
            | Self::AlgorithmNone
            | Self::AlgorithmsMixed => Level::Error,
            Self::NoExpiry
            | Self::UnverifiedDecode
            | Self::ExpiryCheckOff
            | Self::AlgorithmFromToken => Level::Warning,
            Self::NoAlgorithms => Level::Note,
        }
    }

    /// Why it matters, in a sentence or two.
    pub fn why(self) -> &'static str {
        match self {
            Self::HardcodedSecret => {
                "Whoever reads the code, an image or the history of either can sign tokens for every \
                 user, and the secret cannot be changed without a release."
            }
            Self::NoExpiry => {
                "A token without `exp` is good for ever, for whoever gets hold of it."
            }
            Self::VerificationOff => {
                "Without the signature a token proves nothing: anyone can write one that says \
                 anything."
            }
            Self::UnverifiedDecode => {
                "This reads what the token says and checks nothing: anyone can write one that says \
                 anything."
            }
            Self::ExpiryCheckOff => "A token that was lost or stolen is good for ever.",
            Self::AlgorithmNone => {
                "`none` is no signature: whoever can write text can write a token."
            }
            Self::AlgorithmsMixed => {
                "Where shared secrets and public keys are both accepted, a public key, which anyone \
                 has, can be passed off as the secret."
            }
            Self::AlgorithmFromToken => {
                "The header is the part an attacker chooses first. It must not choose how it is \
                 checked."
            }
            Self::NoAlgorithms => {
                "What may sign is left to the library's version and to the kind of the key."
            }
        }
    }

    /// What to do instead, whatever the library.
    pub fn way_out(self) -> &'static str {
        match self {
            Self::HardcodedSecret => {
                "Read it from a file or the environment, fail if it is not there, and change it: it \
                 is known now. Better, sign with a private key (`countersign jwk new`) and give \
                 services the public one."
            }
            Self::NoExpiry => "Give it minutes of life, and renew it with a refresh token.",
            Self::VerificationOff => "Check it with the key, the algorithm, issuer and audience.",
            Self::UnverifiedDecode => {
                "Verify first and use what that returns; keep this for choosing a key or for logs."
            }
            Self::ExpiryCheckOff => {
                "Let it be checked, with some seconds of leeway; renew with a refresh token."
            }
            Self::AlgorithmNone => "Name the one algorithm you sign with.",
            Self::AlgorithmsMixed => {
                "Name one family. If both are in use, decide by the key you chose, not by the token."
            }
            Self::AlgorithmFromToken => {
                "Name the algorithm, or take it from the key in your own set."
            }
            Self::NoAlgorithms => "Name the algorithm you sign with.",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Rule {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|rule| rule.name() == name)
            .ok_or(())
    }
}
