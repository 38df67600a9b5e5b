use countersign_scan::Language;

use crate::expect::expect;

#[track_caller]
fn go(sample: &str) {
    expect(Language::Go, sample);
}

#[test]
fn the_tutorial() {
    go(r#"
package main

import (
	"fmt"
	"net/http"

	"github.com/golang-jwt/jwt/v5"
)

var jwtKey = []byte("my_secret_key") // ~ hardcoded-secret

type Claims struct {
	Username string `json:"username"`
	jwt.RegisteredClaims
}

func Signin(w http.ResponseWriter, r *http.Request) {
	claims := &Claims{
		Username: "ada",
		RegisteredClaims: jwt.RegisteredClaims{
			ExpiresAt: jwt.NewNumericDate(soon),
		},
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	tokenString, err := token.SignedString(jwtKey)
}

func Welcome(w http.ResponseWriter, r *http.Request) {
	claims := &Claims{}
	tkn, err := jwt.ParseWithClaims(tknStr, claims, func(token *jwt.Token) (any, error) { // ~ no-algorithms
		return jwtKey, nil
	})
}
"#);
}

#[test]
fn secrets() {
    go(r#"
package auth

import (
	"os"
	jwtgo "github.com/dgrijalva/jwt-go"
)

const (
	issuer = "me"
	signingKey = "grouped" // ~ hardcoded-secret
)

var typed []byte = []byte("typed") // ~ hardcoded-secret
var outside = []byte(os.Getenv("JWT_SECRET"))

type Service struct{ key []byte }

func make(claims jwtgo.Claims) {
	token := jwtgo.NewWithClaims(jwtgo.SigningMethodHS256, claims)
	token.SignedString([]byte("literal")) // ~ hardcoded-secret
	token.SignedString([]byte(signingKey))
	token.SignedString(typed)
	token.SignedString(outside)
	token.SignedString([]byte(os.Getenv("SECRET")))
	jwtgo.NewWithClaims(jwtgo.SigningMethodHS256, claims).SignedString([]byte(`raw`)) // ~ hardcoded-secret
}

func (s *Service) make(token *jwtgo.Token, secret string) {
	token.SignedString(s.key)
	token.SignedString([]byte(secret))
	token.SignedString(privateKey)
}

func keyFunc(token *jwtgo.Token) (interface{}, error) {
	if token.Method.Alg() != "HS256" {
		return nil, errors.New("wrong method")
	}
	return []byte("returned"), nil // ~ hardcoded-secret
}

func unrelated(name string) (interface{}, error) {
	return []byte("no key at all"), nil
}
"#);
}

#[test]
fn tokens_for_ever() {
    go(r#"
package auth

import "github.com/golang-jwt/jwt/v4"

func a() {
	jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": id}) // ~ no-expiry
	jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": id, "exp": soon})
	jwt.NewWithClaims(jwt.SigningMethodHS256, &jwt.RegisteredClaims{Subject: id}) // ~ no-expiry
	jwt.NewWithClaims(jwt.SigningMethodHS256, Claims{Name: n, StandardClaims: jwt.StandardClaims{Issuer: "i"}}) // ~ no-expiry
	jwt.NewWithClaims(jwt.SigningMethodHS256, Claims{Name: n})
	jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
}

func b() {
	claims := jwt.MapClaims{}
	claims["sub"] = id
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims) // ~ no-expiry
}

func c() {
	claims := jwt.MapClaims{}
	claims["exp"] = soon
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
}

func d() (string, error) {
	token := jwt.New(jwt.SigningMethodHS256) // ~ no-expiry
	claims := token.Claims.(jwt.MapClaims)
	claims["authorized"] = true
	return token.SignedString(key)
}

func e() (string, error) {
	token := jwt.New(jwt.SigningMethodHS256)
	claims := token.Claims.(jwt.MapClaims)
	claims["exp"] = time.Now().Add(time.Minute).Unix()
	return token.SignedString(key)
}
"#);
}

#[test]
fn checks() {
    go(r#"
package auth

import "github.com/golang-jwt/jwt/v5"

func who(raw string) string {
	token, _, _ := new(jwt.Parser).ParseUnverified(raw, jwt.MapClaims{}) // ~ unverified-decode
	return token.Claims.(jwt.MapClaims)["sub"].(string)
}

func which(raw string) {
	token, _, _ := parser.ParseUnverified(raw, &claims)
	parser.ParseWithClaims(raw, &claims, keys[token.Header["kid"]])
}

func off() {
	jwt.NewParser(jwt.WithoutClaimsValidation()) // ~ expiry-check-off
	p := jwt.Parser{SkipClaimsValidation: true} // ~ expiry-check-off
	q := jwt.Parser{SkipClaimsValidation: false}
	token.SignedString(jwt.UnsafeAllowNoneSignatureType) // ~ algorithm-none
}

func methods(raw string) {
	jwt.Parse(raw, func(t *jwt.Token) (any, error) { return key, nil }) // ~ no-algorithms
	jwt.Parse(raw, func(t *jwt.Token) (any, error) { return key, nil }, jwt.WithValidMethods([]string{"ES256"}))
	jwt.Parse(raw, func(t *jwt.Token) (any, error) {
		if _, ok := t.Method.(*jwt.SigningMethodHMAC); !ok {
			return nil, fmt.Errorf("unexpected: %v", t.Header["alg"])
		}
		return key, nil
	})
	jwt.Parse(raw, keyFunc)
	jwt.Parse(raw, keyFunc, jwt.WithValidMethods([]string{"HS256", "RS256"})) // ~ algorithms-mixed
	time.Parse("2006", "jwt")
}
"#);
    go("package a\nimport \"time\"\n// jwt\nfunc a() { x.SignedString([]byte(\"not ours\")) }");
}
