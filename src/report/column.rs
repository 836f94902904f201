//! What a table is: its columns, each declared once with its name, its type, what fills it and what it means. CSV and
//! survey.json with its schema, the workbook, columnar files and the data dictionary all come from here.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::json::v1::Text;
use super::json::{Mac, Time};
use super::value::Value;

pub(super) trait Table: 'static {
    /// What a row is made from.
    type Row<'a>;
    /// File name in the output folder; empty for a table that is no CSV file.
    const FILE: &'static str;
    /// One sentence: what a row is and how the rows are ordered.
    const ABOUT: &'static str;
    /// Its columns, in order.
    const COLUMNS: &'static [Column<Self>];

    /// The columns that its CSV file and its sheet have.
    fn in_csv() -> impl Iterator<Item = &'static Column<Self>> {
        Self::COLUMNS.iter().filter(|column| column.files.csv())
    }
}

pub(super) struct Column<T: Table + ?Sized> {
    /// Name in the header line.
    pub name: &'static str,
    /// The same as a key of survey.json: in quotes, with the colon.
    pub key: &'static str,
    /// What a cell holds.
    pub kind: CellKind,
    /// Which files have it.
    pub files: Files,
    /// What fills a row's cell.
    pub cell: for<'r> fn(&'r T::Row<'_>) -> Value<'r>,
    /// Unit or form of a cell.
    pub unit: &'static str,
    /// A typical cell.
    pub example: &'static str,
    /// What a cell says, in words.
    pub meaning: &'static str,
}

/// Which files have a column. Columnar files have all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Files {
    /// CSV and survey.json.
    All,
    /// The same, but survey.json leaves it out where it is not known.
    Sparse,
    /// CSV alone: survey.json tells it in another form.
    Csv,
    /// survey.json alone.
    Json,
    /// The same, left out where it is not known.
    SparseJson,
    /// Neither of them.
    Columnar,
}

impl Files {
    pub(super) const fn csv(self) -> bool {
        !matches!(self, Self::Json | Self::SparseJson | Self::Columnar)
    }

    pub(super) const fn json(self) -> bool {
        !matches!(self, Self::Csv | Self::Columnar)
    }

    pub(super) const fn is_sparse(self) -> bool {
        matches!(self, Self::Sparse | Self::SparseJson)
    }
}

/// What the cells of a column hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CellKind {
    Text,
    Number,
    Seconds,
    Flag,
    Time,
    Address,
    Mac,
    Texts,
    /// A day, told by a time in it.
    Day,
    Tags,
    /// Places in another list; where these have names, the names.
    Places,
    /// A column for each port of the vendor's tables.
    Ports,
}

/// A type that survey.json has in a field.
pub(super) trait Typed: Sized {
    const KIND: CellKind;

    /// A value as a field has it; `None` if it is another kind of value, or not known.
    fn of(value: &Value<'_>) -> Option<Self>;
}

macro_rules! typed {
    ($($type:ty: $kind:ident, $value:pat => $made:expr;)*) => {
        $(impl Typed for $type {
            const KIND: CellKind = CellKind::$kind;

            fn of(value: &Value<'_>) -> Option<Self> {
                match value {
                    Value::Missing => None,
                    $value => $made,
                    #[allow(unreachable_patterns)]
                    _ => None,
                }
            }
        })*
    };
}

typed! {
    Text<'_>: Text, value => Some(value.raw());
    u8: Number, Value::Number(number) => (*number).try_into().ok();
    u16: Number, Value::Number(number) => (*number).try_into().ok();
    u32: Number, Value::Number(number) => (*number).try_into().ok();
    u64: Number, Value::Number(number) => Some(*number);
    f64: Seconds, value => value.as_seconds();
    bool: Flag, Value::Flag(flag) => Some(*flag);
    Time: Time, Value::Time(time) => Time::known(*time);
    IpAddr: Address, Value::Address(address) => Some(*address);
    Mac: Mac, Value::Mac(mac) => Some(Mac(*mac));
    Vec<Text<'_>>: Texts, Value::List(list) => Some(list.iter().map(Value::raw).collect());
    Vec<Mac>: Texts, Value::List(list) => list.iter().map(Mac::of).collect();
    Vec<u32>: Places, Value::Inputs(places, _) | Value::Places(places) => Some(places.to_vec());
    BTreeMap<Text<'_>, Text<'_>>: Ports, value => Some(value.ports().map(|(port, state)| (port.to_owned().into(), state.into())).collect());
    Day: Day, _ => None;
}

impl<T: Typed> Typed for Option<T> {
    const KIND: CellKind = T::KIND;

    fn of(value: &Value<'_>) -> Option<Self> {
        Some(T::of(value))
    }
}

/// The day of a time.
pub(super) struct Day;

/// Declares a table, and the type by which a row of survey.json is read, if survey.json has it.
///
/// A column reads `FILES NAME: TYPE = what fills it; "unit or form", "a typical cell", "what it says";`, with the
/// attributes that serde needs before it.
macro_rules! columns {
    (
        @column $files:ident $name:ident: $type:ty = |$r:pat_param| $cell:expr;
        $unit:literal, $example:literal, $meaning:literal
    ) => {
        $crate::report::column::Column {
            name: stringify!($name),
            key: concat!("\"", stringify!($name), "\":"),
            kind: <$type as $crate::report::column::Typed>::KIND,
            files: $crate::report::column::Files::$files,
            cell: |$r| $crate::report::value::Value::from($cell),
            unit: $unit,
            example: $example,
            meaning: $meaning,
        }
    };
    (@table $table:ident of $row:ident, $file:literal, $about:literal, $columns:expr) => {
        #[doc = $about]
        pub(in crate::report) enum $table {}

        impl $crate::report::column::Table for $table {
            type Row<'r> = $row<'r>;
            const FILE: &'static str = $file;
            const ABOUT: &'static str = $about;
            const COLUMNS: &'static [$crate::report::column::Column<Self>] = $columns;
        }
    };
    (
        $table:ident of $row:ident, in $file:literal: $about:literal;
        $($name:ident: $type:ty = |$r:pat_param| $cell:expr; $unit:literal, $example:literal, $meaning:literal;)*
    ) => {
        $crate::report::column::columns! {
            @table $table of $row, $file, $about, &[$(
                $crate::report::column::columns!(@column All $name: $type = |$r| $cell; $unit, $example, $meaning),
            )*]
        }
    };
    (
        $(#[$about_record:meta])*
        $table:ident of $row:ident, in $file:literal, read as $record:ident<$life:lifetime>: $about:literal;
        $(
            $(#[$serde:meta])*
            $files:ident $name:ident: $type:ty = |$r:pat_param| $cell:expr;
            $unit:literal, $example:literal, $meaning:literal;
        )*
    ) => {
        $(#[$about_record])*
        #[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub struct $record<$life> {
            $(
                #[doc = $meaning]
                $(#[$serde])*
                pub $name: $type,
            )*
            /// Site, in a merge of several.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub site: Option<$crate::report::json::v1::Text<$life>>,
            /// Which survey of its site it is of, in a merge of several of one site: from 1.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub survey: Option<u32>,
        }

        impl<$life> $record<$life> {
            /// Of a row, as it would be read from survey.json.
            #[allow(dead_code)]
            pub(in crate::report) fn of(row: &$row<'_>) -> Option<Self> {
                Some(Self {
                    $($name: {
                        let $r = row;
                        $crate::report::column::Typed::of(&$crate::report::value::Value::from($cell))?
                    },)*
                    site: None,
                    survey: None,
                })
            }

            const COLUMNS: &'static [$crate::report::column::Column<$table>] = &[$(
                $crate::report::column::columns!(@column $files $name: $type = |$r| $cell; $unit, $example, $meaning),
            )*];
        }

        $crate::report::column::columns!(@table $table of $row, $file, $about, $record::COLUMNS);
    };
}
pub(in crate::report) use columns;
