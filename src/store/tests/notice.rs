use super::*;
use crate::model::NoticeId;
use crate::model::desk::Role;
use crate::rules::notify::{Digest, Event, Fault, Message, Notice};
use crate::store::notice::{DeliveryRow, NoticeChange};

fn notice(n: u64) -> Notice {
    Notice::new(Event::Question, &n.to_be_bytes(), Role::Handler, NOW)
}

fn queue(notice: &Notice, channels: &[(&str, bool)], at: Timestamp) -> Change {
    let channels = channels.iter().map(|(name, digest)| ((*name).to_owned(), *digest)).collect();
    Change::Notice(NoticeChange::Queue { notice: Box::new(notice.clone()), channels, at })
}

fn delivered(channel: &str, id: NoticeId) -> Change {
    Change::Notice(NoticeChange::Delivered { channel: channel.into(), id })
}

fn failed(channel: &str, id: NoticeId, row: DeliveryRow) -> Change {
    Change::Notice(NoticeChange::Failed { channel: channel.into(), id, row })
}

fn forget(before: Timestamp, channels: &[&str]) -> Change {
    Change::Notice(NoticeChange::Forget { before, channels: channels.iter().map(|name| (*name).to_owned()).collect() })
}

/// What each channel still has to tell.
fn left(home: &Home) -> Vec<(String, NoticeId)> {
    home.read().deliveries(None).unwrap().into_iter().map(|one| (one.channel, one.id)).collect()
}

#[test]
fn a_notice_is_queued_once_and_stays_until_each_channel_has_it() {
    let mut home = Home::new();
    let one = notice(1);
    home.commit(queue(&one, &[("mail", true), ("chat", false)], NOW));
    home.commit(delivered("chat", one.id));
    // What caused it is done again, as after a crash; and it comes once more, days later.
    home.commit(queue(&one, &[("mail", true), ("chat", false)], NOW));
    home.commit(queue(&one, &[("chat", false)], NOW.plus(86_400_000)));
    assert_eq!(left(&home), [("mail".into(), one.id)]);
    home.reopen();
    let waiting = home.read().deliveries(Some("mail")).unwrap();
    assert_eq!((waiting.len(), waiting[0].row, &waiting[0].notice.message), (1, DeliveryRow::Digest, &Message::One(one.clone())));
    assert_eq!(home.read().deliveries(Some("mai")).unwrap(), []);
    // A failure that is written down late makes nothing wait again.
    home.commit(failed("chat", one.id, DeliveryRow::fresh(NOW)));
    assert_eq!(left(&home), [("mail".into(), one.id)]);
    home.commit(queue(&notice(2), &[], NOW));
    assert_eq!(home.read().notices().unwrap().len(), 1, "what nobody takes is not kept");
}

#[test]
fn what_is_gathered_becomes_one_and_is_not_gathered_again() {
    let home = Home::new();
    let two = [notice(1), notice(2)];
    two.iter().for_each(|one| drop(home.commit(queue(one, &[("mail", true), ("chat", true)], NOW))));
    let digest = Digest::of(&two).unwrap();
    let members = two.iter().map(|one| one.id).collect();
    let gathered = Change::Notice(NoticeChange::Gathered { channel: "mail".into(), digest: Box::new(digest.clone()), members, at: NOW });
    home.commit(gathered.clone());
    let mail = home.read().deliveries(Some("mail")).unwrap();
    assert_eq!((mail.len(), mail[0].row, &mail[0].notice.message), (1, DeliveryRow::fresh(NOW), &Message::Digest(digest.clone())));
    assert_eq!(home.read().deliveries(Some("chat")).unwrap().len(), 2);
    home.commit(delivered("mail", digest.id));
    home.commit(gathered);
    assert_eq!(home.read().deliveries(Some("mail")).unwrap(), []);
}

#[test]
fn what_was_told_a_week_ago_is_forgotten_and_what_waits_is_not() {
    let home = Home::new();
    let (told, waits, given_up, stranger) = (notice(1), notice(2), notice(3), notice(4));
    for one in [&told, &waits, &given_up] {
        home.commit(queue(one, &[("mail", false)], NOW));
    }
    home.commit(queue(&stranger, &[("gone", false)], NOW));
    home.commit(delivered("mail", told.id));
    home.commit(failed("mail", given_up.id, DeliveryRow::GivenUp { failed: 9, at: NOW.plus(5), fault: Fault::TimedOut }));
    home.commit(forget(NOW, &["mail", "gone"]));
    assert_eq!((home.read().notices().unwrap().len(), left(&home).len()), (4, 3));
    home.commit(forget(NOW.plus(5), &["mail"]));
    assert_eq!((home.read().notices().unwrap().len(), left(&home).len()), (2, 2), "of a channel that is no more nothing waits");
    home.commit(forget(NOW.plus(6), &["mail"]));
    assert_eq!(left(&home), [("mail".into(), waits.id)]);
    home.commit(queue(&told, &[("mail", false)], NOW.plus(6)));
    assert_eq!(left(&home).len(), 2, "what was forgotten is news again");
}
