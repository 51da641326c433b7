//! Requests about statistics.

use super::extract::{Answer, Asked, read};
use crate::node::Node;
use crate::node::statistics::StatisticsView;
use crate::rules::statistics::Period;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which of them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StatisticsQuery {
    /// This month where none is given.
    #[serde(default)]
    period: Option<Period>,
    /// As they may be told to others.
    #[serde(default)]
    publish: bool,
}

pub(super) async fn statistics(State(node): State<Arc<Node>>, Asked(query): Asked<StatisticsQuery>) -> Answer<StatisticsView> {
    read(node, move |node| node.statistics(query.period, query.publish)).await
}
