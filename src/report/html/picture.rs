//! Who talks to whom: the roles as groups of dots, a dot a host, and between them what was said.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use super::page::{Page, put};
use super::verdict_color::VerdictColor;
use crate::inventory::Host;
use crate::policy::Role;
use crate::report::text::units::{count, counted, short};
use crate::survey::Survey;
use crate::verdict::Conversation;

/// Dots of one group; more hosts than that are a number.
const DOTS: usize = 400;
/// Hosts of a group that are named beneath it.
const NAMED: usize = 3;
const CENTER: (f64, f64) = (360.0, 335.0);
const RADIUS: f64 = 235.0;

/// Where each role stands, in turns clockwise from the right; the gateway in the middle of the others,
/// because it is what the system hangs on, and no line between two of them passes a third.
const PLACES: [(Role, Option<f64>, &str, &str); 6] = [
    (Role::Gateway, None, "gateway", "gateways"),
    (Role::Node, Some(0.55), "node", "nodes"),
    (Role::External, Some(0.75), "external host", "external hosts"),
    (Role::Bacnet, Some(0.95), "BACnet system", "BACnet systems"),
    (Role::Host, Some(0.15), "other host", "other hosts"),
    (Role::Group, Some(0.35), "group address", "group addresses"),
];

/// From a line of text beneath a bubble to the next.
const LINE: f64 = 18.0;
/// Half of the width that the words at a bubble may have.
const WORDS: f64 = 115.0;
/// What a loop takes at a bubble, with its number.
const LOOP: f64 = 58.0;

struct RoleNode<'a> {
    x: f64,
    y: f64,
    radius: f64,
    /// Away from the middle.
    outward: (f64, f64),
    one: &'static str,
    many: &'static str,
    /// Those in trouble first.
    hosts: Vec<(&'a Host, VerdictColor)>,
}

/// What passed one way between two roles.
#[derive(Clone, Copy, Default)]
struct Sum {
    conversations: u64,
    packets: u64,
}

impl RoleNode<'_> {
    /// Whether its words stand above it, since all its lines go down.
    fn is_top(&self) -> bool {
        self.outward.1 < -0.9
    }

    /// What stands at it, its number first.
    fn words(&self) -> Vec<String> {
        let mut words = vec![counted(self.hosts.len() as u64, self.one, self.many)];
        let troubled = self.hosts.iter().filter(|(_, worst)| *worst >= VerdictColor::Unexpected).count();
        if self.hosts.len() <= NAMED {
            words.extend(self.hosts.iter().map(|(host, _)| shortened(host)));
        } else if troubled > 0 {
            words.push(format!("{} with trouble", count(troubled as u64)));
        }
        words
    }

    /// Where the first line of its words stands.
    fn first_line(&self, words: usize) -> f64 {
        let above = 10.0 + LINE * words.saturating_sub(1) as f64;
        self.y + if self.is_top() { -self.radius - above } else { self.radius + 19.0 }
    }

    /// Left, top, right and bottom of all that is drawn at it.
    fn bounds(&self) -> [f64; 4] {
        let aside = WORDS.max(self.radius + LOOP);
        let words = self.words().len();
        let first = self.first_line(words);
        let top = (self.y - self.radius - LOOP).min(first - LINE);
        let bottom = (self.y + self.radius).max(first + LINE * words as f64);
        [self.x - aside, top, self.x + aside, bottom]
    }
}

impl Sum {
    fn add(&mut self, conversation: &Conversation) {
        self.conversations += 1;
        self.packets += conversation.packets.iter().sum::<u64>();
    }
}

type TrafficSums = BTreeMap<(Role, Role, VerdictColor), Sum>;

pub(super) fn write(page: &mut Page, survey: &Survey) {
    if survey.conversations.is_empty() {
        return;
    }
    let mut sums = TrafficSums::new();
    let mut worst = vec![VerdictColor::Bystander; survey.hosts.len()];
    for conversation in &survey.conversations {
        let strand = VerdictColor::of(conversation);
        let role = |host| survey.hosts.role(host);
        sums.entry((role(conversation.client), role(conversation.server), strand)).or_default().add(conversation);
        for host in [conversation.client, conversation.server].map(|host| survey.hosts.device_of(host)) {
            if let Some(worst) = worst.get_mut(host.0 as usize) {
                *worst = strand.max(*worst);
            }
        }
    }
    page.section("picture", "Who talks to whom");
    put!(
        page,
        "<p>A dot is a device, a line is what passed between two roles: its colour is the verdict, its width grows with \
         the number of conversations.</p><ul class=\"legend\">"
    );
    for strand in VerdictColor::ALL.into_iter().rev().filter(|strand| sums.keys().any(|key| key.2 == *strand)) {
        put!(page, "<li><i class=\"{}\"></i>{}</li>", strand.class(), strand.words());
    }
    put!(page, "</ul><div class=\"beside\">");
    let bubbles = bubbles(survey, &worst);
    draw(page, &bubbles, &sums);
    list(page, &sums);
    put!(page, "</div>");
    page.end_section();
}

fn bubbles<'a>(survey: &'a Survey, worst: &[VerdictColor]) -> BTreeMap<Role, RoleNode<'a>> {
    let mut bubbles = BTreeMap::new();
    let devices = survey.hosts.devices();
    for (role, turn, one, many) in PLACES {
        let of_role = devices.iter().filter(|(id, is_heard)| **is_heard && survey.hosts.role(**id) == role);
        let mut hosts: Vec<(&Host, VerdictColor)> =
            of_role.map(|(id, _)| (survey.hosts.get(*id), worst[id.0 as usize])).collect();
        if hosts.is_empty() {
            continue;
        }
        hosts.sort_by_key(|(_, worst)| std::cmp::Reverse(*worst));
        let outward = turn.map_or((0.0, 1.0), |turn| ((turn * TAU).cos(), (turn * TAU).sin()));
        let distance = if turn.is_some() { RADIUS } else { 0.0 };
        let shown = hosts.len().min(DOTS) as f64;
        let bubble = RoleNode {
            x: CENTER.0 + outward.0 * distance,
            y: CENTER.1 + outward.1 * distance,
            radius: (22.0 + 3.3 * shown.sqrt()).clamp(27.0, 80.0),
            outward,
            one,
            many,
            hosts,
        };
        bubbles.insert(role, bubble);
    }
    bubbles
}

fn draw(page: &mut Page, bubbles: &BTreeMap<Role, RoleNode<'_>>, sums: &TrafficSums) {
    let [left, top, right, bottom] = bubbles
        .values()
        .map(RoleNode::bounds)
        .fold([f64::MAX, f64::MAX, f64::MIN, f64::MIN], |[left, top, right, bottom], [l, t, r, b]| {
            [left.min(l), top.min(t), right.max(r), bottom.max(b)]
        });
    put!(
        page,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Picture of who talks to whom\"><svg \
         class=\"picture\" viewBox=\"{}\" role=\"group\" aria-label=\"Hosts by role and what passed between them; the \
         table beside it says the same\">",
        format!("{left:.0} {top:.0} {:.0} {:.0}", right - left, bottom - top)
    );
    // Both ways of a pair are one line.
    let mut lines: BTreeMap<(Role, Role), BTreeMap<VerdictColor, Sum>> = BTreeMap::new();
    for ((client, server, strand), sum) in sums {
        let pair = (*client.min(server), *client.max(server));
        let line = lines.entry(pair).or_default().entry(*strand).or_default();
        line.conversations += sum.conversations;
        line.packets += sum.packets;
    }
    for ((a, b), strands) in &lines {
        let (Some(from), Some(to)) = (bubbles.get(a), bubbles.get(b)) else { continue };
        for (at, (strand, sum)) in strands.iter().enumerate() {
            let shift = at as f64 - (strands.len() - 1) as f64 / 2.0;
            let width = (1.5 + (sum.conversations as f64).log2() * 0.55).min(8.0);
            let title = format!(
                "{} – {}: {}, {}, {} packets",
                a.name(),
                b.name(),
                strand.words(),
                counted(sum.conversations, "conversation", "conversations"),
                short(sum.packets)
            );
            let (path, middle) = if a == b { turn(from, shift) } else { line(from, to, shift) };
            put!(
                page,
                "<path class=\"line {}\" data-words=\"{} {} {}\" stroke-width=\"{}\" d=\"{}\"><title>{}</title></path>",
                strand.class(),
                a.name(),
                b.name(),
                strand.verdict(),
                format!("{width:.1}"),
                path,
                title
            );
            if *strand >= VerdictColor::Unexpected {
                put!(
                    page,
                    "<text class=\"count {}\" x=\"{}\" y=\"{}\">{}</text>",
                    strand.class(),
                    format!("{:.0}", middle.0),
                    format!("{:.0}", middle.1 + 4.0),
                    short(sum.conversations)
                );
            }
        }
    }
    for bubble in bubbles.values() {
        dots(page, bubble);
    }
    put!(page, "</svg></div>");
}

/// A line from bubble to bubble, bent a little, beside those of the other verdicts; and its middle.
fn line(from: &RoleNode<'_>, to: &RoleNode<'_>, shift: f64) -> (String, (f64, f64)) {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let length = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length, dy / length);
    let across = (-uy * shift, ux * shift);
    let start = (from.x + ux * from.radius + across.0 * 9.0, from.y + uy * from.radius + across.1 * 9.0);
    let end = (to.x - ux * to.radius + across.0 * 9.0, to.y - uy * to.radius + across.1 * 9.0);
    let bend = ((start.0 + end.0) / 2.0 + across.0 * 26.0, (start.1 + end.1) / 2.0 + across.1 * 26.0);
    let middle = ((start.0 + end.0) / 4.0 + bend.0 / 2.0, (start.1 + end.1) / 4.0 + bend.1 / 2.0);
    let path = format!("M{:.0} {:.0}Q{:.0} {:.0} {:.0} {:.0}", start.0, start.1, bend.0, bend.1, end.0, end.1);
    (path, middle)
}

/// A loop at the outer side of a bubble, for what its own hosts say to each other; and its far point.
fn turn(bubble: &RoleNode<'_>, shift: f64) -> (String, (f64, f64)) {
    let (x, y) = bubble.outward;
    let size = 20.0 + shift * 8.0;
    let middle = (bubble.x + x * (bubble.radius + size * 0.4), bubble.y + y * (bubble.radius + size * 0.4));
    let far = (middle.0 + x * size, middle.1 + y * size);
    let (left, right) = ((middle.0 - y * size, middle.1 + x * size), (middle.0 + y * size, middle.1 - x * size));
    let path = format!(
        "M{:.0} {:.0}A{size:.0} {size:.0} 0 1 0 {:.0} {:.0}A{size:.0} {size:.0} 0 1 0 {:.0} {:.0}",
        left.0, left.1, right.0, right.1, left.0, left.1
    );
    (path, far)
}

fn dots(page: &mut Page, bubble: &RoleNode<'_>) {
    let shown = bubble.hosts.len().min(DOTS);
    let words = bubble.words();
    put!(
        page,
        "<g><circle class=\"bubble\" cx=\"{}\" cy=\"{}\" r=\"{}\"><title>{}</title></circle>",
        format!("{:.0}", bubble.x),
        format!("{:.0}", bubble.y),
        format!("{:.0}", bubble.radius),
        words[0]
    );
    // Sunflower seeds: each the golden angle further, the same room for all.
    let spread = (bubble.radius - 8.0) / (shown as f64).sqrt();
    let size = (spread * 0.6).min(7.0);
    for (at, (host, worst)) in bubble.hosts.iter().take(shown).enumerate() {
        let out = if shown == 1 { 0.0 } else { spread * (at as f64 + 0.35).sqrt() };
        let angle = at as f64 * 2.399_963;
        let name = host.name.as_deref().unwrap_or_default();
        let device = page.devices.get(&host.address).copied();
        if let Some(device) = device {
            put!(page, "<a href=\"#device-{}\">", device);
        }
        put!(
            page,
            "<circle class=\"dot {}\" cx=\"{}\" cy=\"{}\" r=\"{}\"><title>{} {}: {}</title></circle>",
            worst.class(),
            format!("{:.1}", bubble.x + out * angle.cos()),
            format!("{:.1}", bubble.y + out * angle.sin()),
            format!("{size:.1}"),
            host.address,
            name,
            worst.words()
        );
        if device.is_some() {
            put!(page, "</a>");
        }
    }
    let mut y = bubble.first_line(words.len());
    let x = format!("{:.0}", bubble.x);
    for (text, at) in words.iter().zip(0..) {
        let (class, letter) = if at == 0 { ("label", 8.4) } else { ("sub", 6.9) };
        // Lines that pass behind the words end at their edge.
        let width = text.chars().count() as f64 * letter + 6.0;
        put!(
            page,
            "<rect class=\"behind\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"17\"/>",
            format!("{:.0}", bubble.x - width / 2.0),
            format!("{:.0}", y - 13.0),
            format!("{width:.0}")
        );
        put!(page, "<text class=\"{}\" x=\"{}\" y=\"{}\">{}</text>", class, x, format!("{y:.0}"), text);
        y += LINE;
    }
    put!(page, "</g>\n");
}

/// Name or address, so long that it fits beneath a bubble.
fn shortened(host: &Host) -> String {
    let text = host.name.as_deref().map_or_else(|| host.address.to_string(), str::to_owned);
    if text.chars().count() <= 22 { text } else { text.chars().take(21).chain(['…']).collect() }
}

fn list(page: &mut Page, sums: &TrafficSums) {
    page.table(
        "pairs",
        "What passed between roles",
        &["From", "To", "Verdict", "#Conversations", "#Packets"],
        sums.len(),
    );
    let mut rows: Vec<_> = sums.iter().collect();
    rows.sort_by_key(|((client, server, strand), _)| (std::cmp::Reverse(*strand), *client, *server));
    for ((client, server, strand), sum) in rows {
        put!(page, "<tr><td>{}</td><td>{}</td>", client.name(), server.name());
        put!(page, "<td><i class=\"swatch {}\"></i>{}</td>", strand.class(), strand.class());
        page.count_cell(sum.conversations);
        page.count_cell(sum.packets);
        put!(page, "</tr>");
    }
    page.end_table();
}
