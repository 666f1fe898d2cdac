//! Plain HTTP at the TLS port: a line that says so, instead of an alert that only TLS clients understand.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The whole answer.
const ANSWER: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\
    content-length: 36\r\n\r\nthis port speaks TLS: use https://\r\n";

/// Maximum size of the request that is read. A close over unread bytes would take the answer back (RFC 9112 section 9.6).
const MOST: usize = 64 * 1024;

/// Returns true if the client begins with plain HTTP: a method in capital letters. TLS begins with a record of byte 22.
pub(super) async fn is_spoken(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    Ok(stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase())
}

/// Answers the request, and reads the rest of it until the client closes. The caller limits the time.
pub(super) async fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(ANSWER).await?;
    stream.shutdown().await?;
    let (mut bytes, mut all) = ([0; 4096], 0);
    while all < MOST {
        match stream.read(&mut bytes).await? {
            0 => break,
            read => all += read,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_that_of_the_line() {
        let text = std::str::from_utf8(ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{text:?}");
        assert_eq!(body.lines().count(), 1);
    }
}
