//! What platform staff read.

use async_graphql::{Context, Object, Result};

use super::super::connection::{PageArguments, StripeEventConnection, Total, connection};
use super::super::context::{authorize, store};
use super::super::error::store as store_error;
use super::super::types::{StripeEvent, enums};
use crate::domain;
use crate::store::StripeEventFilter;

#[derive(Default)]
pub struct PlatformQuery;

#[Object]
impl PlatformQuery {
    /// Stripe's events as they were received, newest first; the dead letters are those in state DEAD.
    async fn stripe_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those in this state.")] state: Option<enums::StripeEventState>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<StripeEventConnection> {
        authorize(ctx, "Query")?;
        let page = PageArguments { first, after, last, before }.request()?;
        let filter = StripeEventFilter { state: state.map(Into::into), ..StripeEventFilter::default() };
        let rows = store(ctx).list_stripe_events(&filter, &page).await.map_err(store_error(ctx))?;
        Ok(connection(
            rows,
            Total::StripeEvents(filter),
            domain::stripe_event::StripeEvent::place,
            StripeEvent,
        ))
    }
}
