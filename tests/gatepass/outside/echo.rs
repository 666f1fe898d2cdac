//! A service behind a proxy that answers every request with the received head.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// Serves until the test process ends; its address.
pub(super) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A proxy may go away at any moment.
            std::thread::spawn(move || drop(answer(stream.unwrap())));
        }
    });
    address
}

/// Reads one request whole, answers with its head and the length of its body, and closes.
fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let begin = head.len();
        if reader.read_line(&mut head)? == 0 || head[begin..] == *"\r\n" {
            break;
        }
        if let Some(value) = head[begin..].to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let read = std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let body = format!("{}the body: {read}\r\n", head.to_ascii_lowercase());
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}
