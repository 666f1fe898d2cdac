"""Asks gatepass about a service token by introspection (RFC 7662) with Authlib, and prints its roles.

    gatepass api-key create --scope tokens:read --audience https://jobs.example.org --out jobs.key
    python3 introspect.py https://gate.example.org:8443 root.pem KEY_ID jobs.key ROLE < token

The API key's audience says whose tokens are good here. A key without one needs the audience as a last argument.
Exit code 0: the token is good and has the role. 1: it is not, and standard error says why.
"""

import http.client
import json
import ssl
import sys
import urllib.parse

from authlib.oauth2 import OAuth2Error, ResourceProtector
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc7662 import IntrospectTokenValidator

MOST_BYTES = 64 * 1024


class Gatepass(IntrospectTokenValidator):
    """Introspects tokens at the authority. TLS trusts the root in `root` and no other."""

    def __init__(self, url: str, root: str, client: ClientAuth, audience: str = ""):
        super().__init__(realm="gatepass")
        self.url, self.client, self.audience = url, client, audience
        self.tls = ssl.create_default_context(cafile=root)

    def introspect_token(self, token_string: str) -> dict:
        """What the authority says of the token. Without an answer nobody gets in."""
        fields = {"token": token_string} | ({"audience": self.audience} if self.audience else {})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        at, headers, body = self.client.prepare(
            "POST", f"{self.url}/oauth2/introspect", headers, urllib.parse.urlencode(fields)
        )
        parts = urllib.parse.urlsplit(at)
        connection = http.client.HTTPSConnection(parts.netloc, context=self.tls, timeout=10)
        try:
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            said = json.loads(answer.read(MOST_BYTES))
        finally:
            connection.close()
        if answer.status != 200:
            raise OAuth2Error(said.get("error_description"), status_code=answer.status)
        return said


class Request:
    """The guarded request, as far as Authlib reads it. A web framework has its own."""

    def __init__(self, token: str):
        self.headers = {"Authorization": f"Bearer {token}"}


def main() -> int:
    if len(sys.argv) not in (6, 7):
        print(__doc__, file=sys.stderr)
        return 2
    url, root, key_id, key_file, role, *audience = sys.argv[1:]
    with open(key_file, encoding="ascii") as file:
        key = file.read().strip()
    doors = ResourceProtector()
    # "client_secret_post" works too.
    doors.register_token_validator(Gatepass(url, root, ClientAuth(key_id, key, "client_secret_basic"), *audience))
    try:
        said = doors.validate_request([role], Request(sys.stdin.read().strip()))
    except OAuth2Error as error:
        print(f"refused: {error.error or error.status_code}: {error.description}", file=sys.stderr)
        return 1
    except (http.client.HTTPException, ValueError, OSError) as error:
        print(f"refused: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(said["scope"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
