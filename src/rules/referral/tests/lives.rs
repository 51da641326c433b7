//! Two parties who do what they may at random, and what their nodes do with what comes: batches are lost, come twice, late and in any order; a direction is cut;
//! a node dies and knows what it has kept, and nothing else; what was withdrawn is destroyed on its way. A node is here what `link/session.rs`, `node/receive.rs`
//! and `store/apply/referral.rs` make of it.

use super::*;

/// An entry of a log: its position, and what it says, unless that was destroyed before it was sent.
type Entry = (usize, Option<Message>);

/// So many may be missing before one that is kept, as in `store/apply/referral.rs`.
const GAP_MAX: usize = 32;

/// What a side's node knows of the other's log.
#[derive(Debug, Clone, Default)]
struct Node {
    /// On its disk: the messages, and how far the log has come.
    kept: Vec<Message>,
    head: usize,
    /// In memory: what was verified behind that, and is not on the disk.
    coming: Vec<Entry>,
    /// How far the other has the node's own log, as this node believes.
    sent: usize,
    /// Of so many of its own messages the words are destroyed.
    destroyed: usize,
    /// Of so many of the other's it was told that they are taken back.
    recalled: usize,
}

/// What is done wrong with what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// What it has already is taken once more.
    Twice,
    /// What comes behind a gap is taken as what comes next.
    OutOfOrder,
    /// After a restart it goes on behind what it had in memory.
    NotFromTheDisk,
}

/// What happened on the way, so that nobody takes a run in which nothing did for one that shows something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Met {
    lost: u64,
    twice: u64,
    out_of_order: u64,
    cut: u64,
    forgotten: u64,
    gone: u64,
}

impl Met {
    fn all(&self) -> [u64; 6] {
        [self.lost, self.twice, self.out_of_order, self.cut, self.forgotten, self.gone]
    }

    fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.twice += other.twice;
        self.out_of_order += other.out_of_order;
        self.cut += other.cut;
        self.forgotten += other.forgotten;
        self.gone += other.gone;
    }
}

/// Two parties, and what lies between them.
struct Life {
    dice: Dice,
    mistake: Option<Mistake>,
    logs: Logs,
    nodes: [Node; 2],
    /// To each side: what is on its way, and whether anything comes through.
    ways: [Vec<Vec<Entry>>; 2],
    cut: [bool; 2],
    met: Met,
}

/// What says something of the case, and is destroyed with it; of two steps that may or may not, every other one does.
fn has_words(number: usize, step: Step) -> bool {
    match step {
        Step::Receipt | Step::Refuse | Step::Acknowledge | Step::Close | Step::Withdraw | Step::Purge | Step::Seen | Step::Gone => false,
        Step::Confirm(_) | Step::PassOn => number.is_multiple_of(2),
        _ => true,
    }
}

impl Node {
    /// A batch came. Whether what is missing before it is asked for.
    fn hear(&mut self, batch: &[Entry], mistake: Option<Mistake>, met: &mut Met) -> bool {
        let ((first, _), (last, _)) = (batch[0], batch[batch.len() - 1]);
        let head = self.head + self.coming.len();
        let (is_next, is_known) = (first == head + 1, last <= head);
        met.twice += u64::from(is_known);
        met.out_of_order += u64::from(first > head + 1);
        let is_taken = match mistake {
            Some(Mistake::Twice) => is_next || is_known,
            Some(Mistake::OutOfOrder) => first > head,
            _ => is_next,
        };
        if is_taken {
            self.coming.extend_from_slice(batch);
        }
        !is_taken && !is_known
    }

    /// What is in memory comes to the disk, in its order.
    fn keep(&mut self, mistake: Option<Mistake>, met: &mut Met) {
        for (position, entry) in std::mem::take(&mut self.coming) {
            self.head += 1;
            let is_recalled = |message: &Message| position <= self.recalled && has_words(position, message.step);
            let Some(message) = entry.filter(|message| !is_recalled(message)) else { continue };
            let next = self.kept.len() + 1;
            // Whoever makes one of these does not look at the number of a message either.
            let number = if matches!(mistake, Some(Mistake::Twice | Mistake::OutOfOrder)) { next } else { position };
            if number >= next && number - next < GAP_MAX {
                met.gone += (number - next) as u64;
                let seen = self.kept.last().map_or(0, |last| last.seen);
                self.kept.resize(number - 1, Message { seen, step: Step::Gone });
                self.kept.push(message);
            }
        }
    }
}

impl Life {
    fn new(seed: u64, mistake: Option<Mistake>) -> Self {
        let (logs, nodes, ways) = Default::default();
        Self { dice: Dice::new(seed), mistake, logs, nodes, ways, cut: [false; 2], met: Met::default() }
    }

    fn written(&self) -> usize {
        self.logs.origin.len() + self.logs.receiver.len()
    }

    /// What a side knows: all that it has written, and what it has kept.
    fn view(&self, side: Side) -> Standing {
        let kept = &self.nodes[side as usize].kept;
        match side {
            Side::Origin => standing(&self.logs.origin, kept),
            Side::Receiver => standing(kept, &self.logs.receiver),
        }
    }

    /// Something happens. Whether somebody wrote or heard something.
    fn one_thing(&mut self) -> bool {
        let side = *self.dice.pick(&Side::ALL);
        match self.dice.below(32) {
            0..14 => return self.write(side),
            14..27 => return self.comes(side),
            27 | 28 => return self.keep(side),
            29 => self.dies(side),
            30 => {
                self.cut[side as usize] = true;
                self.met.cut += 1;
            }
            _ => self.links(side),
        }
        false
    }

    /// Whether a side that may make a step ever does: what nodes do by themselves they do in their order (`rules/referral/by_itself.rs`, `node/referral/react.rs`).
    fn is_made(&self, side: Side, view: &Standing, step: Step) -> bool {
        match (side, step) {
            // Its own words are gone before it says that all is: where nothing was withdrawn, only once they were heard.
            (Side::Receiver, Step::Purge) => view.origin.withdrawn.is_some() || self.nodes[0].head == self.logs.receiver.len(),
            // Of what it has withdrawn an origin has seen only that it was handed back at the same time.
            (Side::Origin, Step::Seen) => view.origin.withdrawn.is_none() || view.receiver.handed_back > Some(view.origin.seen),
            _ => true,
        }
    }

    /// A side does something that it may.
    fn write(&mut self, side: Side) -> bool {
        let view = self.view(side);
        let known = self.nodes[side as usize].kept.len();
        let may: Vec<Step> =
            steps(known).into_iter().filter(|step| view.may(side, *step).is_ok() && self.is_made(side, &view, *step)).collect();
        // Withdrawals end most of what can be seen, so they are seldom.
        if may.is_empty() {
            return false;
        }
        let step = *self.dice.pick(&may);
        if step == Step::Withdraw && !self.dice.one_in(4) {
            return false;
        }
        self.says(side, Message { seen: view.judged(side.other()), step });
        if !self.dice.one_in(4) {
            self.send(side);
        }
        true
    }

    fn says(&mut self, side: Side, message: Message) {
        let log = self.logs.log_of(side);
        if message.step == Step::Withdraw {
            self.nodes[side as usize].destroyed = log.len();
        }
        log.push(message);
    }

    /// What the other has not, as far as is known, goes on its way.
    fn send(&mut self, side: Side) {
        let log = self.logs.of(side);
        let node = &mut self.nodes[side as usize];
        let sent = node.sent;
        if sent < log.len() && !self.cut[side.other() as usize] {
            let entry = |(message, position): (&Message, usize)| {
                let is_left = position > node.destroyed || !has_words(position, message.step);
                (position, Some(*message).filter(|_| is_left))
            };
            let batch = log[sent..].iter().zip(sent + 1..).map(entry).collect();
            node.sent = log.len();
            self.ways[side.other() as usize].push(batch);
        }
    }

    /// Something comes to a side: any batch that is on its way, which may come once more, or none of it.
    fn comes(&mut self, side: Side) -> bool {
        let at = side as usize;
        if self.cut[at] {
            if self.dice.one_in(3) {
                self.links(side);
            }
            return false;
        }
        // A recall runs ahead of the log.
        if self.dice.one_in(4) {
            self.nodes[at].recalled = self.nodes[at].recalled.max(if side == Side::Receiver { self.nodes[0].destroyed } else { 0 });
        }
        if self.ways[at].is_empty() {
            self.send(side.other());
        }
        if self.ways[at].is_empty() {
            return false;
        }
        let which = self.dice.below(self.ways[at].len() as u64) as usize;
        let fate = self.dice.below(8);
        let batch = if fate == 0 { self.ways[at][which].clone() } else { self.ways[at].remove(which) };
        if fate == 1 {
            self.met.lost += 1;
            return false;
        }
        if self.nodes[at].hear(&batch, self.mistake, &mut self.met) {
            self.asks(side);
        }
        if self.dice.one_in(4) { false } else { self.keep(side) }
    }

    /// A side asks for what it has not.
    fn asks(&mut self, side: Side) {
        let node = &self.nodes[side as usize];
        self.nodes[side.other() as usize].sent = node.head + node.coming.len();
    }

    /// What has come is on the disk. Whether anything was new.
    fn keep(&mut self, side: Side) -> bool {
        let (at, before) = (side as usize, self.nodes[side as usize].head);
        self.nodes[at].keep(self.mistake, &mut self.met);
        if side == Side::Receiver && self.nodes[at].kept.iter().any(|message| message.step == Step::Withdraw) {
            // It destroys its own words about it, whether they were heard or not.
            self.nodes[at].destroyed = self.nodes[at].destroyed.max(self.logs.receiver.len());
        }
        self.nodes[at].head != before
    }

    /// A node dies and comes back: what was not on its disk is gone, and each asks the other for what it has not.
    fn dies(&mut self, side: Side) {
        let node = &mut self.nodes[side as usize];
        self.met.forgotten += node.coming.len() as u64;
        if self.mistake == Some(Mistake::NotFromTheDisk) {
            node.head += node.coming.len();
        }
        node.coming.clear();
        Side::ALL.into_iter().for_each(|side| self.links(side));
    }

    /// A side's link is up again: what the last one brought is kept, and it asks for what it has not.
    fn links(&mut self, side: Side) {
        self.cut[side as usize] = false;
        self.keep(side);
        self.asks(side);
    }

    /// What does not hold of what the two know now.
    fn broken(&self) -> Option<&'static str> {
        let [ours, theirs] = Side::ALL.map(|side| self.view(side));
        if [&ours, &theirs].iter().any(|view| !view.illegal.is_empty()) {
            return Some("what came moves nothing, and it was legal for its writer");
        }
        if claims(Side::Origin, &ours) && claims(Side::Receiver, &theirs) {
            return Some("both claim it");
        }
        let is_quiet = clocks(Side::Origin, &ours).is_empty() && clocks(Side::Receiver, &theirs).is_empty();
        if is_quiet && ours.phase() != Phase::Draft && !ours.is_over() {
            return Some("nobody watches");
        }
        let is_withdrawn = |log: &[Message]| log.iter().any(|message| message.step == Step::Withdraw);
        let won_over = |log: &[Message], view: &Standing| is_withdrawn(log) && !matches!(view.phase(), Phase::Withdrawn | Phase::Purged);
        if won_over(&self.logs.origin, &ours) || won_over(&self.nodes[1].kept, &theirs) {
            return Some("something won over a withdrawal");
        }
        let differs = |side: Side| {
            let (kept, log) = (&self.nodes[side as usize].kept, self.logs.of(side.other()));
            kept.len() > log.len() || kept.iter().zip(log).any(|(kept, written)| kept != written && kept.step != Step::Gone)
        };
        Side::ALL.into_iter().any(differs).then_some("what was kept is not what was written")
    }

    /// Everything is healed, and nothing is lost any more. Whether each has all of the other's log then.
    fn rest(&mut self) -> bool {
        // What is missing is asked for at most once for each batch that is still on its way.
        for _ in 0..4 {
            for side in Side::ALL {
                self.links(side);
                self.send(side.other());
                for batch in std::mem::take(&mut self.ways[side as usize]) {
                    if self.nodes[side as usize].hear(&batch, self.mistake, &mut self.met) {
                        self.asks(side);
                        self.send(side.other());
                    }
                }
                self.keep(side);
            }
        }
        Side::ALL.into_iter().all(|side| self.nodes[side as usize].head == self.logs.of(side.other()).len())
    }

    /// What does not hold once both have everything.
    fn ends_apart(&mut self) -> Option<&'static str> {
        if !self.rest() {
            return Some("something never comes");
        }
        let [ours, theirs] = Side::ALL.map(|side| self.view(side));
        // Of what was destroyed on its way only that it was withdrawn is known, of the last of it nothing, and whose it was until the receiver has seen that.
        let is_gone = |node: &Node| node.kept.len() < node.head || node.kept.iter().any(|message| message.step == Step::Gone);
        let same = match self.nodes.iter().any(is_gone) {
            true => ours.phase() == theirs.phase(),
            false => ours == theirs && ours == self.logs.whole(),
        };
        if same { self.broken() } else { Some("they come to different ends") }
    }

    /// What the nodes do by themselves once everything has come: they say what they have seen, and destroy what is over.
    fn settle(&mut self) -> Option<&'static str> {
        for side in [Side::Receiver, Side::Origin, Side::Receiver] {
            let view = self.view(side);
            if let Some(step) = by_itself(side, &view, Facts { destroyed: true, ..Facts::default() }) {
                self.says(side, Message { seen: view.judged(side.other()), step });
            }
            if let Some(why) = self.ends_apart() {
                return Some(why);
            }
        }
        None
    }
}

/// So many things happen, and then everything comes.
fn live(seed: u64, things: u64, mistake: Option<Mistake>) -> Result<Life, &'static str> {
    let mut life = Life::new(seed, mistake);
    for _ in 0..things {
        let before = life.written();
        if !life.one_thing() {
            continue;
        }
        let of_both = if life.written() == before { None } else { broken(&life.logs, claims, clocks) };
        if let Some(why) = of_both.or_else(|| life.broken()) {
            return Err(why);
        }
    }
    Ok(life)
}

/// A whole life, to its end: what it came to, and what happened on the way.
fn whole_life(seed: u64, mistake: Option<Mistake>) -> Result<(Phase, Met), &'static str> {
    let mut life = live(seed, 36 + seed % 40, mistake)?;
    life.ends_apart().map_or(Ok(()), Err)?;
    let phase = life.view(Side::Origin).phase();
    if matches!(phase, Phase::Withdrawn | Phase::Closed) {
        life.settle().map_or(Ok(()), Err)?;
        for side in Side::ALL {
            let end = life.view(side);
            if end.phase() != Phase::Purged || end.owner() != Side::Origin && end.origin.closed.is_none() {
                return Err("it is never purged");
            }
            if !clocks(side, &end).is_empty() {
                return Err("somebody watches what is over");
            }
        }
    }
    Ok((phase, life.met))
}

#[test]
fn a_hundred_thousand_lives_keep_one_owner_and_end_where_they_should() {
    let mut campaign = Campaign::new("referrals", "lives", 100_000);
    let (mut phases, mut met) = (BTreeSet::new(), Met::default());
    while let Some(seed) = campaign.next() {
        let (phase, on_the_way) = whole_life(seed, None).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        campaign.reached(1);
        phases.insert(phase);
        met.add(on_the_way);
    }
    println!("{met:?}");
    if std::env::var_os("WATCHFIRE_ROUNDS").is_none() {
        assert_eq!(phases.len(), 16, "lives come to every phase there is, with one of the four things that are waited for: {phases:?}");
        assert!(met.all().into_iter().all(|count| count > 1_000), "{met:?}");
    }
}

#[test]
fn mistakes_with_what_comes_are_found() {
    for mistake in [Mistake::Twice, Mistake::OutOfOrder, Mistake::NotFromTheDisk] {
        let found = (1..500).find_map(|seed| whole_life(seed, Some(mistake)).err().map(|why| (seed, why)));
        println!("{mistake:?}: {found:?}");
        assert!(found.is_some(), "{mistake:?} is missed");
    }
}

#[test]
fn nobody_moves_what_is_the_others() {
    let origins = [Step::Offer, Step::Answer(1), Step::Confirm(1), Step::Contact, Step::Review, Step::Close, Step::Withdraw];
    for seed in 0..2_000 {
        let logs = live(seed, 50, None).unwrap_or_else(|why| panic!("seed {seed}: {why}")).logs;
        let whole = logs.whole();
        for step in steps(8) {
            let side = if origins.iter().any(|one| std::mem::discriminant(one) == std::mem::discriminant(&step)) {
                Side::Origin
            } else {
                Side::Receiver
            };
            if step != Step::Seen {
                assert!(whole.may(side.other(), step).is_err(), "{step:?} by {:?} in {logs:?}", side.other());
                // That it has seen something counts, whatever else it says.
                let seen = logs.of(side.other()).last().map_or(0, |message| message.seen);
                let forged = logs.with(side.other(), Message { seen, step }).whole();
                assert_eq!((forged.phase(), forged.owner()), (whole.phase(), whole.owner()));
            }
        }
    }
}
