use countersign_scan::Language;

use crate::expect::expect;

#[track_caller]
fn rust(sample: &str) {
    expect(Language::Rust, sample);
}

#[test]
fn the_tutorial() {
    rust(
        r#"
use jsonwebtoken::{decode, encode, Algorithm, DecodingKey, EncodingKey, Header, Validation};

const SECRET: &str = "secret"; // ~ hardcoded-secret
static BYTES: &[u8; 6] = b"static"; // ~ hardcoded-secret

#[derive(Serialize, Deserialize)]
struct Claims { sub: String, exp: usize }

#[derive(Serialize, Deserialize)]
struct Eternal { sub: String }

fn make(user: &str, exp: usize) -> Result<String, Error> {
    let claims = Claims { sub: user.to_owned(), exp };
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_ref()))
}

fn for_ever(user: &str) -> String {
    let claims = Eternal { sub: user.to_owned() };
    encode(&Header::default(), &claims, &key()).unwrap(); // ~ no-expiry
    encode(&Header::default(), &Eternal { sub: user.into() }, &key()).unwrap(); // ~ no-expiry
    jsonwebtoken::encode(&Header::default(), &json!({ "sub": user }), &key()).unwrap() // ~ no-expiry
}

fn check<'a>(token: &'a str) -> TokenData<Claims> {
    let key = DecodingKey::from_secret(BYTES);
    decode::<Claims>(token, &DecodingKey::from_secret(SECRET.as_bytes()), &Validation::default()).unwrap()
}

#[cfg(test)]
mod tests {
    fn made_up() { EncodingKey::from_secret(b"made up"); }
}
"#,
    );
}

#[test]
fn secrets() {
    rust(
        r##"
use jsonwebtoken::{DecodingKey, EncodingKey};
use jwt_simple::prelude::*;

fn keys(config: &Config) {
    EncodingKey::from_secret(r#"raw"#.as_bytes()); // ~ hardcoded-secret
    EncodingKey::from_secret(std::env::var("S").unwrap_or("fallback".to_string()).as_bytes()); // ~ hardcoded-secret
    EncodingKey::from_secret(env::var("S").unwrap_or_else(|_| "fallback".into()).as_ref()); // ~ hardcoded-secret
    EncodingKey::from_secret(env::var("S").expect("S must be set").as_bytes());
    EncodingKey::from_secret(env!("S").as_bytes());
    EncodingKey::from_secret(config.secret.as_bytes());
    EncodingKey::from_rsa_pem(include_bytes!("key.pem"));
    DecodingKey::from_base64_secret("c2VjcmV0"); // ~ hardcoded-secret
    let c = 'c';
    HS256Key::from_bytes(b"simple"); // ~ hardcoded-secret
    HS256Key::generate();
}
"##,
    );
}

#[test]
fn checks() {
    rust(
        r"
use jsonwebtoken::*;

fn off(token: &str) {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.insecure_disable_signature_validation(); // ~ verification-off
    validation.validate_exp = false; // ~ expiry-check-off
    validation.validate_aud = false;
    validation.algorithms = vec![Algorithm::HS256, Algorithm::RS256]; // ~ algorithms-mixed
    validation.algorithms = vec![Algorithm::RS256, Algorithm::RS512];
    dangerous::insecure_decode::<Claims>(token); // ~ verification-off
}

fn from_token(token: &str) {
    let header = decode_header(token)?;
    let validation = Validation::new(header.alg); // ~ algorithm-from-token
    let own = Validation::new(key.algorithm);
}
",
    );
    rust("//! jwt\nuse josekit::x;\nfn a() { EncodingKey::from_secret(b\"not ours\"); }");
}
