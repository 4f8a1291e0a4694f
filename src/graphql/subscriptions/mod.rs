//! Root subscriptions: what can be followed.

mod billing;
mod ear;
mod notification;
mod organization;

use async_graphql::MergedSubscription;

/// Everything that can be followed as it changes. (`Subscription` is what customers have.)
#[derive(MergedSubscription, Default)]
#[graphql(name = "Live")]
pub struct SubscriptionRoot(
    billing::BillingSubscription,
    organization::OrganizationSubscription,
    notification::NotificationSubscription,
);
