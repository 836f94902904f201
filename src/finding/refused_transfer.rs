//! `refused-transfer`: files that TFTP itself refused by its ERROR (RFC 1350 section 5), and why.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use super::devices::MAX_TOLD;
use super::phrases::{frame, times};
use super::tftp_errors::{OPTIONS, UNDEFINED, UNKNOWN_ID, is_clients, meaning};
use super::{Cited, Context, Facts, Finding, Judged, Replace, Transfer, Who};
use crate::capture::{Moment, Timestamp};
use crate::flow::{EndView, Endpoint, First, FlowView, TftpError, TftpFile};
use crate::inventory::HostId;
use crate::policy::{Case, FindingKind, Role};
use crate::protocol::tftp::PORT;
use crate::protocol::{TftpOpcode, Transport};
use crate::relation::{LinkKind, is_group, opcode};
use crate::text::visible;
use crate::verdict::Observations;

/// Refusals that a display filter lists.
const MAX_FILTERED: usize = 100;

/// What became of a request in one flow that answers it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RequestAnswer {
    /// A file began to cross.
    Accepted,
    /// An ERROR came instead.
    Refused { code: u16, by_client: bool },
    /// Neither: its beginning was not captured, or the client only asked for the size.
    Unknown,
}

/// A flow that answers a request.
struct Attempt<'a> {
    /// Position of the request's flow.
    request: u32,
    client: Endpoint,
    server: Endpoint,
    answer: RequestAnswer,
    /// How many ERRORs came, at least.
    number: u64,
    /// The message of the first: untrusted.
    message: Option<&'a [u8]>,
    /// After how many blocks it came, where it was no answer to the request itself.
    after: Option<u64>,
    begin: Moment,
    at: Cited,
    last: Timestamp,
    file: Option<&'a TftpFile>,
    /// Whether only one request was sent from the client's port: then the file is the one that was meant.
    is_only: bool,
}

/// Refusals of one file to one device, by one server and for one reason.
#[derive(Clone, Debug)]
struct Refusal {
    client: IpAddr,
    server: IpAddr,
    by_client: bool,
    code: u16,
    /// Its name: untrusted text.
    file: Option<String>,
    /// Whether the device wrote; none where the request was not captured.
    is_write: Option<bool>,
    /// Whether the file is sure to be the one that was refused, not another one asked for from the same port.
    is_sure: bool,
    /// How often.
    number: u64,
    /// The message of the first ERROR: untrusted text.
    message: Option<String>,
    /// After how many blocks it came.
    after: Option<u64>,
    /// The first.
    at: Cited,
    /// Whether the device went on to another file after the last.
    goes_on: bool,
}

/// All of one finding.
#[derive(Clone, Debug)]
struct Refusals {
    /// The first of them.
    first: Vec<Refusal>,
    number: usize,
    /// Every error code that they have, ascending.
    codes: Vec<u16>,
}

/// One for each pair of roles.
pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    if !seen.health.is_measured() {
        return Vec::new();
    }
    let attempts = attempts(judged);
    if !attempts.iter().any(|attempt| matches!(attempt.answer, RequestAnswer::Refused { .. })) {
        return Vec::new();
    }
    let went_well = CompletedTransfers::of(seen, &attempts);
    let mut by_roles: BTreeMap<(Role, Role), Vec<&Attempt<'_>>> = BTreeMap::new();
    for attempt in &attempts {
        let ends = [attempt.client, attempt.server].map(|(address, _)| seen.hosts.find(address));
        let [client, server] = ends.map(|id| id.map_or(Role::Host, |id| seen.hosts.role(id)));
        if (client.is_igor() || server.is_igor()) && !went_well.settles(seen, attempt) {
            by_roles.entry((client, server)).or_default().push(attempt);
        }
    }
    by_roles.into_iter().filter_map(|(roles, attempts)| finding(seen, roles, &attempts, &went_well)).collect()
}

/// Each flow that answers a request; of those that crossed several VLANs the first.
fn attempts<'a>(judged: &Judged<'a>) -> Vec<Attempt<'a>> {
    let seen = judged.seen;
    let links = (0..).zip(&seen.relations.links).filter_map(|(at, link)| Some((at, (*link)?)));
    let linked = links.filter(|(_, link)| link.kind == LinkKind::Tftp);
    let mut flows: Vec<(u32, u32)> = linked.filter_map(|(at, link)| Some((link.flow?, at))).collect();
    // Some servers answer from the port that was asked.
    let answered: HashSet<u32> = flows.iter().map(|(request, _)| *request).collect();
    let alone = seen.relations.tftp_files.keys().filter(|request| !answered.contains(request));
    flows.extend(alone.map(|request| (*request, *request)));
    let transfers = MeasuredTransfers::of(judged.transfers);
    let mut all: Vec<Attempt<'_>> =
        flows.into_iter().filter_map(|(request, at)| attempt(seen, request, at, &transfers)).collect();
    all.sort_by_key(|attempt| attempt.begin);
    let mut told = HashSet::new();
    all.retain(|attempt| told.insert((attempt.client, attempt.server)));
    all
}

/// What was measured of transfers, by their ends.
struct MeasuredTransfers<'a>(HashMap<[Endpoint; 2], &'a Transfer>);

impl<'a> MeasuredTransfers<'a> {
    fn of(all: &'a [(Transfer, Cited)]) -> Self {
        Self(all.iter().map(|(one, _)| ([one.sender, one.receiver], one)).collect())
    }

    fn between(&self, a: Endpoint, b: Endpoint) -> Option<&Transfer> {
        self.0.get(&[a, b]).or_else(|| self.0.get(&[b, a])).copied()
    }
}

fn attempt<'a>(
    seen: &Observations<'a>,
    request: u32,
    at: u32,
    transfers: &MeasuredTransfers<'_>,
) -> Option<Attempt<'a>> {
    let asked = seen.flows.view(request);
    let place = asker(&asked)?;
    let (asker, is_to_all) = (&asked.ends[place], is_group(&asked, 1 - place));
    let flow = if at == request { asked } else { seen.flows.view(at) };
    let place = flow.ends.iter().position(|end| endpoint(end) == endpoint(asker))?;
    let ends @ [client, server] = [place, 1 - place].map(|end| &flow.ends[end]);
    let [to_server, to_client] = [[client, server], [server, client]]
        .map(|[from, to]| seen.evidence.first_tftp_error(&(flow.vlan(), endpoint(from), endpoint(to))));
    let measured = transfers.between(endpoint(client), endpoint(server));
    let copies = |end: &EndView<'_>| end.packets().saturating_sub(end.duplicates()).max(1);
    let mut found = Attempt {
        request,
        client: endpoint(client),
        server: endpoint(server),
        answer: answer(client, server),
        number: 1,
        message: None,
        after: None,
        begin: flow.begin(),
        at: Cited::new(flow.first_frame(), flow.first()),
        last: flow.first(),
        file: seen.relations.tftp_files.get(&request),
        is_only: copies(asker) == 1,
    };
    match (found.answer, measured) {
        // Of all whom it reached one is enough, and others need not have the file (RFC 1123 section 4.2.3.5).
        (RequestAnswer::Refused { .. }, _) if is_to_all => found.answer = RequestAnswer::Unknown,
        // From the port that was asked more may have come than the first answer.
        (RequestAnswer::Refused { code: OPTIONS, by_client: false }, _) if at == request && server.packets() > 1 => {
            found.answer = RequestAnswer::Unknown;
        }
        (RequestAnswer::Refused { by_client, .. }, _) => {
            let teller = ends[usize::from(!by_client)];
            let error = if by_client { to_server } else { to_client };
            // Where the client sends as well, not all that comes is the ERROR again.
            if client.packets() == 0 {
                found.number = copies(teller);
            }
            found.message =
                error.filter(|error| error.at.frame == teller.payload_frame()).map(|error| &*error.what.message);
            (found.begin, found.at) = (teller.begin(), Cited::new(teller.first_frame(), teller.first()));
            found.last = if found.number > 1 { teller.last() } else { teller.first() };
        }
        (_, Some(transfer)) if transfer.is_finished != Some(true) => match broken_off(to_client, to_server, transfer) {
            Some((error, by_client)) => {
                found.answer = RequestAnswer::Refused { code: error.what.code, by_client };
                (found.message, found.after) = (Some(&*error.what.message), Some(transfer.blocks));
                (found.begin, found.at) = (error.at, Cited::new(error.at.frame, error.time));
                found.last = error.time;
            }
            None if transfer.is_finished == Some(false) => found.answer = RequestAnswer::Unknown,
            None => {}
        },
        _ => {}
    }
    Some(found)
}

/// Of a transfer that was measured: the ERROR in its midst, and whether it is the client's.
fn broken_off<'a>(
    to_client: Option<&'a First<TftpError>>,
    to_server: Option<&'a First<TftpError>>,
    transfer: &Transfer,
) -> Option<(&'a First<TftpError>, bool)> {
    // What comes too late has an unknown transfer ID.
    let by_server = to_client.filter(|error| error.what.code != UNKNOWN_ID).map(|error| (error, false));
    // After so few blocks a client may only have asked for a size.
    let is_meant = |error: &&First<TftpError>| {
        is_clients(error.what.code) || (error.what.code == UNDEFINED && transfer.blocks > 2)
    };
    by_server.or_else(|| to_server.filter(is_meant).map(|error| (error, true)))
}

fn endpoint(end: &EndView<'_>) -> Endpoint {
    (end.address, end.port)
}

/// Which end of a request's flow asks; where its payload was not captured, the one that does not have TFTP's port.
fn asker(request: &FlowView<'_>) -> Option<usize> {
    let asks = |end: &EndView<'_>| opcode(end).is_some_and(|(opcode, _)| opcode.is_request());
    let place = request.ends.iter().position(asks);
    place.or_else(|| request.ends.iter().position(|end| end.port == PORT).map(|server| 1 - server))
}

/// What the first payloads of both ends say.
fn answer(client: &EndView<'_>, server: &EndView<'_>) -> RequestAnswer {
    use TftpOpcode::{Acknowledgment, Data, Error, OptionAcknowledgment};
    match (opcode(server), opcode(client)) {
        (Some((Error, code)), _) => RequestAnswer::Refused { code, by_client: false },
        // Else clients end what they asked for only to learn a size, or let go of a second answer.
        (_, Some((Error, code))) if is_clients(code) => RequestAnswer::Refused { code, by_client: true },
        (_, Some((Error, _))) => RequestAnswer::Unknown,
        (Some((Data, _)), _) => RequestAnswer::Accepted,
        (Some((Acknowledgment | OptionAcknowledgment, _)), _) if server.packets() > 1 => RequestAnswer::Accepted,
        _ => RequestAnswer::Unknown,
    }
}

/// The latest transfers that went well, by what was asked for: they settle the refusals before them.
struct CompletedTransfers<'a> {
    by_request: HashMap<u32, Moment>,
    by_file: HashMap<(HostId, &'a [u8]), Moment>,
    by_device: HashMap<HostId, Moment>,
}

impl<'a> CompletedTransfers<'a> {
    fn of(seen: &Observations<'_>, attempts: &[Attempt<'a>]) -> Self {
        let mut all = Self { by_request: HashMap::new(), by_file: HashMap::new(), by_device: HashMap::new() };
        // They come in the order of time: what is entered last is the latest.
        for attempt in attempts.iter().filter(|attempt| attempt.answer == RequestAnswer::Accepted) {
            all.by_request.insert(attempt.request, attempt.begin);
            let Some(device) = device(seen, attempt) else { continue };
            all.by_device.insert(device, attempt.begin);
            if let Some(file) = attempt.file.filter(|_| attempt.is_only) {
                all.by_file.insert((device, &file.name), attempt.begin);
            }
        }
        all
    }

    /// Whether an attempt needs no attention: it is no refusal, or the same device was given the same file after it.
    fn settles(&self, seen: &Observations<'_>, attempt: &Attempt<'a>) -> bool {
        let RequestAnswer::Refused { code, .. } = attempt.answer else { return true };
        let is_later = |moment: Option<&Moment>| moment.is_some_and(|moment| *moment > attempt.begin);
        let by_request = self.by_request.get(&attempt.request);
        let file = || Some((device(seen, attempt)?, &*attempt.file.filter(|_| attempt.is_only)?.name));
        // Of two answers to one request one is enough.
        (attempt.is_only && by_request.is_some())
            || (code == OPTIONS && is_later(by_request))
            || is_later(file().and_then(|file| self.by_file.get(&file)))
    }
}

fn device(seen: &Observations<'_>, attempt: &Attempt<'_>) -> Option<HostId> {
    seen.hosts.device_at(attempt.client.0)
}

fn finding(
    seen: &Observations<'_>,
    (client_role, server_role): (Role, Role),
    attempts: &[&Attempt<'_>],
    went_well: &CompletedTransfers<'_>,
) -> Option<Finding> {
    let mut all: BTreeMap<_, Refusal> = BTreeMap::new();
    let (mut first, mut last) = (Timestamp::UNKNOWN, Timestamp::UNKNOWN);
    for attempt in attempts {
        let RequestAnswer::Refused { code, by_client } = attempt.answer else { continue };
        let (client, server) = (attempt.client.0, attempt.server.0);
        let file = attempt.file.map(|file| String::from_utf8_lossy(&file.name).into_owned());
        let is_write = attempt.file.map(|file| file.write);
        let later = device(seen, attempt).and_then(|device| went_well.by_device.get(&device));
        let refusal = all.entry((client, server, code, by_client, file.clone(), is_write)).or_insert_with(|| Refusal {
            client,
            server,
            by_client,
            code,
            file,
            is_write,
            is_sure: true,
            number: 0,
            message: attempt.message.map(|message| String::from_utf8_lossy(message).into_owned()),
            after: attempt.after,
            at: attempt.at,
            goes_on: false,
        });
        refusal.number = refusal.number.saturating_add(attempt.number);
        refusal.is_sure &= attempt.is_only;
        // The attempts come in the order of time.
        refusal.goes_on = later.is_some_and(|later| *later > attempt.begin);
        first = first.earlier(attempt.at.time);
        last = last.max(attempt.last);
    }
    let mut told: Vec<Refusal> = all.into_values().collect();
    let codes: BTreeSet<u16> = told.iter().map(|refusal| refusal.code).collect();
    let who = |address: fn(&Refusal) -> IpAddr| -> Arc<[Who]> {
        let all: BTreeSet<Who> = told.iter().map(|refusal| Who::Address(address(refusal))).collect();
        all.into_iter().collect()
    };
    let (clients, servers) = (who(|refusal| refusal.client), who(|refusal| refusal.server));
    let packets = told.iter().fold(0, |sum: u64, refusal| sum.saturating_add(refusal.number));
    let number = told.len();
    told.truncate(MAX_FILTERED);
    let facts = Refusals { first: told, number, codes: codes.into_iter().collect() };
    let case = Case::Finding(FindingKind::RefusedTransfer);
    (number > 0).then(|| Finding {
        severity: seen.policy.severity(case, client_role, server_role, Transport::Udp, PORT),
        client_role: Some(client_role),
        clients,
        server_role: Some(server_role),
        servers,
        transport: Some(Transport::Udp),
        server_port: Some(PORT),
        packets,
        first,
        last,
        ..Finding::new(seen, FindingKind::RefusedTransfer, client_role, Arc::new(facts))
    })
}

impl Refusal {
    fn sentence(&self, context: &Context<'_>) -> String {
        let asks = match self.is_write {
            Some(true) => "to take",
            Some(false) => "for",
            None => "by TFTP for or to take",
        };
        let file = match &self.file {
            Some(file) if self.is_sure => format!("\"{}\"", visible(file)),
            Some(file) => format!("a file (the first from that port was \"{}\")", visible(file)),
            None => "a file".to_owned(),
        };
        let refused = if self.by_client { "refused it itself" } else { "was refused" };
        let after =
            self.after.map_or_else(String::new, |blocks| format!(" after {}", times(blocks, "block", "blocks")));
        // Most only say what the code does.
        let is_name = |message: &&String| message.trim_end_matches('.').eq_ignore_ascii_case(meaning(self.code).name);
        let message = self.message.as_ref().filter(|message| !message.is_empty() && !is_name(message));
        let message = message.map_or_else(String::new, |message| format!(" (\"{}\")", visible(message)));
        let often = match self.number {
            1 => "in".to_owned(),
            number => format!("{number} times, the first in"),
        };
        let mut text = format!(
            "{}{} asked {}{} {asks} {file} and {refused}{after}: error {}, {}{message}, {often} {}.",
            self.client,
            context.name(self.client),
            self.server,
            context.name(self.server),
            self.code,
            meaning(self.code).name,
            frame(context, self.at)
        );
        if self.goes_on {
            text.push_str(" Another transfer of that device went on after it.");
        }
        text
    }

    /// `file not found: node.bin`.
    fn gist(&self) -> String {
        let name = meaning(self.code).name;
        self.file.as_ref().map_or_else(|| name.to_owned(), |file| format!("{name}: {}", visible(file)))
    }
}

impl Facts for Refusals {
    fn service(&self, _: &Finding, _: &Context<'_>) -> String {
        "TFTP".to_owned()
    }

    fn gist(&self, _: &Finding, _: &Context<'_>) -> String {
        let mut gists: Vec<String> = Vec::new();
        for refusal in self.first.iter().take(MAX_TOLD) {
            let gist = refusal.gist();
            if !gists.contains(&gist) {
                gists.push(gist);
            }
        }
        gists.join("; ")
    }

    fn next(&self, _: &Finding) -> &str {
        self.first.first().map_or("", |refusal| meaning(refusal.code).next)
    }

    fn detail(&self, _: &Finding, context: &Context<'_>) -> String {
        let mut text = match self.number {
            1 => "A transfer by TFTP was refused.".to_owned(),
            number => format!("{number} transfers by TFTP were refused."),
        };
        for refusal in self.first.iter().take(MAX_TOLD) {
            let _ = write!(text, " {}", refusal.sentence(context));
        }
        if self.number > MAX_TOLD {
            let _ = write!(text, " And {} more.", self.number - MAX_TOLD);
        }
        text
    }

    fn advice(&self, _: &Finding, _: &Context<'_>) -> String {
        let mut advice: Vec<&str> = self.codes.iter().map(|code| meaning(*code).advice).collect();
        advice.dedup();
        advice.join(" ")
    }

    fn display_filter(&self, _: &Finding) -> String {
        let filter = |refusal: &Refusal| {
            let ip = if refusal.client.is_ipv6() { "ipv6" } else { "ip" };
            let Refusal { client, server, .. } = refusal;
            format!("(tftp.opcode in {{1, 2, 5}} && {ip}.addr == {client} && {ip}.addr == {server})")
        };
        let filters: BTreeSet<String> = self.first.iter().map(filter).collect();
        filters.into_iter().collect::<Vec<_>>().join(" || ")
    }

    fn replaced(&self, with: &dyn Replace) -> Arc<dyn Facts> {
        let other = |refusal: &Refusal| Refusal {
            client: with.address(refusal.client),
            server: with.address(refusal.server),
            file: refusal.file.as_ref().map(|_| with.left_out()),
            message: refusal.message.as_ref().map(|_| with.left_out()),
            ..refusal.clone()
        };
        let mut first: Vec<Refusal> = self.first.iter().map(other).collect();
        // The order of the real addresses would tell which they are.
        first.sort_by_key(|refusal| (refusal.client, refusal.server));
        Arc::new(Self { first, ..self.clone() })
    }
}
