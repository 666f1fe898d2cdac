"""Verifies an access token of a host with PyJWT, and prints the host and its roles.

    python3 verify_access.py https://gate.example.org:8443 root.pem https://jobs.example.org host.pem < token

The certificate is the one that the client presented, PEM; its first one counts. In a service it comes from the TLS
connection, which has also checked that the client holds its key. Exit code 0: the token is good for this audience and
with this certificate now. 1: it is not, and standard error says why.
"""

import base64
import hashlib
import http.client
import ssl
import sys

import jwt

from authority import Authority, Refused
from verify import signed

REQUIRED = ["iss", "aud", "sub", "client_id", "jti", "iat", "exp", "cnf"]


def thumbprint(pem: str) -> str:
    """The SHA-256 of the first certificate, as the token names it (RFC 8705 section 3.1)."""
    end = "-----END CERTIFICATE-----"
    der = ssl.PEM_cert_to_DER_cert(pem.partition(end)[0] + end)
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


def verify(authority: Authority, audience: str, certificate: str, token: str) -> dict:
    """The claims of a good token. It has no entry in a status list: check the certificate against the CRL."""
    options = {"require": REQUIRED, "strict_aud": True}
    claims = signed(authority, token, "at+jwt", issuer=authority.url, audience=audience, options=options)
    if claims["cnf"]["x5t#S256"] != thumbprint(certificate):
        raise Refused("the token is bound to another certificate")
    return claims


def main() -> int:
    if len(sys.argv) != 5:
        print(__doc__, file=sys.stderr)
        return 2
    url, root, audience, certificate = sys.argv[1:]
    try:
        with open(certificate, encoding="ascii") as file:
            claims = verify(Authority(url, root), audience, file.read(), sys.stdin.read().strip())
    except (Refused, jwt.PyJWTError, http.client.HTTPException, OSError) as error:
        print(f"refused: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        print(f"refused: a document is not of the form that gatepass gives it: {error!r}", file=sys.stderr)
        return 1
    print(claims["sub"], " ".join(claims["roles"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
