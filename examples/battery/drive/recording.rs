//! The writes and flushes of a drive, and the images that a power cut can leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::tools::below;

/// A sector is written whole or not at all.
const SECTOR: usize = 512;

/// One change of the drive.
enum Event {
    Write { offset: usize, data: Vec<u8> },
    Flush,
}

/// The fate of the drive's volatile cache at a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cache {
    /// Every write since the last flush is lost.
    Lost,
    /// Each write since the last flush is kept or lost by chance.
    Reordered,
    /// Each sector since the last flush is kept or lost by chance.
    Torn,
    /// Every write is kept.
    Kept,
    /// A drive that lies: flushes of the last events did nothing.
    Lied,
}

impl Cache {
    /// The fates that an honest drive can have.
    pub(crate) const HONEST: [Self; 4] = [Self::Lost, Self::Reordered, Self::Torn, Self::Kept];
}

/// The first image of a drive, and everything since.
pub(crate) struct Recording {
    first: Vec<u8>,
    now: Vec<u8>,
    events: Vec<Event>,
    count: Arc<AtomicU64>,
}

impl Recording {
    pub(super) fn new(first: Vec<u8>, count: Arc<AtomicU64>) -> Self {
        Self { now: first.clone(), first, events: Vec::new(), count }
    }

    pub(super) const fn len(&self) -> usize {
        self.now.len()
    }

    pub(super) fn read(&self, offset: usize, length: usize) -> &[u8] {
        let from = offset.min(self.now.len());
        &self.now[from..from.saturating_add(length).min(self.now.len())]
    }

    pub(super) fn write(&mut self, offset: usize, data: &[u8]) {
        put(&mut self.now, offset, data);
        self.push(Event::Write { offset, data: data.to_vec() });
    }

    pub(super) fn flush(&mut self) {
        self.push(Event::Flush);
    }

    fn push(&mut self, event: Event) {
        self.events.push(event);
        self.count.store(self.events.len() as u64, Ordering::SeqCst);
    }

    /// The drive after a power cut behind `events` events.
    pub(crate) fn cut(&self, events: u64, cache: Cache) -> Vec<u8> {
        let events = &self.events[..(events as usize).min(self.events.len())];
        let flushes = events.iter().enumerate().filter(|(_, event)| matches!(event, Event::Flush));
        let mut flushes = flushes.map(|(place, _)| place).rev();
        let flushed = if cache == Cache::Lied { flushes.nth(LIES) } else { flushes.next() }.unwrap_or(0);
        let mut image = self.first.clone();
        for (place, event) in events.iter().enumerate() {
            let Event::Write { offset, data } = event else { continue };
            match cache {
                _ if place < flushed => put(&mut image, *offset, data),
                Cache::Lost | Cache::Lied => {}
                Cache::Kept => put(&mut image, *offset, data),
                Cache::Reordered if below(2) == 0 => put(&mut image, *offset, data),
                Cache::Reordered => {}
                Cache::Torn => sectors(&mut image, *offset, data),
            }
        }
        image
    }

    /// Number of events.
    pub(crate) fn events(&self) -> u64 {
        self.events.len() as u64
    }
}

/// Number of flushes that a lying drive has only acknowledged.
const LIES: usize = 12;

fn sectors(image: &mut [u8], offset: usize, data: &[u8]) {
    for (place, sector) in data.chunks(SECTOR).enumerate() {
        if below(2) == 0 {
            put(image, offset + place * SECTOR, sector);
        }
    }
}

/// Writes what fits.
fn put(image: &mut [u8], offset: usize, data: &[u8]) {
    let from = offset.min(image.len());
    let to = offset.saturating_add(data.len()).min(image.len());
    image[from..to].copy_from_slice(&data[..to - from]);
}
