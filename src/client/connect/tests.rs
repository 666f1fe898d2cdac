//! The connector against the listener, over real sockets.
