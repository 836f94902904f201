//! Where in a file something stands.

/// A text whose byte offsets are told as lines and columns.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'t> {
    text: &'t str,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// Line and column of a byte offset, both from 1, the column in characters.
    pub(crate) fn position(&self, at: usize) -> (usize, usize) {
        /// Beyond this, columns are bytes: counting characters from the start of each would take too long.
        const LONG_LINE: usize = 4096;
        let at = at.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = match self.text.get(start..at) {
            Some(before) if before.len() <= LONG_LINE => before.chars().count(),
            _ => at - start,
        };
        (line, column + 1)
    }
}

/// Line and column of one byte offset, both from 1, the column in characters however long the line is: all of a JSON file
/// may be one.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters() {
        let lines = Lines::of("a\nä = b\n");
        assert_eq!([0, 2, 5, 8, 99].map(|at| lines.position(at)), [(1, 1), (2, 1), (2, 3), (2, 6), (3, 1)]);
        let long = format!("a\n{}b", "ä".repeat(5000));
        assert_eq!([0, 2, long.len(), 1 << 20].map(|at| position(&long, at)), [(1, 1), (2, 1), (2, 5002), (2, 5002)]);
    }
}
