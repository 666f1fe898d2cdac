//! FUSE with one file, as `linux/fuse.h` defines it: enough for a loop device.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};

use super::recording::Recording;

/// The largest write that the kernel sends.
const MOST: usize = 128 << 10;
const HEADER: usize = 40;
/// Begin of the data in a message that writes: the header and `fuse_write_in`.
const DATA: usize = HEADER + 40;
const ENOSYS: i32 = 38;
const REGULAR_FILE: u32 = 0o100_600;

/// Answers the kernel until the file is unmounted.
pub(super) fn serve(mut device: File, mut recording: Recording) -> Recording {
    let mut message = vec![0; MOST + 4096];
    loop {
        let length = match device.read(&mut message) {
            Ok(length) if length >= HEADER => length,
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::NotFound) => continue,
            // ENODEV: it is unmounted.
            Ok(_) | Err(_) => return recording,
        };
        let request = Request(&message[..length]);
        if let Some(answer) = request.answer(&mut recording)
            && device.write_all(&answer).is_err()
        {
            return recording;
        }
    }
}

/// A message of the kernel.
struct Request<'a>(&'a [u8]);

impl Request<'_> {
    fn number(&self, at: usize, length: usize) -> u64 {
        let bytes = self.0.get(at..at + length).unwrap_or_default();
        bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// The answer with its header; some messages have none.
    fn answer(&self, drive: &mut Recording) -> Option<Vec<u8>> {
        let (offset, size) = (self.number(HEADER + 8, 8) as usize, self.number(HEADER + 16, 4) as usize);
        let answer = match self.number(4, 4) {
            // FORGET, INTERRUPT, BATCH_FORGET.
            2 | 36 | 42 => return None,
            // GETATTR, SETATTR.
            3 | 4 => Ok(attributes(drive.len())),
            // OPEN.
            14 => Ok(vec![0; 16]),
            // READ.
            15 => Ok(drive.read(offset, size).to_vec()),
            // WRITE.
            16 => {
                drive.write(offset, self.0.get(DATA..DATA + size).unwrap_or_default());
                Ok([(size as u32).to_ne_bytes(), [0; 4]].concat())
            }
            // STATFS.
            17 => Ok(vec![0; 80]),
            // FSYNC.
            20 => {
                drive.flush();
                Ok(Vec::new())
            }
            // RELEASE, FLUSH of a descriptor, DESTROY.
            18 | 25 | 38 => Ok(Vec::new()),
            // INIT.
            26 => Ok(init()),
            _ => Err(ENOSYS),
        };
        let (error, body) = answer.map_or_else(|error| (-error, Vec::new()), |body| (0, body));
        let length = (16 + body.len()) as u32;
        let header = [length.to_ne_bytes(), error.to_ne_bytes()].concat();
        Some([&header, &self.0[8..16], &body].concat())
    }
}

/// `fuse_init_out`: version 7.31, large writes.
fn init() -> Vec<u8> {
    const BIG_WRITES: u32 = 1 << 5;
    let mut body = Vec::new();
    for number in [7, 31, MOST as u32, BIG_WRITES] {
        body.extend(number.to_ne_bytes());
    }
    body.extend([8_u16, 6].into_iter().flat_map(u16::to_ne_bytes));
    body.extend([MOST as u32, 1].into_iter().flat_map(u32::to_ne_bytes));
    body.resize(64, 0);
    body
}

/// `fuse_attr_out` of the file, which the kernel keeps for an hour.
fn attributes(size: usize) -> Vec<u8> {
    let (size, block) = (size as u64, 4096_u32);
    let mut body = [3600_u64, 0, 1, size, size / 512, 0, 0, 0].map(u64::to_ne_bytes).concat();
    body.extend([0, 0, 0, REGULAR_FILE, 1, 0, 0, 0, block, 0].into_iter().flat_map(u32::to_ne_bytes));
    body
}
