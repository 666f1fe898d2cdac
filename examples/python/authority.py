"""What verifying a token takes beside a JWT library: the authority's documents, and its status lists unpacked."""

import base64
import http.client
import json
import ssl
import urllib.parse
import zlib

LEEWAY = 60  # seconds that clocks may differ
MOST_BYTES = 512 * 1024  # no document of the authority is longer
MOST_ENTRIES = 1 << 20  # in a status list
STATES = ("valid", "revoked", "suspended", "used up")


class Refused(Exception):
    """The token is not let in. The message says why, and never shows the token."""


class Authority:
    """A gatepass authority at its external URL. TLS trusts the root in `root` and no other."""

    def __init__(self, url: str, root: str):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "https" or parts.path:
            raise ValueError("the authority's URL is https://host:port, without a slash at the end")
        self.url, self.address = url, parts.netloc
        self.tls = ssl.create_default_context(cafile=root)

    def fetch(self, path: str) -> bytes:
        """One document. Redirects are not followed: nobody but the authority says what its keys are."""
        connection = http.client.HTTPSConnection(self.address, context=self.tls, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read(MOST_BYTES + 1)
        finally:
            connection.close()
        if answer.status != 200 or len(body) > MOST_BYTES:
            raise Refused(f"{path} was answered with {answer.status} and {len(body)} bytes")
        return body

    def keys(self, typ: str) -> dict[str, dict]:
        """The public keys that sign tokens of this `typ`, by their `kid`: a key signs one kind and no other."""
        found = {}
        for key in json.loads(self.fetch("/.well-known/jwks.json"))["keys"]:
            if key.get("crv") != "Ed25519" or key.get("gatepass_typ", "enroll+jwt") != typ:
                continue
            if key["kid"] in found or "d" in key:
                raise Refused("the key set has a key twice, or a private one")
            found[key["kid"]] = key
        return found

    def status_list(self, uri: str) -> str:
        """The signed list at `uri`, if that is an address of this authority."""
        if not uri.startswith(f"{self.url}/status/"):
            raise Refused("the token names a status list elsewhere")
        return self.fetch(uri.removeprefix(self.url)).decode("ascii")


def state(listed: dict, index: int) -> str:
    """What the claim `status_list` of a verified list says of the token at `index`."""
    if listed["bits"] != 2:
        raise Refused("the status list has entries of another size")
    packed = base64.urlsafe_b64decode(listed["lst"] + "=" * (-len(listed["lst"]) % 4))
    inflate = zlib.decompressobj()
    statuses = inflate.decompress(packed, MOST_ENTRIES // 4 + 1)  # never more, whatever was packed
    if len(statuses) > MOST_ENTRIES // 4 or not inflate.eof:
        raise Refused("the status list is too large, or cut off")
    if not 0 <= index < len(statuses) * 4:
        raise Refused("the status list has no such entry")
    # Four entries in a byte, the first in its lowest bits.
    return STATES[statuses[index // 4] >> index % 4 * 2 & 0b11]
