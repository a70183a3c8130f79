"""Authlib: from discovery to a record, a renewed token, introspection, userinfo, a verified id_token, and revocation."""

import os
import sys

# This file's own folder must not stand in for the library, which has the same name.
sys.path.pop(0)

import requests  # noqa: E402
from authlib.integrations.requests_client import OAuth2Session  # noqa: E402
from authlib.oidc.core import CodeIDToken  # noqa: E402
from authlib.common.security import generate_token  # noqa: E402
from joserfc import jwt  # noqa: E402
from joserfc.jwk import KeySet  # noqa: E402

BASE = os.environ["BASE"]
server = requests.get(BASE + "/.well-known/openid-configuration", timeout=10).json()
session = OAuth2Session(
    os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"], redirect_uri=os.environ["REDIRECT_URI"],
    scope="patient/*.rs openid fhirUser offline_access", code_challenge_method="S256",
    token_endpoint=server["token_endpoint"])
verifier, nonce = generate_token(48), generate_token(20)
link, state = session.create_authorization_url(
    server["authorization_endpoint"], code_verifier=verifier, nonce=nonce, aud=BASE + "/fhir")
print("open", link, flush=True)
tokens = session.fetch_token(authorization_response=input(), state=state, code_verifier=verifier)

keys = KeySet.import_key_set(requests.get(server["jwks_uri"], timeout=10).json())
claims = jwt.decode(tokens["id_token"], keys, algorithms=server["id_token_signing_alg_values_supported"]).claims
options = {"iss": {"value": server["issuer"]}, "aud": {"value": os.environ["CLIENT_ID"]}}
CodeIDToken(claims, {"alg": "RS256"}, options, {"nonce": nonce}).validate()

patient = session.get(BASE + "/fhir/Patient/" + tokens["patient"]).json()
print("record of", patient["name"][0]["text"])
assert session.get(server["userinfo_endpoint"]).json()["sub"] == claims["sub"]

renewed = session.refresh_token(server["token_endpoint"], refresh_token=tokens["refresh_token"])
assert renewed["access_token"] != tokens["access_token"]
asked = session.introspect_token(server["introspection_endpoint"], token=renewed["access_token"])
assert asked.json()["active"] is True, asked.text
assert session.revoke_token(server["revocation_endpoint"], token=renewed["refresh_token"]).status_code == 200
print("after revocation", session.get(BASE + "/fhir/Patient/" + tokens["patient"]).status_code)
