//! The bits of one status list in memory.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use super::{PAGE_BYTES, place};
use crate::token::{Status, StatusList};

const PAGES: usize = 1024;

/// Two bits for each of 2^20 tokens; a page that is all zeros takes no memory.
pub(super) struct Bitmap(Box<[OnceLock<Page>]>);

type Page = Box<[AtomicU8; PAGE_BYTES]>;

impl Default for Bitmap {
    fn default() -> Self {
        Self((0..PAGES).map(|_| OnceLock::new()).collect())
    }
}

impl Bitmap {
    pub(super) fn status(&self, index: u32) -> Status {
        let (page, byte, shift) = place(index);
        match self.0.get(page as usize) {
            // An index past the end was never given to a token.
            None => Status::Revoked,
            Some(page) => page.get().map_or(Status::Valid, |page| {
                Status::from_bits(page[byte].load(Ordering::Acquire) >> shift & 3)
            }),
        }
    }

    pub(super) fn set(&self, index: u32, value: Status) -> Status {
        let (page, byte, shift) = place(index);
        let Some(page) = self.page(page) else { return value };
        let before = page[byte].load(Ordering::Acquire);
        page[byte].store(before & !(3 << shift) | value.bits() << shift, Ordering::Release);
        Status::from_bits(before >> shift & 3)
    }

    pub(super) fn load_page(&self, page: u32, bits: &[u8; PAGE_BYTES]) -> u64 {
        let Some(page) = self.page(page) else { return 0 };
        for (to, from) in page.iter().zip(bits) {
            to.store(*from, Ordering::Release);
        }
        bits.iter().map(|byte| count_revoked(*byte)).sum()
    }

    pub(super) fn count_revoked(&self) -> u64 {
        let pages = self.0.iter().filter_map(OnceLock::get);
        pages.flat_map(|page| page.iter()).map(|byte| count_revoked(byte.load(Ordering::Acquire))).sum()
    }

    /// The whole list, as it stands.
    pub(super) fn to_list(&self) -> StatusList {
        let mut list = StatusList::default();
        for (number, page) in self.0.iter().enumerate() {
            if let Some(page) = page.get() {
                let bytes = page.each_ref().map(|byte| byte.load(Ordering::Acquire));
                list.put(number * PAGE_BYTES, &bytes);
            }
        }
        list
    }

    fn page(&self, page: u32) -> Option<&Page> {
        let empty = || Box::new([const { AtomicU8::new(0) }; PAGE_BYTES]);
        self.0.get(page as usize).map(|page| page.get_or_init(empty))
    }
}

/// The number of entries 01 among the four of a byte.
fn count_revoked(byte: u8) -> u64 {
    u64::from((byte & !(byte >> 1) & 0b0101_0101).count_ones())
}
