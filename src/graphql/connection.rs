//! Relay connections over keyset pages.

use async_graphql::connection::{CursorType, PageInfo};
use async_graphql::{Context, Object, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::context::{loaders, store};
use super::error::{bad_input, internal, store as store_error};
use super::loaders::Counted;
use super::types;
use crate::domain::ids::OrganizationId;
use crate::domain::page::{Direction, Page, PageRequest, Place};
use crate::domain::setting::SettingSection;
use crate::store::{
    AuditLogFilter, BillingDriftFilter, EmailDeliveryFilter, NotificationFilter, OrganizationScope,
    StripeEventFilter, WebhookDeliveryFilter,
};

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
    /// Of one organization; of all that are asked for together, at once.
    Of(OrganizationId, Counted),
    PlatformAuditLogs(AuditLogFilter),
    SettingVersions(OrganizationId, SettingSection),
    StripeEvents(StripeEventFilter),
    BillingDrifts(BillingDriftFilter),
    Notifications(NotificationFilter),
    EmailDeliveries(EmailDeliveryFilter),
    WebhookEndpoints(OrganizationId),
    WebhookDeliveries(WebhookDeliveryFilter),
}

impl Total {
    async fn count(&self, ctx: &Context<'_>) -> Result<u64> {
        let store = store(ctx);
        match self {
            Self::Of(organization, counted) => {
                let loaded = loaders(ctx).totals.load_one((*organization, counted.clone())).await;
                return Ok(loaded.map_err(|error| internal(ctx, error.as_ref()))?.unwrap_or_default());
            }
            Self::Organizations(scope) => store.count_organizations(scope).await,
            Self::PlatformAuditLogs(filter) => store.count_platform_audit_logs(filter).await,
            Self::SettingVersions(organization, section) => {
                store.count_setting_versions(*organization, *section).await
            }
            Self::StripeEvents(filter) => store.count_stripe_events(filter).await,
            Self::BillingDrifts(filter) => store.count_billing_drifts(*filter).await,
            Self::Notifications(filter) => store.count_notifications(filter).await,
            Self::EmailDeliveries(filter) => store.count_email_deliveries(*filter).await,
            Self::WebhookEndpoints(id) => store.count_webhook_endpoints(*id).await,
            Self::WebhookDeliveries(filter) => store.count_webhook_deliveries(filter).await,
        }
        .map_err(store_error(ctx))
    }
}

/// What a connection's type needs to be made of a page.
pub trait FromPage<T>: Sized {
    /// The connection of these nodes with their places.
    fn from_page(nodes: Vec<(Cursor, T)>, has_previous: bool, has_next: bool, total: Total) -> Self;
}

/// Shapes a page as a connection.
pub fn connection<R, T, C: FromPage<T>>(
    page: Page<R>,
    total: Total,
    place: impl Fn(&R) -> Place,
    node: impl Fn(R) -> T,
) -> C {
    let nodes = page.items.into_iter().map(|row| (Cursor(place(&row)), node(row))).collect();
    C::from_page(nodes, page.has_previous, page.has_next, total)
}

/// Declares the connection and the edge of a type. async-graphql's own have no descriptions.
macro_rules! connections {
    ($($connection:ident, $edge:ident, $node:ty, $noun:literal;)+) => { $(
        #[doc = concat!("A page of ", $noun, ".")]
        pub struct $connection {
            edges: Vec<$edge>,
            page_info: PageInfo,
            total: Total,
        }

        #[doc = concat!("One of the ", $noun, ", and its place.")]
        pub struct $edge {
            cursor: Cursor,
            node: $node,
        }

        #[doc = concat!("A page of ", $noun, ".")]
        #[Object]
        impl $connection {
            /// The nodes of this page, each with its place.
            async fn edges(&self) -> &[$edge] {
                &self.edges
            }

            /// The nodes of this page.
            async fn nodes(&self) -> Vec<&$node> {
                self.edges.iter().map(|edge| &edge.node).collect()
            }

            /// Whether there is more, and where it goes on.
            async fn page_info(&self) -> &PageInfo {
                &self.page_info
            }

            /// How many there are on all pages together. It costs a count of its own, so ask only when you show it.
            async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
                self.total.count(ctx).await
            }
        }

        #[doc = concat!("One of the ", $noun, ", and its place.")]
        #[Object]
        impl $edge {
            /// Its place in the list, to go on from.
            async fn cursor(&self) -> String {
                self.cursor.encode_cursor()
            }

            /// The thing itself.
            async fn node(&self) -> &$node {
                &self.node
            }
        }

        impl FromPage<$node> for $connection {
            fn from_page(
                nodes: Vec<(Cursor, $node)>,
                has_previous: bool,
                has_next: bool,
                total: Total,
            ) -> Self {
                let page_info = PageInfo {
                    has_previous_page: has_previous,
                    has_next_page: has_next,
                    start_cursor: nodes.first().map(|(cursor, _)| cursor.encode_cursor()),
                    end_cursor: nodes.last().map(|(cursor, _)| cursor.encode_cursor()),
                };
                let edges = nodes.into_iter().map(|(cursor, node)| $edge { cursor, node }).collect();
                Self { edges, page_info, total }
            }
        }
    )+ };
}

connections! {
    OrganizationConnection, OrganizationEdge, types::Organization, "organizations";
    MemberConnection, MemberEdge, types::Member, "members";
    InvitationConnection, InvitationEdge, types::Invitation, "invitations";
    ApiKeyConnection, ApiKeyEdge, types::ApiKey, "API keys";
    NotificationConnection, NotificationEdge, types::Notification, "notifications";
    EmailDeliveryConnection, EmailDeliveryEdge, types::EmailDelivery, "mails";
    WebhookEndpointConnection, WebhookEndpointEdge, types::WebhookEndpoint, "webhook endpoints";
    WebhookDeliveryConnection, WebhookDeliveryEdge, types::WebhookDelivery, "webhooks";
    SubscriptionConnection, SubscriptionEdge, types::Subscription, "subscriptions";
    InvoiceConnection, InvoiceEdge, types::Invoice, "invoices";
    PaymentConnection, PaymentEdge, types::Payment, "payments";
    RefundConnection, RefundEdge, types::Refund, "refunds";
    DisputeConnection, DisputeEdge, types::Dispute, "disputes";
    SettingVersionConnection, SettingVersionEdge, types::setting::SettingVersion, "versions of settings";
    AuditLogConnection, AuditLogEdge, types::AuditLog, "audit records";
    StripeEventConnection, StripeEventEdge, types::StripeEvent, "events of Stripe's";
    BillingDriftConnection, BillingDriftEdge, types::BillingDrift, "drifts";
}
