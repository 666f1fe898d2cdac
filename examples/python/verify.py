"""Verifies a service token of gatepass with PyJWT, and prints its roles.

    python3 verify.py https://gate.example.org:8443 root.pem https://jobs.example.org < token

Exit code 0: the token is good for this audience now. 1: it is not, and standard error says why.
"""

import http.client
import sys
import zlib

import jwt

from authority import LEEWAY, Authority, Refused, state


def signed(authority: Authority, text: str, typ: str, **expected) -> dict:
    """The claims of `text`, if a key for just this `typ` signed it, it is in time and says what is `expected`."""
    header = jwt.get_unverified_header(text)
    if header.get("typ") != typ:
        raise Refused(f"its typ is {header.get('typ')!r}, not {typ!r}")
    key = authority.keys(typ).get(header.get("kid"))
    if key is None:
        raise Refused(f"no key for {typ} has its kid")
    # The algorithm is the key's, never the header's.
    return jwt.decode(text, jwt.PyJWK(key, "EdDSA"), algorithms=["EdDSA"], leeway=LEEWAY, **expected)


def verify(authority: Authority, audience: str, token: str) -> dict:
    """The claims of a good token."""
    required = {"require": ["iss", "aud", "jti", "iat", "nbf", "exp"], "strict_aud": True}
    claims = signed(authority, token, "role+jwt", issuer=authority.url, audience=audience, options=required)
    entry = claims["status"]["status_list"]
    text = authority.status_list(entry["uri"])
    published = signed(
        authority, text, "statuslist+jwt", subject=entry["uri"], options={"require": ["sub", "iat", "exp"]}
    )
    found = state(published["status_list"], entry["idx"])
    if found != "valid":
        raise Refused(f"the token is {found}")
    return claims


def main() -> int:
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    url, root, audience = sys.argv[1:]
    try:
        claims = verify(Authority(url, root), audience, sys.stdin.read().strip())
    except (Refused, jwt.PyJWTError, zlib.error, http.client.HTTPException, OSError) as error:
        print(f"refused: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        print(f"refused: a document is not of the form that gatepass gives it: {error!r}", file=sys.stderr)
        return 1
    print(" ".join(claims["roles"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
