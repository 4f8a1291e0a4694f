//! The two audiences of an error: a refusal speaks to the caller, a fault is logged and the caller reads one fixed
//! sentence.

use thiserror::Error;

use crate::domain::billing_operation::BillingOperation;
use crate::domain::ids::StripeCustomerId;
use crate::domain::key_ring::SealError;
use crate::domain::payment::PaymentFailure;
use crate::payments::PaymentsError;
use crate::store::StoreError;

/// The codes that callers meet. The specification fixes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// No valid token.
    Unauthenticated,
    /// A valid token without the permission.
    Forbidden,
    /// It does not exist for this caller.
    NotFound,
    /// The input is wrong; the message says where and how to mend it.
    BadUserInput,
    /// It is not as the caller thought.
    Conflict,
    /// Too many requests.
    RateLimited,
    /// The document asks for too much.
    QueryTooComplex,
    /// The bank said no.
    PaymentDeclined,
    /// The cardholder must act.
    PaymentActionRequired,
    /// The plan cannot be chosen.
    PlanUnavailable,
    /// A limit of the plan or of the platform.
    LimitExceeded,
    /// Stripe does not answer.
    StripeUnavailable,
    /// Our fault.
    Internal,
}

impl ErrorCode {
    /// The code as clients read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::Conflict => "CONFLICT",
            Self::RateLimited => "RATE_LIMITED",
            Self::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Self::PaymentDeclined => "PAYMENT_DECLINED",
            Self::PaymentActionRequired => "PAYMENT_ACTION_REQUIRED",
            Self::PlanUnavailable => "PLAN_UNAVAILABLE",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::StripeUnavailable => "STRIPE_UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// Whether the same request may be answered a moment later: what kept it from that is none of the caller's doing.
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::Internal | Self::StripeUnavailable | Self::RateLimited)
    }

    /// The code of its word.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Unauthenticated,
            Self::Forbidden,
            Self::NotFound,
            Self::BadUserInput,
            Self::Conflict,
            Self::RateLimited,
            Self::QueryTooComplex,
            Self::PaymentDeclined,
            Self::PaymentActionRequired,
            Self::PlanUnavailable,
            Self::LimitExceeded,
            Self::StripeUnavailable,
            Self::Internal,
        ]
        .into_iter()
        .find(|code| code.as_str() == text)
    }
}

/// Something a person can mend, at a field of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of thing is wrong.
    pub code: ErrorCode,
    /// What is wrong and how to mend it, for people.
    pub message: String,
    /// The field of the input, from the outside in; empty for the whole.
    pub path: Vec<String>,
    /// The operation that is in the way, when one is.
    pub operation: Option<Box<BillingOperation>>,
}

impl Refusal {
    /// A refusal at a field of the input, `price.currency` for instance.
    pub fn at(path: &str, code: ErrorCode, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
            path: path.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            operation: None,
        }
    }

    /// A wrong field.
    pub fn bad_input(path: &str, message: impl ToString) -> Self {
        Self::at(path, ErrorCode::BadUserInput, message)
    }

    /// A refusal of the whole.
    pub fn conflict(message: impl ToString) -> Self {
        Self::at("", ErrorCode::Conflict, message)
    }

    /// Another operation has what this one needs for itself.
    pub fn busy(other: BillingOperation) -> Self {
        let message = format!(
            "Another operation ({}, {}) is under way here since {}. Wait for it to end, look at the result, and try again.",
            other.kind,
            other.state,
            other.created_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        );
        Self { operation: Some(Box::new(other)), ..Self::conflict(message) }
    }

    /// What the bank said.
    pub fn declined(failure: &PaymentFailure) -> Self {
        Self::at("", ErrorCode::PaymentDeclined, &failure.message)
    }
}

/// Why a use case did not come to an end.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// The caller can mend it.
    #[error("refused")]
    Refused(Vec<Refusal>),
    /// It does not exist for this caller. The word says what.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Stripe was not reached, or does not answer; nothing was done.
    #[error("Stripe is unavailable")]
    StripeUnavailable(#[source] PaymentsError),
    /// The database failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// Stripe answered what it should not.
    #[error("Stripe refused a request of ours")]
    Stripe(#[source] PaymentsError),
    /// A stored document is none that this version can read.
    #[error("a stored document cannot be read")]
    Document(#[from] serde_json::Error),
    /// A secret cannot be sealed, or not be read again.
    #[error("a secret cannot be kept")]
    Sealed(#[from] SealError),
    /// An event is about a customer that no organization of ours has, or not yet: ours may be written down later than
    /// Stripe tells of it.
    #[error("no organization has this customer")]
    NotOurs {
        /// Whether the object says itself that it is an organization's of ours: then it will be linked.
        is_named: bool,
        /// The customer, when Stripe had to be asked for it.
        customer: Option<StripeCustomerId>,
    },
    /// An object at Stripe changed faster than it could be read.
    #[error("an object at Stripe kept changing while it was read")]
    Restless,
    /// A fault of ours.
    #[error("this program failed: {0}")]
    Panicked(String),
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}

impl From<PaymentsError> for ServiceError {
    fn from(error: PaymentsError) -> Self {
        match error {
            PaymentsError::Declined { failure, .. } => Refusal::declined(&failure).into(),
            PaymentsError::Unavailable { .. } | PaymentsError::RateLimited => Self::StripeUnavailable(error),
            error => Self::Stripe(error),
        }
    }
}

/// Collects everything that is wrong with an input, to say all of it at once.
#[derive(Debug, Default)]
pub(super) struct Refusals(Vec<Refusal>);

impl Refusals {
    /// Adds a refusal.
    pub(super) fn add(&mut self, refusal: Refusal) {
        self.0.push(refusal);
    }

    /// The value of a checked field, or nothing with its refusal added.
    pub(super) fn check<T, E: ToString>(&mut self, path: &str, checked: Result<T, E>) -> Option<T> {
        checked.map_err(|error| self.add(Refusal::bad_input(path, error))).ok()
    }

    /// Goes on only when nothing is wrong.
    pub(super) fn finish(self) -> Result<(), ServiceError> {
        if self.0.is_empty() { Ok(()) } else { Err(ServiceError::Refused(self.0)) }
    }
}
