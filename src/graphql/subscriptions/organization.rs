//! What happens to an organization's subscriptions, invoices, payments, usage and access.

use std::time::Duration;

use async_graphql::{Context, Error, ID, Result, Subscription as LiveFields};
use futures::stream::{self, Stream};

use super::super::context::{authorize_in, service, store};
use super::super::error::{not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::types::access::AccessState;
use super::super::types::{Invoice, Payment, Subscription, UsageNotice};
use super::ear::{Ear, Heard, ear_of};
use crate::domain;
use crate::domain::ids::{InvoiceId, OrganizationId, PaymentId, SubscriptionId, UsageNoticeId};
use crate::store::{ChangedKind, Store, StoreError};

/// Everything that has a say in access.
const DECIDES_ACCESS: [ChangedKind; 7] = [
    ChangedKind::Subscription,
    ChangedKind::Invoice,
    ChangedKind::Payment,
    ChangedKind::Dispute,
    ChangedKind::PaymentMethod,
    ChangedKind::BillingPolicy,
    ChangedKind::UsageLimit,
];
/// How long access may be taken to stay when nothing is written: it is computed with the time of day.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Never sooner than this, whatever `until` says.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Default)]
pub struct OrganizationSubscription;

#[LiveFields]
impl OrganizationSubscription {
    /// What the organization may use, as `Organization.accessState` has it: as it stands, and each time it is another. A
    /// stream that cannot keep up ends with RATE_LIMITED.
    async fn access_state<'a>(
        &self,
        ctx: &'a Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<impl Stream<Item = Result<AccessState>> + 'a> {
        let (organization, ear) = listen(ctx, &organization_id, &DECIDES_ACCESS)?;
        let follower = AccessFollower { ctx, organization, ear, known: None };
        Ok(stream::unfold(Some(follower), |follower| async move {
            let mut follower = follower?;
            match follower.next().await {
                Ok(state) => Some((Ok(state.into()), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }

    /// Each subscription of the organization after it was written, as it stands then; several writes at once are told
    /// once. Read the present state first or afterwards: only what changes is told. A stream that cannot keep up ends with
    /// RATE_LIMITED, and one that missed changes while the database was away with INTERNAL: read again, and follow anew.
    async fn subscription_changed<'a>(
        &self,
        ctx: &'a Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<impl Stream<Item = Result<Subscription>> + 'a> {
        written(ctx, organization_id, &[ChangedKind::Subscription], async |store, id| {
            let row = store.subscriptions(&[SubscriptionId(id)]).await?.pop();
            Ok(row.map(|row| (row.organization_id, Subscription::from(row))))
        })
    }

    /// Each invoice of the organization after it was written, as it stands then; several writes at once are told once. A
    /// stream that cannot keep up ends with RATE_LIMITED, and one that missed changes while the database was away with
    /// INTERNAL: read again, and follow anew.
    async fn invoice_changed<'a>(
        &self,
        ctx: &'a Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<impl Stream<Item = Result<Invoice>> + 'a> {
        written(ctx, organization_id, &[ChangedKind::Invoice], async |store, id| {
            let row = store.invoices(&[InvoiceId(id)]).await?.pop();
            Ok(row.map(|row| (row.organization_id, Invoice(row))))
        })
    }

    /// Each payment of the organization after it was written, as it stands then; several writes at once are told once. A
    /// stream that cannot keep up ends with RATE_LIMITED, and one that missed changes while the database was away with
    /// INTERNAL: read again, and follow anew.
    async fn payment_changed<'a>(
        &self,
        ctx: &'a Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<impl Stream<Item = Result<Payment>> + 'a> {
        written(ctx, organization_id, &[ChangedKind::Payment], async |store, id| {
            let row = store.payments(&[PaymentId(id)]).await?.pop();
            Ok(row.map(|row| (row.organization_id, Payment(row))))
        })
    }

    /// Each notice of the organization's usage when it is told: a threshold is reached, or usage is below one again. A stream
    /// that cannot keep up ends with RATE_LIMITED.
    async fn usage_alert_raised<'a>(
        &self,
        ctx: &'a Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<impl Stream<Item = Result<UsageNotice>> + 'a> {
        written(ctx, organization_id, &[ChangedKind::UsageNotice], async |store, id| {
            let row = store.usage_notices(&[UsageNoticeId(id)]).await?.pop();
            Ok(row.map(|row| (row.organization_id, UsageNotice(row))))
        })
    }
}

/// First the ear, then the look: nothing falls between.
fn listen<'a>(
    ctx: &Context<'a>,
    id: &ID,
    kinds: &'static [ChangedKind],
) -> Result<(OrganizationId, Ear<'a>)> {
    let organization = OrganizationId(NodeKind::Organization.decode("organizationId", id)?);
    let notices = store(ctx).changes();
    authorize_in(ctx, "Live", organization, "organization")?;
    Ok((organization, ear_of(ctx, organization, kinds, notices)))
}

/// The rows of a kind, each after it was written. One that is gone again is passed over.
fn written<'a, T: 'a>(
    ctx: &'a Context<'_>,
    id: ID,
    kinds: &'static [ChangedKind],
    load: impl AsyncFn(&Store, uuid::Uuid) -> Result<Option<(OrganizationId, T)>, StoreError> + 'a,
) -> Result<impl Stream<Item = Result<T>> + 'a> {
    let (organization, ear) = listen(ctx, &id, kinds)?;
    Ok(stream::unfold(Some((ear, load)), move |state| async move {
        let (mut ear, load) = state?;
        match next_row(ctx, organization, &mut ear, &load).await {
            Ok(row) => Some((Ok(row), Some((ear, load)))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

async fn next_row<T>(
    ctx: &Context<'_>,
    organization: OrganizationId,
    ear: &mut Ear<'_>,
    load: &impl AsyncFn(&Store, uuid::Uuid) -> Result<Option<(OrganizationId, T)>, StoreError>,
) -> Result<T, Error> {
    loop {
        let heard = ear.next().await?;
        // For each row: a slow reader may take the last of many long after the first.
        ear.check(ctx).await?;
        let Heard::Row(id) = heard else { continue };
        let row = load(store(ctx), id).await.map_err(store_error(ctx))?;
        if let Some((_, row)) = row.filter(|(owner, _)| *owner == organization) {
            return Ok(row);
        }
    }
}

/// Where a follower of access stands.
struct AccessFollower<'a, 'b> {
    ctx: &'a Context<'b>,
    organization: OrganizationId,
    ear: Ear<'b>,
    known: Option<domain::access::AccessState>,
}

impl AccessFollower<'_, '_> {
    async fn next(&mut self) -> Result<domain::access::AccessState, Error> {
        loop {
            if let Some(known) = &self.known {
                let now = service(self.ctx).clock().now();
                let left = known.until.and_then(|until| (until - now).to_std().ok());
                let wait = left.map_or(LOOK_AGAIN, |left| left.clamp(PAUSE, LOOK_AGAIN));
                // Its end by itself is written nowhere.
                if let Ok(heard) = tokio::time::timeout(wait, self.ear.any()).await {
                    heard?;
                }
                self.ear.check(self.ctx).await?;
            }
            let rows = store(self.ctx).access_rows(&[self.organization]).await;
            let rows = rows.map_err(store_error(self.ctx))?.remove(&self.organization);
            let rows = rows.ok_or_else(|| not_found("organization"))?;
            let state = rows.state(service(self.ctx).clock().now());
            if self.known.replace(state) != Some(state) {
                return Ok(state);
            }
        }
    }
}
