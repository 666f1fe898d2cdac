//! The certificate authority inside: profile, CSR, leaf, CRL, import. Knows no HTTP, SQL or configuration.
