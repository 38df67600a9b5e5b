//! Who takes part. The first of each list is the bare primitive on the same bytes.

use std::error::Error;
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, Ed25519KeyPair,
    ParsedPublicKey, RsaEncoding, RsaKeyPair, VerificationAlgorithm,
};
use countersign::{Algorithm, KeySet, Signer, UnixTime, Verifier, base64url};
use countersign_benches::token::{
    AUDIENCE, Borrowed, ISSUER, Owned, claims, rules, signer, verifier,
};

/// One way to do the work; `call` says whether it succeeded.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) call: Box<dyn FnMut() -> bool>,
}

impl Contender {
    fn new(name: &'static str, call: impl FnMut() -> bool + 'static) -> Self {
        let mut contender = Self {
            name,
            call: Box::new(call),
        };
        assert!((contender.call)(), "{name} fails at its work");
        contender
    }
}

const RAW: &str = "raw aws-lc-rs";

type Contenders = Result<Vec<Contender>, Box<dyn Error>>;

pub(crate) fn verifying(algorithm: Algorithm) -> Contenders {
    let signer = signer(algorithm)?;
    let token = countersign_benches::token::token(&signer)?;
    let now = UnixTime::now();
    let mut all = vec![raw_verify(&signer, &token)?];

    let ours = verifier(&signer)?;
    let text = token.clone();
    all.push(Contender::new("countersign", move || {
        ours.verify::<Owned>(&text, now).is_ok()
    }));

    let ours = verifier(&signer)?;
    let text = token.clone();
    let mut buffer = Vec::new();
    all.push(Contender::new("countersign, borrowed claims", move || {
        ours.verify_in::<Borrowed<'_>>(&text, now, &mut buffer)
            .is_ok()
    }));

    if algorithm == Algorithm::HS256 || algorithm == Algorithm::EdDSA {
        let ours = many_keys(&signer)?;
        let text = token.clone();
        all.push(Contender::new("countersign, one of 100 keys", move || {
            ours.verify::<Owned>(&text, now).is_ok()
        }));
        let ours = many_issuers(&signer)?;
        let text = token.clone();
        all.push(Contender::new(
            "countersign, one of 10 issuers",
            move || ours.verify::<Owned>(&text, now).is_ok(),
        ));
    }
    if let Some(peer) = jsonwebtoken_verify(&signer, &token)? {
        all.push(peer);
    }
    if algorithm == Algorithm::HS256 {
        all.push(jwt_compact_verify(&signer, &token)?);
    }
    all.extend(jwt_simple_verify(&signer, &token)?);
    Ok(all)
}

pub(crate) fn signing(algorithm: Algorithm) -> Contenders {
    let signer = signer(algorithm)?;
    let claims = claims(UnixTime::now());
    let token = signer.sign(&claims)?;
    let message = token
        .rsplit_once('.')
        .ok_or("no token")?
        .0
        .as_bytes()
        .to_vec();
    let mut all = vec![raw_sign(&signer, message)?];
    let own = claims.clone();
    let ours = signer.clone();
    all.push(Contender::new("countersign", move || {
        ours.sign(&own).is_ok()
    }));
    if let Some((key, header)) = jsonwebtoken_key(&signer)? {
        let own = claims.clone();
        all.push(Contender::new("jsonwebtoken (aws_lc_rs)", move || {
            jsonwebtoken::encode(&header, &own, &key).is_ok()
        }));
    }
    if algorithm == Algorithm::HS256 {
        all.push(jwt_compact_sign(&signer, claims)?);
    }
    Ok(all)
}

fn many_keys(signer: &Signer) -> Result<Verifier, Box<dyn Error>> {
    let algorithm = signer.key().algorithm();
    let mut keys = vec![signer.key().verifying_key()];
    for n in 1..100 {
        let key = countersign::SigningKey::generate(algorithm)?;
        keys.push(
            key.verifying_key()
                .with_key_id(format!("2025-{n:02}-access")),
        );
    }
    Ok(Verifier::new(rules(algorithm), KeySet::new(keys)?))
}

fn many_issuers(own: &Signer) -> Result<Verifier, Box<dyn Error>> {
    let algorithm = own.key().algorithm();
    let mut verifier = verifier(own)?;
    for n in 1..10 {
        let key = countersign::SigningKey::generate(algorithm)?.verifying_key();
        let key = key.with_key_id(format!("other-{n}"));
        verifier = verifier.with_issuer(format!("https://{n}.example"), KeySet::new([key])?);
    }
    Ok(verifier)
}

fn raw_verify(signer: &Signer, token: &str) -> Result<Contender, Box<dyn Error>> {
    let (message, made) = token.rsplit_once('.').ok_or("no token")?;
    let message = message.as_bytes().to_vec();
    let made = base64url::decode(made)?;
    let algorithm: &'static dyn VerificationAlgorithm = match signer.key().algorithm() {
        Algorithm::HS256 => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret(signer)?);
            return Ok(Contender::new(RAW, move || {
                hmac::verify(&key, &message, &made).is_ok()
            }));
        }
        Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::EdDSA => &signature::ED25519,
        other => ecdsa(other).0,
    };
    let document = signer.key().verifying_key().to_spki_der()?;
    let key = ParsedPublicKey::new(algorithm, document)?;
    Ok(Contender::new(RAW, move || {
        key.verify_sig(&message, &made).is_ok()
    }))
}

fn raw_sign(signer: &Signer, message: Vec<u8>) -> Result<Contender, Box<dyn Error>> {
    let random = SystemRandom::new();
    let algorithm = signer.key().algorithm();
    if algorithm == Algorithm::HS256 {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret(signer)?);
        return Ok(Contender::new(RAW, move || {
            hmac::sign(&key, &message).as_ref().len() == 32
        }));
    }
    let document = signer.key().to_pkcs8_der()?;
    Ok(match algorithm {
        Algorithm::RS256 | Algorithm::PS256 => {
            let encoding: &dyn RsaEncoding = if algorithm == Algorithm::RS256 {
                &signature::RSA_PKCS1_SHA256
            } else {
                &signature::RSA_PSS_SHA256
            };
            let pair = RsaKeyPair::from_pkcs8(document.expose())?;
            let mut made = vec![0; pair.public_modulus_len()];
            Contender::new(RAW, move || {
                pair.sign(encoding, &random, &message, &mut made).is_ok()
            })
        }
        Algorithm::EdDSA => {
            let pair = Ed25519KeyPair::from_pkcs8(document.expose())?;
            Contender::new(RAW, move || pair.try_sign(&message).is_ok())
        }
        other => {
            let pair = EcdsaKeyPair::from_pkcs8(ecdsa(other).1, document.expose())?;
            Contender::new(RAW, move || pair.sign(&random, &message).is_ok())
        }
    })
}

fn ecdsa(
    algorithm: Algorithm,
) -> (
    &'static EcdsaVerificationAlgorithm,
    &'static EcdsaSigningAlgorithm,
) {
    match algorithm {
        Algorithm::ES384 => (
            &signature::ECDSA_P384_SHA384_FIXED,
            &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        ),
        Algorithm::ES512 => (
            &signature::ECDSA_P521_SHA512_FIXED,
            &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        ),
        Algorithm::ES256K => (
            &signature::ECDSA_P256K1_SHA256_FIXED,
            &signature::ECDSA_P256K1_SHA256_FIXED_SIGNING,
        ),
        _ => (
            &signature::ECDSA_P256_SHA256_FIXED,
            &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        ),
    }
}

fn secret(signer: &Signer) -> Result<Vec<u8>, Box<dyn Error>> {
    let jwk = signer.key().to_jwk().to_json();
    let jwk: serde_json::Value = serde_json::from_str(jwk.expose())?;
    Ok(base64url::decode(jwk["k"].as_str().ok_or("no secret")?)?)
}

/// The peer does not know ES512 and ES256K.
fn jsonwebtoken_name(algorithm: Algorithm) -> Option<jsonwebtoken::Algorithm> {
    algorithm.name().parse().ok()
}

fn jsonwebtoken_verify(signer: &Signer, token: &str) -> Result<Option<Contender>, Box<dyn Error>> {
    use jsonwebtoken::{DecodingKey, Validation, decode};
    let Some(name) = jsonwebtoken_name(signer.key().algorithm()) else {
        return Ok(None);
    };
    let key = match signer.key().algorithm() {
        Algorithm::HS256 => DecodingKey::from_secret(&secret(signer)?),
        other => {
            let pem = signer.key().verifying_key().to_pem()?;
            match other {
                Algorithm::EdDSA => DecodingKey::from_ed_pem(pem.as_bytes())?,
                Algorithm::RS256 | Algorithm::PS256 => DecodingKey::from_rsa_pem(pem.as_bytes())?,
                _ => DecodingKey::from_ec_pem(pem.as_bytes())?,
            }
        }
    };
    let mut validation = Validation::new(name);
    validation.leeway = 0;
    validation.validate_nbf = true;
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    let token = token.to_owned();
    Ok(Some(Contender::new(
        "jsonwebtoken (aws_lc_rs)",
        move || decode::<Owned>(&token, &key, &validation).is_ok(),
    )))
}

fn jsonwebtoken_key(
    signer: &Signer,
) -> Result<Option<(jsonwebtoken::EncodingKey, jsonwebtoken::Header)>, Box<dyn Error>> {
    use jsonwebtoken::{EncodingKey, Header};
    let Some(name) = jsonwebtoken_name(signer.key().algorithm()) else {
        return Ok(None);
    };
    let mut header = Header::new(name);
    header.typ = Some("at+jwt".into());
    header.kid = signer.key().key_id().map(String::from);
    let key = match signer.key().algorithm() {
        Algorithm::HS256 => EncodingKey::from_secret(&secret(signer)?),
        other => {
            let pem = signer.key().to_pem()?;
            let pem = pem.expose().as_bytes();
            match other {
                Algorithm::EdDSA => EncodingKey::from_ed_pem(pem)?,
                Algorithm::RS256 | Algorithm::PS256 => EncodingKey::from_rsa_pem(pem)?,
                _ => EncodingKey::from_ec_pem(pem)?,
            }
        }
    };
    Ok(Some((key, header)))
}

/// The claims the peer does not handle itself.
#[derive(serde::Serialize, serde::Deserialize)]
struct Custom {
    iss: String,
    sub: String,
    aud: String,
    jti: String,
    scope: String,
    roles: Vec<String>,
    client_id: String,
    sid: String,
}

/// Three algorithms stand for the rest; the claims it handles itself it reads into a struct of its
/// own.
fn jwt_simple_verify(signer: &Signer, token: &str) -> Result<Option<Contender>, Box<dyn Error>> {
    use jwt_simple::prelude::{
        ECDSAP256PublicKeyLike as _, ES256PublicKey, Ed25519PublicKey, EdDSAPublicKeyLike as _,
        HS256Key, MACLike as _, VerificationOptions,
    };
    let options = VerificationOptions {
        allowed_issuers: Some([ISSUER.to_owned()].into()),
        allowed_audiences: Some([AUDIENCE.to_owned()].into()),
        time_tolerance: None,
        ..VerificationOptions::default()
    };
    let options = move || Some(options.clone());
    let token = token.to_owned();
    let name = "jwt-simple (pure Rust)";
    Ok(Some(match signer.key().algorithm() {
        Algorithm::HS256 => {
            let key = HS256Key::from_bytes(&secret(signer)?);
            Contender::new(name, move || {
                key.verify_token::<Rest>(&token, options()).is_ok()
            })
        }
        Algorithm::ES256 => {
            let key = ES256PublicKey::from_pem(&signer.key().verifying_key().to_pem()?)?;
            Contender::new(name, move || {
                key.verify_token::<Rest>(&token, options()).is_ok()
            })
        }
        Algorithm::EdDSA => {
            let key = Ed25519PublicKey::from_pem(&signer.key().verifying_key().to_pem()?)?;
            Contender::new(name, move || {
                key.verify_token::<Rest>(&token, options()).is_ok()
            })
        }
        _ => return Ok(None),
    }))
}

/// The claims jwt-simple does not handle itself.
#[derive(serde::Serialize, serde::Deserialize)]
struct Rest {
    scope: String,
    roles: Vec<String>,
    client_id: String,
    sid: String,
}

fn jwt_compact_verify(signer: &Signer, token: &str) -> Result<Contender, Box<dyn Error>> {
    use jwt_compact::alg::{Hs256, Hs256Key};
    use jwt_compact::{AlgorithmExt as _, TimeOptions, UntrustedToken};
    let key = Hs256Key::new(secret(signer)?);
    let token = token.to_owned();
    let now = chrono_now()?;
    let options = TimeOptions::new(chrono::Duration::zero(), move || now);
    Ok(Contender::new("jwt-compact", move || {
        let Ok(untrusted) = UntrustedToken::new(&token) else {
            return false;
        };
        let Ok(token) = Hs256.validator::<Custom>(&key).validate(&untrusted) else {
            return false;
        };
        let claims = token.claims();
        claims.validate_expiration(&options).is_ok()
            && claims.validate_maturity(&options).is_ok()
            && claims.custom.iss == ISSUER
            && claims.custom.aud == AUDIENCE
    }))
}

fn jwt_compact_sign(signer: &Signer, own: Owned) -> Result<Contender, Box<dyn Error>> {
    use jwt_compact::alg::{Hs256, Hs256Key};
    use jwt_compact::{AlgorithmExt as _, Claims, Header};
    let key = Hs256Key::new(secret(signer)?);
    let header = Header::empty()
        .with_token_type("at+jwt")
        .with_key_id("2026-11-access");
    let now = chrono_now()?;
    let mut claims = Claims::new(Custom {
        iss: own.iss,
        sub: own.sub,
        aud: own.aud,
        jti: own.jti,
        scope: own.scope,
        roles: own.roles,
        client_id: own.client_id,
        sid: own.sid,
    });
    claims.expiration = Some(now + chrono::Duration::hours(1));
    claims.issued_at = Some(now);
    claims.not_before = Some(now);
    Ok(Contender::new("jwt-compact", move || {
        Hs256.token(&header, &claims, &key).is_ok()
    }))
}

fn chrono_now() -> Result<chrono::DateTime<chrono::Utc>, Box<dyn Error>> {
    let since = Duration::from_secs(UnixTime::now().as_secs());
    chrono::DateTime::from_timestamp(i64::try_from(since.as_secs())?, 0).ok_or("no time".into())
}
