"""Signs and verifies with PyJWT what the tests beside it hand over.

    exchange.py sign   ALGORITHM KEY             claims on stdin, token on stdout
    exchange.py verify ALGORITHM KEY             token on stdin, claims on stdout
    exchange.py fetch  ALGORITHM JWKS_URL        token on stdin, claims on stdout
    exchange.py keys                             a new P-256 key, private then public, as PEM

KEY is a file: a JWK, a PEM, or the bytes of a shared secret. Issuer and audience are the tests'.
Exit 3, with PyJWT's name for it on stderr, if the token is refused.
"""

import json
import pathlib
import sys

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER = "https://login.example"
AUDIENCE = "https://api.example"


def load(path):
    raw = pathlib.Path(path).read_bytes()
    if raw.lstrip().startswith(b"{"):
        return jwt.PyJWK(json.loads(raw)).key
    return raw


def verify(token, key, algorithm, **expected):
    try:
        claims = jwt.decode(token, key, algorithms=[algorithm], **expected)
    except jwt.InvalidTokenError as refusal:
        print(type(refusal).__name__, file=sys.stderr)
        sys.exit(3)
    print(json.dumps(claims))


def main():
    command, *rest = sys.argv[1:]
    if command == "keys":
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        print((private + public).decode(), end="")
        return
    algorithm, source = rest
    given = sys.stdin.read().strip()
    if command == "sign":
        print(jwt.encode(json.loads(given), load(source), algorithm=algorithm))
    elif command == "verify":
        verify(given, load(source), algorithm, issuer=ISSUER, audience=AUDIENCE)
    elif command == "fetch":
        # What the guides for Flask and FastAPI show: the issuer's keys, by the token's `kid`.
        key = jwt.PyJWKClient(source).get_signing_key_from_jwt(given)
        verify(given, key.key, algorithm, issuer=source.split("/.well-known")[0], audience="api")
    else:
        sys.exit(f"unknown command {command}")


if __name__ == "__main__":
    main()
