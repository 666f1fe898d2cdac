//! Whether a redemption may go ahead: bindings. Pure decisions.
