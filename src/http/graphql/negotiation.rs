//! Media types: which one to answer in, and whether the request's body is in one that is read.

use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};

/// A media type that the endpoint answers in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseType {
    /// `application/graphql-response+json`: the status code tells a refused request from an answered one.
    GraphqlResponse,
    /// `application/json`: 200 for whatever is a well-formed GraphQL request, as older clients expect.
    Json,
}

impl ResponseType {
    /// The value of `Content-Type`.
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }

    /// The type that the client likes best, or nothing when it wants neither. A client that names both alike gets the
    /// newer one; a client that takes anything gets `application/json`.
    pub fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(ACCEPT).iter().peekable();
        if values.peek().is_none() {
            return Some(Self::Json);
        }
        let mut graphql = Preference::default();
        let mut json = Preference::default();
        for value in values {
            for range in value.to_str().unwrap_or_default().split(',') {
                let Some(range) = MediaRange::parse(range) else { continue };
                graphql.consider(&range, "application/graphql-response+json");
                json.consider(&range, "application/json");
            }
        }
        match (graphql.quality > 0, json.quality > 0) {
            (false, false) => None,
            (true, false) => Some(Self::GraphqlResponse),
            (false, true) => Some(Self::Json),
            (true, true) => {
                let graphql = (graphql.quality, graphql.precision);
                let json = (json.quality, json.precision);
                let is_named = graphql.1 == EXACT;
                Some(if graphql > json || graphql == json && is_named {
                    Self::GraphqlResponse
                } else {
                    Self::Json
                })
            }
        }
    }
}

/// Whether the client asks for a stream of events, by name: `*/*` does not.
pub(super) fn wants_events(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(MediaRange::parse)
        .any(|range| range.quality > 0 && range.name.eq_ignore_ascii_case("text/event-stream"))
}

/// Whether a request's body is said to be JSON in UTF-8.
pub(super) fn is_json_body(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(str::trim);
    if !parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json")) {
        return false;
    }
    parts.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            let charset = charset.trim().trim_matches('"');
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
        }
        _ => true,
    })
}

/// How precisely a range names a type: `*/*`, `application/*`, or the type itself.
const EXACT: u8 = 3;

/// How much a client likes one type, by the most precise range that covers it.
#[derive(Default)]
struct Preference {
    /// Thousandths.
    quality: u16,
    precision: u8,
}

impl Preference {
    fn consider(&mut self, range: &MediaRange<'_>, media_type: &str) {
        let precision = match range.name {
            "*/*" => 1,
            "application/*" => 2,
            name if name.eq_ignore_ascii_case(media_type) => EXACT,
            _ => return,
        };
        if precision > self.precision || precision == self.precision && range.quality > self.quality {
            *self = Self { quality: range.quality, precision };
        }
    }
}

struct MediaRange<'a> {
    name: &'a str,
    quality: u16,
}

impl<'a> MediaRange<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let mut quality = 1000;
        for parameter in parts {
            if let Some((name, value)) = parameter.split_once('=')
                && name.trim().eq_ignore_ascii_case("q")
            {
                quality = thousandths(value.trim())?;
            }
        }
        Some(Self { name, quality })
    }
}

/// `0.85` as 850. Nothing for what is no quality by RFC 9110.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated(accept: &[&'static str]) -> Option<ResponseType> {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, HeaderValue::from_static(value));
        }
        ResponseType::negotiate(&headers)
    }

    #[test]
    fn the_client_gets_the_type_it_likes_best() {
        use ResponseType::{GraphqlResponse, Json};
        let cases: &[(&[&'static str], Option<ResponseType>)] = &[
            (&[], Some(Json)),
            (&["*/*"], Some(Json)),
            (&["application/*"], Some(Json)),
            (&["application/json"], Some(Json)),
            (&["application/graphql-response+json"], Some(GraphqlResponse)),
            (&["Application/GraphQL-Response+JSON; charset=utf-8"], Some(GraphqlResponse)),
            (&["application/json, application/graphql-response+json"], Some(GraphqlResponse)),
            (&["application/graphql-response+json, application/json;q=0.9"], Some(GraphqlResponse)),
            (&["application/graphql-response+json;q=0.5, application/json;q=0.9"], Some(Json)),
            (&["application/graphql-response+json, */*"], Some(GraphqlResponse)),
            (&["application/json, */*"], Some(Json)),
            (&["text/html", "application/json"], Some(Json)),
            (&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], Some(Json)),
            (&["application/json;q=0, */*"], Some(GraphqlResponse)),
            (&["text/html"], None),
            (&["application/json;q=0"], None),
            (&["application/json;q=nonsense"], None),
        ];
        for (accept, expected) in cases {
            assert_eq!(negotiated(accept), *expected, "{accept:?}");
        }
    }

    #[test]
    fn only_json_in_utf_8_is_read() {
        let is_json = |value: &'static str| {
            is_json_body(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        assert!(is_json("application/json"));
        assert!(is_json("application/JSON; charset=UTF-8"));
        assert!(is_json("application/json;charset=\"utf-8\""));
        assert!(!is_json("application/json; charset=iso-8859-1"));
        assert!(!is_json("text/plain"));
        assert!(!is_json("application/x-www-form-urlencoded"));
        assert!(!is_json("multipart/form-data; boundary=x"));
        assert!(!is_json("application/jsonp"));
        assert!(!is_json(""));
        assert!(!is_json_body(&HeaderMap::new()));
        let mut twice = HeaderMap::new();
        twice.append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        twice.append(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        assert!(!is_json_body(&twice));
    }
}
