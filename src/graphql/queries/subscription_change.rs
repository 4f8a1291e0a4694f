//! Previews of changes.

use async_graphql::{Context, Object, Result};

use super::super::context::service;
use super::super::error::refused;
use super::super::mutations::subscription_change::SubscriptionChangeInput;
use super::super::types::UserError;
use super::super::types::subscription_preview::{
    SubscriptionChangePreview, SubscriptionPreviewChangePayload,
};

#[derive(Default)]
pub struct SubscriptionChangeQuery;

#[Object]
impl SubscriptionChangeQuery {
    /// What a change of a subscription would come to: lines, tax, proration, what is due now, the next bill, seats and
    /// entitlements, and a token by which `subscriptionApplyChange` makes exactly that. It asks Stripe and changes nothing.
    async fn subscription_preview_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change. Its idempotency key is not looked at.")] input: SubscriptionChangeInput,
    ) -> Result<SubscriptionPreviewChangePayload> {
        let change = input.decode(ctx, "Query").await?;
        Ok(match service(ctx).preview_change(&change).await {
            Ok(preview) => SubscriptionPreviewChangePayload {
                preview: Some(SubscriptionChangePreview(preview)),
                user_errors: Vec::new(),
            },
            Err(error) => SubscriptionPreviewChangePayload {
                preview: None,
                user_errors: refused(ctx, error)?.into_iter().map(UserError::from).collect(),
            },
        })
    }
}
