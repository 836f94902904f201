//! The columns of a file: how a table's column is stored, and the values of one row group.

use std::net::IpAddr;

use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::Result;
use parquet::file::writer::SerializedColumnWriter;

use crate::report::column::CellKind;
use crate::report::value::Value;

/// How the values of one column of a file are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Text,
    Number,
    Seconds,
    Flag,
    /// Microseconds since 1970.
    Micros,
    /// The nanoseconds beyond these.
    Beyond,
    /// An address as IPv6; IPv4 is mapped (RFC 4291, section 2.5.5.2).
    Bytes,
    /// A day, counted from 1970.
    Day,
    Texts,
    Numbers,
}

/// The columns that a table's column is stored in: what is added to its name, and the form.
pub(super) fn forms(kind: CellKind) -> &'static [(&'static str, Form)] {
    match kind {
        CellKind::Text | CellKind::Mac => &[("", Form::Text)],
        CellKind::Number => &[("", Form::Number)],
        CellKind::Seconds => &[("", Form::Seconds)],
        CellKind::Flag => &[("", Form::Flag)],
        // Engines refuse timestamps in nanoseconds.
        CellKind::Time => &[("", Form::Micros), ("_ns", Form::Beyond)],
        CellKind::Address => &[("", Form::Text), ("_bytes", Form::Bytes)],
        CellKind::Day => &[("", Form::Day)],
        CellKind::Texts => &[("", Form::Texts)],
        CellKind::Places | CellKind::Tags => &[("", Form::Numbers)],
        // A row of its own each, in another table.
        CellKind::Ports => &[],
    }
}

impl Form {
    /// As the schema declares a column.
    pub(super) fn declared(self, name: &str) -> String {
        let list = |item| format!("REQUIRED GROUP {name} (LIST) {{ REPEATED GROUP list {{ REQUIRED {item}; }} }}");
        match self {
            Self::Text => format!("OPTIONAL BYTE_ARRAY {name} (STRING);"),
            Self::Number => format!("OPTIONAL INT64 {name};"),
            Self::Seconds => format!("OPTIONAL DOUBLE {name};"),
            Self::Flag => format!("OPTIONAL BOOLEAN {name};"),
            Self::Micros => format!("OPTIONAL INT64 {name} (TIMESTAMP(MICROS,true));"),
            Self::Beyond => format!("OPTIONAL INT32 {name};"),
            Self::Bytes => format!("OPTIONAL FIXED_LEN_BYTE_ARRAY(16) {name};"),
            Self::Day => format!("OPTIONAL INT32 {name} (DATE);"),
            Self::Texts => list("BYTE_ARRAY element (STRING)"),
            Self::Numbers => list("INT64 element"),
        }
    }

    /// As people read it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "64-bit number",
            Self::Seconds => "double",
            Self::Flag => "boolean",
            Self::Micros => "timestamp, microseconds, UTC",
            Self::Beyond => "32-bit number",
            Self::Bytes => "16 bytes",
            Self::Day => "date",
            Self::Texts => "list of text",
            Self::Numbers => "list of 64-bit numbers",
        }
    }
}

enum Values {
    Texts(Vec<ByteArray>),
    Bytes(Vec<FixedLenByteArray>),
    Long(Vec<i64>),
    Short(Vec<i32>),
    Seconds(Vec<f64>),
    Flags(Vec<bool>),
}

/// The values of one column in one row group.
pub(super) struct Leaf {
    form: Form,
    values: Values,
    /// Whether there is a value, for each row; of lists for each item, and for a list without items.
    present: Vec<i16>,
    /// Whether it is another item of the same list.
    repeated: Vec<i16>,
}

impl Leaf {
    pub(super) fn new(form: Form) -> Self {
        let values = match form {
            Form::Text | Form::Texts => Values::Texts(Vec::new()),
            Form::Bytes => Values::Bytes(Vec::new()),
            Form::Number | Form::Micros | Form::Numbers => Values::Long(Vec::new()),
            Form::Beyond | Form::Day => Values::Short(Vec::new()),
            Form::Seconds => Values::Seconds(Vec::new()),
            Form::Flag => Values::Flags(Vec::new()),
        };
        Self { form, values, present: Vec::new(), repeated: Vec::new() }
    }

    /// Adds a row's value.
    pub(super) fn add(&mut self, value: &Value<'_>) {
        if matches!(self.form, Form::Texts | Form::Numbers) {
            return self.add_list(value);
        }
        let is_known = self.add_one(value);
        self.present.push(is_known.into());
    }

    fn add_one(&mut self, value: &Value<'_>) -> bool {
        match (&mut self.values, value) {
            (_, Value::Missing) => return false,
            (Values::Texts(to), value) => to.push(text(value, to.last())),
            (Values::Bytes(to), Value::Address(address)) => to.push(bytes(*address)),
            (Values::Long(to), Value::Number(number)) => to.push(signed(*number)),
            (Values::Long(to), Value::Time(time)) => to.push(time.nanos().unwrap_or_default().div_euclid(1000)),
            (Values::Short(to), Value::Time(time)) if self.form == Form::Day => {
                to.push(time.nanos().unwrap_or_default().div_euclid(NANOS_OF_DAY) as i32);
            }
            (Values::Short(to), Value::Time(time)) => {
                to.push(time.nanos().unwrap_or_default().rem_euclid(1000) as i32);
            }
            (Values::Seconds(to), value @ Value::Seconds(..)) => match value.to_string().parse() {
                Ok(seconds) => to.push(seconds),
                Err(_) => return false,
            },
            (Values::Flags(to), Value::Flag(flag)) => to.push(*flag),
            // A column's values are of its kind: a test holds every cell against the CSV files.
            _ => return false,
        }
        true
    }

    fn add_list(&mut self, value: &Value<'_>) {
        let before = self.present.len();
        let mut one = |value: &Value<'_>| {
            let is_known = self.add_one(value);
            self.repeated.push(i16::from(self.present.len() > before));
            self.present.push(is_known.into());
        };
        match value {
            Value::List(list) => list.iter().for_each(&mut one),
            Value::Inputs(list, names) => {
                list.iter().for_each(|at| one(&names.map_or("", |names| names.input(*at)).into()));
            }
            Value::Places(list) => list.iter().for_each(|at| one(&(*at).into())),
            Value::Vlan(path, _) => path.iter().for_each(|tag| one(&tag.into())),
            _ => {}
        }
        if self.present.len() == before {
            self.repeated.push(0);
            self.present.push(0);
        }
    }

    /// Writes what was added.
    pub(super) fn write(&self, mut to: SerializedColumnWriter<'_>) -> Result<()> {
        let present = Some(&self.present[..]);
        let repeated = matches!(self.form, Form::Texts | Form::Numbers).then_some(&self.repeated[..]);
        match (to.untyped(), &self.values) {
            (ColumnWriter::ByteArrayColumnWriter(to), Values::Texts(of)) => to.write_batch(of, present, repeated)?,
            (ColumnWriter::FixedLenByteArrayColumnWriter(to), Values::Bytes(of)) => {
                to.write_batch(of, present, repeated)?
            }
            (ColumnWriter::Int64ColumnWriter(to), Values::Long(of)) => to.write_batch(of, present, repeated)?,
            (ColumnWriter::Int32ColumnWriter(to), Values::Short(of)) => to.write_batch(of, present, repeated)?,
            (ColumnWriter::DoubleColumnWriter(to), Values::Seconds(of)) => to.write_batch(of, present, repeated)?,
            (ColumnWriter::BoolColumnWriter(to), Values::Flags(of)) => to.write_batch(of, present, repeated)?,
            // The schema is made from the same forms.
            _ => 0,
        };
        to.close()
    }
}

const NANOS_OF_DAY: i64 = 86_400_000_000_000;

/// Text as in a CSV file; that of the row before is shared, since sorted rows have much in common.
fn text(value: &Value<'_>, before: Option<&ByteArray>) -> ByteArray {
    let text = value.shown();
    match before {
        Some(before) if before.data() == text.as_bytes() => before.clone(),
        _ => ByteArray::from(text.into_owned().into_bytes()),
    }
}

fn bytes(address: IpAddr) -> FixedLenByteArray {
    let address = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    FixedLenByteArray::from(address.octets().to_vec())
}

/// Engines have no unsigned 64-bit numbers.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
