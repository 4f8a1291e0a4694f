//! The parameters of a GraphQL request, out of a JSON body or a query string.

use async_graphql::{Extensions, Request, Variables};
use serde_json::{Map, Value};

/// One GraphQL request as it came, its parts of the right types.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parameters {
    pub query: String,
    pub operation_name: Option<String>,
    pub variables: Variables,
    pub extensions: Extensions,
}

/// The body of a POST: one request, or several.
#[derive(Debug)]
pub(super) enum Body {
    One(Parameters),
    Batch(Vec<Parameters>),
}

/// The request is no GraphQL request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ParameterError {
    #[error("The request has no body. Send a JSON object with a \"query\".")]
    NoBody,
    #[error("The request body is not valid JSON: {0}.")]
    BodyNotJson(String),
    #[error("The request body must be a JSON object with a \"query\", not {0}.")]
    BodyNotObject(&'static str),
    #[error("Request {number} of the batch must be a JSON object with a \"query\", not {noun}.")]
    ItemNotObject { number: usize, noun: &'static str },
    #[error("The batch is empty.")]
    EmptyBatch,
    #[error("Batches are not allowed: send one request at a time, a JSON object and not a list.")]
    BatchesOff,
    #[error("The batch holds {length} requests, and at most {max} are allowed.")]
    BatchTooLong { length: usize, max: usize },
    #[error("The parameter \"query\" is missing. It holds the GraphQL document, a string.")]
    NoQuery,
    #[error("The parameter \"{name}\" must be {expected}, not {noun}.")]
    WrongType { name: &'static str, expected: &'static str, noun: &'static str },
    #[error("The parameter \"{name}\" is not valid JSON: {problem}.")]
    ParameterNotJson { name: &'static str, problem: String },
    #[error("The parameter \"{0}\" is given twice.")]
    Twice(&'static str),
}

impl Parameters {
    /// The request for the schema, without its document: that goes parsed.
    pub fn into_request(self) -> Request {
        let mut request = Request::new(self.query).variables(self.variables);
        request.operation_name = self.operation_name;
        request.extensions = self.extensions;
        request
    }

    /// Reads the query string of a GET. Names that are not GraphQL's are ignored.
    pub fn from_query_string(text: &str) -> Result<Self, ParameterError> {
        let mut query = None;
        let mut operation_name = None;
        let mut variables = None;
        let mut extensions = None;
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let (name, slot) = match name.as_ref() {
                "query" => ("query", &mut query),
                "operationName" => ("operationName", &mut operation_name),
                "variables" => ("variables", &mut variables),
                "extensions" => ("extensions", &mut extensions),
                _ => continue,
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(ParameterError::Twice(name));
            }
        }
        let json = |name, text: Option<String>| match text {
            Some(text) if !text.is_empty() => serde_json::from_str(&text)
                .map(Some)
                .map_err(|error| ParameterError::ParameterNotJson { name, problem: problem(&error) }),
            _ => Ok(None),
        };
        Ok(Self {
            query: query.ok_or(ParameterError::NoQuery)?,
            operation_name: operation_name.filter(|name| !name.is_empty()),
            variables: variables_of(json("variables", variables)?)?,
            extensions: extensions_of(json("extensions", extensions)?)?,
        })
    }

    fn from_object(mut object: Map<String, Value>) -> Result<Self, ParameterError> {
        let query = match object.remove("query") {
            Some(Value::String(query)) => query,
            Some(Value::Null) | None => return Err(ParameterError::NoQuery),
            Some(other) => return Err(wrong_type("query", "a string", &other)),
        };
        let operation_name = match object.remove("operationName") {
            Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
            Some(Value::Null) | None => None,
            Some(other) => return Err(wrong_type("operationName", "a string", &other)),
        };
        let variables = variables_of(object.remove("variables"))?;
        let extensions = extensions_of(object.remove("extensions"))?;
        Ok(Self { query, operation_name, variables, extensions })
    }
}

impl Body {
    /// Reads the body of a POST. `max_batch` is the longest list of requests; 0 allows no list.
    pub fn parse(bytes: &[u8], max_batch: usize) -> Result<Self, ParameterError> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(ParameterError::NoBody);
        }
        let body =
            serde_json::from_slice(bytes).map_err(|error| ParameterError::BodyNotJson(problem(&error)))?;
        match body {
            Value::Object(object) => Parameters::from_object(object).map(Self::One),
            Value::Array(_) if max_batch == 0 => Err(ParameterError::BatchesOff),
            Value::Array(items) if items.is_empty() => Err(ParameterError::EmptyBatch),
            Value::Array(items) if items.len() > max_batch => {
                Err(ParameterError::BatchTooLong { length: items.len(), max: max_batch })
            }
            Value::Array(items) => items
                .into_iter()
                .enumerate()
                .map(|(index, item)| match item {
                    Value::Object(object) => Parameters::from_object(object),
                    other => Err(ParameterError::ItemNotObject { number: index + 1, noun: noun(&other) }),
                })
                .collect::<Result<_, _>>()
                .map(Self::Batch),
            other => Err(ParameterError::BodyNotObject(noun(&other))),
        }
    }
}

fn variables_of(value: Option<Value>) -> Result<Variables, ParameterError> {
    match value {
        Some(value @ Value::Object(_)) => Ok(Variables::from_json(value)),
        Some(Value::Null) | None => Ok(Variables::default()),
        Some(other) => Err(wrong_type("variables", "an object", &other)),
    }
}

fn extensions_of(value: Option<Value>) -> Result<Extensions, ParameterError> {
    match value {
        Some(Value::Object(object)) => Ok(Extensions(
            object
                .into_iter()
                .map(|(name, value)| (name, async_graphql::Value::from_json(value).unwrap_or_default()))
                .collect(),
        )),
        Some(Value::Null) | None => Ok(Extensions::default()),
        Some(other) => Err(wrong_type("extensions", "an object", &other)),
    }
}

fn wrong_type(name: &'static str, expected: &'static str, found: &Value) -> ParameterError {
    ParameterError::WrongType { name, expected, noun: noun(found) }
}

fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// What is wrong and where, as one clause.
fn problem(error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    let what = text.strip_suffix(&place).unwrap_or(&text);
    format!("{what}, line {} column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        Body::parse(body.as_bytes(), 2).unwrap_err().to_string()
    }

    #[test]
    fn malformed_json_is_explained_with_its_place() {
        assert_eq!(
            refused("{\"a\"; 1}"),
            "The request body is not valid JSON: expected `:`, line 1 column 5."
        );
        assert_eq!(
            refused("{ \"not a JSON"),
            "The request body is not valid JSON: EOF while parsing a string, line 1 column 13."
        );
        assert!(refused(&"[".repeat(1000)).contains("recursion limit exceeded"));
        assert!(Body::parse(b"{\"query\":\"\xff\"}", 0).unwrap_err().to_string().contains("not valid JSON"));
    }

    #[test]
    fn a_parameter_of_the_wrong_type_is_named() {
        assert_eq!(refused(r#"{"query": 1}"#), "The parameter \"query\" must be a string, not a number.");
        assert_eq!(
            refused(r#"{"query": "{a}", "operationName": ["x"]}"#),
            "The parameter \"operationName\" must be a string, not a list."
        );
        assert_eq!(
            refused(r#"{"query": "{a}", "variables": "x"}"#),
            "The parameter \"variables\" must be an object, not a string."
        );
        assert_eq!(
            refused(r#"{"query": "{a}", "extensions": false}"#),
            "The parameter \"extensions\" must be an object, not a boolean."
        );
        assert_eq!(Body::parse(b"{}", 0).unwrap_err(), ParameterError::NoQuery);
        assert_eq!(Body::parse(b"  ", 0).unwrap_err(), ParameterError::NoBody);
        assert_eq!(refused("7"), "The request body must be a JSON object with a \"query\", not a number.");
    }

    #[test]
    fn batches_are_read_as_far_as_allowed() {
        assert!(
            matches!(Body::parse(br#"[{"query":"{a}"}]"#, 2), Ok(Body::Batch(items)) if items.len() == 1)
        );
        assert_eq!(Body::parse(br#"[{"query":"{a}"}]"#, 0).unwrap_err(), ParameterError::BatchesOff);
        assert_eq!(Body::parse(b"[]", 2).unwrap_err(), ParameterError::EmptyBatch);
        assert_eq!(refused("[{},{},{}]"), "The batch holds 3 requests, and at most 2 are allowed.");
        assert_eq!(
            refused(r#"[{"query":"{a}"}, 3]"#),
            "Request 2 of the batch must be a JSON object with a \"query\", not a number."
        );
    }

    #[test]
    fn a_query_string_is_read_like_a_body() {
        let read = Parameters::from_query_string;
        let parameters =
            read("query=%7Ba%7D&operationName=A&variables=%7B%22x%22%3A1%7D&extensions=&other=1").unwrap();
        assert_eq!(parameters.query, "{a}");
        assert_eq!(parameters.operation_name.as_deref(), Some("A"));
        assert_eq!(parameters.variables["x"], async_graphql::Value::from(1));
        assert_eq!(read("").unwrap_err(), ParameterError::NoQuery);
        assert_eq!(read("query=a&query=b").unwrap_err(), ParameterError::Twice("query"));
        assert_eq!(
            read("query=a&variables=%7B").unwrap_err().to_string(),
            "The parameter \"variables\" is not valid JSON: EOF while parsing an object, line 1 column 1."
        );
        assert_eq!(
            read("query=a&variables=%5B%5D").unwrap_err().to_string(),
            "The parameter \"variables\" must be an object, not a list."
        );
    }
}
