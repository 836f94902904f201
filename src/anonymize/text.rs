//! Foreign words and addresses in text that was put together before.

use std::collections::HashMap;
use std::net::IpAddr;

use super::address::Cipher;
use crate::decode::MacAddr;
use crate::policy::Role;

/// Words of the site, and what stands for each.
#[derive(Default)]
pub(super) struct PhraseMap {
    aliases: HashMap<String, String>,
    /// Lengths of phrases that are replaced wherever they stand, the longest first, so that a part of one is no other.
    lengths: Vec<usize>,
    /// What hosts are called, by what a text calls them besides: their address or link address.
    names: HashMap<Owner, String>,
}

/// What stands before the first half of a link address, which tells who made the device. Three pairs of digits alone may be a
/// time.
const MAC_BLOCK: &str = "MAC block ";

/// Whose name stands behind it in a text.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Address(IpAddr),
    Mac(MacAddr),
}

impl PhraseMap {
    /// From what is replaced wherever it stands, and from the names of hosts, which may be any word: those are replaced
    /// where they stand in brackets behind their owner, as `10.20.0.31 (lamp)`.
    pub(super) fn new(
        phrases: impl IntoIterator<Item = (String, String)>,
        names: impl IntoIterator<Item = (Owner, String)>,
    ) -> Self {
        let mut aliases = HashMap::new();
        for (text, alias) in phrases.into_iter().filter(|(text, _)| !text.trim().is_empty()) {
            aliases.entry(text).or_insert(alias);
        }
        let mut lengths: Vec<usize> = aliases.keys().filter(|phrase| tells(phrase)).map(String::len).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        Self { aliases, lengths, names: names.into_iter().collect() }
    }

    /// What stands for a whole text.
    pub(super) fn of(&self, text: &str) -> Option<&str> {
        self.aliases.get(text).map(String::as_str)
    }

    /// The phrase that a text begins with, and what stands for it.
    fn at_start(&self, text: &str, at_word: bool) -> Option<(usize, &str)> {
        let inside = |end: Option<char>| end.is_some_and(char::is_alphanumeric);
        self.lengths.iter().find_map(|length| {
            let phrase = text.get(..*length)?;
            let alias = self.aliases.get(phrase).filter(|_| tells(phrase))?;
            let after = text[*length..].chars().next();
            let is_whole =
                (at_word || !inside(phrase.chars().next())) && !(inside(after) && inside(phrase.chars().next_back()));
            is_whole.then_some((*length, alias.as_str()))
        })
    }

    /// The name that stands in brackets behind its owner: how long that is, and what stands for it.
    fn behind(&self, owner: &Owner, text: &str) -> Option<(usize, String)> {
        let name = self.names.get(owner)?;
        let rest = text.strip_prefix(" (")?.strip_prefix(name.as_str())?.strip_prefix(')')?;
        let alias = self.of(name).unwrap_or(super::LEFT_OUT);
        Some((text.len() - rest.len(), format!(" ({alias})")))
    }

    /// The text with every phrase, address and link address replaced.
    pub(super) fn scrub(&self, text: &str, cipher: &Cipher) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let before = out.chars().next_back();
            let at_word = !before.is_some_and(char::is_alphanumeric);
            if let Some((length, alias)) = self.at_start(rest, at_word) {
                out.push_str(alias);
                rest = rest.get(length..).unwrap_or_default();
                continue;
            }
            if let Some(block) = rest.strip_prefix(MAC_BLOCK).filter(|_| at_word) {
                out.extend([MAC_BLOCK, super::LEFT_OUT]);
                rest = block.get(address_token(block)..).unwrap_or_default();
                continue;
            }
            let token = if at_word { address_token(rest) } else { 0 };
            if let Some((length, replaced, owner)) = replaced(rest.get(..token).unwrap_or_default(), cipher) {
                out.push_str(&replaced);
                rest = rest.get(length..).unwrap_or_default();
                if let Some((length, name)) = self.behind(&owner, rest) {
                    out.push_str(&name);
                    rest = rest.get(length..).unwrap_or_default();
                }
                continue;
            }
            let mut chars = rest.chars();
            out.extend(chars.next());
            rest = chars.as_str();
        }
        out
    }
}

/// Whether a phrase within a text tells of the site: a host called `gateway`, or `a`, does not.
fn tells(phrase: &str) -> bool {
    phrase.len() >= 3 && Role::ALL.iter().all(|role| !role.name().eq_ignore_ascii_case(phrase))
}

/// Bytes that could be an address.
fn address_token(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':'))).unwrap_or(text.len())
}

/// The address that a token is, replaced, and how long it is: marks of a sentence may follow it.
fn replaced(token: &str, cipher: &Cipher) -> Option<(usize, String, Owner)> {
    let bare = [token, token.trim_end_matches(['.', ':'])];
    bare.into_iter().find_map(|token| {
        if let Some(mac) = MacAddr::parse(token) {
            return Some((token.len(), cipher.mac(mac).to_string(), Owner::Mac(mac)));
        }
        let address: IpAddr = token.parse().ok()?;
        Some((token.len(), cipher.address(address).to_string(), Owner::Address(address)))
    })
}

/// What stands in quotation marks is untrusted: file names, payload.
pub(super) fn without_quotes(text: &str) -> String {
    let parts: Vec<&str> = text.split('"').collect();
    let last = parts.len() - 1;
    let inside = |at: usize| at % 2 == 1 && at < last;
    let words = parts.iter().enumerate().map(|(at, part)| if inside(at) { "(left out)" } else { part });
    words.collect::<Vec<_>>().join("\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_found_among_words() {
        let cipher = Cipher::new(&[7; 32]);
        let phrases = PhraseMap::new(
            [("node-1", "n-a"), ("node-12", "n-b"), ("/srv/pier.pcap", "capture-1")]
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .into_iter()
                .chain([("ab".to_owned(), "n-c".to_owned()), ("gateway".to_owned(), "g-a".to_owned())]),
            [
                (Owner::Address("10.20.0.3".parse().unwrap()), "ab".to_owned()),
                (Owner::Address("10.20.0.10".parse().unwrap()), "gateway".to_owned()),
            ],
        );
        let other = |text: &str| cipher.address(text.parse().unwrap()).to_string();
        let mac = cipher.mac(MacAddr([2, 0x49, 0x67, 0, 0, 10]));
        for (text, expected) in [
            ("node-12 (10.20.0.1) asked node-1.", format!("n-b ({}) asked n-a.", other("10.20.0.1"))),
            ("ip.addr==10.20.0.1 && udp", format!("ip.addr=={} && udp", other("10.20.0.1"))),
            ("From 10.20.0.1. Then", format!("From {}. Then", other("10.20.0.1"))),
            ("[fd00::7]:80, 02:49:67:00:00:0a", format!("[{}]:80, {mac}", other("fd00::7"))),
            ("at 08:15:00 version 1.12.1 face", "at 08:15:00 version 1.12.1 face".to_owned()),
            ("frame 3 of /srv/pier.pcap; xnode-1", "frame 3 of capture-1; xnode-1".to_owned()),
            ("239.255.255.250 stays", "239.255.255.250 stays".to_owned()),
            ("; MAC block 00:1b:c5 as most", "; MAC block (left out) as most".to_owned()),
            // Names that are any word are known by their owner.
            ("10.20.0.3 (ab) is about", format!("{} (n-c) is about", other("10.20.0.3"))),
            ("a gateway, 10.20.0.10 (gateway).", format!("a gateway, {} (g-a).", other("10.20.0.10"))),
        ] {
            assert_eq!(phrases.scrub(text, &cipher), expected);
        }
        assert_eq!(without_quotes("reads \"secret.bin\" and \"b\"."), "reads \"(left out)\" and \"(left out)\".");
        assert_eq!(without_quotes("5\" wide"), "5\" wide");
    }
}
