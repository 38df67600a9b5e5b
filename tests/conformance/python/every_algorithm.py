"""Signs and verifies with PyJWT what the test hands over on stdin, and answers as JSON on stdout."""

import json
import sys

import jwt

ISSUER = "https://login.example"
AUDIENCE = "https://api.example"


def answer(question):
    alg = question["alg"]
    key = jwt.PyJWK.from_dict(question["jwk"], algorithm=alg)
    if question["task"] == "sign":
        return jwt.encode(question["claims"], key.key, algorithm=alg)
    return jwt.decode(
        question["token"], key, algorithms=[alg], issuer=ISSUER, audience=AUDIENCE
    )


def tried(question):
    try:
        return {"ok": answer(question)}
    except jwt.PyJWTError as error:
        return {"refused": f"{type(error).__name__}: {error}"}


json.dump([tried(question) for question in json.load(sys.stdin)], sys.stdout)
