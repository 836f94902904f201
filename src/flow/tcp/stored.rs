//! What states hold of TCP's numbers.

use super::{Connection, MOST_ACKNOWLEDGED, MOST_OPENED, Sets, SynAnswer, Tcp, TcpEvent};
use crate::capture::Moment;
use crate::state::{Broken, Load, Stored, coded, store_list, stored};

/// Deeds of a direction: one more of a kind than is kept is let in before the latest is let go.
const MOST_DEEDS: usize = 3 * MOST_OPENED + 2 * MOST_ACKNOWLEDGED;

coded!(SynAnswer { 0: Unknown, 1: Fits, 2: OfAnother });

stored!(Connection { numbers, client, accepted, told });

/// The kind, a number, and of an acceptance and a FIN the number that it acknowledges.
impl Stored for TcpEvent {
    fn store(&self, to: &mut Vec<u8>) {
        match *self {
            Self::Open(number) => (0_u8, number).store(to),
            Self::Accept(number, acknowledged) => (1_u8, number, acknowledged).store(to),
            Self::Acknowledge(number) => (2_u8, number).store(to),
            Self::Conform(number) => (3_u8, number).store(to),
            Self::Finish(number, acknowledged) => (4_u8, number, acknowledged).store(to),
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
            _ => return Err(from.wrong("there is a number that stands for nothing that a segment does")),
        })
    }
}

impl Stored for Sets {
    fn store(&self, to: &mut Vec<u8>) {
        self.deeds.iter().for_each(|deeds| store_list(deeds.iter(), to));
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let mut sets = Self::default();
        for deeds in &mut sets.deeds {
            let list: Vec<(TcpEvent, Moment)> = from.list(MOST_DEEDS, "a flow has too many connections")?;
            from.expect(list.is_sorted_by(|a, b| a.0 < b.0), "connections are not in their order")?;
            *deeds = list.into();
        }
        Ok(sets)
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
            1 => {
                let one: Connection = from.get()?;
                from.expect(one.client < 2, "a connection has a client that is none of its ends")?;
                Self::One(one)
            }
            2 => Self::Sets(from.get()?),
            3 => Self::Folded(from.get()?, from.get()?),
            _ => return Err(from.wrong("there is a number that stands for nothing that TCP tells")),
        })
    }
}
