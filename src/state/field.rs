//! Values as bytes: numbers as varints, fields one after the other, lists behind their length.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Broken, Unpack};

/// A value that a state holds.
pub(crate) trait Stored: Sized {
    /// Appends it.
    fn store(&self, to: &mut Vec<u8>);

    /// Reads it back.
    ///
    /// # Errors
    /// [`Broken`] where the bytes end, or are none that [`Stored::store`] writes.
    fn load(from: &mut Load<'_>) -> Result<Self, Broken>;

    /// Appends `N` items; byte arrays in one copy.
    #[inline]
    fn store_array<const N: usize>(items: &[Self; N], to: &mut Vec<u8>) {
        items.iter().for_each(|item| item.store(to));
    }

    /// Reads `N` items; byte arrays in one copy.
    #[inline]
    fn load_array<const N: usize>(from: &mut Load<'_>) -> Result<[Self; N], Broken> {
        let mut items = arrayvec::ArrayVec::<Self, N>::new();
        for _ in 0..N {
            items.push(from.get()?);
        }
        items.into_inner().map_err(|_| from.wrong("a value ends too early"))
    }
}

/// What is read of one section of a state.
pub(crate) struct Load<'a> {
    /// Those that follow; a head has none.
    blocks: Option<&'a mut dyn Unpack>,
    /// The number that the section's input has in this run: a state does not hold it.
    pub(crate) input: u32,
    bytes: Vec<u8>,
    at: usize,
}

impl<'a> Load<'a> {
    /// Of a body.
    pub(crate) fn new(blocks: &'a mut impl Unpack, input: u32) -> Self {
        Self { blocks: Some(blocks), input, bytes: Vec::new(), at: 0 }
    }

    /// Of a head.
    pub(crate) fn of_head(bytes: Vec<u8>) -> Self {
        Self { blocks: None, input: 0, bytes, at: 0 }
    }

    fn next_block(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        self.blocks.as_mut().map_or(Ok(None), |blocks| blocks.unpack_next())
    }

    pub(crate) fn get<T: Stored>(&mut self) -> Result<T, Broken> {
        T::load(self)
    }

    /// So many bytes.
    #[inline]
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        loop {
            if let Some(bytes) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>()) {
                self.at += N;
                return Ok(*bytes);
            }
            self.refill()?;
        }
    }

    /// A number of up to 8 bytes, if so many are at hand: the lowest without its highest bit set is the last. The others lose
    /// theirs, then pairs, fours and all are moved together, all at once.
    #[inline]
    fn short_number(&mut self) -> Option<u64> {
        let word = u64::from_le_bytes(*self.bytes.get(self.at..)?.first_chunk()?);
        let last = !word & 0x8080_8080_8080_8080;
        if last == 0 {
            return None;
        }
        let bits = word & (last ^ last.wrapping_sub(1)) & 0x7f7f_7f7f_7f7f_7f7f;
        let pairs = bits & 0x007f_007f_007f_007f | (bits & 0x7f00_7f00_7f00_7f00) >> 1;
        let fours = pairs & 0x0000_3fff_0000_3fff | (pairs & 0x3fff_0000_3fff_0000) >> 2;
        let value = fours & 0x0000_0000_0fff_ffff | (fours & 0x0fff_ffff_0000_0000) >> 4;
        self.at += last.trailing_zeros() as usize / 8 + 1;
        Some(value)
    }

    /// Any number.
    #[cold]
    fn long_number(&mut self) -> Result<u64, Broken> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take::<1>()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.wrong("a number is too large"))
    }

    /// Of items that are claimed, as many as can be there, each of so many bytes at least.
    pub(crate) fn at_most(&self, claimed: usize, bytes: usize) -> usize {
        let packed = self.blocks.as_ref().map_or(0, |blocks| blocks.left());
        let unpacked = usize::try_from(packed).unwrap_or(usize::MAX).saturating_mul(super::TIGHTEST);
        claimed.min((unpacked.saturating_add(self.bytes.len() - self.at)) / bytes)
    }

    /// Takes the next block, behind what is left of this one.
    #[cold]
    fn refill(&mut self) -> Result<(), Broken> {
        let Some(next) = self.next_block()? else { return Err(self.wrong("a value ends behind its section")) };
        self.bytes.drain(..self.at);
        self.at = 0;
        if self.bytes.is_empty() {
            self.bytes = next;
        } else {
            self.bytes.extend(next);
        }
        Ok(())
    }

    /// The length of a list, which may have `most` members.
    pub(crate) fn length(&mut self, most: usize, what: &'static str) -> Result<usize, Broken> {
        let length: u64 = self.get()?;
        usize::try_from(length).ok().filter(|length| *length <= most).ok_or_else(|| self.wrong(what))
    }

    /// A list of at most `most` members. Room is made as they arrive.
    pub(crate) fn list<L>(&mut self, most: usize, what: &'static str) -> Result<L, Broken>
    where
        L: IntoIterator<Item: Stored> + FromIterator<L::Item>,
    {
        let length = self.length(most, what)?;
        (0..length).map(|_| self.get()).collect()
    }

    /// A map of at most `most` keys, ascending.
    pub(crate) fn map<K: Stored + Ord, V: Stored>(
        &mut self,
        most: usize,
        what: &'static str,
    ) -> Result<BTreeMap<K, V>, Broken> {
        let mut map = BTreeMap::new();
        for _ in 0..self.length(most, what)? {
            let (key, value) = self.get()?;
            if map.last_key_value().is_some_and(|(last, _)| key <= *last) {
                return Err(self.wrong("keys are not in their order"));
            }
            map.insert(key, value);
        }
        Ok(map)
    }

    /// A text of at most `most` bytes.
    pub(crate) fn text(&mut self, most: usize, what: &'static str) -> Result<String, Broken> {
        let bytes: Vec<u8> = self.list(most, what)?;
        String::from_utf8(bytes).map_err(|_| self.wrong("a text is not UTF-8"))
    }

    /// What is wrong in the block that is being read.
    #[cold]
    pub(crate) fn wrong(&self, what: &'static str) -> Broken {
        Broken::Wrong { offset: self.blocks.as_ref().map_or(0, |blocks| blocks.offset()), what }
    }

    /// A value that must hold.
    pub(crate) fn expect(&self, holds: bool, what: &'static str) -> Result<(), Broken> {
        if holds { Ok(()) } else { Err(self.wrong(what)) }
    }

    /// Whether anything follows.
    pub(crate) fn has_more(&mut self) -> Result<bool, Broken> {
        while self.at == self.bytes.len() {
            let Some(next) = self.next_block()? else { return Ok(false) };
            (self.bytes, self.at) = (next, 0);
        }
        Ok(true)
    }

    /// The section must end here.
    pub(crate) fn finish(mut self) -> Result<(), Broken> {
        self.expect(self.at == self.bytes.len(), "something stands behind the last value")?;
        match self.next_block()? {
            None => Ok(()),
            Some(_) => Err(self.wrong("something stands behind the last value")),
        }
    }
}

/// Appends a list behind its length.
pub(crate) fn store_list<'a, T: Stored + 'a>(list: impl ExactSizeIterator<Item = &'a T>, to: &mut Vec<u8>) {
    (list.len() as u64).store(to);
    list.for_each(|item| item.store(to));
}

/// Appends a map, keys ascending, behind its length.
pub(crate) fn store_map<K: Stored, V: Stored>(map: &BTreeMap<K, V>, to: &mut Vec<u8>) {
    (map.len() as u64).store(to);
    for (key, value) in map {
        key.store(to);
        value.store(to);
    }
}

/// Says of a structure that its fields are stored one after the other, or what a wrapper holds. What has no length of its own
/// says which it may have, as in `name: text(MOST, "a name is too long")`, and likewise `list` and `map`; `where` says what
/// must hold of all that was loaded.
macro_rules! stored {
    (
        $type:ident($inner:ident $(: $kind:ident($most:expr, $long:expr))?)
        $(where |$it:ident| $holds:expr => $what:expr)*
    ) => {
        impl $crate::state::Stored for $type {
            fn store(&self, to: &mut Vec<u8>) {
                let Self($inner) = self;
                stored!(@store $inner, to $(, $kind)?);
            }

            fn load(from: &mut $crate::state::Load<'_>) -> Result<Self, $crate::state::Broken> {
                let value = Self(stored!(@load from $(, $kind($most, $long))?));
                $({
                    let $it = &value;
                    from.expect($holds, $what)?;
                })*
                Ok(value)
            }
        }
    };
    (
        $type:ty { $($field:ident $(: $kind:ident($most:expr, $long:expr))?),+ $(,)? $(; ..$rest:expr)? }
        $(where |$it:ident| $holds:expr => $what:expr)*
    ) => {
        impl $crate::state::Stored for $type {
            fn store(&self, to: &mut Vec<u8>) {
                $(stored!(@store self.$field, to $(, $kind)?);)+
            }

            fn load(from: &mut $crate::state::Load<'_>) -> Result<Self, $crate::state::Broken> {
                $(let $field = stored!(@load from $(, $kind($most, $long))?);)+
                let value = Self { $($field,)+ $(..$rest)? };
                $({
                    let $it = &value;
                    from.expect($holds, $what)?;
                })*
                Ok(value)
            }
        }
    };
    (@store $value:expr, $to:ident) => { $value.store($to) };
    (@store $value:expr, $to:ident, text) => { $crate::state::store_list($value.as_bytes().iter(), $to) };
    (@store $value:expr, $to:ident, list) => { $crate::state::store_list($value.iter(), $to) };
    (@store $value:expr, $to:ident, map) => { $crate::state::store_map(&$value, $to) };
    (@load $from:ident) => { $from.get()? };
    (@load $from:ident, $kind:ident($most:expr, $what:expr)) => { $from.$kind($most, $what)? };
}
pub(crate) use stored;

/// Says which number stands for each variant of an enumeration: once given, it stays.
macro_rules! coded {
    ($type:ty { $($code:literal: $variant:ident),+ $(,)? }) => {
        impl $crate::state::Stored for $type {
            fn store(&self, to: &mut Vec<u8>) {
                to.push(match self { $(Self::$variant => $code),+ });
            }

            fn load(from: &mut $crate::state::Load<'_>) -> Result<Self, $crate::state::Broken> {
                match from.get::<u8>()? {
                    $($code => Ok(Self::$variant),)+
                    _ => Err(from.wrong(concat!("there is a number that stands for no ", stringify!($type)))),
                }
            }
        }
    };
}
pub(crate) use coded;

impl Stored for u8 {
    fn store(&self, to: &mut Vec<u8>) {
        to.push(*self);
    }

    #[inline]
    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        from.take::<1>().map(|[byte]| byte)
    }

    #[inline]
    fn store_array<const N: usize>(items: &[Self; N], to: &mut Vec<u8>) {
        to.extend_from_slice(items);
    }

    #[inline]
    fn load_array<const N: usize>(from: &mut Load<'_>) -> Result<[Self; N], Broken> {
        from.take()
    }
}

/// LEB128: seven bits a byte, the lowest first, the highest bit of all but the last byte set.
impl Stored for u64 {
    #[inline]
    fn store(&self, to: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            to.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        to.push(rest as u8);
    }

    #[inline]
    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        match from.short_number() {
            Some(number) => Ok(number),
            None => from.long_number(),
        }
    }
}

macro_rules! narrow {
    ($($type:ty),+) => {$(
        impl Stored for $type {
            #[inline]
            fn store(&self, to: &mut Vec<u8>) {
                u64::from(*self).store(to);
            }

            #[inline]
            fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
                Self::try_from(from.get::<u64>()?).map_err(|_| from.wrong("a number is too large"))
            }
        }
    )+};
}
narrow!(u16, u32);

/// Eight bytes, the lowest first.
impl Stored for i64 {
    #[inline]
    fn store(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }

    #[inline]
    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        from.take().map(Self::from_le_bytes)
    }
}

impl Stored for bool {
    fn store(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        match from.get::<u8>()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(from.wrong("yes or no is neither 0 nor 1")),
        }
    }
}

impl<T: Stored, const N: usize> Stored for [T; N] {
    #[inline]
    fn store(&self, to: &mut Vec<u8>) {
        T::store_array(self, to);
    }

    #[inline]
    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        T::load_array(from)
    }
}

impl<A: Stored, B: Stored> Stored for (A, B) {
    fn store(&self, to: &mut Vec<u8>) {
        self.0.store(to);
        self.1.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        Ok((from.get()?, from.get()?))
    }
}

impl<A: Stored, B: Stored, C: Stored> Stored for (A, B, C) {
    fn store(&self, to: &mut Vec<u8>) {
        self.0.store(to);
        self.1.store(to);
        self.2.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        Ok((from.get()?, from.get()?, from.get()?))
    }
}

/// A byte that says whether it is there, and then the value.
impl<T: Stored> Stored for Option<T> {
    fn store(&self, to: &mut Vec<u8>) {
        self.is_some().store(to);
        self.iter().for_each(|value| value.store(to));
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        if from.get()? { from.get().map(Some) } else { Ok(None) }
    }
}

impl<T: Stored> Stored for Box<T> {
    fn store(&self, to: &mut Vec<u8>) {
        (**self).store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        from.get().map(Self::new)
    }
}

impl Stored for Ipv4Addr {
    fn store(&self, to: &mut Vec<u8>) {
        to.extend(self.octets());
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        from.take::<4>().map(Self::from)
    }
}

/// 4 or 6, then the address in network order.
impl Stored for IpAddr {
    fn store(&self, to: &mut Vec<u8>) {
        match self {
            Self::V4(address) => {
                to.push(4);
                to.extend(address.octets());
            }
            Self::V6(address) => {
                to.push(6);
                to.extend(address.octets());
            }
        }
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        match from.get::<u8>()? {
            4 => from.take::<4>().map(|bytes| Ipv4Addr::from(bytes).into()),
            6 => from.take::<16>().map(|bytes| Ipv6Addr::from(bytes).into()),
            _ => Err(from.wrong("an address is neither IPv4 nor IPv6")),
        }
    }
}

impl Stored for SocketAddr {
    fn store(&self, to: &mut Vec<u8>) {
        (self.ip(), self.port()).store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let (address, port): (IpAddr, u16) = from.get()?;
        Ok(Self::new(address, port))
    }
}
