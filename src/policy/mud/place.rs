//! Where a member of a JSON text stands.

/// A step from a value to one inside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

/// Byte offset of the value that the steps lead to, in text that is valid JSON; of the innermost
/// one that is there, else.
pub(super) fn offset(text: &str, steps: &[Step]) -> usize {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    scan.space();
    let mut found = scan.at;
    for step in steps {
        let arrived = match step {
            Step::Key(key) => scan.enter_key(key),
            Step::Item(item) => scan.enter_item(*item),
        };
        if arrived.is_none() {
            break;
        }
        found = scan.at;
    }
    found
}

/// Lines, from 1, of the items of the list that the steps lead to.
pub(super) fn item_lines(text: &str, steps: &[Step]) -> Vec<usize> {
    let mut scan = Scan { bytes: text.as_bytes(), at: offset(text, steps) };
    let (mut lines, mut line, mut counted) = (Vec::new(), 1, 0);
    if scan.open(b'[').is_none() {
        return lines;
    }
    while scan.peek().is_some_and(|byte| byte != b']') {
        let before = scan.bytes.get(counted..scan.at).unwrap_or_default();
        line += before.iter().filter(|byte| **byte == b'\n').count();
        counted = scan.at;
        lines.push(line);
        scan.value();
        scan.space();
    }
    lines
}

struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b':')) {
            self.at += 1;
        }
    }

    /// To the value of a key of the object that begins here.
    fn enter_key(&mut self, key: &str) -> Option<()> {
        self.open(b'{')?;
        while self.peek()? == b'"' {
            let start = self.at;
            self.string();
            let name: Option<String> =
                self.bytes.get(start..self.at).and_then(|name| serde_json::from_slice(name).ok());
            self.space();
            if name.as_deref() == Some(key) {
                return Some(());
            }
            self.value();
            self.space();
        }
        None
    }

    /// To an item of the list that begins here.
    fn enter_item(&mut self, item: usize) -> Option<()> {
        self.open(b'[')?;
        for _ in 0..item {
            if self.peek()? == b']' {
                return None;
            }
            self.value();
            self.space();
        }
        Some(())
    }

    fn open(&mut self, bracket: u8) -> Option<()> {
        (self.peek()? == bracket).then(|| {
            self.at += 1;
            self.space();
        })
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
    }

    /// Past the value that begins here.
    fn value(&mut self) {
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth == 0 => break,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' if depth == 0 => break,
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            if depth == 0 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_past_strings_and_brackets() {
        let text = r#"{ "a": [1, {"b\"}": "x]"}, [2, 3]], "c": {"d": null, "e": -1.5e3} }"#;
        let key = |name: &str| Step::Key(name.to_owned());
        for (steps, expected) in [
            (vec![], "{ \"a\""),
            (vec![key("a")], "[1,"),
            (vec![key("a"), Step::Item(1)], "{\"b"),
            (vec![key("a"), Step::Item(1), key("b\"}")], "\"x]\""),
            (vec![key("a"), Step::Item(2), Step::Item(1)], "3]]"),
            (vec![key("c"), key("e")], "-1.5e3"),
            (vec![key("c"), key("missing")], "{\"d\""),
            (vec![key("a"), Step::Item(9)], "[1,"),
        ] {
            assert!(text[offset(text, &steps)..].starts_with(expected), "{steps:?}");
        }
        let lined = "{\n\"a\": [\n1, {\n\"b\": 2}, [\n3],\n\n4 ]}";
        assert_eq!(item_lines(lined, &[key("a")]), [3, 3, 4, 7]);
        assert_eq!(item_lines(lined, &[]), [0; 0], "no list");
    }
}
