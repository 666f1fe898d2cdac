"""Mint, list, redeem and revoke a token with a client that openapi-python-client generated.

    GATEPASS_PASSWORD=... python tokens.py URL ROOT CSR

ROOT is the root certificate's file and CSR a certificate request's, both PEM. Needs an admin's password.
"""

import os
import ssl
import sys
from base64 import b64encode
from pathlib import Path
from typing import TypeVar

from gatepass_api import AuthenticatedClient
from gatepass_api.api.api_keys import create_api_key
from gatepass_api.api.enrolling import redeem_token
from gatepass_api.api.enrollment_tokens import list_tokens, mint_token, revoke_token
from gatepass_api.api.session import sign_in
from gatepass_api.models import (
    CreateApiKeyRequest,
    CreatedApiKey,
    CreatedSession,
    EnrolledHost,
    EnrollmentTokenPage,
    MintedEnrollmentToken,
    MintTokenRequest,
    Problem,
    ProblemCode,
    RedeemTokenRequest,
    RevokedToken,
    Scope,
    SignInRequest,
    TokenState,
    Unlimited,
)
from gatepass_api.types import Unset


T = TypeVar("T")


def expected(answer: object, kind: type[T]) -> T:
    """The answer, if it is of this kind. A problem ends the program with its reason."""
    if isinstance(answer, Problem):
        sys.exit(f"{answer.code}: {answer.detail}")
    assert isinstance(answer, kind), answer
    return answer


def main(url: str, root: str, csr: str, password: str) -> None:
    tls = ssl.create_default_context(cafile=root)

    def caller(secret: str, scheme: str = "Bearer") -> AuthenticatedClient:
        return AuthenticatedClient(base_url=url, token=secret, prefix=scheme, verify_ssl=tls)

    admin = caller(b64encode(f"admin:{password}".encode()).decode(), "Basic")
    session = expected(sign_in.sync(client=admin, body=SignInRequest()), CreatedSession)
    assert not isinstance(session.session, Unset)

    scopes = [Scope.TOKENSREAD, Scope.TOKENSWRITE]
    order = CreateApiKeyRequest(scopes=scopes, label="clients", ttl="1h", limits=Unlimited.ANY)
    key = expected(create_api_key.sync(client=caller(session.session), body=order), CreatedApiKey)
    gate = caller(key.api_key)

    mint = MintTokenRequest(roles=["proxy"], max_uses=2)
    minted = expected(mint_token.sync(client=gate, body=mint), MintedEnrollmentToken)
    redeem = RedeemTokenRequest(csr=csr)
    host = expected(redeem_token.sync(client=caller(minted.token), body=redeem), EnrolledHost)
    print("enrolled", host.host_id, *host.roles)

    states = [TokenState.PENDING, TokenState.ACTIVE]
    page = expected(list_tokens.sync(client=gate, state=states, limit=10), EnrollmentTokenPage)
    print("listed", *(token.id for token in page.items if token.minter == f"api_key:{key.id}"))

    revoked = expected(revoke_token.sync(minted.token_id, client=gate), RevokedToken)
    print(revoked.state, revoked.id)

    problem = mint_token.sync(client=gate, body=MintTokenRequest(roles=["pilot"]))
    assert isinstance(problem, Problem) and not isinstance(problem.fields, Unset)
    assert problem.code == ProblemCode.INVALID_REQUEST, problem
    print("refused", problem.code, *(fault.field for fault in problem.fields))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_text(), os.environ["GATEPASS_PASSWORD"])
