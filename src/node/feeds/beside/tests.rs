use super::*;
use crate::node::feeds::tests::Desk;
use crate::node::feeds::{FeedRunView, Kind};

const AT: &str = "/c/objects/";
const LATER: &str = "/c/objects/?added_after=2026-11-01T10%3A00%3A00.000001Z";

fn id(kind: &str, number: usize) -> String {
    format!("{kind}--00000000-0000-4000-8000-{number:012}")
}

fn malware(number: usize) -> String {
    let id = id("malware", number);
    format!(r#"{{"type":"malware","id":"{id}","name":"Lurker {number}"}}"#)
}

fn indicates(source: usize, target: usize) -> String {
    let (source, target) = (id("indicator", source), id("malware", target));
    format!(r#"{{"type":"relationship","relationship_type":"indicates","source_ref":"{source}","target_ref":"{target}"}}"#)
}

/// An indicator, so many times, each with another value.
fn indicator(number: usize, values: usize, more: &str) -> String {
    let (id, time) = (id("indicator", number), "2026-01-01T00:00:00Z");
    let one = |n| {
        format!(
            r#"{{"type":"indicator","spec_version":"2.1","id":"{id}","created":"{time}","modified":"{time}","valid_from":"{time}","pattern_type":"stix","pattern":"[domain-name:value = 'n{number}-{n}.login-lure.com']"{more}}}"#
        )
    };
    (0..values).map(one).collect::<Vec<_>>().join(",")
}

fn written(objects: impl IntoIterator<Item = String>) -> String {
    format!(r#"{{"more":false,"objects":[{}]}}"#, objects.into_iter().collect::<Vec<_>>().join(","))
}

fn objects(all: impl IntoIterator<Item = String>) -> Objects {
    page(written(all).as_bytes(), 100_000).unwrap().objects
}

async fn desk() -> (Desk, FeedRow) {
    let desk = Desk::new().await;
    desk.web.put(AT, written([]));
    desk.add("taxii", Kind::Taxii, desk.web.url("/c/")).await;
    let feed = desk.node.feed_named(&desk.node.store.snapshot().unwrap(), "taxii").unwrap();
    (desk, feed)
}

/// What a run says that it could not do.
fn told(view: &FeedRunView) -> Vec<&str> {
    assert_eq!(view.fault, None);
    view.problems.iter().map(|problem| problem.what.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_of_one_page_than_its_bound_is_not_kept_and_that_is_told() {
    let (desk, feed) = desk().await;
    let objects = objects((0..10).map(malware));
    let row = objects.things.values().next().unwrap().to_string().len();
    let kept = |bounds: &Bounds| {
        let beside = desk.node.said_beside(&feed, &objects, bounds).unwrap();
        (beside.kept.len(), beside.beyond.into_iter().collect::<Vec<_>>())
    };
    assert_eq!(kept(&Bounds { bytes: 3 * row, ..BOUNDS }), (3, vec![NOT_KEPT]));
    assert_eq!(kept(&BOUNDS), (10, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_of_earlier_pages_than_its_bound_is_not_read_with_a_page_but_for_what_restricts() {
    let (desk, feed) = desk().await;
    let marking = id("marking-definition", 9);
    let red = format!(r#"{{"type":"marking-definition","id":"{marking}","definition_type":"tlp","definition":{{"tlp":"red"}}}}"#);
    desk.web.put(AT, written((0..10).map(malware).chain((0..10).map(|n| indicates(n, n))).chain([red])));
    assert_eq!(desk.became("taxii").await, [0, 0, 0, 0]);
    let objects = objects((0..10).map(|n| indicator(n, 1, &format!(r#","object_marking_refs":["{marking}"]"#))));
    let said = |bounds: &Bounds| {
        let Beside { said, beyond, .. } = desk.node.said_beside(&feed, &objects, bounds).unwrap();
        let said: Vec<Value> = serde_json::from_slice(&said).unwrap();
        let of = |kind: &str| said.iter().filter(|one| one["type"] == kind).count();
        ([of("malware"), of("relationship"), of("marking-definition")], beyond.into_iter().collect::<Vec<_>>())
    };
    assert_eq!(said(&Bounds { bytes: 0, ..BOUNDS }), ([0, 0, 1], vec![NOT_SAID]));
    assert_eq!(said(&BOUNDS), ([10, 10, 1], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_indicators_wait_for_one_name_and_the_others_are_told() {
    let (desk, _) = desk().await;
    let count = BOUNDS.waiting + 1;
    desk.web.put(AT, written((0..count).flat_map(|n| [indicator(n, 1, ""), indicates(n, 0)])));
    assert_eq!(told(&desk.run("taxii").await), [NOT_WAITING]);
    desk.web.put(LATER, written([malware(0)]));
    let view = desk.run("taxii").await;
    assert_eq!((view.counts.changed, told(&view)), (BOUNDS.waiting as u64, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_values_that_came_before_are_said_anew_after_one_page_and_the_others_are_told() {
    let (desk, _) = desk().await;
    // Three names, for which no more wait than may.
    let count = BOUNDS.late + 1;
    assert!(count <= 3 * BOUNDS.waiting);
    desk.web.put(AT, written((0..count).flat_map(|n| [indicator(n, 1, ""), indicates(n, n % 3)])));
    assert!(told(&desk.run("taxii").await).is_empty());
    desk.web.put(LATER, written((0..3).map(malware)));
    let view = desk.run("taxii").await;
    assert_eq!((view.counts.changed, told(&view)), (BOUNDS.late as u64, vec![NOT_LATE]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_indicator_that_stands_there_with_many_values_is_not_said_anew_for_a_name() {
    let (desk, _) = desk().await;
    let [few, many] = [VALUES_MAX, VALUES_MAX + 1];
    desk.web.put(AT, written([indicator(1, few, ""), indicates(1, 0), indicator(2, many, ""), indicates(2, 0)]));
    assert_eq!(desk.became("taxii").await, [(few + many) as u64, 0, 0, 0]);
    desk.web.put(LATER, written([malware(0)]));
    let view = desk.run("taxii").await;
    assert_eq!((view.counts.changed, told(&view)), (few as u64, vec![NOT_LATE]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_of_all_pages_has_a_bound_that_is_told() {
    let desk = Desk::with(|config| config.feeds.records_max = 2).await;
    desk.web.put(AT, written((0..3).map(malware)));
    desk.add("taxii", Kind::Taxii, desk.web.url("/c/")).await;
    assert_eq!(told(&desk.run("taxii").await), [NO_ROOM]);
    assert_eq!(desk.node.store.snapshot().unwrap().all_kept(Shelf::FeedBeside).unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_has_no_more_to_say_than_its_record_takes() {
    let (desk, feed) = desk().await;
    let most = TARGETS_MAX + 1;
    let refs: Vec<String> = (0..most).map(|n| format!(r#""{}""#, id("marking-definition", n))).collect();
    let marked = indicator(1, 1, &format!(r#","object_marking_refs":[{}]"#, refs.join(",")));
    let named = |id: &str, name: &str| format!(r#"{{"type":"malware","id":"{id}","name":"{name}"}}"#);
    let long = format!("malware--{}", "0".repeat(ID_BYTES_MAX));
    let of = |id: &str, text: &str| {
        format!(r#"{{"type":"marking-definition","id":"{id}","definition_type":"statement","definition":{{"statement":"{text}"}}}}"#)
    };
    let (short, wordy) = (id("marking-definition", 1), id("marking-definition", 2));
    let name = "n".repeat(NAME_CHARS_MAX + 1);
    let endless = named(&id("malware", 8), &"n".repeat(PROPERTY_BYTES_MAX));
    let all = [
        marked,
        endless,
        named(&id("malware", 7), &name),
        named(&long, "x"),
        of(&short, "ours"),
        of(&wordy, &"x".repeat(PROPERTY_BYTES_MAX)),
    ];
    let objects = objects(all.into_iter().chain((0..most).map(|n| indicates(1, n))));
    assert_eq!(objects.indicators.values().map(BTreeSet::len).collect::<Vec<_>>(), [TARGETS_MAX]);
    assert_eq!(objects.things[&id("malware", 7)]["name"], name[1..]);
    assert!(!objects.things.contains_key(&long) && !objects.things.contains_key(&id("malware", 8)));
    assert_eq!(objects.things[&wordy], unreadable(&wordy), "what is too long to be looked at counts as TLP:RED");
    assert_eq!(objects.things[&short]["definition"]["statement"], "ours");
    let beside = desk.node.said_beside(&feed, &objects, &BOUNDS).unwrap();
    let targets: Vec<String> = serde_json::from_slice(beside.kept[&targets_of(&id("indicator", 1))].as_ref().unwrap()).unwrap();
    assert_eq!(targets.len(), TARGETS_MAX);
}
