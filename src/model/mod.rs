//! The nouns, with the standards' names. Pure: no clock, no network, no disk.

pub mod alert;
pub(crate) mod bech32;
pub mod call;
pub mod country;
pub mod crypto;
pub mod desk;
pub mod duplicate;
pub mod group;
pub mod hours;
pub mod id;
pub mod identity;
pub mod label;
pub mod language;
pub mod log;
pub mod observable;
pub mod platform;
pub mod priority;
pub mod profile;
pub mod record;
pub mod referral;
pub mod sighting;
pub mod time;
pub mod tlp;
pub mod vocabulary;
pub mod warninglist;

pub use id::{
    AlertId, CallId, CampaignId, CaseId, CheckId, DeskHash, EntryHash, GroupId, HandOverId, LogId, NoticeId, OrgId, PlatformId, RecordId,
    ReferralId, ReleaseId, SealKeyId, ShortId, SubjectRef, UserKey,
};
pub use label::{Ceiling, Class, Label, Pap};
pub use observable::{BadObservable, Observable, ObservableKind};
pub use priority::Priority;
pub use record::{Indicator, Record, RecordKind};
pub use time::Timestamp;
pub use tlp::Tlp;
pub use warninglist::Warninglist;
