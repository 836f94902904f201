//! A list without duplicates that is filled in any order and sorted now and then.

/// Collects values; [`DedupVec::finish`] gives each once, ascending. Holds at most about twice as many as
/// there are different ones.
#[derive(Debug)]
pub(super) struct DedupVec<T> {
    items: Vec<T>,
    /// Length at which duplicates are dropped.
    limit: usize,
}

impl<T> Default for DedupVec<T> {
    fn default() -> Self {
        Self { items: Vec::new(), limit: 0 }
    }
}

impl<T: Ord> DedupVec<T> {
    const FIRST_LIMIT: usize = 1 << 16;

    pub(super) fn push(&mut self, item: T) {
        if self.items.last() == Some(&item) {
            return;
        }
        if self.items.len() >= self.limit.max(Self::FIRST_LIMIT) {
            self.items.sort_unstable();
            self.items.dedup();
            self.limit = self.items.len() * 2;
        }
        self.items.push(item);
    }

    /// What was put in, some of it perhaps several times.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }

    pub(super) fn finish(mut self) -> Vec<T> {
        self.items.sort_unstable();
        self.items.dedup();
        self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_each_once_and_stays_small() {
        let mut set = DedupVec::default();
        for round in 0..400_000u32 {
            set.push(round % 1000);
            assert!(set.items.len() <= DedupVec::<u32>::FIRST_LIMIT);
        }
        assert_eq!(set.finish(), (0..1000).collect::<Vec<_>>());
    }
}
