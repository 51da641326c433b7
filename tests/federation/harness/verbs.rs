//! What people do and see, in the words of the scenarios.

use super::{Federation, NAMES, Who};
use crate::desk::{staff, two_let_go};
use std::io::Cursor;
use tokio::task::JoinHandle;
use watchfire::formats::Format;
use watchfire::model::record::WithdrawalMode;
use watchfire::model::{Ceiling, GroupId, LogId, OrgId, RecordId, Tlp};
use watchfire::node::NodeError;
use watchfire::node::view::{ExportFormat, ExportRequest, GroupCreate, ImportReport, ImportRequest, MatchView, ShareReport, ShareRequest};

/// A request to share one value, as the command line makes it.
pub fn ask(value: &str, tlp: Tlp, to: &str) -> ShareRequest {
    ShareRequest::now(vec![value.to_owned()], tlp, to)
}

impl Federation {
    /// Shares a value; it must go out.
    pub async fn share(&self, who: Who, value: &str, tlp: Tlp, to: &str) -> RecordId {
        let report = self.try_share(who, value, tlp, to).await;
        assert!(report.withheld.is_empty(), "withheld: {:?}", report.withheld);
        report.released.iter().chain(&report.duplicate).next().expect("it went out").record
    }

    pub async fn try_share(&self, who: Who, value: &str, tlp: Tlp, to: &str) -> ShareReport {
        self.share_as_asked(who, ask(value, tlp, to)).await
    }

    /// Shares; what two people have to sign they sign at once.
    async fn share_as_asked(&self, who: Who, request: ShareRequest) -> ShareReport {
        let node = self.node(who);
        if request.tlp != Tlp::Red {
            return node.share(request).await.unwrap();
        }
        staff(node).await;
        let report = node.share(request).await.unwrap();
        two_let_go(node).await;
        report
    }

    /// Shares a value with a note.
    pub async fn share_with_note(&self, who: Who, value: &str, note: &str, tlp: Tlp, to: &str) -> RecordId {
        let request = ShareRequest { note: Some(note.into()), ..ask(value, tlp, to) };
        let report = self.share_as_asked(who, request).await;
        report.released.first().expect("it went out").record
    }

    /// Imports a text on the node's own threads.
    pub async fn import(&self, who: Who, text: String, format: Format, tlp: Tlp, to: &str) -> ImportReport {
        let request = ImportRequest::now(format, tlp, to);
        let node = self.node(who).clone();
        let work = move || node.import(request, Box::new(Cursor::new(text)), &mut |_| {});
        let runtime = &self.members[who.0].life.as_ref().expect("it runs").runtime;
        if tlp == Tlp::Red {
            staff(self.node(who)).await;
        }
        let report = runtime.spawn_blocking(work).await.unwrap().unwrap();
        if tlp == Tlp::Red {
            two_let_go(self.node(who)).await;
        }
        report
    }

    /// As [`Self::import`], and does not wait; the node may be killed meanwhile.
    pub fn start_import(&self, who: Who, text: String, to: &str) -> JoinHandle<Result<ImportReport, NodeError>> {
        let request = ImportRequest::now(Format::Text, Tlp::Amber, to);
        let node = self.node(who).clone();
        let work = move || node.import(request, Box::new(Cursor::new(text)), &mut |_| {});
        self.members[who.0].life.as_ref().expect("it runs").runtime.spawn_blocking(work)
    }

    /// How many entries of one's only log the other has acknowledged.
    pub fn acknowledged(&self, author: Who, reader: Who) -> u64 {
        let snapshot = self.node(author).store.snapshot().unwrap();
        let log = snapshot.logs_of(&self.org(author)).unwrap().remove(0).id;
        snapshot.acks(&log).unwrap().into_iter().find(|ack| ack.peer == self.org(reader)).map_or(0, |ack| ack.through)
    }

    /// How many entries of a log somebody has acknowledged to its author.
    pub fn acknowledged_by(&self, author: Who, log: &LogId, reader: &OrgId) -> u64 {
        let snapshot = self.node(author).store.snapshot().unwrap();
        snapshot.acks(log).unwrap().into_iter().find(|ack| ack.peer == *reader).map_or(0, |ack| ack.through)
    }

    /// How many entries of an author's logs a node holds.
    pub fn entries(&self, who: Who, author: Who) -> u64 {
        self.node(who).store.snapshot().unwrap().logs_of(&self.org(author)).unwrap().iter().map(|log| log.head.size).sum()
    }

    /// All that a lookup finds.
    pub fn lookup(&self, who: Who, value: &str) -> Vec<MatchView> {
        let found = self.node(who).lookup(&[value.to_owned()]).unwrap();
        found.into_iter().flat_map(|one| one.matches).collect()
    }

    /// Whether this very value is found.
    pub fn finds(&self, who: Who, value: &str) -> bool {
        self.lookup(who, value).iter().any(|found| found.r#match == "exact")
    }

    /// Who says this very value, by their place.
    pub fn authors(&self, who: Who, value: &str) -> Vec<Who> {
        let orgs = self.orgs();
        let mut authors: Vec<Who> = self
            .lookup(who, value)
            .iter()
            .filter(|found| found.r#match == "exact")
            .filter_map(|found| orgs.get(&found.author).copied())
            .collect();
        authors.sort_unstable();
        authors.dedup();
        authors
    }

    pub async fn group(&self, owner: Who, name: &str, members: &[Who]) -> GroupId {
        self.group_with(owner, name, members, |_| {}).await
    }

    /// A group that differs from the plain visible one without history.
    pub async fn group_with(&self, owner: Who, name: &str, members: &[Who], change: impl FnOnce(&mut GroupCreate)) -> GroupId {
        let members = members.iter().map(|who| NAMES[who.0].to_owned()).collect();
        let mut request = GroupCreate { name: name.into(), members, ..GroupCreate::default() };
        change(&mut request);
        self.node(owner).group_create(request).await.unwrap().group_id
    }

    pub async fn recall(&self, who: Who, id: &str) {
        let view = self.node(who).recall(id, "shared by mistake").await.unwrap();
        assert_eq!(view.mode, WithdrawalMode::Recall);
    }

    /// What became of a record of ours, by the name of each holder.
    pub fn outcomes(&self, who: Who, id: &str) -> Vec<(String, String)> {
        self.node(who).receipts(id).unwrap().into_iter().map(|one| (one.peer, one.outcome)).collect()
    }

    pub fn export(&self, who: Who, format: ExportFormat) -> String {
        self.export_as(
            who,
            &ExportRequest {
                format,
                ceiling: Ceiling::NONE,
                groups: Vec::new(),
                since: None,
                kinds: Vec::new(),
                options: Default::default(),
            },
        )
    }

    pub fn export_as(&self, who: Who, request: &ExportRequest) -> String {
        let mut out = Vec::new();
        self.node(who).begin_export(request.clone()).unwrap().write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// What an export that is made now ends with.
    pub fn cursor(&self, who: Who, request: &ExportRequest) -> String {
        let node = self.node(who);
        node.begin_export(request.clone()).unwrap().cursor(node).unwrap()
    }

    /// A STIX export's indicator of a value.
    pub fn stix_of(&self, who: Who, value: &str) -> serde_json::Value {
        let bundle: serde_json::Value = serde_json::from_str(&self.export(who, ExportFormat::Stix)).unwrap();
        let is_it = |object: &&serde_json::Value| object["pattern"].as_str().is_some_and(|pattern| pattern.contains(value));
        bundle["objects"].as_array().unwrap().iter().find(is_it).unwrap().clone()
    }

    /// How many indicators a node holds.
    pub fn indicators(&self, who: Who) -> u64 {
        self.node(who).status().unwrap().records.get("indicator").copied().unwrap_or_default()
    }
}
