"""Requests URL while it trusts only the certificates in ROOTS. Arguments: ROOTS URL."""

import ssl
import sys
import urllib.request

roots, url = sys.argv[1:]
context = ssl.create_default_context(cafile=roots)
context.verify_flags |= ssl.VERIFY_X509_STRICT
print(urllib.request.urlopen(url, context=context, timeout=60).status)
