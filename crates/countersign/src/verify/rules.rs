//! What a token must be to be let in.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::algorithm::Algorithm;
use crate::error::{Reason, TokenError};
use crate::time::UnixTime;
use crate::token::{Claim, NAMES, Registered};

/// The rules of a verification. They cannot be made without saying who issues, for whom, and by
/// which algorithms; each of the three can be waived, but only by name.
///
/// Out of the box: `exp` is required and no leeway given; `typ` is `JWT` or absent; a token has at
/// most 16 KiB.
///
/// ```
/// use core::time::Duration;
/// use countersign::{Algorithm, AlgorithmRule, AudienceRule, Rules};
///
/// let strict = Rules::new("https://login.example", "https://api.example", Algorithm::ES256)
///     .typ("at+jwt")
///     .leeway(Duration::from_secs(30))
///     .require("sub")
///     .require_scope("orders:read");
///
/// let issuers = ["https://a.example", "https://b.example"];
/// let lax = Rules::new(issuers, AudienceRule::any(), AlgorithmRule::of_the_keys());
/// ```
#[derive(Clone, Debug)]
pub struct Rules {
    pub(super) issuer: IssuerRule,
    audience: AudienceRule,
    pub(super) algorithms: AlgorithmRule,
    pub(super) typ: TypeRule,
    pub(super) max_token_bytes: usize,
    leeway: Duration,
    expiry_required: bool,
    required: Vec<String>,
    scopes: Vec<String>,
    max_age: Option<Duration>,
    max_lifetime: Option<Duration>,
}

impl Rules {
    /// Rules for tokens of this issuer, for this audience, by these algorithms.
    ///
    /// One string, or several: then any of them will do.
    pub fn new(
        issuer: impl Into<IssuerRule>,
        audience: impl Into<AudienceRule>,
        algorithms: impl Into<AlgorithmRule>,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            algorithms: algorithms.into(),
            typ: TypeRule::JwtOrAbsent,
            max_token_bytes: 16 * 1024,
            leeway: Duration::ZERO,
            expiry_required: true,
            required: Vec::new(),
            scopes: Vec::new(),
            max_age: None,
            max_lifetime: None,
        }
    }

    /// The header's `typ` must be this one; the case of letters and a leading `application/` do not
    /// matter (RFC 7515 §4.1.9).
    pub fn typ(mut self, typ: &str) -> Self {
        self.typ = TypeRule::Only(media_type(typ).to_ascii_lowercase());
        self
    }

    /// The header's `typ` does not matter. Only where no token of another kind by the same issuer
    /// could be mistaken for this one (RFC 8725 §3.11).
    pub fn any_typ(mut self) -> Self {
        self.typ = TypeRule::Any;
        self
    }

    /// By how much clocks may differ, for `exp`, `nbf` and the age. Zero unless set.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// This claim must be there (`null` counts as absent).
    pub fn require(mut self, claim: impl Into<String>) -> Self {
        self.required.push(claim.into());
        self
    }

    /// `scope` must have this word.
    pub fn require_scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// `iat` must be there and lie back no further than this, nor ahead.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// `iat` must be there and `exp` follow it by no more than this.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// A token may be without `exp`; if it has one, it counts.
    pub fn without_expiry(mut self) -> Self {
        self.expiry_required = false;
        self
    }

    /// The longest token that is looked at; 16 KiB unless set.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.max_token_bytes = bytes;
        self
    }

    /// Checks the claims of a token whose signature and `typ` hold.
    pub(super) fn check(
        &self,
        payload: &[u8],
        claims: &Registered,
        issuer: &IssuerRule,
        now: UnixTime,
    ) -> Result<(), TokenError> {
        self.check_times(claims, now)?;
        issuer.check(payload, claims)?;
        self.audience.check(payload, claims)?;
        for claim in &self.required {
            check_present(payload, claims, claim)?;
        }
        for wanted in &self.scopes {
            let scope = claims.text(Claim::Scope, payload).unwrap_or_default();
            if !has_word(scope, wanted) {
                return Err(TokenError::of_claim(
                    Reason::InsufficientScope,
                    "scope",
                    Cow::Owned(format!("the token's scope lacks `{wanted}`")),
                ));
            }
        }
        Ok(())
    }

    fn check_times(&self, claims: &Registered, now: UnixTime) -> Result<(), TokenError> {
        match claims.exp {
            Some(exp) if now >= exp.saturating_add(self.leeway) => {
                return Err(refused(Reason::Expired, "exp", "the token has expired"));
            }
            None if self.expiry_required => return Err(missing("exp")),
            _ => {}
        }
        if claims
            .nbf
            .is_some_and(|nbf| now.saturating_add(self.leeway) < nbf)
        {
            return Err(refused(
                Reason::NotYetValid,
                "nbf",
                "the token is not valid yet",
            ));
        }
        if let Some(max_age) = self.max_age {
            let iat = claims.iat.ok_or_else(|| missing("iat"))?;
            if iat > now.saturating_add(self.leeway) {
                return Err(refused(
                    Reason::NotYetValid,
                    "iat",
                    "the token comes from the future",
                ));
            }
            if now > iat.saturating_add(max_age).saturating_add(self.leeway) {
                return Err(refused(
                    Reason::TooOld,
                    "iat",
                    "the token is older than allowed",
                ));
            }
        }
        if let Some(max_lifetime) = self.max_lifetime {
            let iat = claims.iat.ok_or_else(|| missing("iat"))?;
            let exp = claims.exp.ok_or_else(|| missing("exp"))?;
            if exp.since(iat) > max_lifetime {
                return Err(refused(
                    Reason::LifetimeTooLong,
                    "exp",
                    "the token was made to live longer than allowed",
                ));
            }
        }
        Ok(())
    }
}

fn check_present(payload: &[u8], claims: &Registered, name: &str) -> Result<(), TokenError> {
    let there = match name {
        "iss" => claims.bytes(Claim::Issuer, payload).is_some(),
        "sub" => claims.bytes(Claim::Subject, payload).is_some(),
        "jti" => claims.bytes(Claim::JwtId, payload).is_some(),
        "aud" => claims.has_audience(),
        "exp" => claims.exp.is_some(),
        "nbf" => claims.nbf.is_some(),
        "iat" => claims.iat.is_some(),
        other => crate::json::member::<serde::de::IgnoredAny>(payload, other)
            .is_ok_and(|value| value.is_some()),
    };
    if there {
        return Ok(());
    }
    let sentence = Cow::Owned(format!("the claim `{name}` is required and missing"));
    Err(match NAMES.into_iter().find(|known| *known == name) {
        Some(known) => TokenError::of_claim(Reason::MissingClaim, known, sentence),
        None => TokenError::of_claims(Reason::MissingClaim, sentence),
    })
}

/// Whether `word` is one of the words of a scope (RFC 6749 §3.3).
pub(super) fn has_word(scope: &str, word: &str) -> bool {
    !word.is_empty() && scope.split(' ').any(|own| own == word)
}

fn refused(reason: Reason, claim: &'static str, sentence: &'static str) -> TokenError {
    TokenError::of_claim(reason, claim, Cow::Borrowed(sentence))
}

fn missing(claim: &'static str) -> TokenError {
    TokenError::of_claim(
        Reason::MissingClaim,
        claim,
        Cow::Owned(format!("the claim `{claim}` is required and missing")),
    )
}

#[derive(Clone, Debug)]
pub(super) enum TypeRule {
    Any,
    JwtOrAbsent,
    /// In lower case, without `application/`.
    Only(String),
}

impl TypeRule {
    pub(super) fn allows(&self, typ: Option<&str>) -> bool {
        match (self, typ) {
            (Self::Any, _) | (Self::JwtOrAbsent, None) => true,
            (Self::Only(_), None) => false,
            (Self::JwtOrAbsent, Some(typ)) => media_type(typ).eq_ignore_ascii_case("jwt"),
            (Self::Only(wanted), Some(typ)) => media_type(typ).eq_ignore_ascii_case(wanted),
        }
    }
}

/// The type without the prefix that RFC 7515 §4.1.9 lets one leave out.
fn media_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}

/// Which issuers (`iss`) are trusted, compared byte by byte.
#[derive(Clone, Debug)]
pub struct IssuerRule(Option<Vec<String>>);

impl IssuerRule {
    fn check(&self, payload: &[u8], claims: &Registered) -> Result<(), TokenError> {
        let Some(issuers) = &self.0 else {
            return Ok(());
        };
        let issuer = claims
            .bytes(Claim::Issuer, payload)
            .ok_or_else(|| missing("iss"))?;
        if issuers.iter().any(|known| known.as_bytes() == issuer) {
            return Ok(());
        }
        let sentence = "the token's issuer is not one that is trusted here with this key";
        Err(refused(Reason::WrongIssuer, "iss", sentence))
    }

    /// Any issuer, or none: whoever holds the key is believed.
    pub fn any() -> Self {
        Self(None)
    }
}

/// Which audiences (`aud`) are ours, compared byte by byte; a token must name at least one.
#[derive(Clone, Debug)]
pub struct AudienceRule(Option<Vec<String>>);

impl AudienceRule {
    fn check(&self, payload: &[u8], claims: &Registered) -> Result<(), TokenError> {
        let Some(audience) = &self.0 else {
            return Ok(());
        };
        if !claims.has_audience() {
            return Err(missing("aud"));
        }
        if claims.is_for(payload, audience) {
            return Ok(());
        }
        Err(refused(
            Reason::WrongAudience,
            "aud",
            "the token is meant for others",
        ))
    }

    /// Any audience, or none: tokens meant for others are let in too.
    pub fn any() -> Self {
        Self(None)
    }
}

/// Which algorithms are accepted, on top of each key being bound to one.
#[derive(Clone, Debug)]
pub struct AlgorithmRule(Option<Vec<Algorithm>>);

impl AlgorithmRule {
    /// Whatever the keys of the set are bound to.
    pub fn of_the_keys() -> Self {
        Self(None)
    }

    pub(super) fn allows(&self, algorithm: Algorithm) -> bool {
        self.0
            .as_ref()
            .is_none_or(|accepted| accepted.contains(&algorithm))
    }
}

macro_rules! from_one_or_several {
    ($rule:ident) => {
        impl From<&str> for $rule {
            fn from(one: &str) -> Self {
                Self(Some(vec![one.into()]))
            }
        }

        impl From<&String> for $rule {
            fn from(one: &String) -> Self {
                Self(Some(vec![one.clone()]))
            }
        }

        impl From<String> for $rule {
            fn from(one: String) -> Self {
                Self(Some(vec![one]))
            }
        }

        impl<S: Into<String>, const N: usize> From<[S; N]> for $rule {
            fn from(several: [S; N]) -> Self {
                Self(Some(several.into_iter().map(Into::into).collect()))
            }
        }

        impl<S: Into<String>> From<Vec<S>> for $rule {
            fn from(several: Vec<S>) -> Self {
                Self(Some(several.into_iter().map(Into::into).collect()))
            }
        }
    };
}

from_one_or_several!(IssuerRule);
from_one_or_several!(AudienceRule);

impl From<Algorithm> for AlgorithmRule {
    fn from(one: Algorithm) -> Self {
        Self(Some(vec![one]))
    }
}

impl<const N: usize> From<[Algorithm; N]> for AlgorithmRule {
    fn from(several: [Algorithm; N]) -> Self {
        Self(Some(several.into()))
    }
}

impl From<Vec<Algorithm>> for AlgorithmRule {
    fn from(several: Vec<Algorithm>) -> Self {
        Self(Some(several))
    }
}

impl From<&[Algorithm]> for AlgorithmRule {
    fn from(several: &[Algorithm]) -> Self {
        Self(Some(several.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typ_is_a_media_type() {
        let rule = Rules::new("i", "a", Algorithm::ES256)
            .typ("application/AT+jwt")
            .typ;
        for same in [
            "at+jwt",
            "AT+JWT",
            "application/at+jwt",
            "Application/At+Jwt",
        ] {
            assert!(rule.allows(Some(same)), "{same}");
        }
        for other in [
            "jwt",
            "",
            "at+jwt ",
            "text/at+jwt",
            "application/application/at+jwt",
        ] {
            assert!(!rule.allows(Some(other)), "{other}");
        }
        assert!(!rule.allows(None));
    }

    #[test]
    fn a_scope_is_whole_words() {
        assert!(has_word("read write", "write"));
        for (scope, word) in [
            ("read", "rea"),
            ("", ""),
            ("a  b", ""),
            ("read write", "read write"),
        ] {
            assert!(!has_word(scope, word), "{scope:?} {word:?}");
        }
    }
}
