//! How survey.json is laid out: one line for each key of the file and for each row of its tables,
//! so that lines can be searched, counted and compared.

use std::io::{self, Write};

use serde_json::ser::Formatter;

/// Breaks lines in the outermost object and in the arrays it holds; compact below.
#[derive(Default)]
pub(super) struct Lines {
    depth: usize,
}

impl Lines {
    /// For a value of the outermost object.
    pub(super) fn inside() -> Self {
        Self { depth: KEYS }
    }

    fn element<W: ?Sized + Write>(&self, out: &mut W, first: bool, line_depth: usize) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        if self.depth == line_depth {
            out.write_all(b"\n")?;
            out.write_all(&b"    "[..2 * self.depth])?;
        }
        Ok(())
    }

    fn end<W: ?Sized + Write>(&mut self, out: &mut W, line_depth: usize, bracket: &[u8]) -> io::Result<()> {
        if self.depth == line_depth {
            out.write_all(b"\n")?;
            out.write_all(&b"    "[..2 * (self.depth - 1)])?;
        }
        self.depth -= 1;
        out.write_all(bracket)
    }
}

/// Depth at which the keys of the file stand.
const KEYS: usize = 1;
/// Depth at which the rows of its tables stand.
const ROWS: usize = 2;

impl Formatter for Lines {
    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, KEYS, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.element(out, first, KEYS)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, ROWS, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.element(out, first, ROWS)
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    #[test]
    fn keys_and_rows_have_lines_of_their_own() {
        let mut out = Vec::new();
        let value = serde_json::json!({ "a": 1, "b": [{ "c": [1, 2] }, { "d": {} }], "e": [] });
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, super::Lines::default())).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "{\n  \"a\":1,\n  \"b\":[\n    {\"c\":[1,2]},\n    {\"d\":{}}\n  ],\n  \"e\":[\n  ]\n}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
