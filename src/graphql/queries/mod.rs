//! Root queries.

mod billing;
mod catalog;
mod member;
mod node;
mod notification;
mod organization;
mod platform;
pub(super) mod setting;
mod subscription_change;
mod usage;
mod webhook_endpoint;

use async_graphql::MergedObject;

pub(super) use billing::permitted_operation;
pub(super) use notification::{reader as notification_reader, unread as unread_notifications};

/// Everything that can be read.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub struct QueryRoot(
    organization::OrganizationQuery,
    member::MemberQuery,
    setting::SettingQuery,
    notification::NotificationQuery,
    billing::BillingQuery,
    catalog::CatalogQuery,
    node::NodeQuery,
    platform::PlatformQuery,
    subscription_change::SubscriptionChangeQuery,
    usage::UsageQuery,
    webhook_endpoint::WebhookEndpointQuery,
);
