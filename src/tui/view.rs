//! What the person at the terminal chose to see, and how keys change that.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::answers::{Answers, AnswersKey};
use super::list::List;
use super::snapshot::{ListedDevice, Snapshot};
use crate::finding::{Context, Finding};
use crate::inventory::Host;
use crate::protocol::Transport;
use crate::verdict::{CellState, Conversation};

/// Lines that Page Up and Page Down move by.
const PAGE: isize = 10;
/// Longest filter, in characters.
const LONGEST_FILTER: usize = 80;

/// A part of the view.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Tab {
    #[default]
    /// Rates, drops, doubts, and the result in a sentence.
    Overview,
    /// The vendor's tables.
    Table,
    /// Igor devices, and what each has not done yet.
    Nodes,
    /// Conversations.
    Conversations,
    /// Findings, newest first.
    Findings,
    /// How soon devices answer.
    Health,
    /// Keys and signs.
    Help,
}

impl Tab {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 7] =
        [Self::Overview, Self::Table, Self::Nodes, Self::Conversations, Self::Findings, Self::Health, Self::Help];

    /// Title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Table => "Table",
            Self::Nodes => "Nodes",
            Self::Conversations => "Conversations",
            Self::Findings => "Findings",
            Self::Health => "Health",
            Self::Help => "Help",
        }
    }

    fn next(self, by: usize) -> Self {
        Self::ALL[(self as usize + by) % Self::ALL.len()]
    }
}

/// What a key asks of others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing.
    None,
    /// The view changed.
    Draw,
    /// End the survey.
    Quit,
    /// Listen to the mouse, or do not.
    Mouse(bool),
}

/// Orders of the conversations.
pub(super) const SORTS: [(&str, ConversationOrder); 5] = [
    ("packets", |a, b| b.packets.iter().sum::<u64>().cmp(&a.packets.iter().sum())),
    ("newest", |a, b| b.last.cmp(&a.last)),
    ("gravest", |a, b| b.severity.cmp(&a.severity)),
    ("bytes", |a, b| b.bytes.iter().sum::<u64>().cmp(&a.bytes.iter().sum())),
    ("port", |a, b| (a.transport, a.port).cmp(&(b.transport, b.port))),
];
type ConversationOrder = fn(&Conversation, &Conversation) -> std::cmp::Ordering;

/// Orders of the devices; that of their addresses is the snapshot's own.
pub(super) const DEVICE_SORTS: [(&str, DeviceOrder); 4] = [
    ("address", |_, _| std::cmp::Ordering::Equal),
    ("silent longest", |a, b| a.last.nanos().cmp(&b.last.nanos())),
    ("most missing", |a, b| b.count(CellState::NotSeen).cmp(&a.count(CellState::NotSeen))),
    ("most trouble", |a, b| (b.blocked, b.unexpected).cmp(&(a.blocked, a.unexpected))),
];
type DeviceOrder = fn(&ListedDevice, &ListedDevice) -> std::cmp::Ordering;

/// Orders of how soon devices answer; what applications answer stands before what the network does.
pub(super) const ANSWER_SORTS: [(&str, AnswerOrder); 4] = [
    ("slowest", |a, b| (b.measure.is_application(), b.p95).cmp(&(a.measure.is_application(), a.p95))),
    ("most sent again", |a, b| b.again_per_million().cmp(&a.again_per_million())),
    ("most unanswered", |a, b| b.unanswered().cmp(&a.unanswered())),
    ("address", |_, _| std::cmp::Ordering::Equal),
];
type AnswerOrder = fn(&Answers, &Answers) -> std::cmp::Ordering;

/// What makes a conversation the same from one snapshot to the next.
pub(super) type ConversationKey = (std::net::IpAddr, std::net::IpAddr, Transport, u16);

/// The state of the view. Where lists stand is renewed with each snapshot by [`View::renew`].
#[derive(Default, Debug)]
pub struct View {
    pub(super) tab: Tab,
    pub(super) ports: List<usize>,
    pub(super) devices: List<String>,
    pub(super) conversations: List<ConversationKey>,
    pub(super) findings: List<u64>,
    pub(super) answers: List<AnswersKey>,
    /// Lines that the help is scrolled by.
    pub(super) help: usize,
    /// What each tab's list is filtered by.
    pub(super) filters: [String; Tab::ALL.len()],
    /// Whether keys go to the filter.
    pub(super) typing: bool,
    pub(super) sort: usize,
    pub(super) device_sort: usize,
    pub(super) answer_sort: usize,
    pub(super) reversed: bool,
    /// Whether the detail of the selected item has the whole place.
    pub(super) detail: bool,
    /// Lines that the detail is scrolled by.
    pub(super) scroll: usize,
    pub(super) paused: bool,
    pub(super) mouse: bool,
}

impl View {
    /// Whether new snapshots are to be shown.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// What a tab's list is filtered by; empty where everything is shown.
    pub(super) fn filter(&self, tab: Tab) -> &str {
        &self.filters[tab as usize]
    }

    fn filter_mut(&mut self) -> &mut String {
        &mut self.filters[self.tab as usize]
    }

    /// `  filter: tftp`, for the line above a list.
    pub(super) fn filter_words(&self, tab: Tab) -> String {
        match self.filter(tab) {
            "" => String::new(),
            filter => format!("  filter: {filter}"),
        }
    }

    /// The places of a tab's items that its filter leaves: every word of it must be found.
    fn matching(&self, tab: Tab, count: usize, words: impl Fn(usize) -> String) -> Vec<u32> {
        let terms: Vec<String> = self.filter(tab).split_whitespace().map(str::to_lowercase).collect();
        let mut places = places(count);
        if !terms.is_empty() {
            places.retain(|at| {
                let words = words(*at as usize).to_lowercase();
                terms.iter().all(|term| words.contains(term))
            });
        }
        places
    }

    /// Shows another tab.
    pub fn go(&mut self, tab: Tab) {
        (self.tab, self.detail, self.scroll, self.typing) = (tab, false, 0, false);
    }

    /// Puts the lists in order after a new snapshot, a key or a filter.
    pub fn renew(&mut self, snapshot: &Snapshot) {
        let survey = &snapshot.survey;
        let all = super::draw::ports(snapshot);
        let ports = self.matching(Tab::Table, all.len(), |at| all[at].words());
        self.ports.renew(ports, |at| at);
        let (_, compare) = DEVICE_SORTS[self.device_sort];
        let mut devices = self.matching(Tab::Nodes, snapshot.devices.len(), |at| device_words(&snapshot.devices[at]));
        devices.sort_by(|a, b| compare(&snapshot.devices[*a as usize], &snapshot.devices[*b as usize]));
        self.devices.renew(devices, |at| snapshot.devices[at].address.clone());
        let mut conversations = self
            .matching(Tab::Conversations, survey.conversations.len(), |at| words(snapshot, &survey.conversations[at]));
        // The survey's own order is that of the first sort.
        if self.sort > 0 {
            let (_, compare) = SORTS[self.sort];
            conversations
                .sort_by(|a, b| compare(&survey.conversations[*a as usize], &survey.conversations[*b as usize]));
        }
        if self.reversed {
            conversations.reverse();
        }
        self.conversations.renew(conversations, |at| conversation_key(snapshot, at));
        let context = survey.context();
        let findings = self.matching(Tab::Findings, snapshot.findings.len(), |at| {
            finding_words(&survey.findings[snapshot.findings[at].at], &context)
        });
        self.findings.renew(findings, |at| snapshot.findings[at].identity);
        let (_, compare) = ANSWER_SORTS[self.answer_sort];
        let mut answers = self.matching(Tab::Health, snapshot.answers.len(), |at| snapshot.answers[at].words());
        answers.sort_by(|a, b| compare(&snapshot.answers[*a as usize], &snapshot.answers[*b as usize]));
        self.answers.renew(answers, |at| snapshot.answers[at].key());
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent, snapshot: Option<&Snapshot>) -> Action {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && key.code == KeyCode::Char('c') {
            return Action::Quit;
        }
        if self.typing {
            return self.type_filter(key.code, snapshot);
        }
        match key.code {
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.go(Tab::Help),
            KeyCode::Char(digit @ '1'..='7') => self.go(Tab::ALL[(digit as usize - '1' as usize) % Tab::ALL.len()]),
            KeyCode::Tab | KeyCode::Right | KeyCode::Char('l') => self.go(self.tab.next(1)),
            KeyCode::BackTab | KeyCode::Left => self.go(self.tab.next(Tab::ALL.len() - 1)),
            KeyCode::Down | KeyCode::Char('j') => self.step(1, snapshot),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1, snapshot),
            KeyCode::PageDown | KeyCode::Char(' ') => self.step(PAGE, snapshot),
            KeyCode::PageUp => self.step(-PAGE, snapshot),
            KeyCode::Home | KeyCode::Char('g') => self.step(isize::MIN, snapshot),
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX, snapshot),
            KeyCode::Enter if self.has_detail() => (self.detail, self.scroll) = (!self.detail, 0),
            KeyCode::Esc if self.detail => (self.detail, self.scroll) = (false, 0),
            KeyCode::Esc => self.filter_mut().clear(),
            KeyCode::Char('/') => {
                // Where there is no list, that of the conversations is meant.
                self.go(if matches!(self.tab, Tab::Overview | Tab::Help) { Tab::Conversations } else { self.tab });
                self.typing = true;
            }
            KeyCode::Char('s') => self.next_sort(),
            KeyCode::Char('r') => self.reversed = !self.reversed,
            KeyCode::Char('p') => self.paused = !self.paused,
            KeyCode::Char('m') => {
                self.mouse = !self.mouse;
                return Action::Mouse(self.mouse);
            }
            _ => return Action::None,
        }
        if let Some(snapshot) = snapshot {
            self.renew(snapshot);
        }
        Action::Draw
    }

    fn has_detail(&self) -> bool {
        matches!(self.tab, Tab::Nodes | Tab::Conversations | Tab::Findings | Tab::Health)
    }

    fn next_sort(&mut self) {
        match self.tab {
            Tab::Nodes => self.device_sort = (self.device_sort + 1) % DEVICE_SORTS.len(),
            Tab::Health => self.answer_sort = (self.answer_sort + 1) % ANSWER_SORTS.len(),
            _ => self.sort = (self.sort + 1) % SORTS.len(),
        }
    }

    /// Moves what is selected, or scrolls what is read.
    pub(super) fn step(&mut self, by: isize, snapshot: Option<&Snapshot>) {
        let Some(snapshot) = snapshot else { return };
        if self.detail && self.has_detail() {
            // Drawing holds it to the text's length.
            self.scroll = self.scroll.saturating_add_signed(by).min(1000);
            return;
        }
        match self.tab {
            Tab::Overview => {}
            Tab::Help => self.help = self.help.saturating_add_signed(by).min(super::draw::HELP_LINES),
            Tab::Table => self.ports.step(by, |at| at),
            Tab::Nodes => self.devices.step(by, |at| snapshot.devices[at].address.clone()),
            Tab::Conversations => self.conversations.step(by, |at| conversation_key(snapshot, at)),
            Tab::Findings => self.findings.step(by, |at| snapshot.findings[at].identity),
            Tab::Health => self.answers.step(by, |at| snapshot.answers[at].key()),
        }
    }

    fn type_filter(&mut self, code: KeyCode, snapshot: Option<&Snapshot>) -> Action {
        match code {
            KeyCode::Enter | KeyCode::Down => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                self.filter_mut().clear();
            }
            KeyCode::Backspace => drop(self.filter_mut().pop()),
            KeyCode::Char(c) if !c.is_control() && self.filter(self.tab).chars().count() < LONGEST_FILTER => {
                self.filter_mut().push(c);
            }
            _ => return Action::None,
        }
        if let Some(snapshot) = snapshot {
            self.renew(snapshot);
        }
        Action::Draw
    }
}

fn places(count: usize) -> Vec<u32> {
    (0..u32::try_from(count).unwrap_or(u32::MAX)).collect()
}

fn conversation_key(snapshot: &Snapshot, at: usize) -> ConversationKey {
    let survey = &snapshot.survey;
    let conversation = &survey.conversations[at];
    let address = |host| survey.hosts.get(host).address;
    (address(conversation.client), address(conversation.server), conversation.transport, conversation.port)
}

/// Everything that a filter can find a device by.
fn device_words(device: &ListedDevice) -> String {
    let ListedDevice { address, name, role, basis, .. } = device;
    let trouble = [
        (device.blocked > 0, "blocked"),
        (device.unexpected > 0, "unexpected"),
        (device.last.nanos().is_none(), "never heard not heard yet"),
    ];
    let trouble: Vec<&str> = trouble.into_iter().filter(|(is_so, _)| *is_so).map(|(_, word)| word).collect();
    let state = device.standing.state.name().replace('-', " ");
    format!("{address} {name} {} {basis} {state} {}", role.name(), trouble.join(" "))
}

/// Everything that a filter can find a finding by.
fn finding_words(finding: &Finding, context: &Context<'_>) -> String {
    let words = finding.words(context);
    let addresses: Vec<String> =
        finding.clients.iter().chain(finding.servers.iter()).map(ToString::to_string).collect();
    format!(
        "{} {} {} {} {} {} {}",
        finding.severity.name(),
        finding.outcome.map_or("", |outcome| outcome.name()),
        super::draw::brief(finding, &words),
        addresses.join(" "),
        finding.kind.name(),
        words.detail,
        words.rule,
    )
}

/// Everything that a filter can find a conversation by.
fn words(snapshot: &Snapshot, conversation: &Conversation) -> String {
    let survey = &snapshot.survey;
    let host =
        |host: &Host| format!("{} {} {}", host.address, host.name.as_deref().unwrap_or_default(), host.role.name());
    format!(
        "{} {} {} {} {} {} {}",
        host(survey.hosts.get(conversation.client)),
        host(survey.hosts.get(conversation.server)),
        crate::report::text::conversations::service(conversation, &snapshot.names),
        conversation.verdict.name(),
        conversation.reason.map_or("", |reason| reason.name()),
        conversation.outcome.name(),
        conversation.severity.map_or("", |severity| severity.name()),
    )
}
