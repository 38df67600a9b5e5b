"""Authlib as anybody would use it, against a running server.

Settings come in on standard input; what the library made of the server's answers goes out as JSON.
"""

import json
import os
import sys

# The server of the test has no certificate; nothing else is relaxed.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests  # noqa: E402
from authlib.integrations.base_client.errors import OAuthError  # noqa: E402
from authlib.integrations.requests_client import OAuth2Session  # noqa: E402
from authlib.oauth2.rfc7523 import PrivateKeyJWT  # noqa: E402
from joserfc import jwt  # noqa: E402
from joserfc.jwk import ECKey, KeySet  # noqa: E402

settings = json.load(sys.stdin)
found = requests.get(settings["issuer"] + "/.well-known/oauth-authorization-server", timeout=10)
server = found.json()
keys = KeySet.import_key_set(requests.get(server["jwks_uri"], timeout=10).json())
service = settings["service"]


def verified(token):
    """The claims of an access token, by Authlib's own JOSE library."""
    claims = jwt.decode(token["access_token"], keys, algorithms=["ES256"]).claims
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": server["issuer"]},
        aud={"essential": True, "value": settings["audience"]},
        exp={"essential": True},
    ).validate(claims)
    return claims["sub"]


result = {}
for method in ["client_secret_basic", "client_secret_post"]:
    session = OAuth2Session(
        service["id"], service["secret"], scope="read", token_endpoint_auth_method=method
    )
    token = session.fetch_token(server["token_endpoint"], grant_type="client_credentials")
    result[method] = [verified(token), token["scope"]]

signer = OAuth2Session(
    settings["signer"],
    ECKey.import_key(settings["signer_key"]),
    token_endpoint_auth_method="private_key_jwt",
)
signer.register_client_auth_method(PrivateKeyJWT(server["token_endpoint"], alg="ES256"))
token = signer.fetch_token(server["token_endpoint"], grant_type="client_credentials")
result["private_key_jwt"] = verified(token)

session = OAuth2Session(service["id"], service["secret"])
pair = session.refresh_token(server["token_endpoint"], refresh_token=settings["refresh_token"])
endpoint = server["introspection_endpoint"]
before = session.introspect_token(endpoint, token=pair["access_token"]).json()
session.revoke_token(server["revocation_endpoint"], token=pair["refresh_token"])
after = session.introspect_token(endpoint, token=pair["access_token"]).json()
result["refreshed"] = [before["active"], before["username"], after["active"]]
try:
    session.fetch_token(
        server["token_endpoint"], grant_type="client_credentials", scope="everything"
    )
except OAuthError as error:
    result["refusal"] = error.error
print(json.dumps(result))
