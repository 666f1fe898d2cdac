//! Who may do what: actors, permissions, passwords. Pure decisions.
