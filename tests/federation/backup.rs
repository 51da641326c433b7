//! Backups are made while the node works, and a restored node obeys before it serves.

use crate::harness::*;
use std::io::{Read, Write};
use watchfire::formats::Format;
use watchfire::formats::age::{Decryptor, Encryptor, Identity};
use watchfire::model::{Ceiling, Tlp};
use watchfire::node::NodeError;
use watchfire::node::error::Exit;
use watchfire::node::view::{ExportFormat, ExportRequest};
use watchfire::store::archive::rows_in;

fn domains(prefix: &str, count: usize) -> String {
    (0..count).map(|number| format!("{prefix}{number}.example.org\n")).collect()
}

fn try_export(federation: &Federation, who: Who) -> Result<String, NodeError> {
    let mut out = Vec::new();
    let request = ExportRequest {
        format: ExportFormat::Text,
        ceiling: Ceiling::NONE,
        groups: Vec::new(),
        since: None,
        kinds: Vec::new(),
        options: Default::default(),
    };
    federation.node(who).begin_export(request)?.write(&mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn holds_back(federation: &Federation, who: Who) -> bool {
    federation.node(who).is_restored()
}

fn awaited(federation: &Federation, who: Who) -> Vec<String> {
    let restored = federation.node(who).status().unwrap().restored;
    restored.map_or_else(Vec::new, |view| view.awaited.iter().map(|one| format!("{} to {}", one.author_name, one.audience_name)).collect())
}

fn incarnations(federation: &Federation, who: Who, author: Who) -> usize {
    let logs = federation.node(who).store.snapshot().unwrap().logs_of(&federation.org(author)).unwrap();
    logs.iter().map(|log| log.key.incarnation).collect::<std::collections::BTreeSet<_>>().len()
}

#[tokio::test]
async fn the_drill() {
    let mut federation = Federation::of(3).await;
    let identity = Identity::generate();
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    federation.import(AMAL, domains("host", 10_000), Format::Text, Tlp::Amber, "borealis").await;
    federation.share(AMAL, "ours.example.org", Tlp::Amber, "partners").await;
    federation.share(BOREALIS, "theirs.example.org", Tlp::Amber, "partners").await;
    federation.share(CEDAR, "cedars.example.org", Tlp::Amber, "amal").await;
    federation.settle().await;
    // A backup under load.
    let importing = federation.start_import(AMAL, domains("later", 12_000), "borealis");
    federation.until("some are in", || federation.indicators(AMAL) > 10_500).await;
    let (backup, before) = federation.backup(AMAL, identity.recipient()).await;
    assert!(before.values.len() < 22_000, "the import went on while the snapshot was taken: {}", before.values.len());
    assert_eq!(importing.await.unwrap().unwrap().released, 12_000);
    federation.settle().await;
    // What happens after the backup: Amal recalls, its partners recall, and the node is lost.
    federation.recall(AMAL, "host7.example.org").await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.cut(AMAL, CEDAR);
    federation.recall(BOREALIS, "theirs.example.org").await;
    federation.recall(CEDAR, "cedars.example.org").await;
    federation.clock.advance(HOUR);
    federation.restore(AMAL, &backup, &identity);
    federation.start(AMAL).await;
    // It holds what the snapshot held, row by row, finds it, and gives it to nobody.
    let after = Picture::of(&federation.node(AMAL).store.snapshot().unwrap());
    assert_eq!(before.differences(&after), Vec::<String>::new());
    assert!(after.logs.values().any(|(size, _)| *size >= 10_000));
    for value in ["host0.example.org", "host7.example.org", "host9999.example.org", "theirs.example.org", "cedars.example.org"] {
        assert!(federation.finds(AMAL, value), "{value}");
    }
    assert!(federation.node(AMAL).lookup(&["host0.example.org".into()]).unwrap()[0].unconfirmed, "what it finds is marked");
    let refused = try_export(&federation, AMAL).unwrap_err();
    assert_eq!((refused.code(), refused.exit()), ("held-back", Exit::Refused));
    // It links, takes in what it missed, obeys, and goes on.
    federation.heal(AMAL, BOREALIS);
    federation.heal(AMAL, CEDAR);
    federation.until("it goes on", || !holds_back(&federation, AMAL)).await;
    for value in ["host7.example.org", "theirs.example.org", "cedars.example.org"] {
        assert!(!federation.finds(AMAL, value), "{value} was recalled");
    }
    let exported = try_export(&federation, AMAL).unwrap();
    assert!(!exported.contains("host7.example.org") && !exported.contains("theirs") && !exported.contains("cedars"));
    assert!(exported.contains("host0.example.org") && exported.contains("later11999.example.org"), "its tail was fetched back");
    federation.settle().await;
    federation.share(AMAL, "new.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "new.example.org") && federation.finds(CEDAR, "new.example.org"));
    assert!(!federation.finds(BOREALIS, "host7.example.org"), "what was recalled did not leave again");
    let said = federation.entries(BOREALIS, AMAL);
    assert!(said < 22_020, "what waited in the backup and had left since did not leave again: {said} entries");
    for who in federation.everyone() {
        assert!(federation.node(who).store.snapshot().unwrap().evidence().unwrap().is_empty(), "no position was signed twice");
        assert_eq!(incarnations(&federation, who, AMAL), 2, "one restore, one new incarnation");
    }
    assert!(!federation.node(AMAL).lookup(&["host0.example.org".into()]).unwrap()[0].unconfirmed);
}

#[tokio::test]
async fn a_backup_that_loses_one_record_is_noticed() {
    let mut federation = Federation::of(2).await;
    let identity = Identity::generate();
    federation.import(AMAL, domains("host", 50), Format::Text, Tlp::Amber, "borealis").await;
    federation.settle().await;
    let (backup, before) = federation.backup(AMAL, identity.recipient()).await;
    // The control: one row of one table is gone. By itself it is told from the count that was taken with it.
    let lossy = without_one_record(&backup, &identity, false);
    let said = watchfire::node::backup::read_backup(lossy.as_slice(), std::slice::from_ref(&identity)).unwrap_err().to_string();
    assert_eq!(said, "it is not whole: table `records.v1` has 49 rows in it, and 50 when it was made");
    // A backup that counts wrongly as well would pass; the drill's comparison does not let it.
    let lossy = without_one_record(&backup, &identity, true);
    federation.restore(AMAL, &lossy, &identity);
    federation.start(AMAL).await;
    let after = Picture::of(&federation.node(AMAL).store.snapshot().unwrap());
    assert!(before.differences(&after).contains(&"counts".to_owned()), "{:?}", before.differences(&after));
    federation.be_impatient();
}

/// A backup without one row of the table of records; where it is to `lie`, its manifest counts one less.
fn without_one_record(backup: &[u8], identity: &Identity, lie: bool) -> Vec<u8> {
    let mut plain = Vec::new();
    Decryptor::new(backup, std::slice::from_ref(identity)).unwrap().read_to_end(&mut plain).unwrap();
    let head = b"watchfire-backup\n".len() + 2;
    let (mut out, mut rest) = (plain[..head].to_vec(), &plain[head..]);
    while let Some((header, behind)) = rest.split_first_chunk::<5>() {
        let length = u32::from_be_bytes(header[1..].try_into().unwrap()) as usize;
        let (content, behind) = behind.split_at(length);
        let content = match header[0] {
            1 if lie => String::from_utf8(content.to_vec())
                .unwrap()
                .replace("\"records.v1\":50", "\"records.v1\":49")
                .replace("\"indicator\":50", "\"indicator\":49")
                .into_bytes(),
            // A row has 16 bytes of id and 8 of a number.
            3 if content[1..].starts_with(b"records.v1") => content[..content.len() - 24].to_vec(),
            4 => watchfire::model::crypto::sha256(&[&out]).to_vec(),
            _ => content.to_vec(),
        };
        if header[0] == 3 && content[1..].starts_with(b"records.v1") {
            assert_eq!(rows_in("records.v1", &content[11..]).unwrap(), 49);
        }
        out.push(header[0]);
        out.extend((content.len() as u32).to_be_bytes());
        out.extend(content);
        rest = behind;
    }
    let mut writer = Encryptor::new(Vec::new(), &[identity.recipient()]).unwrap();
    writer.write_all(&out).unwrap();
    writer.finish().unwrap()
}

#[tokio::test]
async fn a_restored_node_relays_nothing_before_the_author_or_an_equal_has_told() {
    let mut federation = Federation::of(3).await;
    let identity = Identity::generate();
    federation.group_with(BOREALIS, "partners", &[AMAL, CEDAR], |group| group.history = true).await;
    federation.settle().await;
    // Cedar is away while Borealis shares; an ordinary node would relay it to Cedar.
    federation.cut(CEDAR, AMAL);
    federation.cut(CEDAR, BOREALIS);
    federation.share(BOREALIS, "mistake.example.org", Tlp::Amber, "partners").await;
    federation.share(BOREALIS, "good.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    let (backup, _) = federation.backup(AMAL, identity.recipient()).await;
    federation.cut(AMAL, BOREALIS);
    federation.recall(BOREALIS, "mistake.example.org").await;
    federation.restore(AMAL, &backup, &identity);
    federation.start(AMAL).await;
    federation.heal(AMAL, CEDAR);
    federation
        .until("Cedar is heard", || {
            let view = federation.node(AMAL).status().unwrap().restored;
            view.is_some_and(|view| view.unheard == ["borealis"])
        })
        .await;
    // Cedar holds less of Borealis's log than the backup, so its word is none about it.
    assert!(awaited(&federation, AMAL).contains(&"borealis to partners".to_owned()), "{:?}", awaited(&federation, AMAL));
    assert!(holds_back(&federation, AMAL));
    // A restart does not end it.
    federation.restart(AMAL).await;
    assert!(holds_back(&federation, AMAL));
    federation.until("they are linked again", || federation.node(AMAL).link_view(&federation.org(CEDAR)).up).await;
    federation.clock.advance(2 * MINUTE);
    assert!(!federation.finds(CEDAR, "good.example.org") && !federation.finds(CEDAR, "mistake.example.org"), "nothing was relayed");
    federation.heal(AMAL, BOREALIS);
    federation.until("it goes on", || !holds_back(&federation, AMAL)).await;
    federation.until("Cedar catches up through Amal", || federation.finds(CEDAR, "good.example.org")).await;
    assert!(!federation.finds(CEDAR, "mistake.example.org") && !federation.finds(AMAL, "mistake.example.org"));
    federation.heal(CEDAR, BOREALIS);
    federation.settle().await;
}

#[tokio::test]
async fn what_waited_in_the_backup_and_was_recalled_since_does_not_leave_again() {
    let mut federation = Federation::of(2).await;
    let identity = Identity::generate();
    federation.share(AMAL, "first.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    // Nothing has a position before its reader is seen since the start, so this waits.
    federation.cut(AMAL, BOREALIS);
    federation.restart(AMAL).await;
    federation.share(AMAL, "mistake.example.org", Tlp::Amber, "borealis").await;
    federation.share(AMAL, "good.example.org", Tlp::Amber, "borealis").await;
    let (backup, _) = federation.backup(AMAL, identity.recipient()).await;
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
    federation.recall(AMAL, "mistake.example.org").await;
    federation.settle().await;
    federation.clock.advance(HOUR);
    federation.restore(AMAL, &backup, &identity);
    federation.start(AMAL).await;
    federation.until("it goes on", || !holds_back(&federation, AMAL)).await;
    federation.settle().await;
    assert!(!federation.finds(BOREALIS, "mistake.example.org") && !federation.finds(AMAL, "mistake.example.org"));
    assert!(federation.finds(BOREALIS, "good.example.org"));
    let again = federation.try_share(AMAL, "mistake.example.org", Tlp::Amber, "borealis").await;
    assert!(again.released.is_empty(), "what was recalled is known as recalled: {again:?}");
}

#[tokio::test]
async fn of_many_that_waited_and_look_alike_none_that_was_recalled_leaves_again() {
    let mut federation = Federation::of(2).await;
    let identity = Identity::generate();
    federation.cut(AMAL, BOREALIS);
    federation.restart(AMAL).await;
    let alike: Vec<String> = (100..200).map(|number| format!("host{number}.example.org")).collect();
    federation.import(AMAL, alike.join("\n"), Format::Text, Tlp::Amber, "borealis").await;
    let (backup, _) = federation.backup(AMAL, identity.recipient()).await;
    // The first never gets a position, so that those behind it have others than their places in the queue.
    federation.recall(AMAL, &alike[0]).await;
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
    for recalled in [50, 99] {
        federation.recall(AMAL, &alike[recalled]).await;
    }
    federation.settle().await;
    let said = federation.entries(BOREALIS, AMAL);
    federation.clock.advance(HOUR);
    federation.restore(AMAL, &backup, &identity);
    federation.start(AMAL).await;
    federation.until("it goes on", || !holds_back(&federation, AMAL)).await;
    federation.settle().await;
    assert_eq!(federation.entries(BOREALIS, AMAL), said, "nothing leaves again");
    for (number, value) in alike.iter().enumerate() {
        let taken_back = [0, 50, 99].contains(&number);
        assert_eq!([AMAL, BOREALIS].map(|who| federation.finds(who, value)), [!taken_back; 2], "{value}");
    }
    for (number, value) in alike.iter().enumerate().skip(1) {
        let again = federation.try_share(AMAL, value, Tlp::Amber, "borealis").await;
        let as_it_was = if [50, 99].contains(&number) { again.withheld.len() } else { again.duplicate.len() };
        assert_eq!(as_it_was, 1, "{value}: {again:?}");
    }
}

#[tokio::test]
async fn an_operator_goes_on_without_a_peer_that_never_returns() {
    let mut federation = Federation::of(2).await;
    let identity = Identity::generate();
    federation.share(BOREALIS, "theirs.example.org", Tlp::Amber, "amal").await;
    federation.settle().await;
    let (backup, _) = federation.backup(AMAL, identity.recipient()).await;
    federation.cut(AMAL, BOREALIS);
    federation.restore(AMAL, &backup, &identity);
    federation.start(AMAL).await;
    federation.pass(DAY).await;
    assert_eq!(awaited(&federation, AMAL), ["borealis to us"]);
    let refused = try_export(&federation, AMAL).unwrap_err().to_string();
    assert!(refused.contains("the word of these is awaited: borealis\nhint: "), "{refused}");
    let waived = federation.node(AMAL).waive_restore().await.unwrap();
    assert_eq!(waived.awaited.len(), 1, "what is waived is said");
    assert_eq!(try_export(&federation, AMAL).unwrap(), "theirs.example.org\n");
    assert!(federation.node(AMAL).waive_restore().await.is_err(), "there is nothing left to waive");
    federation.restart(AMAL).await;
    assert!(!holds_back(&federation, AMAL));
}

/// Each has of its own what the other never got, and what nobody else passes on: entries and members of a hidden group.
#[tokio::test]
async fn two_that_were_restored_do_not_wait_for_each_other() {
    let mut federation = Federation::of(3).await;
    let identity = Identity::generate();
    for (head, other, group) in [(AMAL, BOREALIS, "hidden-of-amal"), (BOREALIS, AMAL, "hidden-of-borealis")] {
        federation.group_with(head, group, &[other], |group| group.hidden = true).await;
    }
    // Of what they say to each other nobody else can tell.
    federation.share(AMAL, "before.example.org", Tlp::Amber, "borealis").await;
    federation.share(BOREALIS, "before.example.net", Tlp::Amber, "amal").await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    for (author, value, group) in [(AMAL, "one.example.org", "hidden-of-amal"), (BOREALIS, "other.example.org", "hidden-of-borealis")] {
        federation.node(author).group_add(group, "cedar").await.unwrap();
        federation.share(author, value, Tlp::Amber, group).await;
    }
    federation.settle().await;
    for who in [AMAL, BOREALIS] {
        let (backup, _) = federation.backup(who, identity.recipient()).await;
        federation.restore(who, &backup, &identity);
        federation.start(who).await;
    }
    federation.heal(AMAL, BOREALIS);
    federation.until("both go on", || !holds_back(&federation, AMAL) && !holds_back(&federation, BOREALIS)).await;
    federation.settle().await;
    for value in ["one.example.org", "other.example.org"] {
        assert!([AMAL, BOREALIS, CEDAR].iter().all(|who| federation.finds(*who, value)), "{value}");
    }
}

#[tokio::test]
async fn a_new_key_that_came_while_a_restored_owner_held_back_is_told_to_its_group() {
    let mut federation = Federation::strangers(3).await;
    let identity = Identity::generate();
    federation.pair(AMAL, BOREALIS).await;
    federation.pair(AMAL, CEDAR).await;
    federation.settle().await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    // So that the word of Borealis is awaited.
    federation.share(AMAL, "ours.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    let (backup, _) = federation.backup(AMAL, identity.recipient()).await;
    federation.cut(AMAL, BOREALIS);
    federation.restore(AMAL, &backup, &identity);
    federation.start(AMAL).await;
    federation.clock.advance(MINUTE);
    federation.node(CEDAR).rotate_log_key(false).await.unwrap();
    let key_of_cedar = |federation: &Federation, who| federation.node(who).log_keys(&federation.org(CEDAR)).unwrap().current().number;
    federation.until("its new key is known to Amal", || key_of_cedar(&federation, AMAL) == 2).await;
    assert!(holds_back(&federation, AMAL));
    federation.heal(AMAL, BOREALIS);
    federation.until("Borealis, which knows Cedar by the group alone, has it too", || key_of_cedar(&federation, BOREALIS) == 2).await;
    federation.settle().await;
    assert_eq!(federation.node(BOREALIS).group("partners").unwrap().number, 2, "it was told once");
}

#[tokio::test]
async fn a_restored_owner_changes_no_group_before_it_knows_the_newest_definition() {
    let mut federation = Federation::of(3).await;
    let identity = Identity::generate();
    federation.group_with(AMAL, "seen", &[BOREALIS], |_| {}).await;
    federation.group_with(AMAL, "hidden", &[BOREALIS], |group| group.hidden = true).await;
    federation.settle().await;
    let (backup, _) = federation.backup(AMAL, identity.recipient()).await;
    for group in ["seen", "hidden"] {
        federation.node(AMAL).group_add(group, "cedar").await.unwrap();
        federation.node(AMAL).group_remove(group, "cedar").await.unwrap();
    }
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.cut(AMAL, CEDAR);
    federation.restore(AMAL, &backup, &identity);
    federation.start(AMAL).await;
    let refused = federation.node(AMAL).group_add("seen", "cedar").await.unwrap_err();
    assert_eq!(refused.code(), "held-back");
    federation.heal(AMAL, BOREALIS);
    federation.heal(AMAL, CEDAR);
    federation.until("it goes on", || !holds_back(&federation, AMAL)).await;
    for group in ["seen", "hidden"] {
        let view = federation.node(AMAL).group_add(group, "cedar").await.unwrap();
        assert!(view.number > 3, "{group}: no number is signed twice: {}", view.number);
    }
    federation.settle().await;
    assert!(federation.node(CEDAR).groups().unwrap().len() >= 2, "Cedar is in both");
}
