"""Verifies a service token of gatepass with joserfc, and prints its roles.

    python3 verify_joserfc.py https://gate.example.org:8443 root.pem https://jobs.example.org < token

Exit code 0: the token is good for this audience now. 1: it is not, and standard error says why.
"""

import http.client
import sys
import warnings
import zlib

from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import OKPKey

from authority import LEEWAY, Authority, Refused, state

# joserfc would rather read Ed25519 (RFC 9864) than EdDSA (RFC 8037). With a key that is Ed25519 both say the same.
warnings.simplefilter("ignore", SecurityWarning)


def signed(authority: Authority, text: str, typ: str, **expected: str) -> dict:
    """The claims of `text`, if a key for just this `typ` signed it, it is in time and says what is `expected`."""
    header = jws.extract_compact(text.encode()).headers()
    if header.get("typ") != typ:
        raise Refused(f"its typ is {header.get('typ')!r}, not {typ!r}")
    key = authority.keys(typ).get(header.get("kid"))
    if key is None:
        raise Refused(f"no key for {typ} has its kid")
    # The algorithm is the key's, never the header's.
    claims = jwt.decode(text, OKPKey.import_key(key), algorithms=["EdDSA"]).claims
    if any(claims.get(name) != value for name, value in expected.items()):
        raise Refused(f"it is not what was asked for: {', '.join(expected)}")
    times = {name: {"essential": True} for name in ("iat", "exp")}
    jwt.JWTClaimsRegistry(leeway=LEEWAY, **times).validate(claims)
    return claims


def verify(authority: Authority, audience: str, token: str) -> dict:
    """The claims of a good token."""
    claims = signed(authority, token, "role+jwt", iss=authority.url, aud=audience)
    entry = claims["status"]["status_list"]
    published = signed(authority, authority.status_list(entry["uri"]), "statuslist+jwt", sub=entry["uri"])
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
    except (Refused, JoseError, zlib.error, http.client.HTTPException, OSError) as error:
        print(f"refused: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        print(f"refused: a document is not of the form that gatepass gives it: {error!r}", file=sys.stderr)
        return 1
    print(" ".join(claims["roles"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
