use std::path::{Path, PathBuf};

use super::*;
use crate::policy::{Direction, Policy, Role};
use crate::protocol::Transport;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/local").join(name)
}

fn check(machine: &Machine) -> LocalCheck {
    LocalCheck::new(&Policy::embedded(), Role::Gateway, machine)
}

fn state(check: &LocalCheck, direction: Direction, transport: Transport, port: u16) -> &PortCheck {
    let meant = |it: &&PortCheck| (it.direction, it.transport, it.port) == (direction, transport, port);
    check.ports.iter().find(meant).unwrap()
}

#[test]
fn a_machine_with_the_vendors_rules_is_good() {
    let machine = Machine::load(&fixture("english-2016")).unwrap();
    assert_eq!(machine.unseen, [""; 0]);
    let check = check(&machine);
    let bad: Vec<_> = check.ports.iter().filter(|port| !port.state.is_good()).collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert_eq!(check.ports.len(), 32, "14 in and 15 out of the gateway software, 1 and 2 of the BACnet service");
    let web = state(&check, Direction::Incoming, Transport::Tcp, 80);
    assert_eq!((&web.state, web.rule.as_deref()), (&PortState::Allowed, Some("Igor TCP")));
    assert_eq!(web.listeners, ["System"]);
    let coap = state(&check, Direction::Incoming, Transport::Udp, 5683);
    assert_eq!(coap.listeners, ["IgorGateway.exe"]);
    assert_eq!(state(&check, Direction::Outgoing, Transport::Tcp, 443).state, PortState::Open);
    assert!(check.wide.is_empty(), "{:?}", check.wide);
    let beside: Vec<_> = check.listeners.iter().map(|it| (it.listening.port, it.listening.process.as_str())).collect();
    assert_eq!(
        beside,
        [(135, "svchost.exe"), (445, "System"), (123, "svchost.exe")],
        "nothing of the loopback address"
    );
    assert_eq!(check.listeners[1].allowed_by.as_deref(), Some("@FirewallAPI.dll,-28511"));
    assert_eq!(check.listeners[0].allowed_by, None);
}

#[test]
fn blocked_narrow_and_wide_rules_are_told_in_german_too() {
    let machine = Machine::load(&fixture("german-10")).unwrap();
    let check = check(&machine);
    assert!(!check.is_good());
    let of = |transport, port| &state(&check, Direction::Incoming, transport, port).state;
    let program =
        |is_meant| PortState::ForProgram { program: r"C:\Program Files\Igor\IgorGateway.exe".to_owned(), is_meant };
    // A block goes before what allows.
    assert_eq!(of(Transport::Udp, 1900), &PortState::Blocked);
    // That of the office holds in two profiles; the test of sales holds everywhere, for some addresses.
    let web = state(&check, Direction::Incoming, Transport::Tcp, 80);
    assert_eq!((&web.state, web.is_for_addresses), (&PortState::Allowed, true));
    assert_eq!(of(Transport::Udp, 69), &PortState::Allowed, "by group policy");
    assert_eq!(
        of(Transport::Udp, 5683),
        &program(false),
        "nobody listens there, and it is none of the vendor's programs"
    );
    // A block for some program is none of the port's, unless it listens there or is the vendor's.
    assert_eq!(state(&check, Direction::Outgoing, Transport::Tcp, 443).state, PortState::Open);
    assert_eq!(of(Transport::Udp, 1901), &program(false), "nobody listens there");
    let mut vendors = machine.clone();
    let process = Policy::embedded().antivirus().processes[0].clone();
    let of_the_web = vendors.rules.iter_mut().filter(|rule| rule.name == "kein HTTPS");
    of_the_web.for_each(|rule| rule.program = Some(process.clone()));
    vendors
        .rules
        .iter_mut()
        .filter(|rule| rule.name == "IgorGateway")
        .for_each(|rule| rule.program = Some(process.clone()));
    let vendors = self::check(&vendors);
    let coap = &state(&vendors, Direction::Incoming, Transport::Udp, 5683).state;
    assert_eq!(coap, &PortState::ForProgram { program: process.clone(), is_meant: true });
    assert_eq!(state(&vendors, Direction::Outgoing, Transport::Tcp, 443).state, PortState::Blocked);
    let wide: Vec<_> = check.wide.iter().map(|rule| (rule.name.as_str(), rule.lets_in.as_str())).collect();
    assert_eq!(
        wide,
        [("IgorGateway", "every protocol and port"), ("Vertrieb Test", "TCP 1-2000, of which 1996 are not documented")]
    );
    let beside: Vec<_> = check.listeners.iter().map(|it| it.listening.port).collect();
    assert_eq!(beside, [3389]);
    assert_eq!(check.listeners[0].allowed_by, None, "a rule for another program lets nobody reach it");
    assert_eq!(state(&check, Direction::Incoming, Transport::Udp, 1900).listeners, ["process 3300"]);
}

#[test]
fn a_firewall_that_is_off_lets_all_through_and_what_was_not_seen_is_told() {
    let machine = Machine::load(&fixture("french-7")).unwrap();
    assert_eq!(machine.unseen.len(), 3, "{:?}", machine.unseen);
    assert!(machine.unseen.iter().any(|line| line.starts_with("1 firewall rules")));
    assert!(machine.unseen.iter().any(|line| line.contains("netstat -ano")));
    assert_eq!(machine.rules.iter().filter(|rule| rule.name == "Éclairage").count(), 1);
    let check = check(&machine);
    assert!(check.is_good() && check.ports.iter().all(|port| port.state == PortState::Open));
}

/// Each of these was taken for a rule that lets every documented port through.
#[test]
fn rules_for_something_else_allow_no_documented_port() {
    let head = "HKEY_LOCAL_MACHINE\\SYSTEM\\FirewallRules\n";
    for rule in [
        r"v2.30|Action=Allow|Active=TRUE|Dir=In|Profile=Domain|Profile=Private|Profile=Public|Name=@{Microsoft.X}|LUOwn=S-1-5-21-1|AppPkgId=S-1-15-2-1|",
        r"v2.30|Action=Allow|Active=TRUE|Dir=In|LUAuth=D:(A;;CC;;;S-1-5-80-1)|Name=a|",
        r"v2.30|Action=Allow|Active=TRUE|Dir=In|IFType=Wireless|Name=a|",
        r"v2.30|Action=Allow|Active=TRUE|Dir=In|SomethingNew=1|Name=a|",
        r"v2.30|Action=Allow|Active=TRUE|Dir=In|App=C:\Games\x.exe|Name=a|",
        r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=RPC|RPort=1-65535|Name=a|",
        r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|RPort=20|Name=a|",
        r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=300|Name=a|",
    ] {
        let read = super::rules::read(&format!("{head}    {{A}}    REG_SZ    {rule}\n"), false);
        let machine = Machine { rules: read.rules, ..Machine::default() };
        let ports = check(&machine).ports;
        let incoming = ports.iter().filter(|port| port.direction == Direction::Incoming);
        let good: Vec<_> = incoming.filter(|port| port.state.is_good()).collect();
        assert!(good.is_empty(), "{rule}: {good:?}");
    }
    // The twin: what narrows nothing.
    let rule =
        r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|RPort=1-65535|Name=web|Desc=x|Edge=TRUE|Defer=App|";
    let read = super::rules::read(&format!("{head}    {{A}}    REG_SZ    {rule}\n"), false);
    let check = check(&Machine { rules: read.rules, ..Machine::default() });
    assert_eq!(state(&check, Direction::Incoming, Transport::Tcp, 80).state, PortState::Allowed);
}

#[test]
fn without_rules_nothing_is_said() {
    let place = tempfile::tempdir().unwrap();
    let error = Machine::load(place.path()).unwrap_err().to_string();
    assert!(error.contains("no firewall rule") && error.contains("reg query"), "{error}");
}

#[test]
fn no_damage_breaks_it() {
    for name in ["english-2016", "german-10", "french-7"] {
        let whole = std::fs::read(fixture(name).join("firewall.txt")).unwrap();
        for cut in (0..whole.len()).step_by(7) {
            for bytes in [&whole[..cut], &whole[cut..]] {
                let _ = Machine::of([Some(bytes.to_vec()), Some(bytes.to_vec()), Some(bytes.to_vec()), None], "x");
            }
        }
    }
}
