//! A list that one item of is selected in, and stays so while others come and go.

/// Positions of items in their order, and which is selected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct List<K> {
    /// Places of the items that are shown.
    pub(super) order: Vec<u32>,
    /// Where the selection is in `order`.
    pub(super) at: usize,
    /// What is selected; `None` while nobody moved: then the first stays selected, whatever comes.
    key: Option<K>,
}

impl<K> Default for List<K> {
    fn default() -> Self {
        Self { order: Vec::new(), at: 0, key: None }
    }
}

impl<K: PartialEq> List<K> {
    /// The place of the selected item.
    pub(super) fn selected(&self) -> Option<usize> {
        self.order.get(self.at).map(|place| *place as usize)
    }

    /// Moves the selection, not beyond the ends.
    pub(super) fn step(&mut self, by: isize, key: impl Fn(usize) -> K) {
        let last = self.order.len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
        self.key = if self.at == 0 { None } else { self.selected().map(key) };
    }

    /// Takes a new order; what was selected stays so, if it is still there.
    pub(super) fn renew(&mut self, order: Vec<u32>, key: impl Fn(usize) -> K) {
        self.order = order;
        if let Some(wanted) = &self.key {
            let found = self.order.iter().position(|place| key(*place as usize) == *wanted);
            self.at = found.unwrap_or(self.at);
        } else {
            self.at = 0;
        }
        self.at = self.at.min(self.order.len().saturating_sub(1));
    }

    /// The places of the items that `height` lines show, and whether each is the selected one, which is among them.
    pub(super) fn shown(&self, height: usize) -> impl Iterator<Item = (usize, bool)> {
        let window = window(self.order.len(), self.at, height);
        window.filter_map(|at| Some((*self.order.get(at)? as usize, at == self.at)))
    }
}

/// The part of `count` items that `height` lines show, with item `at` in the middle where that is possible.
pub(super) fn window(count: usize, at: usize, height: usize) -> std::ops::Range<usize> {
    let top = at.saturating_sub(height / 2).min(count.saturating_sub(height));
    top..(top + height).min(count)
}
