//! Relay connections over keyset pages.

use async_graphql::connection::{Connection, CursorType, Edge, EmptyFields};
use async_graphql::{Context, Object, OutputType, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::context::store;
use super::error::{bad_input, store as store_error};
use crate::domain::ids::OrganizationId;
use crate::domain::page::{Direction, Page, PageRequest, Place};
use crate::domain::stripe_event::EventState;
use crate::store::{AuditLogFilter, InvoiceFilter, OrganizationScope, PaymentFilter};

/// Rows of a page when nobody says how many.
const DEFAULT_SIZE: u32 = 20;
/// Rows of a page at most.
const MAXIMUM_SIZE: i32 = 100;

/// A place in a list, opaque to clients: it stays right while rows are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub Place);

/// A cursor that is not one of ours.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("This cursor is not one of ours. Take it from pageInfo or from an edge.")]
pub struct CursorError;

impl CursorType for Cursor {
    type Error = CursorError;

    fn decode_cursor(text: &str) -> Result<Self, Self::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let bytes: [u8; 24] = bytes.try_into().map_err(|_| CursorError)?;
        let (at, id) = bytes.split_at(8);
        let micros = i64::from_be_bytes(at.try_into().expect("the first eight of 24 bytes"));
        let at = DateTime::<Utc>::from_timestamp_micros(micros).ok_or(CursorError)?;
        Ok(Self(Place { at, id: Uuid::from_slice(id).map_err(|_| CursorError)? }))
    }

    fn encode_cursor(&self) -> String {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.0.at.timestamp_micros().to_be_bytes());
        bytes[8..].copy_from_slice(self.0.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// The four arguments of a connection.
#[derive(Clone, Debug, Default)]
pub struct PageArguments {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

impl PageArguments {
    /// Checks the arguments.
    pub fn request(&self) -> Result<PageRequest> {
        let size = |name: &str, asked: i32| {
            if (1..=MAXIMUM_SIZE).contains(&asked) {
                Ok(asked.unsigned_abs())
            } else {
                Err(bad_input(format!(
                    "{name}: a page has 1 to {MAXIMUM_SIZE} rows, and {asked} were asked for."
                )))
            }
        };
        let (size, direction) = match (self.first, self.last) {
            (Some(_), Some(_)) => return Err(bad_input("Give first or last, not both.")),
            (Some(first), None) => (size("first", first)?, Direction::Forward),
            (None, Some(last)) => (size("last", last)?, Direction::Backward),
            (None, None) => (DEFAULT_SIZE, Direction::Forward),
        };
        let place = |name: &str, cursor: Option<&str>| -> Result<Option<Place>> {
            let Some(text) = cursor else { return Ok(None) };
            let cursor =
                Cursor::decode_cursor(text).map_err(|error| bad_input(format!("{name}: {error}")))?;
            Ok(Some(cursor.0))
        };
        Ok(PageRequest {
            size,
            direction,
            after: place("after", self.after.as_deref())?,
            before: place("before", self.before.as_deref())?,
        })
    }
}

/// What a connection's total counts. Counted only when it is asked for.
pub enum Total {
    Organizations(OrganizationScope),
    Members(OrganizationId),
    Subscriptions(OrganizationId),
    Invoices(OrganizationId, InvoiceFilter),
    Payments(OrganizationId, PaymentFilter),
    AuditLogs(Option<OrganizationId>, AuditLogFilter),
    StripeEvents(Option<EventState>),
}

/// What a connection has beside its edges.
pub struct TotalCount(pub Total);

/// What a connection has beside its edges.
#[Object]
impl TotalCount {
    /// How many there are on all pages together. It costs a count of its own, so ask only when you show it.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        let store = store(ctx);
        match &self.0 {
            Total::Organizations(scope) => store.count_organizations(*scope).await,
            Total::Members(organization) => store.count_members(*organization).await,
            Total::Subscriptions(organization) => store.count_subscriptions(*organization).await,
            Total::Invoices(organization, filter) => store.count_invoices(*organization, filter).await,
            Total::Payments(organization, filter) => store.count_payments(*organization, *filter).await,
            Total::AuditLogs(Some(organization), filter) => {
                store.count_audit_logs(*organization, filter).await
            }
            Total::AuditLogs(None, filter) => store.count_platform_audit_logs(filter).await,
            Total::StripeEvents(state) => store.count_stripe_events(*state).await,
        }
        .map_err(store_error(ctx))
    }
}

/// A connection of our kind.
pub type Paged<T> = Connection<Cursor, T, TotalCount, EmptyFields>;

/// Shapes a page as a connection.
pub fn connection<R, T>(
    page: Page<R>,
    total: Total,
    place: impl Fn(&R) -> Place,
    node: impl Fn(R) -> T,
) -> Paged<T>
where
    T: OutputType,
{
    let mut connection =
        Connection::with_additional_fields(page.has_previous, page.has_next, TotalCount(total));
    connection.edges.extend(page.items.into_iter().map(|row| Edge::new(Cursor(place(&row)), node(row))));
    connection
}
