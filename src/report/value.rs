//! A cell of a table, typed: each kind of file writes it in its own form.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use super::names::{Names, Word};
use super::nodes::{PortColumn, state};
use crate::capture::Timestamp;
use crate::decode::{MacAddr, TcpFlags, VlanPath};
use crate::finding::Who;
use crate::policy::Role;
use crate::protocol::Transport;
use crate::text;
use crate::verdict::{CellState, HostCoverage};

/// What a cell says.
pub(super) enum Value<'a> {
    /// Not known.
    Missing,
    /// One of the program's own names, which nothing has to escape.
    Name(&'static str),
    /// The same where it is made for each row.
    Ascii([u8; 30]),
    /// Text that may hold anything.
    Text(Cow<'a, str>),
    /// The same, made harmless beforehand, since many rows have it.
    Word(&'a Word),
    /// A letter and a number: `f17`.
    Numbered(u8, u64),
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// Nanoseconds, and whether they are negative.
    Seconds(u64, bool),
    /// A known time.
    Time(Timestamp),
    Address(IpAddr),
    Mac(MacAddr),
    /// A transport's name or number.
    Transport(Transport),
    /// A port as it is served: `tcp/80`.
    Service(Transport, u16),
    /// Tags, outermost first, and what stands between them.
    Vlan(VlanPath, char),
    /// `FS.PA...`
    Flags(TcpFlags),
    /// Places in the list of inputs, from 0; only survey.json can do without the names.
    Inputs(&'a [u32], Option<&'a Names>),
    /// Places in another list, from 0.
    Places(&'a [u32]),
    List(Vec<Value<'a>>),
    /// The state of each of a device's ports.
    Ports(&'a [PortColumn], &'a HostCoverage),
}

macro_rules! from {
    ($($type:ty: $value:ident => $made:expr;)*) => {
        $(impl<'a> From<$type> for Value<'a> {
            fn from($value: $type) -> Self {
                $made
            }
        })*
    };
}

from! {
    u64: number => Self::Number(number);
    u32: number => Self::Number(number.into());
    u16: number => Self::Number(number.into());
    u8: number => Self::Number(number.into());
    bool: flag => Self::Flag(flag);
    &'a str: text => Self::Text(Cow::Borrowed(text));
    String: text => Self::Text(Cow::Owned(text));
    Role: role => Self::Name(role.name());
    Timestamp: time => time.nanos().map_or(Self::Missing, |_| Self::Time(time));
    IpAddr: address => Self::Address(address);
    MacAddr: mac => Self::Mac(mac);
    Transport: transport => Self::Transport(transport);
    TcpFlags: flags => Self::Flags(flags);
    Who: who => match who {
        Who::Address(address) => Self::Address(address),
        Who::Mac(mac) => Self::Mac(mac),
    };
    Vec<Self>: list => Self::List(list);
}

impl<'a, T: Into<Self>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

impl<'a> Value<'a> {
    /// Text, of which nothing means not known.
    pub(super) fn known(text: &'a str) -> Self {
        (!text.is_empty()).then_some(text).into()
    }

    /// Nanoseconds as decimal seconds.
    pub(super) fn seconds(nanos: Option<i64>) -> Self {
        nanos.map_or(Self::Missing, |nanos| Self::Seconds(nanos.unsigned_abs(), nanos < 0))
    }

    /// From one time to another, if both are known.
    pub(super) fn between(first: Timestamp, last: Timestamp) -> Self {
        nanos_between(first, last).map_or(Self::Missing, |nanos| Self::Seconds(nanos, false))
    }

    /// Several values, or none.
    pub(super) fn list<T: Into<Self>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }

    /// Whether it has no comma, quote or line break, and nothing that a spreadsheet takes for a formula.
    pub(super) const fn needs_no_quotes(&self) -> bool {
        matches!(
            self,
            Self::Name(_) | Self::Numbered(..) | Self::Number(_) | Self::Address(_) | Self::Mac(_) | Self::Service(..)
        )
    }

    /// As a cell of a table reads: several values joined by `;`, nothing that a spreadsheet takes for a formula.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Missing => Cow::Borrowed(""),
            Self::Name(name) => Cow::Borrowed(name),
            Self::Text(text) => text::cell(text),
            Self::Word(word) => Cow::Borrowed(&word.safe),
            Self::Inputs(list, names) => {
                let name = |at: &u32| names.map_or("", |names| names.input(*at));
                Cow::Owned(list.iter().map(name).collect::<Vec<_>>().join(";"))
            }
            Self::List(list) => Cow::Owned(list.iter().map(Self::shown).collect::<Vec<_>>().join(";")),
            other => Cow::Owned(other.to_string()),
        }
    }
}

impl Value<'_> {
    /// As it is, with nothing made harmless: for what is no table.
    pub(super) fn raw<'t>(&self) -> Cow<'t, str> {
        match self {
            Self::Name(name) => Cow::Borrowed(name),
            Self::Text(text) => Cow::Owned(text.clone().into_owned()),
            Self::Word(word) => Cow::Owned(word.text.clone()),
            other => Cow::Owned(other.to_string()),
        }
    }

    pub(super) fn as_seconds(&self) -> Option<f64> {
        let Self::Seconds(nanos, negative) = self else { return None };
        let seconds = *nanos as f64 / SECOND as f64;
        Some(if *negative { -seconds } else { seconds })
    }

    /// Which ports a device has, and their states.
    pub(super) fn ports(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let of = match self {
            Self::Ports(columns, coverage) => Some((*columns, *coverage)),
            _ => None,
        };
        of.into_iter().flat_map(|(columns, coverage)| {
            columns.iter().filter_map(|column| Some((column.name.as_str(), state(coverage, column)?.name())))
        })
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ascii(text) => f.write_str(str::from_utf8(text).unwrap_or_default()),
            Self::Numbered(letter, number) => write!(f, "{}{number}", char::from(*letter)),
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
            Self::Seconds(nanos, negative) => {
                let sign = if *negative { "-" } else { "" };
                write!(f, "{sign}{}.{:09}", nanos / SECOND, nanos % SECOND)
            }
            Self::Time(time) => time.fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::Mac(mac) => mac.fmt(f),
            Self::Transport(transport) => transport.fmt(f),
            Self::Service(transport, port) => write!(f, "{transport}/{port}"),
            Self::Vlan(path, between) => path.iter().enumerate().try_for_each(|(at, tag)| match at {
                0 => tag.fmt(f),
                _ => write!(f, "{between}{tag}"),
            }),
            Self::Flags(flags) => flags.fmt(f),
            // What is text has its own form in each file.
            _ => Ok(()),
        }
    }
}

/// The cells of ports, one a column: empty where a device has no such port.
pub(super) fn port_cells<'a>(
    columns: &'a [PortColumn],
    coverage: &'a HostCoverage,
) -> impl Iterator<Item = &'static str> + 'a {
    columns.iter().map(|column| state(coverage, column).map_or("", CellState::name))
}

/// In nanoseconds.
pub(super) const SECOND: u64 = 1_000_000_000;

/// From the earliest known time to the latest of several times.
pub(super) fn span(times: impl Iterator<Item = (Timestamp, Timestamp)> + Clone) -> (Timestamp, Timestamp) {
    let known = |time: &Timestamp| time.nanos().is_some();
    let first = times.clone().map(|(first, _)| first).filter(known).min();
    let last = times.map(|(_, last)| last).filter(known).max();
    (first.unwrap_or(Timestamp::UNKNOWN), last.unwrap_or(Timestamp::UNKNOWN))
}

/// Nanoseconds from `first` to `last`, if both are known.
pub(super) fn nanos_between(first: Timestamp, last: Timestamp) -> Option<u64> {
    let nanos = i128::from(last.nanos()?) - i128::from(first.nanos()?);
    Some(nanos.clamp(0, i128::from(u64::MAX)) as u64)
}
