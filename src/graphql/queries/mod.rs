//! Root queries.

mod billing;
mod catalog;
mod member;
mod node;
mod organization;
mod platform;
pub(super) mod setting;
mod subscription_change;

use async_graphql::MergedObject;

pub(super) use billing::permitted_operation;

/// Everything that can be read.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub struct QueryRoot(
    organization::OrganizationQuery,
    member::MemberQuery,
    setting::SettingQuery,
    billing::BillingQuery,
    catalog::CatalogQuery,
    node::NodeQuery,
    platform::PlatformQuery,
    subscription_change::SubscriptionChangeQuery,
);
