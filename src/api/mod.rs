//! Edge to the command line and to scripts: one plain HTTP API over the Unix socket `DIR/desk.sock`, where the file's owner and mode
//! are the authentication. JSON in and out, errors as `application/problem+json` (RFC 9457), long answers as NDJSON.

mod alerts;
mod backup;
mod calls;
pub mod client;
mod consumers;
mod duplicates;
mod extract;
mod feeds;
mod gate;
mod handovers;
mod holds;
pub mod https;
mod import;
mod notify;
mod peers;
pub mod problem;
mod profiles;
mod records;
mod referrals;
mod sealing;
mod seen;
pub mod server;
mod sightings;
mod statistics;
mod stream;
mod users;

use crate::node::Node;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post};
use std::sync::Arc;

pub use backup::{BackupMade, BackupRequest, recipients};
pub use gate::{Reloaded, Values};
pub use holds::hash_of;
pub use import::format_named;
pub use notify::TestRequest;
pub use peers::{Card, Digits, GroupAdd, GroupCommunity, GroupDeputy, Join, PeerAdd, Rename};
pub use problem::Problem;
pub use records::{FOR_TOOLS, Health, LookupRequest, PolicyText, Reason, RotateLogKey, kind_named};

/// The header in which an export says where the next one goes on.
pub const CURSOR_HEADER: &str = "watchfire-cursor";
/// The trailer behind an export: what the format could not say, as JSON.
pub const UNSAID_TRAILER: &str = "watchfire-unsaid";

/// The header in which a backup says what is in it, as JSON.
pub const BACKUP_HEADER: &str = "watchfire-backup";

/// Every route there is. A request has at most `request_bytes_max` bytes, an import as many as it likes.
pub fn router(node: Arc<Node>, request_bytes_max: usize) -> Router {
    Router::new()
        .route("/v1/health", get(records::health))
        .route("/v1/status", get(records::status))
        .route("/v1/card", get(peers::card))
        .route("/v1/peers", get(peers::list).post(peers::add))
        .route("/v1/peers/{name}", get(peers::show).delete(peers::remove))
        .route("/v1/peers/{name}/suspend", post(peers::suspend))
        .route("/v1/peers/{name}/resume", post(peers::resume))
        .route("/v1/peers/{name}/confirm", post(peers::confirm))
        .route("/v1/peers/{name}/rename", post(peers::rename))
        .route("/v1/invitations", post(peers::invite))
        .route("/v1/join", post(peers::join))
        .route("/v1/groups", get(peers::groups).post(peers::group_create))
        .route("/v1/groups/{group}", get(peers::group))
        .route("/v1/groups/{group}/members", post(peers::group_add))
        .route("/v1/groups/{group}/members/{peer}", delete(peers::group_remove))
        .route("/v1/groups/{group}/community", post(peers::group_community))
        .route("/v1/groups/{group}/deputy", post(peers::group_deputy))
        .route("/v1/groups/{group}/accept", post(peers::group_accept))
        .route("/v1/groups/{group}/leave", post(peers::group_leave))
        .route("/v1/groups/{group}/take-over", post(peers::group_take_over))
        .route("/v1/policy", get(records::policy).post(records::activate_policy))
        .route("/v1/policy/check", post(records::check_policy))
        .route("/v1/share", post(records::share))
        .route("/v1/export", get(records::export))
        .route("/v1/export/removed", get(records::removed))
        .route("/v1/lookup", post(records::lookup))
        .route("/v1/records/{id}", get(records::show))
        .route("/v1/records/{id}/explain", get(records::explain))
        .route("/v1/records/{id}/receipts", get(records::receipts))
        .route("/v1/records/{id}/exports", get(records::exports))
        .route("/v1/records/{id}/withdraw", post(records::withdraw))
        .route("/v1/records/{id}/recall", post(records::recall))
        .route("/v1/profile", get(profiles::show).post(profiles::set))
        .route("/v1/profile/file", get(profiles::file))
        .route("/v1/profile/check", post(profiles::check))
        .route("/v1/match", post(profiles::match_need))
        .route("/v1/referrals", get(referrals::inbox).post(referrals::refer))
        .route("/v1/timers", get(referrals::timers))
        .route("/v1/deeds", get(referrals::deeds))
        .route("/v1/referrals/{id}", get(referrals::show))
        .route("/v1/referrals/{id}/contact", get(referrals::contact))
        .route("/v1/referrals/{id}/again", post(referrals::again))
        .route("/v1/referrals/{id}/act", post(referrals::act))
        .route("/v1/alerts", get(alerts::list).post(alerts::publish))
        .route("/v1/alerts/{id}", get(alerts::show))
        .route("/v1/alerts/{id}/read", post(alerts::mark_read))
        .route("/v1/alerts/{id}/withdraw", post(alerts::withdraw))
        .route("/v1/sightings", get(sightings::list).post(sightings::add))
        .route("/v1/sightings/withdraw", post(sightings::withdraw))
        .route("/v1/seen", get(seen::list).post(seen::ask))
        .route("/v1/seen/allowed", post(seen::allow))
        .route("/v1/seen/disallowed", post(seen::disallow))
        .route("/v1/calls", get(calls::list).post(calls::open))
        .route("/v1/calls/{id}", get(calls::show))
        .route("/v1/calls/{id}/close", post(calls::close))
        .route("/v1/calls/{id}/volunteer", post(calls::volunteer))
        .route("/v1/referrals/{id}/platforms", post(referrals::open_platform))
        .route("/v1/platforms", get(referrals::platforms))
        .route("/v1/platforms/{id}/ping", post(referrals::ping_platform))
        .route("/v1/platforms/{id}/answer", post(referrals::answer_platform))
        .route("/v1/campaigns", get(records::campaigns))
        .route("/v1/duplicates", get(duplicates::list).post(duplicates::check))
        .route("/v1/duplicates/claims", post(duplicates::claim))
        .route("/v1/duplicates/evaluate", post(duplicates::evaluate))
        .route("/v1/duplicates/allowed", post(duplicates::allow))
        .route("/v1/duplicates/allowed/{id}/end", post(duplicates::disallow))
        .route("/v1/duplicates/found/{id}", post(duplicates::decide))
        .route("/v1/statistics", get(statistics::statistics))
        .route("/v1/handovers", get(handovers::list).post(handovers::open))
        .route("/v1/handovers/{id}", get(handovers::show))
        .route("/v1/handovers/{id}/accept", post(handovers::accept))
        .route("/v1/holds/{id}/terms", get(users::terms))
        .route("/v1/holds/{id}/sign", post(users::sign))
        .route("/v1/holds/{id}/approve", post(users::approve))
        .route("/v1/users", get(users::list).post(users::change))
        .route("/v1/users/{name}", get(users::show))
        .route("/v1/user-log", get(users::log))
        .route("/v1/desk-key", get(sealing::show).post(sealing::change))
        .route("/v1/desk-key/publish", post(sealing::publish))
        .route("/v1/desk-key/shares/{name}", get(sealing::shares))
        .route("/v1/desk-key/users", post(sealing::register))
        .route("/v1/desk-key/of/{peer}", get(sealing::of))
        .route("/v1/openings", get(sealing::openings).post(sealing::opening))
        .route("/v1/consumers", get(consumers::list).post(consumers::add))
        .route("/v1/consumers/{name}/renew", post(consumers::renew))
        .route("/v1/consumers/{name}/keep", post(consumers::keep))
        .route("/v1/consumers/{name}/revoke", post(consumers::revoke))
        .route("/v1/feeds", get(feeds::list).post(feeds::add))
        .route("/v1/feeds/{name}", get(feeds::show))
        .route("/v1/feeds/{name}/run", post(feeds::run))
        .route("/v1/feeds/{name}/pause", post(feeds::pause))
        .route("/v1/feeds/{name}/resume", post(feeds::resume))
        .route("/v1/feeds/{name}/remove", post(feeds::remove))
        .route("/v1/backup", post(backup::backup))
        .route("/v1/backup/made", post(backup::made))
        .route("/v1/restore/waive", post(backup::waive))
        .route("/v1/rotate", post(records::rotate))
        .route("/v1/rotate-log-key", post(records::rotate_log_key))
        .route("/v1/expire", post(records::expire))
        .route("/v1/gate/check", post(gate::check))
        .route("/v1/gate/reload", post(gate::reload))
        .route("/v1/notify", get(notify::list))
        .route("/v1/notify/test", post(notify::test))
        .route("/v1/holds", get(holds::list))
        .route("/v1/holds/{id}", get(holds::preview))
        .route("/v1/holds/{id}/undo", post(holds::undo))
        .route("/v1/holds/{id}/release", post(holds::release))
        .route("/v1/disclosures", get(holds::disclosures))
        .route("/v1/disclosures/verify", get(holds::verify))
        .route("/v1/disclosures/export", get(holds::export))
        .layer(DefaultBodyLimit::max(request_bytes_max))
        .route("/v1/import", post(import::import))
        .fallback(extract::no_such_route)
        .method_not_allowed_fallback(extract::no_such_route)
        .with_state(node)
}
