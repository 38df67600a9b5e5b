use countersign_scan::Language;

use crate::expect::expect;

#[track_caller]
fn java(sample: &str) {
    expect(Language::Java, sample);
}

#[test]
fn the_spring_tutorial() {
    java(
        r#"
package com.example.security;

import io.jsonwebtoken.Claims;
import io.jsonwebtoken.Jwts;
import io.jsonwebtoken.SignatureAlgorithm;
import io.jsonwebtoken.security.Keys;

@Component
public class JwtUtil {
    private static final String SECRET_KEY = "secretsecretsecret"; // ~ hardcoded-secret
    private final Key key = Keys.hmacShaKeyFor(SECRET_KEY.getBytes(StandardCharsets.UTF_8));

    @Value("${jwt.secret}")
    private String configured;

    @Value("${jwt.secret:defaultSecret}") // ~ hardcoded-secret
    private String defaulted;

    public String generateToken(UserDetails user) {
        return Jwts.builder()
                .setSubject(user.getUsername())
                .setIssuedAt(new Date())
                .setExpiration(new Date(System.currentTimeMillis() + 1000))
                .signWith(SignatureAlgorithm.HS256, SECRET_KEY)
                .compact();
    }

    public String forEver(UserDetails user) {
        return Jwts.builder() // ~ no-expiry
                .setSubject(user.getUsername())
                .signWith(key, SignatureAlgorithm.HS256)
                .compact();
    }

    public String mapped(Map<String, Object> claims) {
        return Jwts.builder().setClaims(claims).signWith(getKey()).compact();
    }

    public String unsigned(String subject) {
        return Jwts.builder().subject(subject).expiration(soon).compact(); // ~ algorithm-none
    }

    private Claims all(String token) {
        Jwts.parser().setSigningKey(configured).parseClaimsJws(token);
        Jwts.parser().setSigningKey(defaulted.getBytes()).parseClaimsJws(token);
        Jwts.parser().verifyWith(key).build().parseSignedClaims(token);
        Jwts.parser().unsecured().build(); // ~ algorithm-none
        return Jwts.parser().parseClaimsJwt(token).getBody(); // ~ verification-off
    }
}
"#,
    );
}

#[test]
fn auth0() {
    java(
        r#"
import com.auth0.jwt.JWT;
import com.auth0.jwt.algorithms.Algorithm;

class Tokens {
    Algorithm one = Algorithm.HMAC256("secret"); // ~ hardcoded-secret
    Algorithm two = Algorithm.HMAC256(System.getenv("SECRET"));
    Algorithm three = Algorithm.HMAC256(System.getenv().getOrDefault("SECRET", "x"));
    Algorithm four = Algorithm.none(); // ~ algorithm-none

    String make(String user) {
        return JWT.create().withSubject(user).sign(one); // ~ no-expiry
    }
    String better(String user) {
        return JWT.create().withSubject(user).withExpiresAt(soon).sign(one);
    }
    String own(String user) {
        return JWT.create().withClaim("exp", soon).sign(one);
    }
    String who(String token) {
        return JWT.decode(token).getSubject(); // ~ unverified-decode
    }
    String checked(String token) {
        DecodedJWT jwt = JWT.decode(token);
        verifiers.get(jwt.getIssuer()).verify(jwt);
        return jwt.getSubject();
    }
}
"#,
    );
}

#[test]
fn nimbus() {
    java(
        r#"
import com.nimbusds.jose.crypto.*;
import com.nimbusds.jwt.*;

class Tokens {
    private static final byte[] SECRET = "sharedsharedshared".getBytes(); // ~ hardcoded-secret

    String make(String user) throws JOSEException {
        JWSSigner signer = new MACSigner(SECRET);
        JWTClaimsSet claims = new JWTClaimsSet.Builder().subject(user).build(); // ~ no-expiry
        JWTClaimsSet good = new JWTClaimsSet.Builder().subject(user).expirationTime(soon).build();
        PlainJWT plain = new PlainJWT(claims); // ~ algorithm-none
        return sign(claims, signer);
    }
    void rules() {
        new DefaultJWTClaimsVerifier<>(new JWTClaimsSet.Builder().issuer("me").build(), required);
    }
    String who(String token) {
        return SignedJWT.parse(token).getJWTClaimsSet().getSubject(); // ~ unverified-decode
    }
}
"#,
    );
    java(
        r"
import com.nimbusds.jwt.*;
class Tokens {
    String who(String token) {
        SignedJWT jwt = SignedJWT.parse(token);
        if (!jwt.verify(verifier)) throw new Refused();
        return jwt.getJWTClaimsSet().getSubject();
    }
}
",
    );
}

#[test]
fn others() {
    java(
        r"
import org.jose4j.jwt.consumer.JwtConsumerBuilder;
class A {
    Object a = new JwtConsumerBuilder().setSkipSignatureVerification().build(); // ~ verification-off
    Object b = new JwtConsumerBuilder().setSkipAllValidators().build(); // ~ expiry-check-off
    Object c = new JwtConsumerBuilder().setDisableRequireSignature().build(); // ~ algorithm-none
}
",
    );
    java(
        r#"
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
class A {
    JwtDecoder a() {
        return NimbusJwtDecoder.withSecretKey(new SecretKeySpec("abcabcabc".getBytes(), "HmacSHA256")).build(); // ~ hardcoded-secret
    }
}
"#,
    );
    java(
        "// jwt\nclass A { Object a = Algorithm.HMAC256(\"not auth0's\"); String b = JWT.decode(t); }",
    );
}
