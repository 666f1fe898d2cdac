//! The files of a host. They fit each other, the right users can read them, and a file that cannot be replaced is found.

mod access;
mod ca_file;
mod held;
mod parts;
