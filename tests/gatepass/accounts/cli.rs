//! `gatepass user` and `gatepass api-key`.
