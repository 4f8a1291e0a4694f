//! What the caller reads in the application.

use async_graphql::{Context, ID, Object, Result};

use super::super::connection::{
    EmailDeliveryConnection, NotificationConnection, PageArguments, Total, connection,
};
use super::super::context::{store, viewer};
use super::super::error::{not_found, store as store_error};
use super::super::types::{EmailDelivery, Notification, enums, wanted};
use super::organization::permitted;
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::page::Page;
use crate::store::{EmailDeliveryFilter, NotificationFilter};

#[derive(Default)]
pub struct NotificationQuery;

/// Whose notifications a caller reads. Programs read none: the policy refuses them.
pub fn reader(ctx: &Context<'_>) -> Result<UserId> {
    viewer(ctx).user_id().ok_or_else(|| not_found("person"))
}

/// Those of the caller that they may read with what they hold now.
fn own(ctx: &Context<'_>, organization_id: OrganizationId, is_unread: bool) -> Result<NotificationFilter> {
    let permissions = viewer(ctx).holdings(organization_id);
    Ok(NotificationFilter { organization_id, user_id: reader(ctx)?, permissions, is_unread })
}

#[Object]
impl NotificationQuery {
    /// The caller's notifications of an organization, newest first: those of what they may still see. A person's alone.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is an argument of the schema's, four of them every connection's"
    )]
    async fn notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "Only those that were not read.", default)] is_unread: bool,
        #[graphql(
            desc = "The language of the texts and the form of amounts and times, a BCP 47 tag such as `zh-CN`; when nothing is said, the caller's, as their token tells it, or the organization's."
        )]
        locale: Option<String>,
        #[graphql(
            desc = "The time zone of times, a name of the IANA's database such as `Asia/Shanghai`; when nothing is said, the caller's, as their token tells it, or the organization's."
        )]
        time_zone: Option<String>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<NotificationConnection> {
        let organization_id = permitted(ctx, &organization_id)?;
        let wanted = wanted(locale, time_zone.as_deref())?;
        let page = PageArguments { first, after, last, before }.request()?;
        let filter = own(ctx, organization_id, is_unread)?;
        let rows = store(ctx).list_notifications(&filter, &page).await.map_err(store_error(ctx))?;
        let (has_next, has_previous) = (rows.has_next, rows.has_previous);
        let items = Notification::told(ctx, organization_id, rows.items, &wanted).await?;
        let page = Page { items, has_next, has_previous };
        Ok(connection(page, Total::Notifications(filter), Notification::place, |it| it))
    }

    /// How many of the caller's notifications of an organization were not read.
    async fn notification_unread_count(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<u64> {
        let organization_id = permitted(ctx, &organization_id)?;
        unread(ctx, organization_id).await
    }

    /// The mails of an organization, sent and to be sent, newest first.
    async fn email_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "Only those in this state: DEAD for those that were given up.")] state: Option<
            enums::EmailDeliveryState,
        >,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<EmailDeliveryConnection> {
        let organization_id = permitted(ctx, &organization_id)?;
        let page = PageArguments { first, after, last, before }.request()?;
        let filter = EmailDeliveryFilter { organization_id, state: state.map(Into::into) };
        let rows = store(ctx).list_email_deliveries(filter, &page).await.map_err(store_error(ctx))?;
        let place = crate::domain::notification::EmailDelivery::place;
        Ok(connection(rows, Total::EmailDeliveries(filter), place, EmailDelivery))
    }
}

/// How many the caller has not read.
pub async fn unread(ctx: &Context<'_>, organization_id: OrganizationId) -> Result<u64> {
    let filter = own(ctx, organization_id, true)?;
    store(ctx).count_notifications(&filter).await.map_err(store_error(ctx))
}
