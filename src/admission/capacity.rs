//! Capacity: the number of hosts against the node limit.

/// The node limit and the number of hosts that hold a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Maximum number of enrolled hosts; `None` = no limit.
    pub node_limit: Option<u32>,
    /// Number of hosts that are neither revoked nor lapsed.
    pub enrolled: u64,
}

impl Capacity {
    /// Free slots; `None` = no limit. The emergency token may have admitted hosts over the limit.
    pub fn remaining(&self) -> Option<u64> {
        self.node_limit.map(|limit| u64::from(limit).saturating_sub(self.enrolled))
    }

    /// True if another host may enroll.
    pub fn has_slot(&self) -> bool {
        self.remaining() != Some(0)
    }

    /// A warning from 90 % of the limit on.
    pub fn warning(&self) -> Option<String> {
        let (limit, remaining) = (self.node_limit?, self.remaining()?);
        if self.enrolled * 10 < u64::from(limit) * 9 {
            return None;
        }
        let left = match remaining {
            0 => "no slot".to_owned(),
            1 => "1 slot".to_owned(),
            slots => format!("{slots} slots"),
        };
        Some(format!(
            "{} of {limit} hosts enrolled, {left} left: raise node_limit before enrolling more",
            self.enrolled
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn of(enrolled: u64, limit: u32) -> Capacity {
        Capacity { node_limit: Some(limit), enrolled }
    }

    #[test]
    fn a_warning_begins_at_nine_tenths() {
        assert_eq!(of(89, 100).warning(), None);
        for (capacity, text) in [
            (of(90, 100), "90 of 100 hosts enrolled, 10 slots left: raise node_limit before enrolling more"),
            (of(93, 100), "93 of 100 hosts enrolled, 7 slots left: raise node_limit before enrolling more"),
            (of(99, 100), "99 of 100 hosts enrolled, 1 slot left: raise node_limit before enrolling more"),
            (of(100, 100), "100 of 100 hosts enrolled, no slot left: raise node_limit before enrolling more"),
            (of(101, 100), "101 of 100 hosts enrolled, no slot left: raise node_limit before enrolling more"),
            (of(0, 1), ""),
        ] {
            assert_eq!(capacity.warning().unwrap_or_default(), text);
        }
    }

    #[test]
    fn a_full_fleet_has_no_slot() {
        assert!(of(99, 100).has_slot() && !of(100, 100).has_slot() && !of(101, 100).has_slot());
        assert_eq!([of(93, 100).remaining(), of(101, 100).remaining()], [Some(7), Some(0)]);
    }

    #[test]
    fn without_a_limit_there_is_always_room() {
        let unlimited = Capacity { node_limit: None, enrolled: u64::MAX };
        assert!(unlimited.has_slot() && unlimited.remaining().is_none() && unlimited.warning().is_none());
    }
}
