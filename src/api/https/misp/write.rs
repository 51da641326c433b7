//! What programs write through MISP's REST: events, which are drafts until they are published, their attributes, and sightings. What is not taken is told
//! where PyMISP passes it on: in an event's own `errors`, or in an error.

use super::super::body;
use super::{Asked, MispError, answer, error, found};
use crate::formats::Problem;
use crate::formats::misp::rest::Search;
use crate::model::Timestamp;
use crate::model::sighting::SightingType;
use crate::node::error::split_hint;
use crate::node::serving::{Coding, Drafted, EventError, ProduceError, Produced, Searched, Sighted, Wrapped};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::io::Read;

/// So many values stand in one sighting at most.
const VALUES_MAX: usize = 100;

impl From<ProduceError> for MispError {
    fn from(refused: ProduceError) -> Self {
        let status = match &refused {
            ProduceError::NotAllowed(_) | ProduceError::TooLax(_) | ProduceError::SaidByOthers => StatusCode::FORBIDDEN,
            ProduceError::BadKey | ProduceError::TooMany(_) => StatusCode::BAD_REQUEST,
            ProduceError::KeyReused | ProduceError::UnderWay => StatusCode::CONFLICT,
            ProduceError::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            ProduceError::DayIsFull => StatusCode::TOO_MANY_REQUESTS,
            ProduceError::NotSaid => StatusCode::NOT_FOUND,
            ProduceError::Node(_) => {
                let ProduceError::Node(fault) = refused else { return error(StatusCode::SERVICE_UNAVAILABLE, "try again later") };
                return fault.into();
            }
        };
        error(status, refused.to_string())
    }
}

impl From<EventError> for MispError {
    fn from(refused: EventError) -> Self {
        match refused {
            EventError::Draft(_) => error(StatusCode::BAD_REQUEST, refused.to_string()),
            EventError::Taken | EventError::Published | EventError::Full => error(StatusCode::FORBIDDEN, refused.to_string()),
            EventError::Unknown => error(StatusCode::NOT_FOUND, refused.to_string()),
            EventError::Nothing(report) => error(StatusCode::FORBIDDEN, "nothing of it can be published").with("watchfire", told(&report)),
            EventError::Produce(refused) => refused.into(),
        }
    }
}

/// What became of what was said.
fn told(report: &Produced) -> Value {
    let Produced { id, released, waiting, duplicate, withheld, invalid, left_out, withdrawn, problems, .. } = report;
    json!({
        "id": id,
        "released": released,
        "waiting": waiting,
        "duplicate": duplicate,
        "withheld": withheld,
        "invalid": invalid,
        "left_out": left_out,
        "withdrawn": withdrawn,
        "problems": problems,
    })
}

/// Why attributes will not be taken, by where they stand.
fn errors(problems: &[Problem]) -> Value {
    problems.iter().map(|problem| (problem.place.clone(), Value::from(problem.what.as_str()))).collect::<serde_json::Map<_, _>>().into()
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written<'p> {
    AddEvent,
    EditEvent(&'p str),
    DeleteEvent(&'p str),
    Publish(&'p str),
    AddAttribute(&'p str),
    DeleteAttribute(&'p str),
    Sighting(Option<&'p str>),
}

/// Does what is written.
pub(super) async fn done(mut asked: Asked<'_>, written: Written<'_>, metadata: bool) -> Result<Response, MispError> {
    let sent = sent(&mut asked).await?;
    let (node, consumer) = (asked.node, asked.consumer);
    match written {
        Written::AddEvent => {
            let taken = node.add_event(consumer, &sent).await?;
            event(asked, taken, metadata).await
        }
        Written::EditEvent(id) => {
            let taken = node.edit_event(consumer, id, &sent).await?;
            event(asked, taken, metadata).await
        }
        Written::DeleteEvent(id) => {
            node.delete_event(consumer, id).await?;
            Ok(saved("Event deleted."))
        }
        Written::Publish(id) => {
            let report = node.publish_event(consumer, id).await?;
            let mut body = json!({ "saved": true, "success": true, "name": "Event published", "message": "Event published", "id": id });
            body["watchfire"] = report.as_ref().map_or(Value::Null, told);
            Ok(answer(&body))
        }
        Written::AddAttribute(id) => {
            if sent.is_array() {
                return Err(error(StatusCode::BAD_REQUEST, "one attribute at a time\nhint: or put all of them into the event"));
            }
            let taken = node.add_attribute(consumer, id, &sent).await?;
            let found = one(&asked, Search::attribute(&taken.attribute.unwrap_or_default())).await?;
            Ok(answer(&found))
        }
        Written::DeleteAttribute(id) => {
            if !node.drop_attribute(consumer, id).await? {
                let value = value_of(&asked, id).await?;
                node.withdraw_produced(consumer, &value, "the program that said it has deleted it").await?;
            }
            Ok(saved("Attribute deleted."))
        }
        Written::Sighting(id) => sighting(&asked, id, &sent).await,
    }
}

fn saved(message: &str) -> Response {
    answer(&json!({ "saved": true, "success": true, "name": message, "message": message }))
}

/// What was sent, as JSON.
async fn sent(asked: &mut Asked<'_>) -> Result<Value, MispError> {
    let bytes = body::read(&mut *asked.body, asked.headers, &asked.node.config.https).await?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).map_err(|_| error(StatusCode::BAD_REQUEST, "what was sent is no JSON"))
}

/// An event that was taken, as it is by now, published where that was asked for.
async fn event(asked: Asked<'_>, taken: Drafted, metadata: bool) -> Result<Response, MispError> {
    let id = taken.uuid.to_string();
    let mut problems = taken.problems;
    if taken.publish {
        match asked.node.publish_event(asked.consumer, &id).await {
            Ok(report) => problems.extend(report.into_iter().flat_map(|report| report.problems)),
            // It stays a draft.
            Err(EventError::Nothing(report)) => problems.extend(report.problems),
            Err(refused) => return Err(refused.into()),
        }
    }
    if problems.is_empty() && !metadata {
        return found(asked, Search::event(&id, false), Wrapped::One).await;
    }
    let mut search = Search::event(&id, false);
    search.metadata = metadata;
    let mut event = one(&asked, search).await?;
    if !problems.is_empty() {
        event["Event"]["errors"] = errors(&problems);
    }
    Ok(answer(&event))
}

/// The one thing that is found, as JSON.
async fn one(asked: &Asked<'_>, search: Search) -> Result<Value, MispError> {
    match asked.node.misp_search(asked.consumer, search, Wrapped::One, Coding::Identity).await? {
        Searched::TooLong => Err(error(StatusCode::PAYLOAD_TOO_LARGE, "there is more than one answer may have")),
        Searched::Found(found) if found.count == 0 => Err(error(StatusCode::NOT_FOUND, "there is no such thing")),
        Searched::Found(mut found) => {
            let mut text = String::new();
            found
                .file
                .read_to_string(&mut text)
                .map_err(|fault| MispError::from(crate::node::error::NodeError::io("read an answer", fault)))?;
            serde_json::from_str(&text).map_err(|_| error(StatusCode::SERVICE_UNAVAILABLE, "this cannot be served just now"))
        }
    }
}

/// The value of an attribute that the program may see.
async fn value_of(asked: &Asked<'_>, id: &str) -> Result<String, MispError> {
    let found = one(asked, Search::attribute(id)).await?;
    Ok(found["Attribute"]["value"].as_str().unwrap_or_default().to_owned())
}

/// What a program met.
async fn sighting(asked: &Asked<'_>, id: Option<&str>, sent: &Value) -> Result<Response, MispError> {
    let sent = sent.get("Sighting").unwrap_or(sent);
    let text = |name: &str| match sent.get(name) {
        Some(Value::String(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let kind = match text("type").as_deref() {
        None | Some("0") => SightingType::Seen,
        Some("1") => SightingType::FalsePositive,
        Some("2") => SightingType::Expired,
        Some(_) => return Err(error(StatusCode::BAD_REQUEST, "a sighting has the `type` 0, 1 or 2")),
    };
    let seconds = text("timestamp").and_then(|text| text.split('.').next().unwrap_or_default().parse::<u64>().ok());
    let at = seconds.map(|seconds| Timestamp(seconds.saturating_mul(1_000)));
    let values: Vec<String> = match (id.map(str::to_owned).or_else(|| text("uuid")).or_else(|| text("id")), sent.get("values")) {
        (Some(id), _) => vec![value_of(asked, &id).await?],
        (None, Some(Value::Array(list))) => list.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect(),
        (None, _) => text("values").or_else(|| text("value")).into_iter().collect(),
    };
    if values.is_empty() || values.len() > VALUES_MAX {
        return Err(error(StatusCode::BAD_REQUEST, "a sighting is of an attribute's `id` or `uuid`, or of 1 to 100 `values`"));
    }
    let sighted = values.iter().map(|value| Sighted { value: value.clone(), r#type: kind, count: 1, at, anonymous: false }).collect();
    let report = asked.node.sighted(asked.consumer, sighted, None).await?;
    if report.released == 0 {
        let why = report.problems.first().map_or_else(|| "nobody is told of it".to_owned(), |problem| split_hint(&problem.what).0);
        return Err(error(StatusCode::NOT_FOUND, why));
    }
    let message = format!("{} sighting(s) added.", report.released);
    let number = match kind {
        SightingType::Seen => "0",
        SightingType::FalsePositive => "1",
        SightingType::Expired => "2",
    };
    let date = (at.unwrap_or(report.at).0 / 1_000).to_string();
    let told = json!({ "uuid": report.id, "type": number, "date_sighting": date, "value": values.first(), "source": "" });
    Ok(answer(&json!({ "saved": true, "success": true, "name": message, "message": message, "Sighting": told })))
}
