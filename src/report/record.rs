//! A CSV row of our own, taken apart again.

/// The cells of a row that [`Cells`](super::table::Cells) wrote. A reader for any CSV takes longer to be made than to read a row.
pub(super) fn of(row: &[u8]) -> csv::ByteRecord {
    let mut record = csv::ByteRecord::with_capacity(row.len(), 0);
    let mut rest = row.strip_suffix(b"\n").unwrap_or(row);
    let mut unquoted = Vec::new();
    loop {
        let Some(inner) = rest.strip_prefix(b"\"") else {
            let end = rest.iter().position(|byte| *byte == b',');
            record.push_field(&rest[..end.unwrap_or(rest.len())]);
            let Some(end) = end else { return record };
            rest = &rest[end + 1..];
            continue;
        };
        unquoted.clear();
        let mut at = 0;
        while let Some(byte) = inner.get(at) {
            at += 1;
            if *byte == b'"' {
                if inner.get(at) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
            unquoted.push(*byte);
        }
        record.push_field(&unquoted);
        let Some(next) = inner.get(at..).and_then(|after| after.strip_prefix(b",")) else { return record };
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use crate::report::table::Cells;

    proptest::proptest! {
        /// Against the `csv` crate.
        #[test]
        fn a_row_is_read_as_it_was_written(texts in proptest::collection::vec("[a,\"\r\n;']{0,6}", 2..6)) {
            let mut cells = Cells::default();
            texts.iter().for_each(|text| cells.word(text));
            cells.end_row();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&cells.rows()[..]);
            let expected = reader.byte_records().next().expect("a record").expect("valid CSV");
            proptest::prop_assert_eq!(super::of(cells.rows()), expected);
        }
    }
}
