//! What states hold of TCP's numbers.

use super::{Connection, Sets, SynAnswer, Tcp, TcpEvent};
use crate::capture::{Moment, Timestamp};
use crate::state::{Broken, Load, Stored, coded, store_list};

/// Deeds of a direction, with those of which an earlier program kept the first 32 of a kind.
const MOST_DEEDS: usize = 128;
const MOST_ONCE: usize = 32;

coded!(SynAnswer { 0: Unknown, 1: Fits, 2: OfAnother });

/// The kind, a number, and of an acceptance and a FIN the number that it acknowledges.
impl Stored for TcpEvent {
    fn store(&self, to: &mut Vec<u8>) {
        match *self {
            Self::Open(number) => (0_u8, number).store(to),
            Self::Accept(number, acknowledged) => (1_u8, number, acknowledged).store(to),
            Self::Acknowledge(number) => (2_u8, number).store(to),
            Self::Conform(number) => (3_u8, number).store(to),
            Self::Finish(number, acknowledged) => (4_u8, number, acknowledged).store(to),
            Self::Unkept => (5_u8, 0_u32).store(to),
        }
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let (kind, number): (u8, u32) = from.get()?;
        Ok(match kind {
            0 => Self::Open(number),
            1 => Self::Accept(number, from.get()?),
            2 => Self::Acknowledge(number),
            3 => Self::Conform(number),
            4 => Self::Finish(number, from.get()?),
            5 => Self::Unkept,
            _ => return Err(from.wrong("there is a number that stands for nothing that a segment does")),
        })
    }
}

/// The first of each kind.
impl Stored for Sets {
    fn store(&self, to: &mut Vec<u8>) {
        self.deeds.iter().for_each(|deeds| store_list(deeds.iter(), to));
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let mut sets = Self::default();
        for side in 0..2 {
            let list: Vec<(TcpEvent, Moment)> = from.list(MOST_DEEDS, "a flow has too many connections")?;
            from.expect(list.is_sorted_by(|a, b| a.0 < b.0), "connections are not in their order")?;
            let number = |like: &TcpEvent| list.iter().filter(|(deed, _)| deed.is_like(like)).count();
            let is_cut = list.iter().any(|(deed, _)| number(deed) >= MOST_ONCE);
            for (deed, at) in list {
                sets.put(side, deed, at);
            }
            if is_cut {
                sets.put(side, TcpEvent::Unkept, Moment::NEVER);
            }
        }
        Ok(sets)
    }
}

/// What connections did at last: whether the only one was opened or accepted again, or of both ends the latest deeds.
#[derive(Default, PartialEq, Eq, Debug)]
pub(in crate::flow) struct Latest {
    again: bool,
    deeds: [Vec<(TcpEvent, [Timestamp; 2])>; 2],
}

impl Stored for Latest {
    fn store(&self, to: &mut Vec<u8>) {
        self.again.store(to);
        self.deeds.iter().for_each(|deeds| store_list(deeds.iter(), to));
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let again = from.get()?;
        let mut list = || from.list(MOST_DEEDS, "a flow has too many connections");
        Ok(Self { again, deeds: [list()?, list()?] })
    }
}

impl Tcp {
    /// What is stored apart, where there is any.
    pub(in crate::flow) fn latest(&self) -> Option<Latest> {
        let latest = match self {
            Self::One(one) => Latest { again: one.client & Connection::AGAIN != 0, ..Latest::default() },
            Self::Sets(sets) => Latest { again: false, deeds: sets.latest.clone() },
            Self::Nothing | Self::Folded(..) => return None,
        };
        (latest != Latest::default()).then_some(latest)
    }

    /// Takes that, unless it does not fit.
    pub(in crate::flow) fn set_latest(&mut self, latest: Latest) -> bool {
        match self {
            Self::One(one) if latest.again => one.client |= Connection::AGAIN,
            Self::Sets(sets) if !latest.again => {
                for (side, deeds) in latest.deeds.into_iter().enumerate() {
                    for (deed, times) in deeds.into_iter().filter(|(deed, _)| deed.most()[1] > 0) {
                        sets.add(side, deed, None, times);
                    }
                }
            }
            _ => return false,
        }
        true
    }
}

/// The numbers, the client, and what is told.
impl Stored for Connection {
    fn store(&self, to: &mut Vec<u8>) {
        (self.numbers, self.client & !Self::AGAIN).store(to);
        (self.accepted, self.told).store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let ((numbers, client), (accepted, told)) = (from.get()?, from.get()?);
        from.expect(client < Self::AGAIN, "a connection has a client that is none of its ends")?;
        Ok(Self { numbers, client, accepted, told })
    }
}

/// What is known, and then that.
impl Stored for Tcp {
    fn store(&self, to: &mut Vec<u8>) {
        match self {
            Self::Nothing => to.push(0),
            Self::One(one) => (1_u8, *one).store(to),
            Self::Sets(sets) => {
                to.push(2);
                sets.store(to);
            }
            Self::Folded(answers, accepted) => (3_u8, *answers, *accepted).store(to),
        }
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        Ok(match from.get::<u8>()? {
            0 => Self::Nothing,
            1 => Self::One(from.get()?),
            2 => Self::Sets(from.get()?),
            3 => Self::Folded(from.get()?, from.get()?),
            _ => return Err(from.wrong("there is a number that stands for nothing that TCP tells")),
        })
    }
}
