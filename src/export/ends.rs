//! Where rules stand and whom they let through: the words of the neutral rule list.

use ipnet::IpNet;

use super::groups::Groups;
use crate::policy::{Role, RoleSet};
use crate::text::named;

named! {
    /// Where the rules are enforced.
    pub enum Side {
        /// On the gateway, or on the port it hangs on.
        Gateway = "gateway",
        /// On a node, or on the port it hangs on.
        Nodes = "nodes",
        /// On a router or firewall between them.
        Firewall = "firewall",
    }
}

impl Side {
    /// Whose side it is; `None` for a firewall between.
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::Gateway => Some(Role::Gateway),
            Self::Nodes => Some(Role::Node),
            Self::Firewall => None,
        }
    }
}

named! {
    /// Which way the client's packets go, seen from where the rules stand.
    pub enum RuleDirection {
        /// To this host.
        In = "in",
        /// From this host.
        Out = "out",
        /// Through this firewall.
        Through = "through",
    }
}

impl RuleDirection {
    /// Which way the answers go.
    pub const fn back(self) -> Self {
        match self {
            Self::In => Self::Out,
            Self::Out => Self::In,
            Self::Through => Self::Through,
        }
    }
}

named! {
    /// Hosts that rules name.
    pub enum HostSet {
        /// The gateways.
        Gateway = "gateway",
        /// The nodes.
        Node = "node",
        /// Third-party BACnet/IP systems.
        Bacnet = "bacnet",
        /// Every address of the site: the private ranges and what the inventory adds.
        Site = "site",
    }
}

impl HostSet {
    /// The hosts of a role that the documents speak of.
    pub const fn of(role: Role) -> Option<Self> {
        match role {
            Role::Gateway => Some(Self::Gateway),
            Role::Node => Some(Self::Node),
            Role::Bacnet => Some(Self::Bacnet),
            _ => None,
        }
    }

    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Gateway => "gateways",
            Self::Node => "nodes",
            Self::Bacnet => "BACnet systems",
            Self::Site => "the site",
        }
    }
}

/// Who may be at one end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Base {
    /// Multicast and broadcast addresses. First, so that rules which have to notice a request to a
    /// group stand before wider ones.
    Group(Groups),
    /// The host that enforces the rules.
    ThisHost,
    /// One of the sets.
    Set(HostSet),
    /// Anybody.
    Any,
    /// These addresses.
    Blocks(Vec<IpNet>),
}

/// One end of a rule.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct End {
    /// Who.
    pub base: Base,
    /// But not these.
    pub except: Vec<HostSet>,
}

impl End {
    /// The host that enforces the rules.
    pub const THIS_HOST: Self = Self::of(Base::ThisHost);
    /// Anybody.
    pub const ANY: Self = Self::of(Base::Any);

    /// All of these.
    pub const fn of(base: Base) -> Self {
        Self { base, except: Vec::new() }
    }

    /// One set.
    pub const fn set(set: HostSet) -> Self {
        Self::of(Base::Set(set))
    }

    /// Whether it holds for every address.
    pub fn is_unrestricted(&self) -> bool {
        matches!(self.base, Base::Any | Base::ThisHost) && self.except.is_empty()
    }

    /// Every set it names.
    pub fn sets(&self) -> impl Iterator<Item = HostSet> {
        let base = if let Base::Set(set) = self.base { Some(set) } else { None };
        base.into_iter().chain(self.except.iter().copied())
    }

    /// For people.
    pub fn words(&self) -> String {
        let mut text = match &self.base {
            Base::ThisHost => "this host".to_owned(),
            Base::Set(set) => set.words().to_owned(),
            Base::Any => "any".to_owned(),
            Base::Blocks(blocks) => blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            Base::Group(groups) => format!("{} groups", groups.name),
        };
        for (nth, set) in self.except.iter().enumerate() {
            text.push_str(if nth == 0 { " but " } else { " and " });
            text.push_str(set.words());
        }
        text
    }

    /// Roles (but groups) as ends, each of which stands for a rule of its own.
    pub fn of_roles(roles: RoleSet) -> Vec<Self> {
        let igor = [Role::Gateway, Role::Node, Role::Bacnet];
        let sets =
            |wanted: bool| igor.into_iter().filter(move |role| roles.contains(*role) == wanted).filter_map(HostSet::of);
        let absent: Vec<HostSet> = sets(false).collect();
        match (roles.contains(Role::Host), roles.contains(Role::External)) {
            (true, true) => vec![Self { base: Base::Any, except: absent }],
            (true, false) => vec![Self { base: Base::Set(HostSet::Site), except: absent }],
            (false, true) => std::iter::once(Self { base: Base::Any, except: vec![HostSet::Site] })
                .chain(sets(true).map(Self::set))
                .collect(),
            (false, false) => sets(true).map(Self::set).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_become_the_fewest_ends() {
        for (roles, words) in [
            (&[Role::Node][..], &["nodes"][..]),
            (&[Role::Gateway, Role::Bacnet], &["gateways", "BACnet systems"]),
            (&[Role::Gateway, Role::Bacnet, Role::Host, Role::External], &["any but nodes"]),
            (&[Role::Gateway, Role::Node, Role::Bacnet, Role::Host], &["the site"]),
            (&[Role::Bacnet, Role::Host], &["the site but gateways and nodes"]),
            (&[Role::External, Role::Node], &["any but the site", "nodes"]),
            (&Role::ALL, &["any"]),
            (&[], &[]),
        ] {
            let ends = End::of_roles(roles.iter().copied().collect());
            assert_eq!(ends.iter().map(End::words).collect::<Vec<_>>(), words, "{roles:?}");
        }
    }
}
