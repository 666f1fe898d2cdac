//! The output of strace, as an ordered list of events.

/// One system call, at the moment that matters for it: reads and syncs when they end, writes when they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Bytes were read from the client of this port.
    Received(u16),
    /// Bytes went to the client of this port: so many.
    Sent(u16, i64),
    /// The write-ahead log was written to.
    Written,
    /// The write-ahead log has reached the disk.
    Synced,
}

/// The events of a trace. `server` is the server's address and port, as in `127.0.0.1:8443`.
pub(super) fn events(trace: &str, server: &str) -> Vec<Event> {
    // Unfinished calls: the process, the first part, and the index of the event.
    let mut begun: Vec<(&str, &str, usize)> = Vec::new();
    let mut events = Vec::new();
    for line in trace.lines() {
        let Some((pid, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if let Some(start) = call.strip_suffix("<unfinished ...>") {
            begun.push((pid, start, events.len()));
            events.extend(at_begin(start, 0, server));
        } else if call.starts_with("<... ") {
            let Some(place) = begun.iter().rposition(|(of, ..)| *of == pid) else { continue };
            let (_, start, place) = begun.remove(place);
            if let Some(event @ Event::Sent(..)) = at_begin(start, result(call), server) {
                events[place] = event;
            }
            events.extend(at_end(start, result(call), server));
        } else {
            events.extend(at_begin(call, result(call), server));
            events.extend(at_end(call, result(call), server));
        }
    }
    events
}

/// A sending call, or a write to the log, as it begins; `result` is what it will have done.
fn at_begin(call: &str, result: i64, server: &str) -> Option<Event> {
    let name = call.split('(').next()?;
    match name {
        "write" | "pwrite64" | "writev" if on_log(call) => Some(Event::Written),
        "write" | "writev" | "sendto" | "sendmsg" => Some(Event::Sent(client(call, server)?, result)),
        _ => None,
    }
}

/// A receiving call or a sync, as it ends with `result`.
fn at_end(call: &str, result: i64, server: &str) -> Option<Event> {
    let name = call.split('(').next()?;
    match name {
        "fsync" | "fdatasync" if on_log(call) && result == 0 => Some(Event::Synced),
        "read" | "readv" | "recvfrom" | "recvmsg" if result > 0 => {
            Some(Event::Received(client(call, server)?))
        }
        _ => None,
    }
}

/// Returns whether the call's file is the write-ahead log.
fn on_log(call: &str) -> bool {
    call.split(['<', '>']).nth(1).is_some_and(|path| path.ends_with("gatepass.db-wal"))
}

/// The port at the other end of the call's socket, as strace's `-yy` names it: `<TCP:[here->there]>`.
fn client(call: &str, server: &str) -> Option<u16> {
    let (_, ends) = call.split_once("TCP:[")?;
    let (here, there) = ends.split(']').next()?.split_once("->")?;
    (here == server).then(|| there.rsplit_once(':')?.1.parse().ok())?
}

fn result(call: &str) -> i64 {
    let value = call.rsplit_once(" = ").map_or("", |(_, value)| value);
    value.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(-1)
}

#[test]
fn a_trace_is_read_in_order() {
    let trace = "7 recvfrom(9<TCP:[127.0.0.1:8443->127.0.0.1:5000]>, \"\"..., 4096, 0, NULL, NULL) = 310\n\
        8 pwrite64(4</d/gatepass.db-wal>, \"\"..., 4096, 32) = 4096\n\
        8 fdatasync(4</d/gatepass.db-wal> <unfinished ...>\n\
        7 writev(9<TCP:[127.0.0.1:8443->127.0.0.1:5000]>, [...], 2 <unfinished ...>\n\
        8 <... fdatasync resumed>)           = 0\n\
        7 <... writev resumed>)              = 25\n\
        7 sendto(9<TCP:[127.0.0.1:8443->127.0.0.1:5000]>, \"\"..., 2600, MSG_NOSIGNAL, NULL, 0) = 2600\n\
        7 read(9<TCP:[127.0.0.1:8443->127.0.0.1:5000]>, 0x7f, 4096) = -1 EAGAIN (again)\n\
        7 fdatasync(4</d/gatepass.db>) = 0\n";
    let happened = events(trace, "127.0.0.1:8443");
    let wanted = [
        Event::Received(5000),
        Event::Written,
        Event::Sent(5000, 25),
        Event::Synced,
        Event::Sent(5000, 2600),
    ];
    assert_eq!(happened, wanted);
}
