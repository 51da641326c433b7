//! What a message says, to people and to machines.

use super::{Digest, Event, Message, Notice};
use crate::model::Timestamp;
use crate::model::desk::Role;
use serde_json::json;

impl Message {
    /// A line without content: `watchfire: a referral waits (k7qm2xpa)`.
    pub fn subject(&self) -> String {
        match self {
            Self::One(Notice { event, referral, .. }) => match referral {
                Some(id) => format!("watchfire: {} ({id})", event.words()),
                None => format!("watchfire: {}", event.words()),
            },
            Self::Digest(digest) => format!("watchfire: {}", things(digest)),
        }
    }

    /// A few lines for people, without content, each with its end.
    pub fn text(&self) -> String {
        match self {
            Self::One(notice) => one(notice),
            Self::Digest(digest) => several(digest),
        }
    }

    /// What machines are given: `type`, `timestamp` and `data`, as Standard Webhooks has it.
    pub fn json(&self) -> serde_json::Value {
        let data = match self {
            Self::One(Notice { id, event, referral, priority, rung, urgent, late, to, at: _ }) => {
                let to: Vec<_> = to.iter().map(Role::name).collect();
                let mut data = json!({
                    "id": id, "priority": priority.map(super::Priority::name), "rung": rung, "urgent": urgent, "late": late, "to": to,
                });
                data[Thing::of(*event).name] = json!(referral);
                data
            }
            Self::Digest(Digest { id, counts, urgent, late, from, until }) => {
                let counts: serde_json::Map<_, _> =
                    counts.iter().map(|(event, count)| (event.code().to_owned(), (*count).into())).collect();
                json!({ "id": id, "urgent": urgent, "late": late, "from": from, "until": until, "counts": counts })
            }
        };
        json!({ "type": self.code(), "timestamp": self.at(), "data": data })
    }
}

fn one(notice: &Notice) -> String {
    let Notice { id, event, referral, priority, rung, late, to, at, urgent: _ } = notice;
    let mut text = format!("{}\n\n", event.words());
    text.extend(referral.map(|id| format!("{:8}  {id}\n", Thing::of(*event).name)));
    text.extend(priority.map(|priority| format!("priority  {}\n", priority.name())));
    text.extend(rung.map(|rung| format!("rung      {rung}\n")));
    text.extend(late.then_some("due       while this node was away\n"));
    text += &format!("for       {to}\nwhen      {}\nnotice    {id}\n", when(*at));
    text + &look(*event, referral.as_ref().map(ToString::to_string))
}

/// What a notice is about.
struct Thing {
    /// As messages name it.
    name: &'static str,
    /// The command that shows one of them.
    one: &'static str,
    /// The command that shows where to begin when none is named.
    all: &'static str,
}

impl Thing {
    const fn of(event: Event) -> Self {
        let (name, one, all) = match event {
            Event::CallArrived | Event::Volunteered | Event::CallWaits | Event::CallEnded => ("call", "call show", "call list"),
            Event::AlertArrived => ("alert", "alert show", "alert list"),
            Event::ReleaseWaits => ("release", "preview", "holds"),
            Event::HandoverWaiting | Event::HandoverLate => ("handover", "handover show", "handover list"),
            Event::DuplicateWaits | Event::DuplicateFound | Event::MatchTries => ("referral", "show", "duplicate list"),
            Event::SightingFalse => ("referral", "show", "sighting list"),
            Event::SightingAsked => ("referral", "show", "seen list"),
            Event::ManyReportTheSame => ("referral", "show", "campaigns"),
            _ => ("referral", "show", "status"),
        };
        Self { name, one, all }
    }
}

/// Where to look.
fn look(event: Event, id: Option<String>) -> String {
    let Thing { one, all, .. } = Thing::of(event);
    match (event, id) {
        (Event::Test, _) => "\nNothing happened; somebody at this desk tries whether notices come.\n".into(),
        (_, Some(id)) => format!("\nWhat it is stands at the desk alone: `watchfire {one} {id}`.\n"),
        (_, None) => format!("\nWhat it is stands at the desk alone: `watchfire {all}`.\n"),
    }
}

fn things(digest: &Digest) -> String {
    let while_away = if digest.late { " while this node was away" } else { "" };
    match digest.count() {
        1 => format!("1 thing happened{while_away}"),
        count => format!("{count} things happened{while_away}"),
    }
}

fn several(digest: &Digest) -> String {
    // What became due while the node was away has no other time than that of its return.
    let mut text = match digest.late {
        true => format!("{}, until {}\n\n", things(digest), when(digest.until)),
        false => format!("{} from {} to {}\n\n", things(digest), when(digest.from), when(digest.until)),
    };
    let width = digest.counts.keys().map(|event| event.code().len()).max().unwrap_or_default();
    text.extend(digest.counts.iter().map(|(event, count)| format!("{:width$}  {count}\n", event.code())));
    text += &format!("\nnotice  {}\n", digest.id);
    text + "\nWhat it is stands at the desk alone: `watchfire inbox`.\n"
}

/// A time to the second.
fn when(at: Timestamp) -> String {
    format!("{}Z", at.to_string().chars().take(19).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::desk::Roles;
    use crate::model::{NoticeId, ShortId};
    use crate::rules::notify::Priority;

    const AT: Timestamp = Timestamp(1_795_339_800_000);

    fn notice() -> Notice {
        let new = Notice::new(Event::RungReached, b"a cause", Roles::one(Role::Handler).and(Role::Lead.into()), AT);
        Notice { id: NoticeId([0; 16]), referral: Some(ShortId([7; 5])), priority: Some(Priority::Emergency), rung: Some(2), ..new }
    }

    #[test]
    fn people_read_what_kind_of_thing_happened_and_nothing_of_it() {
        let message = Message::One(notice());
        assert_eq!(message.subject(), "watchfire: a referral has waited too long (a4dqobyh)");
        let expected = "\
a referral has waited too long

referral  a4dqobyh
priority  emergency
rung      2
for       handler, lead
when      2026-11-22T09:30:00Z
notice    aaaaaaaaaaaaaaaaaaaaaaaaaa

What it is stands at the desk alone: `watchfire show a4dqobyh`.
";
        assert_eq!(message.text(), expected);
    }

    #[test]
    fn machines_get_the_same_as_codes() {
        let expected = r#"{"data":{"id":"aaaaaaaaaaaaaaaaaaaaaaaaaa","late":false,"priority":"emergency","referral":"a4dqobyh","rung":2,"to":["handler","lead"],"urgent":true},"timestamp":"2026-11-22T09:30:00.000Z","type":"rung-reached"}"#;
        assert_eq!(Message::One(notice()).json().to_string(), expected);
    }

    #[test]
    fn each_kind_of_thing_has_its_name_and_its_command() {
        for (event, name, command) in [
            (Event::OfferArrived, "referral", "show a4dqobyh"),
            (Event::AlertMatches, "referral", "show a4dqobyh"),
            (Event::CallWaits, "call", "call show a4dqobyh"),
            (Event::AlertArrived, "alert", "alert show a4dqobyh"),
            (Event::HandoverLate, "handover", "handover show a4dqobyh"),
        ] {
            let message = Message::One(Notice { event, ..notice() });
            assert!(message.text().contains(&format!("\n{name:8}  a4dqobyh\n")), "{}", message.text());
            assert!(message.text().ends_with(&format!(": `watchfire {command}`.\n")), "{}", message.text());
            assert_eq!(message.json()["data"][name], "a4dqobyh");
        }
        for (event, command) in
            [(Event::DuplicateFound, "duplicate list"), (Event::ManyReportTheSame, "campaigns"), (Event::OfferArrived, "status")]
        {
            let message = Message::One(Notice { event, referral: None, ..notice() });
            assert!(message.text().ends_with(&format!(": `watchfire {command}`.\n")), "{}", message.text());
        }
    }

    #[test]
    fn a_digest_says_how_many_of_each() {
        let question = Notice::new(Event::Question, b"one", Role::Handler, AT.plus(60_000));
        let message = Message::Digest(Digest { id: NoticeId([0; 16]), ..Digest::of(&[notice(), question]).expect("two") });
        assert_eq!(message.subject(), "watchfire: 2 things happened");
        let expected = "\
2 things happened from 2026-11-22T09:30:00Z to 2026-11-22T09:31:00Z

question      1
rung-reached  1

notice  aaaaaaaaaaaaaaaaaaaaaaaaaa

What it is stands at the desk alone: `watchfire inbox`.
";
        assert_eq!(message.text(), expected);
        let expected = r#"{"data":{"counts":{"question":1,"rung-reached":1},"from":"2026-11-22T09:30:00.000Z","id":"aaaaaaaaaaaaaaaaaaaaaaaaaa","late":false,"until":"2026-11-22T09:31:00.000Z","urgent":true},"timestamp":"2026-11-22T09:31:00.000Z","type":"digest"}"#;
        assert_eq!(message.json().to_string(), expected);
    }

    #[test]
    fn what_became_due_while_the_node_was_away_says_so() {
        let late = |n: u8| Notice { late: true, ..Notice::new(Event::RungReached, &[n], Role::Lead, AT) };
        let one = Message::One(late(1));
        assert!(one.text().contains("\ndue       while this node was away\n"), "{}", one.text());
        assert_eq!(one.json()["data"]["late"], true);
        let message = Message::Digest(Digest { id: NoticeId([0; 16]), ..Digest::of(&[late(1), late(2)]).expect("two") });
        assert_eq!(message.subject(), "watchfire: 2 things happened while this node was away");
        let expected = "\
2 things happened while this node was away, until 2026-11-22T09:30:00Z

rung-reached  2

notice  aaaaaaaaaaaaaaaaaaaaaaaaaa

What it is stands at the desk alone: `watchfire inbox`.
";
        assert_eq!(message.text(), expected);
        assert_eq!(message.json()["data"]["late"], true);
    }

    #[test]
    fn the_shortest_notice_has_a_subject_and_says_where_to_look() {
        let test = Message::One(Notice::new(Event::Test, b"x", Role::Handler, AT));
        assert_eq!(test.subject(), "watchfire: this is a test");
        assert!(test.text().ends_with("Nothing happened; somebody at this desk tries whether notices come.\n"));
    }
}
