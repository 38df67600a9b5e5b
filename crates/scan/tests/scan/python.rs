use countersign_scan::Language;

use crate::expect::expect;

#[track_caller]
fn python(sample: &str) {
    expect(Language::Python, sample);
}

#[test]
fn the_flask_tutorial() {
    python(
        r#"
from flask import Flask, request, jsonify
import jwt
import datetime
from functools import wraps

app = Flask(__name__)
app.config['SECRET_KEY'] = 'thisisthesecretkey'
SECRET = "thisisthesecretkey"  # ~ hardcoded-secret

def token_required(f):
    @wraps(f)
    def decorated(*args, **kwargs):
        token = request.args.get('token')
        try:
            data = jwt.decode(token, SECRET)  # ~ no-algorithms
        except Exception:
            return jsonify({'message': 'Token is invalid'}), 403
        return f(*args, **kwargs)
    return decorated

@app.route('/login')
def login():
    auth = request.authorization
    if auth and auth.password == 'password':
        token = jwt.encode({'user': auth.username, 'exp': datetime.datetime.utcnow() + datetime.timedelta(minutes=30)}, SECRET)
        return jsonify({'token': token})
"#,
    );
}

#[test]
fn the_fastapi_tutorial() {
    python(
        r#"
from datetime import datetime, timedelta, timezone
from jose import JWTError, jwt

SECRET_KEY = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"  # ~ hardcoded-secret
ALGORITHM = "HS256"

def create_access_token(data: dict, expires_delta: timedelta | None = None):
    to_encode = data.copy()
    expire = datetime.now(timezone.utc) + (expires_delta or timedelta(minutes=15))
    to_encode.update({"exp": expire})
    return jwt.encode(to_encode, SECRET_KEY, algorithm=ALGORITHM)

async def get_current_user(token: str):
    try:
        payload = jwt.decode(token, SECRET_KEY, algorithms=[ALGORITHM])
    except JWTError:
        raise
    return payload
"#,
    );
}

#[test]
fn secrets_in_every_disguise() {
    python(
        r#"
import base64, os
import jwt as pyjwt
from jwt import encode as make, decode

pyjwt.encode({"exp": 1}, "literal", algorithm="HS256")  # ~ hardcoded-secret
make({"exp": 1}, key=b'bytes')  # ~ hardcoded-secret
decode(t, base64.b64decode("c2VjcmV0"), algorithms=["HS256"])  # ~ hardcoded-secret
decode(t, os.environ.get("SECRET", "dev-secret"), algorithms=["HS256"])  # ~ hardcoded-secret
decode(t, os.getenv("SECRET") or "dev-secret", algorithms=["HS256"])  # ~ hardcoded-secret
decode(t, app.config.get("SECRET", "fallback"), algorithms=["HS256"])  # ~ hardcoded-secret

class Tokens:
    SECRET = "class-secret"  # ~ hardcoded-secret
    def __init__(self):
        self.other = "instance-secret"  # ~ hardcoded-secret
    def make(self, exp):
        return pyjwt.encode({"exp": exp}, self.SECRET)
    def make_other(self, exp):
        return pyjwt.encode({"exp": exp}, self.other)
"#,
    );
}

#[test]
fn what_is_no_secret_in_the_code() {
    python(
        r#"
import os
import jwt
from django.conf import settings

SECRET = os.environ["SECRET"]
OTHER = os.getenv("OTHER")
PUBLIC = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
-----END PUBLIC KEY-----"""
TEMPLATE = "{{ jwt_secret }}"

def check(token, key="not known to be used"):
    jwt.decode(token, SECRET, algorithms=["HS256"])
    jwt.decode(token, OTHER, algorithms=["HS256"])
    jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])
    jwt.decode(token, PUBLIC, algorithms=["ES256"])
    jwt.decode(token, key, algorithms=["HS256"])
    jwt.decode(token, config["SECRET"], algorithms=["HS256"])
    jwt.decode(token, app.config["SECRET"], algorithms=["HS256"])
    jwt.decode(token, open("key.pem").read(), algorithms=["HS256"])
    jwt.decode(token, f"{prefix}-{suffix}", algorithms=["HS256"])
    jwt.decode(token, "a" + suffix, algorithms=["HS256"])
    jwt.decode(token, TEMPLATE, algorithms=["HS256"])
    jwt.decode(token, jwks.get_signing_key_from_jwt(token).key, algorithms=["RS256"])

def one():
    local = "of another function"

def two(token, local):
    jwt.decode(token, local, algorithms=["HS256"])
"#,
    );
}

#[test]
fn another_librarys_jwt_is_none_of_ours() {
    python(
        r#"
from mycompany import jwt
jwt.encode({"a": 1}, "secret")
token.encode("secret")
json.decode("jwt", verify=False)
"#,
    );
}

#[test]
fn tokens_for_ever() {
    python(
        r#"
import jwt

def literal(user, key):
    return jwt.encode({"sub": user.id, "admin": True}, key, algorithm="HS256")  # ~ no-expiry

def named(user, key):
    payload = {
        "sub": user.id,
    }
    return jwt.encode(payload, key, algorithm="HS256")  # ~ no-expiry

def by_keyword(user, key):
    return jwt.encode(payload=dict(a=1), key=key)

def later(user, key):
    payload = {"sub": user.id}
    payload["exp"] = soon()
    return jwt.encode(payload, key)

def updated(user, key, more):
    payload = {"sub": user.id}
    payload.update(more)
    return jwt.encode(payload, key)

def spread(user, key, claims):
    return jwt.encode({**claims, "sub": user.id}, key)

def handed_in(payload, key):
    return jwt.encode(payload, key)

def computed(user, key, name):
    return jwt.encode({name: 1}, key)  # ~ no-expiry
"#,
    );
}

#[test]
fn checks_that_are_off() {
    python(
        r#"
import jwt
from jose import jwt as jose

jwt.decode(token, verify=False)  # ~ verification-off
jwt.decode(token, "fake", options={"verify_signature": False})  # ~ verification-off
jwt.decode(
    token,
    options={
        "verify_signature": False,  # ~ verification-off
    },
)
options = {"verify_signature": False}  # of no use by itself
jwt.decode(token, key, options=options)  # ~ verification-off
jose.decode(token, key, options={'verify_signature': False})  # ~ verification-off
jwt.decode(token, key, algorithms=["HS256"], options={"verify_exp": False})  # ~ expiry-check-off
jwt.decode(token, key, algorithms=["HS256"], options={"verify_aud": False, "verify_exp": True})
jwt.decode(token, key, algorithms=["HS256"], options={"verify_signature": True})
jwt.decode(token, key, algorithms=["HS256"], verify=True)
jwt.get_unverified_header(token)

def of_issuer(token):
    issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
    return jwt.decode(token, keys[issuer], algorithms=["RS256"])

def of_nobody(token):
    return jwt.decode(token, algorithms=["RS256"], options={"verify_signature": False})  # ~ verification-off

def who(token):
    return jose.get_unverified_claims(token)["sub"]  # ~ unverified-decode

def which(token):
    issuer = jose.get_unverified_claims(token)["iss"]
    return jose.decode(token, keys[issuer], algorithms=["RS256"])
"#,
    );
}

#[test]
fn algorithms() {
    python(
        r#"
import jwt
from jose import jwt as jose
from authlib.jose import jwt as authlib, JsonWebToken

jwt.decode(token, key)  # ~ no-algorithms
jose.decode(token, key, audience="a")  # ~ no-algorithms
authlib.decode(token, key)  # ~ no-algorithms
JsonWebToken(["HS256", "RS256"])  # ~ algorithms-mixed
JsonWebToken(["RS256"]).decode(token, key)
jwt.decode(token, key, ["HS256"])
jwt.decode(token, key, **settings)
jwt.decode(token, key, algorithms=["HS256", "HS512"])
jwt.decode(token, key, algorithms=["RS256", "ES256"])  # ~ algorithms-mixed-not
"#
        .replace("  # ~ algorithms-mixed-not", "")
        .as_str(),
    );
    python(
        r#"
import jwt
ALLOWED = ["HS256", "RS256"]
jwt.decode(token, key, algorithms=ALLOWED)  # ~ algorithms-mixed
jwt.decode(token, key, algorithms=["HS256", "none"])  # ~ algorithm-none
jwt.encode({"exp": 1}, None, algorithm="none")  # ~ algorithm-none
jwt.encode({"exp": 1}, None, algorithm=None)  # ~ algorithm-none

def check(token):
    header = jwt.get_unverified_header(token)
    jwt.decode(token, key, algorithms=[header["alg"]])  # ~ algorithm-from-token
    jwt.decode(token, key, algorithms=jwt.get_unverified_header(token)["alg"])  # ~ algorithm-from-token
    alg = header.get("alg")
    jwt.decode(token, key, algorithms=[alg])  # ~ algorithm-from-token
    jwt.decode(token, jwk.key, algorithms=[jwk["alg"]])
"#,
    );
}

#[test]
fn flask_jwt_extended() {
    python(
        r#"
from flask_jwt_extended import JWTManager

app.config["JWT_SECRET_KEY"] = "super-secret"  # ~ hardcoded-secret
app.config["JWT_SECRET_KEY"] = os.environ["JWT_SECRET_KEY"]
app.config["JWT_ACCESS_TOKEN_EXPIRES"] = False  # ~ no-expiry
app.config["JWT_ACCESS_TOKEN_EXPIRES"] = timedelta(hours=1)
app.config.update(JWT_SECRET_KEY="super-secret")  # ~ hardcoded-secret
"#,
    );
}
