//! Which inputs a flow was seen in, as a number for each distinct set.

use std::collections::HashMap;

/// The number of a set in [`SourceSets`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct SourceSet(u32);

impl SourceSet {
    /// The set that a table begins with: the one input it reads.
    pub(super) const OWN: Self = Self(0);

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The distinct sets of inputs, each with its lowest [`SourceSets::LIMIT`] members, ascending.
#[derive(Clone, Debug)]
pub(super) struct SourceSets {
    sets: Vec<Vec<u32>>,
    numbers: HashMap<Vec<u32>, SourceSet>,
    unions: HashMap<(SourceSet, SourceSet), SourceSet>,
}

impl SourceSets {
    /// Members kept of each set: the lowest.
    pub(super) const LIMIT: usize = 16;

    pub(super) fn new(input: u32) -> Self {
        Self {
            sets: vec![vec![input]],
            numbers: HashMap::from([(vec![input], SourceSet::OWN)]),
            unions: HashMap::new(),
        }
    }

    /// Whether there is but one set.
    pub(super) fn is_one(&self) -> bool {
        self.sets.len() == 1
    }

    pub(super) fn members(&self, set: SourceSet) -> &[u32] {
        self.sets.get(set.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The number of a set of ascending members, [`SourceSets::LIMIT`] at most.
    pub(super) fn number(&mut self, members: Vec<u32>) -> SourceSet {
        if let Some(known) = self.numbers.get(&members) {
            return *known;
        }
        let number = SourceSet(self.sets.len() as u32);
        self.sets.push(members.clone());
        self.numbers.insert(members, number);
        number
    }

    /// The numbers here of all sets of `other`.
    pub(super) fn translate(&mut self, other: &Self) -> Vec<SourceSet> {
        other.sets.iter().map(|members| self.number(members.clone())).collect()
    }

    pub(super) fn union(&mut self, a: SourceSet, b: SourceSet) -> SourceSet {
        if a == b {
            return a;
        }
        if let Some(known) = self.unions.get(&(a, b)) {
            return *known;
        }
        let mut members: Vec<u32> = self.members(a).iter().chain(self.members(b)).copied().collect();
        members.sort_unstable();
        members.dedup();
        members.truncate(Self::LIMIT);
        let number = self.number(members);
        self.unions.insert((a, b), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_add_up_and_keep_the_lowest() {
        let mut sets = SourceSets::new(7);
        for input in (0..40).rev() {
            let other = SourceSets::new(input);
            let theirs = sets.translate(&other)[0];
            let all = sets.union(SourceSet::OWN, theirs);
            assert!(sets.members(all).contains(&7) && sets.members(all).contains(&input));
        }
        let mut all = SourceSet::OWN;
        for input in (0..40).rev() {
            let theirs = sets.translate(&SourceSets::new(input))[0];
            all = sets.union(all, theirs);
        }
        assert_eq!(sets.members(all), (0..16).collect::<Vec<u32>>());
    }
}
