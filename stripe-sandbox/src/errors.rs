//! Stripe's error object: `{"error": {type, code, decline_code, param, message, ...}}` with its HTTP status.

use serde_json::{Map, Value, json};

/// Stripe's `error.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorType {
    Api,
    Card,
    Idempotency,
    InvalidRequest,
}

impl ErrorType {
    fn name(self) -> &'static str {
        match self {
            Self::Api => "api_error",
            Self::Card => "card_error",
            Self::Idempotency => "idempotency_error",
            Self::InvalidRequest => "invalid_request_error",
        }
    }
}

/// An answer other than success.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status} {}: {message}", kind.name())]
pub(crate) struct ApiError {
    /// The HTTP status.
    pub status: u16,
    pub kind: ErrorType,
    pub message: String,
    /// False for refusals that come before the endpoint starts to act: those are not kept under the idempotency key.
    pub executed: bool,
    fields: Map<String, Value>,
}

/// The answer of an endpoint.
pub(crate) type Answer = Result<Value, ApiError>;

impl ApiError {
    /// An error with nothing but its type and message.
    pub(crate) fn new(status: u16, kind: ErrorType, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), executed: true, fields: Map::new() }
    }

    /// 400 `invalid_request_error`.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, ErrorType::InvalidRequest, message)
    }

    /// 400 for a parameter, refused before the endpoint starts to act.
    pub(crate) fn parameter(code: &str, param: &str, message: impl Into<String>) -> Self {
        Self::invalid(message).code(code).param(param).before_execution()
    }

    /// 400 `parameter_missing`.
    pub(crate) fn missing(param: &str) -> Self {
        Self::parameter("parameter_missing", param, format!("Missing required param: {param}."))
    }

    /// 404: the object that the address names does not exist. `noun` is Stripe's word for it in messages.
    pub(crate) fn not_found(noun: &str, id: &str) -> Self {
        Self::new(404, ErrorType::InvalidRequest, format!("No such {noun}: '{id}'"))
            .code("resource_missing")
            .param("id")
    }

    /// 400: a parameter names an object that does not exist.
    pub(crate) fn no_such(noun: &str, id: &str, param: &str) -> Self {
        Self::invalid(format!("No such {noun}: '{id}'")).code("resource_missing").param(param)
    }

    /// 400: Stripe can do this, the sandbox not yet. Said aloud, because accepting and doing nothing would be a lie.
    pub(crate) fn unsupported(param: &str) -> Self {
        Self::parameter(
            "sandbox_unsupported",
            param,
            format!("The Stripe sandbox does not model this yet: {param}. Stripe itself would accept it."),
        )
    }

    /// 402 `card_error`.
    pub(crate) fn card(code: &str, message: impl Into<String>) -> Self {
        Self::new(402, ErrorType::Card, message).code(code)
    }

    pub(crate) fn code(self, code: &str) -> Self {
        self.with("code", code)
    }

    pub(crate) fn param(self, param: &str) -> Self {
        self.with("param", param)
    }

    /// Takes the parameter out of an error that is about something else.
    pub(crate) fn without_param(mut self) -> Self {
        self.fields.remove("param");
        self
    }

    /// Adds a field to the error object, for example `payment_intent`.
    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    /// Marks a refusal that comes before the endpoint starts to act.
    pub(crate) fn before_execution(mut self) -> Self {
        self.executed = false;
        self
    }

    /// A field of the error object, if set.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// The error object without its envelope, as `last_payment_error` holds it.
    pub(crate) fn object(&self) -> Value {
        let mut error = self.fields.clone();
        error.insert("type".into(), self.kind.name().into());
        error.insert("message".into(), self.message.clone().into());
        if let Some(code) = self.fields.get("code").and_then(Value::as_str)
            && code != "sandbox_unsupported"
        {
            error.insert(
                "doc_url".into(),
                format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")).into(),
            );
        }
        Value::Object(error)
    }

    /// The body of the answer.
    pub(crate) fn body(&self, request_id: &str) -> Value {
        let mut error = self.object();
        error["request_log_url"] = format!("https://dashboard.stripe.com/test/logs/{request_id}").into();
        json!({ "error": error })
    }
}
