//! Other tools against the real binary: TLS clients of six stacks, servers, PyJWT, Authlib, jose, kibana-py, OpenAPI linters,
//! client generators, strace, helm and buildah. sqlite3 and age read backups. Chromium opens the dashboard. Ansible, cloud-init, Terraform and Puppet enroll hosts.
//!
//! `.ci/run` installs the tools and runs these; a tool that is missing fails its tests and is named.

mod access_tokens;
mod automation;
mod backups;
mod browser;
mod certificates;
mod clients;
mod container;
mod durability;
mod echo;
mod guide;
mod introspection;
mod kibana;
mod killed_renewals;
mod kubernetes;
mod lint;
mod monitoring;
mod pod;
mod proxies;
mod proxy;
mod reloads;
mod requests;
mod revocation;
mod revoked_ca;
mod rotations;
mod script;
mod scripts;
mod served;
mod stack;
mod staged;
mod tls;
mod tokens;
mod tool;
mod trace;
mod units;
mod use_with;
mod watchdog;
