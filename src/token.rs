//! The token: claims, parsing, minting, verifying, the key ring, JWKS and status. Knows no HTTP, SQL or configuration.
