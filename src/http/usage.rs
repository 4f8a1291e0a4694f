//! `POST /v1/usage`: usage without GraphQL, for programs with an API key. JSON or JSON Lines, gzip or not.

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::MultiGzDecoder;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::auth::{Denial, Viewer, policy};
use crate::domain::ids::OrganizationId;
use crate::domain::usage::{MAXIMUM_BATCH, SentUsage, UsageProblem};
use crate::service::{ErrorCode, Refusal, RefusedAct, Resource, Service, ServiceError, UsageRecordInput};

/// Bytes of a body at most, as it is sent.
const MAXIMUM_BODY: usize = 2 * 1024 * 1024;
/// Bytes of a body at most, when it is unpacked: a thousand events with everything they may have.
const MAXIMUM_UNPACKED: usize = 4 * 1024 * 1024;
/// Bytes of one event at most: its properties, with every character written as it can be at the longest.
const MAXIMUM_EVENT: usize = 16 * 1024;
/// The mutation whose rule counts here, too.
const MUTATION: &str = "usageRecordBatch";

/// What the route needs.
#[derive(Clone)]
pub(super) struct UsageIntake {
    /// The use cases.
    pub service: Service,
    /// How many bodies may be in memory at the same time.
    pub places: Arc<Semaphore>,
    /// How long a body may take to come.
    pub read_timeout: Duration,
}

/// Why nothing of a request was done.
pub(super) struct Rejection {
    pub status: StatusCode,
    pub code: ErrorCode,
    pub message: String,
}

impl Rejection {
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: ErrorCode::BadUserInput, message: message.into() }
    }

    fn of(status: StatusCode, message: &str) -> Self {
        Self { status, ..Self::bad(message) }
    }

    pub(super) fn into_answer(self, request_id: &str) -> Response {
        let error = json!({ "code": self.code.as_str(), "message": self.message, "requestId": request_id });
        let mut answer = (self.status, Json(json!({ "error": error }))).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

/// Records events of the organization that the key is of. 200 says what became of each; what gets another answer is sent
/// again, all of it.
pub(super) async fn record(State(intake): State<UsageIntake>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let viewer =
        parts.extensions.get::<Viewer>().cloned().expect("the middleware puts a viewer into every request");
    let done = async {
        let organization_id = permitted(&intake.service, &viewer).await?;
        // Before the body is read: what is shed takes no memory.
        let Ok(_place) = intake.places.try_acquire() else {
            let message = "Too much usage at once. Send it again.";
            let code = ErrorCode::RateLimited;
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return Err(Rejection { status, code, message: message.to_owned() });
        };
        let events = tokio::time::timeout(intake.read_timeout, read(&parts.headers, body))
            .await
            .map_err(|_| Rejection::of(StatusCode::REQUEST_TIMEOUT, "The body took too long to come."))??;
        let input = UsageRecordInput { organization_id, events };
        intake.service.record_usage(viewer.actor(), input, None).await.map_err(rejection)
    };
    match done.await {
        Ok(answer) => {
            let errors: Vec<Value> = answer.refusals.iter().map(shown).collect();
            let (accepted, duplicates) = match answer.resource {
                Some(Resource::Usage(report)) => (report.accepted, report.duplicates),
                _ => (0, Vec::new()),
            };
            let answer = json!({ "accepted": accepted, "duplicates": duplicates, "errors": errors });
            Json(answer).into_response()
        }
        Err(rejection) => rejection.into_answer(viewer.request_id()),
    }
}

/// The organization whose usage the caller may record: a key's own.
async fn permitted(service: &Service, viewer: &Viewer) -> Result<OrganizationId, Rejection> {
    let Some(key) = viewer.key() else {
        return Err(Rejection {
            status: StatusCode::UNAUTHORIZED,
            code: ErrorCode::Unauthenticated,
            message: "This needs an API key with the scope usage:write. Send it as Authorization: Bearer …."
                .to_owned(),
        });
    };
    let organization_id = key.organization_id;
    let rule = policy::rule(&format!("Mutation.{MUTATION}")).expect("it is in the table");
    let Err(denial) = viewer.check_in(rule, organization_id) else { return Ok(organization_id) };
    if let Some(reason) = denial.reason() {
        let act = RefusedAct { organization_id, mutation: MUTATION.to_owned(), reason };
        if let Err(error) = service.record_refusals(viewer.actor(), vec![act]).await {
            tracing::error!(%error, "what a program was refused could not be recorded");
        }
    }
    let message = match denial {
        Denial::Forbidden(permission) => format!("The scopes of this API key lack {permission}."),
        _ => "This API key may not record usage.".to_owned(),
    };
    Err(Rejection { status: StatusCode::FORBIDDEN, code: ErrorCode::Forbidden, message })
}

/// The events of a body.
async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<SentUsage>, Rejection> {
    let word = |name: header::HeaderName| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let media_type = word(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    let is_lines = match media_type.to_ascii_lowercase().as_str() {
        "application/json" => false,
        "application/x-ndjson" | "application/jsonl" | "application/x-jsonlines" => true,
        _ => {
            return Err(Rejection::of(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send application/json, or application/x-ndjson with an event in each line.",
            ));
        }
    };
    let too_large =
        || Rejection::of(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large. Send fewer events.");
    let raw = to_bytes(body, MAXIMUM_BODY).await.map_err(|_| too_large())?;
    let unpacked;
    let text: &[u8] = match word(header::CONTENT_ENCODING).trim().to_ascii_lowercase().as_str() {
        "" | "identity" => &raw,
        "gzip" | "x-gzip" => {
            let mut bytes = Vec::new();
            // One byte more than is taken: nobody unpacks a small body into all the memory there is.
            let most = u64::try_from(MAXIMUM_UNPACKED).unwrap_or(u64::MAX).saturating_add(1);
            let decoded = MultiGzDecoder::new(&raw[..]).take(most).read_to_end(&mut bytes);
            decoded.map_err(|_| Rejection::bad("The body is no gzip."))?;
            unpacked = bytes;
            &unpacked
        }
        _ => {
            return Err(Rejection::of(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The body may be sent as it is, or with Content-Encoding: gzip.",
            ));
        }
    };
    if text.len() > MAXIMUM_UNPACKED {
        return Err(too_large());
    }
    if is_lines { Ok(lines(text)) } else { document(text) }
}

/// An event in each line; empty ones are none. One more than are taken tells that there are too many.
fn lines(text: &[u8]) -> Vec<SentUsage> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.take(MAXIMUM_BATCH + 1).map(event).collect()
}

/// A list of events, an object with one, or one event.
fn document(text: &[u8]) -> Result<Vec<SentUsage>, Rejection> {
    let broken =
        |error: serde_json::Error| Rejection::bad(format!("The body is not what is taken: {error}."));
    match text.trim_ascii_start().first() {
        Some(b'[') => Ok(serde_json::from_slice::<List<'_>>(text).map_err(broken)?.events()),
        Some(b'{') => {
            let Fields { events, others } = serde_json::from_slice(text).map_err(broken)?;
            let Some(events) = events else { return Ok(vec![event(text)]) };
            if others > 0 || !events.get().starts_with('[') {
                return Err(Rejection::bad("Send {\"events\": [...]}, and nothing beside it."));
            }
            Ok(serde_json::from_str::<List<'_>>(events.get()).map_err(broken)?.events())
        }
        _ => Err(Rejection::bad("Send an event, a list of events, or {\"events\": [...]}.")),
    }
}

/// A list as it is written: nothing is made of what is not taken, for a small text can mean a large value.
struct List<'a>(Vec<&'a RawValue>);

impl List<'_> {
    fn events(&self) -> Vec<SentUsage> {
        self.0.iter().map(|written| event(written.get().as_bytes())).collect()
    }
}

impl<'de> Deserialize<'de> for List<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Events;

        impl<'de> Visitor<'de> for Events {
            type Value = List<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of events")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<'de>, A::Error> {
                let mut events = Vec::new();
                // One more than are taken tells that there are too many.
                while events.len() <= MAXIMUM_BATCH {
                    let Some(event) = list.next_element::<&RawValue>()? else { return Ok(List(events)) };
                    events.push(event);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(List(events))
            }
        }

        deserializer.deserialize_seq(Events)
    }
}

/// What an object has under `events`, as it is written, and how much beside it.
struct Fields<'a> {
    events: Option<&'a RawValue>,
    others: usize,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields { events: None, others: 0 };
                while let Some(name) = object.next_key::<String>()? {
                    if name == "events" && fields.events.is_none() {
                        fields.events = Some(object.next_value()?);
                    } else {
                        object.next_value::<IgnoredAny>()?;
                        fields.others += 1;
                    }
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// One event as it is written.
fn event(text: &[u8]) -> SentUsage {
    let malformed = |message| UsageProblem::Malformed { field: "", message };
    if text.len() > MAXIMUM_EVENT {
        return Err(malformed(format!("An event has at most {MAXIMUM_EVENT} bytes.")));
    }
    serde_json::from_slice(text).map_err(|error| malformed(format!("This is no event: {error}.")))
}

/// An event that was refused: its place, and what is wrong with it.
fn shown(refusal: &Refusal) -> Value {
    let index = refusal.path.get(1).and_then(|place| place.parse::<usize>().ok());
    json!({
        "index": index,
        "field": refusal.path.get(2),
        "code": refusal.code.as_str(),
        "message": refusal.message,
    })
}

/// What kept everything from being done.
pub(super) fn rejection(error: ServiceError) -> Rejection {
    match error {
        ServiceError::Refused(refusals) => {
            let messages: Vec<String> = refusals.into_iter().map(|refusal| refusal.message).collect();
            Rejection::bad(messages.join(" "))
        }
        error => {
            tracing::error!(%error, source = ?std::error::Error::source(&error), "a request about usage failed");
            Rejection {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                code: ErrorCode::Internal,
                message: "This could not be done. Send it again: what has an id counts once.".to_owned(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    async fn status(content_type: &'static str, encoding: &'static str, body: Vec<u8>) -> Result<usize, u16> {
        let headers = headers(&[(header::CONTENT_TYPE, content_type), (header::CONTENT_ENCODING, encoding)]);
        let read = read(&headers, Body::from(body)).await;
        read.map(|events| events.len()).map_err(|rejection| rejection.status.as_u16())
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn bodies_are_read_in_each_form_that_they_may_have() {
        let event = br#"{"meter":"api_calls","eventId":"1"}"#;
        let list = [b"[", &event[..], b",", event, b"]"].concat();
        let named = [b"{\"events\":", &list[..], b"}"].concat();
        let rows = [&event[..], b"\r\n\n", event, b"\n"].concat();
        assert_eq!(status("application/json", "identity", event.to_vec()).await, Ok(1));
        assert_eq!(status("application/json; charset=utf-8", "", list.clone()).await, Ok(2));
        assert_eq!(status("application/json", "gzip", packed(&named)).await, Ok(2));
        assert_eq!(status("application/x-ndjson", "", rows).await, Ok(2));
        for (content_type, encoding, body, expected) in [
            ("text/plain", "", list.clone(), 415),
            ("application/json", "br", list.clone(), 415),
            ("application/json", "gzip", list.clone(), 400),
            ("application/json", "", b"[".to_vec(), 400),
            ("application/json", "", b"7".to_vec(), 400),
            ("application/json", "", br#"{"events":[],"more":1}"#.to_vec(), 400),
            ("application/json", "", br#"{"events":[],"events":[]}"#.to_vec(), 400),
            ("application/json", "", br#"{"events":{}}"#.to_vec(), 400),
            ("application/json", "", br#"[{"meter":"m","eventId":"1"}] and more"#.to_vec(), 400),
            ("application/json", "", vec![b' '; MAXIMUM_BODY + 1], 413),
            ("application/json", "gzip", packed(&vec![b' '; MAXIMUM_UNPACKED + 1]), 413),
        ] {
            assert_eq!(
                status(content_type, encoding, body).await,
                Err(expected),
                "{content_type} {encoding}"
            );
        }
    }

    /// Two bytes of a body must not become a hundred bytes of memory, each of a million times.
    #[tokio::test]
    async fn no_more_is_made_of_a_body_than_events_that_are_taken() {
        let zeros = |before: &str, after: &str| {
            let mut body = before.as_bytes().to_vec();
            body.extend(b"0,".repeat(MAXIMUM_UNPACKED / 2 - 100));
            body.extend(format!("0{after}").into_bytes());
            body
        };
        for body in [zeros("[", "]"), zeros("{\"events\":[", "]}")] {
            assert_eq!(status("application/json", "gzip", packed(&body)).await, Ok(MAXIMUM_BATCH + 1));
        }
        let lines = b"0\n".repeat(MAXIMUM_UNPACKED / 2);
        assert_eq!(status("application/x-ndjson", "gzip", packed(&lines)).await, Ok(MAXIMUM_BATCH + 1));

        let large = zeros("[{\"meter\":\"m\",\"eventId\":\"1\",\"properties\":{\"p\":[", "]}}]");
        let read = document(&large).unwrap_or_default();
        assert!(
            matches!(&read[..], [Err(UsageProblem::Malformed { message, .. })] if message.contains("bytes")),
            "{read:?}"
        );
    }

    #[test]
    fn the_longest_way_to_write_an_event_is_taken() {
        let property = "\\u0061".repeat(2_000);
        let written = format!(r#"{{ "meter": "m", "eventId": "1", "properties": {{ "p": "{property}" }} }}"#);
        let read = event(written.as_bytes()).unwrap();
        assert_eq!(read.properties.unwrap()["p"].as_str().map(str::len), Some(2_000));
    }

    #[test]
    fn what_is_no_event_is_known_by_its_place() {
        let read = lines(b"{\"meter\":\"m\",\"eventId\":\"1\"}\n{\"meter\":7}\n");
        assert!(read[0].is_ok());
        assert!(matches!(&read[1], Err(UsageProblem::Malformed { field: "", .. })));
    }
}
