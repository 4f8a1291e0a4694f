//! Nobody sees another tenant's data, and a stranger does not learn that it exists.

use serde_json::{Value, json};
use tollgate::auth::POLICY;

use crate::mutations::member::{done, member};
use crate::support::{Client, TestApp, eventually, text};

/// Everything of one organization that has an id.
pub struct Tenant {
    pub owner: Client,
    pub organization: String,
    pub plan: String,
    pub subscription: String,
    pub invoice: String,
    payment: String,
    refund: String,
    payment_method: String,
    pub operation: String,
    audit_log: String,
    token: String,
    member: String,
    /// The owner's own.
    own_membership: String,
    invitation: String,
    role: String,
    api_key: String,
    webhook_endpoint: String,
    webhook: String,
    notification: String,
}

pub async fn tenant(app: &TestApp, name: &str) -> Tenant {
    let owner = app.client(name);
    let organization = app.organization(&owner, name).await;
    let plan = app.paid_plan(&format!("{name}-pro"), 2900, 0).await;
    let payment_method = app.card(&owner, &organization, "pm_card_visa").await;
    let payload = app.subscribe(&owner, &organization, &plan).await;
    let subscription = text(&payload["subscription"]["id"]);
    let operation = text(&payload["operation"]["id"]);
    let query = "query($id: ID!) { organization(id: $id) {
        invoices { nodes { id payments { id } } } auditLogs { nodes { id } } } }";
    let shown = eventually("the payment", || async {
        let answer = owner.send(query, json!({ "id": organization })).await;
        let shown = answer.data()["organization"].clone();
        shown["invoices"]["nodes"][0]["payments"][0]["id"].is_string().then_some(shown)
    })
    .await;
    app.settled().await;
    let query = "query($input: SubscriptionChangeInput!) { subscriptionPreviewChange(input: $input) {
        preview { token } userErrors { message } } }";
    let input = json!({ "subscriptionId": subscription, "quantity": "2" });
    let preview = owner.send(query, json!({ "input": input })).await;
    let token = text(&preview.data()["subscriptionPreviewChange"]["preview"]["token"]);
    let payment = text(&shown["invoices"]["nodes"][0]["payments"][0]["id"]);
    let refund = app
        .staff()
        .send(
            "mutation($input: PaymentRefundInput!) { paymentRefund(input: $input) { refund { id } } }",
            json!({ "input": { "paymentId": payment, "amount": { "minorUnits": "100", "currency": "USD" } } }),
        )
        .await;
    app.member(&organization, &format!("{name}-member")).await;
    let of = |input: Value| {
        let mut input = input;
        input["organizationId"] = json!(organization);
        input
    };
    let invite = of(json!({ "email": format!("guest@{name}.example") }));
    let role = of(json!({ "name": "Support", "permissions": ["BILLING_READ"] }));
    let key = of(json!({ "name": "Deploys", "scopes": ["BILLING_READ"] }));
    let invited = done(&owner, "memberInvite", invite, "invitation { id }").await;
    let role = done(&owner, "roleCreate", role, "role { id }").await;
    let endpoint =
        of(json!({ "url": format!("https://hooks.{name}.example/"), "selection": "{ __typename }" }));
    let endpoint = done(&owner, "webhookEndpointCreate", endpoint, "webhookEndpoint { id }").await;
    let key = done(&owner, "apiKeyCreate", key, "apiKey { id }").await;
    let query = "query($id: ID!) { webhookDeliveries(organizationId: $id) { nodes { id } }
        notifications(organizationId: $id) { nodes { id event } } }";
    let told = eventually("the key to be told", || async {
        let answer = owner.send(query, json!({ "id": organization })).await;
        let told = answer.data().clone();
        let newest = &told["notifications"]["nodes"][0];
        (newest["event"] == "API_KEY_CREATED" && told["webhookDeliveries"]["nodes"][0]["id"].is_string())
            .then_some(told)
    })
    .await;
    let seen = member(&owner, &organization, &format!("{name}-member")).await;
    Tenant {
        own_membership: text(&member(&owner, &organization, name).await["id"]),
        member: text(&seen["id"]),
        invitation: text(&invited["invitation"]["id"]),
        role: text(&role["role"]["id"]),
        api_key: text(&key["apiKey"]["id"]),
        webhook_endpoint: text(&endpoint["webhookEndpoint"]["id"]),
        webhook: text(&told["webhookDeliveries"]["nodes"][0]["id"]),
        notification: text(&told["notifications"]["nodes"][0]["id"]),
        refund: text(&refund.data()["paymentRefund"]["refund"]["id"]),
        token,
        invoice: text(&shown["invoices"]["nodes"][0]["id"]),
        payment,
        audit_log: text(&shown["auditLogs"]["nodes"][0]["id"]),
        owner,
        organization,
        plan,
        subscription,
        payment_method,
        operation,
    }
}

impl Tenant {
    /// One of which nothing exists: ids of the same kinds, and nobody's. The seal of a preview cannot be made up.
    fn nobody(&self) -> Self {
        let ghost = |id: &str| {
            let prefix = id.split_once('_').expect("a prefix").0;
            format!("{prefix}_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b")
        };
        Self {
            owner: self.owner.clone(),
            organization: ghost(&self.organization),
            plan: self.plan.clone(),
            subscription: ghost(&self.subscription),
            invoice: ghost(&self.invoice),
            payment: ghost(&self.payment),
            refund: ghost(&self.refund),
            payment_method: ghost(&self.payment_method),
            operation: ghost(&self.operation),
            audit_log: ghost(&self.audit_log),
            token: self.token.clone(),
            member: ghost(&self.member),
            own_membership: ghost(&self.own_membership),
            invitation: ghost(&self.invitation),
            role: ghost(&self.role),
            api_key: ghost(&self.api_key),
            webhook_endpoint: ghost(&self.webhook_endpoint),
            webhook: ghost(&self.webhook),
            notification: ghost(&self.notification),
        }
    }
}

/// One operation for each root field that is about an organization, asked about `tenant`.
pub fn questions(tenant: &Tenant) -> Vec<(&'static str, String, Value)> {
    let of = |id: &str| json!({ "id": id });
    let organization = of(&tenant.organization);
    let below = |field: &str, selection: &str| {
        format!("query($id: ID!) {{ {field}(organizationId: $id) {{ {selection} }} }}")
    };
    let by_id = |field: &str| format!("query($id: ID!) {{ {field}(id: $id) {{ id }} }}");
    let change = |field: &str, kind: &str| {
        format!("mutation($input: {kind}Input!) {{ {field}(input: $input) {{ userErrors {{ code }} }} }}")
    };
    vec![
        ("Query.organization", by_id("organization"), organization.clone()),
        ("Query.members", below("members", "nodes { id }"), organization.clone()),
        ("Query.invitations", below("invitations", "nodes { id }"), organization.clone()),
        ("Query.roles", below("roles", "id"), organization.clone()),
        ("Query.apiKeys", below("apiKeys", "nodes { id }"), organization.clone()),
        ("Query.webhookEndpoints", below("webhookEndpoints", "nodes { id }"), organization.clone()),
        ("Query.webhookDeliveries", below("webhookDeliveries", "nodes { id }"), organization.clone()),
        ("Query.emailDeliveries", below("emailDeliveries", "nodes { recipient }"), organization.clone()),
        ("Query.notifications", below("notifications", "nodes { id }"), organization.clone()),
        (
            "Query.notificationUnreadCount",
            "query($id: ID!) { notificationUnreadCount(organizationId: $id) }".to_owned(),
            organization.clone(),
        ),
        ("Query.subscription", by_id("subscription"), of(&tenant.subscription)),
        ("Query.subscriptions", below("subscriptions", "nodes { id }"), organization.clone()),
        ("Query.invoice", by_id("invoice"), of(&tenant.invoice)),
        ("Query.invoices", below("invoices", "nodes { id }"), organization.clone()),
        ("Query.payment", by_id("payment"), of(&tenant.payment)),
        ("Query.payments", below("payments", "nodes { id }"), organization.clone()),
        ("Query.upcomingInvoice", below("upcomingInvoice", "hasMoreLines"), organization.clone()),
        ("Query.refunds", below("refunds", "nodes { id }"), organization.clone()),
        ("Query.disputes", below("disputes", "nodes { id }"), organization.clone()),
        ("Query.paymentMethods", below("paymentMethods", "id"), organization.clone()),
        ("Query.usage", below("usage", "quantity"), organization.clone()),
        (
            "Query.usageByMeter",
            "query($id: ID!) { usageByMeter(organizationId: $id, meter: \"api_calls\") { quantity } }".to_owned(),
            organization.clone(),
        ),
        (
            "Query.usageReport",
            "query($id: ID!) { usageReport(organizationId: $id, meter: \"api_calls\") { previousQuantity } }".to_owned(),
            organization.clone(),
        ),
        ("Query.usageBill", below("usageBill", "periodEnd"), organization.clone()),
        ("Query.usageCharges", below("usageCharges", "isLate"), organization.clone()),
        ("Query.entitlements", below("entitlements", "feature"), organization.clone()),
        (
            "Query.entitlementCheck",
            "query($id: ID!) { entitlementCheck(organizationId: $id, feature: \"sso\") { isAllowed } }".to_owned(),
            organization.clone(),
        ),
        ("Query.usageAlerts", below("usageAlerts", "version"), organization.clone()),
        ("Query.auditLogs", below("auditLogs", "nodes { id }"), organization.clone()),
        ("Query.settings", below("settings", "general { version }"), organization.clone()),
        ("Query.settingsGeneral", below("settingsGeneral", "version"), organization.clone()),
        ("Query.settingsBilling", below("settingsBilling", "version"), organization.clone()),
        ("Query.settingsNotifications", below("settingsNotifications", "version"), organization.clone()),
        ("Query.settingsSecurity", below("settingsSecurity", "version"), organization.clone()),
        (
            "Query.settingsHistory",
            "query($id: ID!) { settingsHistory(organizationId: $id, section: GENERAL) { nodes { version } } }"
                .to_owned(),
            organization.clone(),
        ),
        ("Query.billingOperation", by_id("billingOperation"), of(&tenant.operation)),
        (
            "Query.subscriptionPreviewChange",
            "query($input: SubscriptionChangeInput!) { subscriptionPreviewChange(input: $input) { userErrors { code } } }"
                .to_owned(),
            json!({ "input": { "subscriptionId": tenant.subscription, "quantity": "2" } }),
        ),
        (
            "Mutation.usageRecord",
            change("usageRecord", "UsageRecord"),
            json!({ "input": { "organizationId": tenant.organization,
                               "event": { "meter": "api_calls", "eventId": "asked-1" } } }),
        ),
        (
            "Mutation.usageRecordBatch",
            change("usageRecordBatch", "UsageRecordBatch"),
            json!({ "input": { "organizationId": tenant.organization,
                               "events": [{ "meter": "api_calls", "eventId": "asked-2" }] } }),
        ),
        (
            "Mutation.usageAlertSet",
            change("usageAlertSet", "UsageAlertSet"),
            json!({ "input": { "organizationId": tenant.organization, "meter": "api_calls",
                               "thresholds": [{ "units": "100" }] } }),
        ),
        (
            "Mutation.usageAlertRemove",
            change("usageAlertRemove", "UsageAlertRemove"),
            json!({ "input": { "organizationId": tenant.organization, "meter": "api_calls" } }),
        ),
        (
            "Mutation.customerSync",
            change("customerSync", "CustomerSync"),
            json!({ "input": { "organizationId": tenant.organization } }),
        ),
        (
            "Mutation.customerRecreate",
            change("customerRecreate", "CustomerRecreate"),
            json!({ "input": { "organizationId": tenant.organization } }),
        ),
        (
            "Mutation.checkoutSessionCreate",
            change("checkoutSessionCreate", "CheckoutSessionCreate"),
            json!({ "input": { "organizationId": tenant.organization, "planId": tenant.plan,
                               "successUrl": "https://app.example.com/billing",
                               "cancelUrl": "https://app.example.com/billing" } }),
        ),
        (
            "Mutation.portalSessionCreate",
            change("portalSessionCreate", "PortalSessionCreate"),
            json!({ "input": { "organizationId": tenant.organization, "returnUrl": "https://app.example.com/billing" } }),
        ),
        (
            "Mutation.paymentMethodSetup",
            change("paymentMethodSetup", "PaymentMethodSetup"),
            json!({ "input": { "organizationId": tenant.organization } }),
        ),
        (
            "Mutation.paymentMethodAttach",
            change("paymentMethodAttach", "PaymentMethodAttach"),
            json!({ "input": { "organizationId": tenant.organization, "stripePaymentMethodId": "pm_card_visa" } }),
        ),
        (
            "Mutation.subscriptionCreate",
            change("subscriptionCreate", "SubscriptionCreate"),
            json!({ "input": { "organizationId": tenant.organization, "planId": tenant.plan } }),
        ),
        (
            "Mutation.subscriptionCancel",
            change("subscriptionCancel", "SubscriptionCancel"),
            json!({ "input": { "subscriptionId": tenant.subscription } }),
        ),
        (
            "Mutation.subscriptionResume",
            change("subscriptionResume", "SubscriptionResume"),
            json!({ "input": { "subscriptionId": tenant.subscription } }),
        ),
        (
            "Mutation.subscriptionChange",
            change("subscriptionChange", "SubscriptionChange"),
            json!({ "input": { "subscriptionId": tenant.subscription, "quantity": "2" } }),
        ),
        (
            "Mutation.subscriptionScheduledChangeRevoke",
            change("subscriptionScheduledChangeRevoke", "SubscriptionScheduledChangeRevoke"),
            json!({ "input": { "subscriptionId": tenant.subscription } }),
        ),
        (
            "Mutation.subscriptionTrialEnd",
            change("subscriptionTrialEnd", "SubscriptionTrialEnd"),
            json!({ "input": { "subscriptionId": tenant.subscription } }),
        ),
        (
            "Mutation.subscriptionDiscountApply",
            change("subscriptionDiscountApply", "SubscriptionDiscountApply"),
            json!({ "input": { "subscriptionId": tenant.subscription, "promotionCode": "LAUNCH" } }),
        ),
        (
            "Mutation.subscriptionDiscountRemove",
            change("subscriptionDiscountRemove", "SubscriptionDiscountRemove"),
            json!({ "input": { "subscriptionId": tenant.subscription } }),
        ),
        (
            "Mutation.subscriptionApplyChange",
            change("subscriptionApplyChange", "SubscriptionApplyChange"),
            json!({ "input": { "token": tenant.token } }),
        ),
        (
            "Mutation.invoicePay",
            change("invoicePay", "InvoicePay"),
            json!({ "input": { "invoiceId": tenant.invoice } }),
        ),
        (
            "Mutation.invoiceSend",
            change("invoiceSend", "InvoiceSend"),
            json!({ "input": { "invoiceId": tenant.invoice } }),
        ),
        (
            "Mutation.paymentMethodSetDefault",
            change("paymentMethodSetDefault", "PaymentMethodSetDefault"),
            json!({ "input": { "paymentMethodId": tenant.payment_method } }),
        ),
        (
            "Mutation.paymentMethodDetach",
            change("paymentMethodDetach", "PaymentMethodDetach"),
            json!({ "input": { "paymentMethodId": tenant.payment_method } }),
        ),
        (
            "Mutation.paymentIntentCreate",
            change("paymentIntentCreate", "PaymentIntentCreate"),
            json!({ "input": { "organizationId": tenant.organization,
                               "amount": { "minorUnits": "500", "currency": "USD" } } }),
        ),
        (
            "Mutation.paymentIntentConfirm",
            change("paymentIntentConfirm", "PaymentIntentConfirm"),
            json!({ "input": { "paymentId": tenant.payment } }),
        ),
        (
            "Mutation.paymentIntentCancel",
            change("paymentIntentCancel", "PaymentIntentCancel"),
            json!({ "input": { "paymentId": tenant.payment } }),
        ),
        (
            "Mutation.paymentRefund",
            change("paymentRefund", "PaymentRefund"),
            json!({ "input": { "paymentId": tenant.payment } }),
        ),
        (
            "Mutation.refundApprove",
            change("refundApprove", "RefundApprove"),
            json!({ "input": { "refundId": tenant.refund } }),
        ),
        (
            "Mutation.refundReject",
            change("refundReject", "RefundReject"),
            json!({ "input": { "refundId": tenant.refund } }),
        ),
        (
            "Mutation.memberInvite",
            change("memberInvite", "MemberInvite"),
            json!({ "input": { "organizationId": tenant.organization, "email": "another@example.com" } }),
        ),
        (
            "Mutation.invitationResend",
            change("invitationResend", "InvitationResend"),
            json!({ "input": { "invitationId": tenant.invitation } }),
        ),
        (
            "Mutation.invitationRevoke",
            change("invitationRevoke", "InvitationRevoke"),
            json!({ "input": { "invitationId": tenant.invitation } }),
        ),
        (
            "Mutation.memberRoleChange",
            change("memberRoleChange", "MemberRoleChange"),
            json!({ "input": { "memberId": tenant.member, "role": "AUDITOR", "expectedVersion": "1" } }),
        ),
        (
            "Mutation.memberSuspend",
            change("memberSuspend", "MemberSuspend"),
            json!({ "input": { "memberId": tenant.member } }),
        ),
        (
            "Mutation.memberReinstate",
            change("memberReinstate", "MemberReinstate"),
            json!({ "input": { "memberId": tenant.member } }),
        ),
        (
            "Mutation.roleCreate",
            change("roleCreate", "RoleCreate"),
            json!({ "input": { "organizationId": tenant.organization, "name": "Another", "permissions": [] } }),
        ),
        (
            "Mutation.roleUpdate",
            change("roleUpdate", "RoleUpdate"),
            json!({ "input": { "roleId": tenant.role, "expectedVersion": "1", "description": "x" } }),
        ),
        (
            "Mutation.roleDelete",
            change("roleDelete", "RoleDelete"),
            json!({ "input": { "roleId": tenant.role } }),
        ),
        (
            "Mutation.apiKeyCreate",
            change("apiKeyCreate", "ApiKeyCreate"),
            json!({ "input": { "organizationId": tenant.organization, "name": "Another", "scopes": [] } }),
        ),
        (
            "Mutation.apiKeyRotate",
            change("apiKeyRotate", "ApiKeyRotate"),
            json!({ "input": { "apiKeyId": tenant.api_key } }),
        ),
        (
            "Mutation.apiKeyRevoke",
            change("apiKeyRevoke", "ApiKeyRevoke"),
            json!({ "input": { "apiKeyId": tenant.api_key } }),
        ),
        (
            "Mutation.settingsGeneralUpdate",
            change("settingsGeneralUpdate", "SettingsGeneralUpdate"),
            json!({ "input": { "organizationId": tenant.organization, "expectedVersion": "0", "locale": "en" } }),
        ),
        (
            "Mutation.settingsBillingUpdate",
            change("settingsBillingUpdate", "SettingsBillingUpdate"),
            json!({ "input": { "organizationId": tenant.organization, "expectedVersion": "0", "netTerms": 30 } }),
        ),
        (
            "Mutation.settingsNotificationsUpdate",
            change("settingsNotificationsUpdate", "SettingsNotificationsUpdate"),
            json!({ "input": { "organizationId": tenant.organization, "expectedVersion": "0",
                               "events": [{ "event": "INVOICE_PAID", "channels": [] }] } }),
        ),
        (
            "Mutation.settingsSecurityUpdate",
            change("settingsSecurityUpdate", "SettingsSecurityUpdate"),
            json!({ "input": { "organizationId": tenant.organization, "expectedVersion": "0",
                               "mfaRequired": false } }),
        ),
        (
            "Mutation.settingsRollback",
            change("settingsRollback", "SettingsRollback"),
            json!({ "input": { "organizationId": tenant.organization, "section": "GENERAL", "version": "0",
                               "expectedVersion": "1" } }),
        ),
        (
            "Mutation.sessionsRevoke",
            change("sessionsRevoke", "SessionsRevoke"),
            // Nobody's: whoever else is to ask must stay signed in.
            json!({ "input": { "organizationId": tenant.organization,
                               "userId": "usr_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b" } }),
        ),
        (
            "Mutation.webhookEndpointCreate",
            change("webhookEndpointCreate", "WebhookEndpointCreate"),
            json!({ "input": { "organizationId": tenant.organization, "url": "https://hooks.example.com/",
                               "selection": "{ __typename }" } }),
        ),
        (
            "Mutation.webhookEndpointUpdate",
            change("webhookEndpointUpdate", "WebhookEndpointUpdate"),
            json!({ "input": { "webhookEndpointId": tenant.webhook_endpoint, "description": "x" } }),
        ),
        (
            "Mutation.webhookEndpointSecretRotate",
            change("webhookEndpointSecretRotate", "WebhookEndpointSecretRotate"),
            json!({ "input": { "webhookEndpointId": tenant.webhook_endpoint } }),
        ),
        (
            "Mutation.webhookEndpointDisable",
            change("webhookEndpointDisable", "WebhookEndpointDisable"),
            json!({ "input": { "webhookEndpointId": tenant.webhook_endpoint } }),
        ),
        (
            "Mutation.webhookEndpointEnable",
            change("webhookEndpointEnable", "WebhookEndpointEnable"),
            json!({ "input": { "webhookEndpointId": tenant.webhook_endpoint } }),
        ),
        (
            "Mutation.webhookDeliveryReplay",
            change("webhookDeliveryReplay", "WebhookDeliveryReplay"),
            json!({ "input": { "webhookDeliveryId": tenant.webhook } }),
        ),
        (
            "Mutation.webhookDeliveriesReplay",
            change("webhookDeliveriesReplay", "WebhookDeliveriesReplay"),
            json!({ "input": { "webhookEndpointId": tenant.webhook_endpoint,
                               "since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z" } }),
        ),
        (
            "Mutation.webhookEndpointDelete",
            change("webhookEndpointDelete", "WebhookEndpointDelete"),
            json!({ "input": { "webhookEndpointId": tenant.webhook_endpoint } }),
        ),
        (
            "Mutation.notificationsMarkAllRead",
            change("notificationsMarkAllRead", "NotificationsMarkAllRead"),
            json!({ "input": { "organizationId": tenant.organization } }),
        ),
        (
            "Mutation.organizationSeatReleaseSet",
            change("organizationSeatReleaseSet", "OrganizationSeatReleaseSet"),
            json!({ "input": { "organizationId": tenant.organization, "seatRelease": "KEEP" } }),
        ),
        (
            "Mutation.organizationOwnershipTransfer",
            change("organizationOwnershipTransfer", "OrganizationOwnershipTransfer"),
            json!({ "input": { "memberId": tenant.own_membership } }),
        ),
        (
            "Mutation.memberRemove",
            change("memberRemove", "MemberRemove"),
            json!({ "input": { "memberId": tenant.member } }),
        ),
        (
            "Mutation.organizationLeave",
            change("organizationLeave", "OrganizationLeave"),
            json!({ "input": { "organizationId": tenant.organization } }),
        ),
    ]
}

/// Root fields that are about no organization, or whose answer depends on the caller: they have tests of their own.
pub const ABOUT_NO_ORGANIZATION: &[&str] = &[
    "Query.viewer",
    "Query.node",
    "Query.nodes",
    "Query.organizations",
    "Query.plans",
    "Query.plan",
    "Query.stripeEvents",
    "Query.stripeIntake",
    "Query.billingDrift",
    "Mutation.stripeEventReplay",
    "Mutation.stripeEventsReplay",
    "Mutation.driftCompare",
    "Mutation.driftRepair",
    "Mutation.customerLink",
    "Query.billingPolicy",
    "Mutation.billingPolicySet",
    "Mutation.subscriptionCollectionPause",
    "Mutation.subscriptionCollectionResume",
    "Mutation.subscriptionTrialExtend",
    "Mutation.subscriptionCouponApply",
    "Query.refundLimits",
    "Mutation.organizationCreate",
    "Mutation.settingsSecurityRecover",
    "Mutation.viewerSessionsRevoke",
    "Mutation.invitationAccept",
    "Mutation.notificationMarkRead",
    "Mutation.planCreate",
    "Mutation.planUpdate",
    "Mutation.planArchive",
    "Mutation.refundLimitSet",
    "Query.meters",
    "Mutation.meterCreate",
    "Mutation.meterUpdate",
    "Mutation.meterArchive",
    "Query.entitlementOverrides",
    "Mutation.entitlementOverrideSet",
    "Mutation.entitlementOverrideRemove",
    "Mutation.invoiceVoid",
    "Mutation.invoiceMarkUncollectible",
    "Mutation.creditNoteCreate",
];

#[tokio::test]
async fn a_stranger_is_told_not_found_and_an_anonymous_caller_unauthenticated() {
    let app = TestApp::start().await;
    let acme = tenant(&app, "acme").await;
    let globex = tenant(&app, "globex").await;
    let questions = questions(&acme);
    let asked: Vec<&str> = questions.iter().map(|(field, ..)| *field).collect();
    for (field, _) in
        POLICY.iter().filter(|(field, _)| field.starts_with("Query.") || field.starts_with("Mutation."))
    {
        assert!(
            asked.contains(field) || ABOUT_NO_ORGANIZATION.contains(field),
            "{field} has no question here"
        );
    }
    let requests_before = app.sandbox.requests().len();
    let about_nobody = self::questions(&acme.nobody());
    for ((field, query, variables), (_, _, about_nobody)) in questions.iter().zip(&about_nobody) {
        let stranger = globex.owner.send(query, variables.clone()).await;
        assert_eq!(stranger.code(), "NOT_FOUND", "{field}: {:#}", stranger.body);
        // Word for word what is said of what is not there: nothing tells that this is.
        let missing = globex.owner.send(query, about_nobody.clone()).await;
        assert_eq!(missing.code(), "NOT_FOUND", "{field}: {:#}", missing.body);
        assert_eq!(stranger.message(), missing.message(), "{field}");
        let anonymous = app.anonymous().send(query, variables.clone()).await;
        assert_eq!(anonymous.code(), "UNAUTHENTICATED", "{field}: {:#}", anonymous.body);
    }
    let asked_by_strangers = app
        .sandbox
        .requests()
        .into_iter()
        .skip(requests_before)
        .filter(|request| request.method == "POST")
        .count();
    assert_eq!(asked_by_strangers, 0, "Stripe was asked for a stranger");
    // The same questions are answered to those who may ask: a typing error above would pass otherwise.
    for (field, query, variables) in questions.iter().filter(|(field, ..)| field.starts_with("Query.")) {
        let owner = acme.owner.send(query, variables.clone()).await;
        assert!(owner.body.get("errors").is_none(), "{field}: {:#}", owner.body);
    }
}

#[tokio::test]
async fn a_stranger_and_nobody_are_told_the_same_of_what_is_not_there() {
    let app = TestApp::start().await;
    let acme = tenant(&app, "acme").await;
    let stranger = app.client("stranger");
    let query = "query($id: ID!) { invoice(id: $id) { id } }";
    let there = stranger.send(query, json!({ "id": acme.invoice })).await;
    let missing = stranger.send(query, json!({ "id": "inv_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b" })).await;
    assert_eq!(there.message(), missing.message());
    assert_eq!(there.code(), missing.code());
}

#[tokio::test]
async fn node_shows_nothing_of_another_tenant() {
    let app = TestApp::start().await;
    let acme = tenant(&app, "acme").await;
    let ids = [
        &acme.organization,
        &acme.subscription,
        &acme.invoice,
        &acme.payment,
        &acme.refund,
        &acme.payment_method,
        &acme.audit_log,
        &acme.operation,
        &acme.member,
        &acme.invitation,
        &acme.role,
        &acme.api_key,
        &acme.webhook_endpoint,
        &acme.webhook,
        &acme.notification,
    ];
    let nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
    let mine = acme.owner.send(nodes, json!({ "ids": ids })).await;
    for (node, id) in mine.data()["nodes"].as_array().expect("nodes").iter().zip(ids) {
        assert_eq!(node["id"], json!(id), "{:#}", mine.body);
    }
    let stranger = app.client("stranger");
    let theirs = stranger.send(nodes, json!({ "ids": ids })).await;
    assert_eq!(theirs.data()["nodes"], json!(vec![Value::Null; ids.len()]));
    let node = "query($id: ID!) { node(id: $id) { id } }";
    for id in ids {
        assert_eq!(stranger.send(node, json!({ "id": id })).await.code(), "NOT_FOUND", "{id}");
        assert_eq!(app.anonymous().send(node, json!({ "id": id })).await.code(), "UNAUTHENTICATED", "{id}");
    }
}

#[tokio::test]
async fn another_tenants_payment_method_cannot_be_charged() {
    let app = TestApp::start().await;
    let acme = tenant(&app, "acme").await;
    let owner = app.client("mallory");
    let organization = app.organization(&owner, "mallory-inc").await;
    let create = "mutation($input: PaymentIntentCreateInput!) {
        paymentIntentCreate(input: $input) { payment { id } userErrors { code message path } } }";
    let answer = owner
        .send(
            create,
            json!({ "input": { "organizationId": organization, "confirm": true,
                "paymentMethodId": acme.payment_method, "amount": { "minorUnits": "500", "currency": "USD" } } }),
        )
        .await;
    let (code, path, _) = answer.user_error("paymentIntentCreate");
    assert_eq!((code.as_str(), path.as_str()), ("NOT_FOUND", "paymentMethodId"));
    let subscribe = owner
        .send(
            crate::support::SUBSCRIBE,
            json!({ "input": { "organizationId": organization, "planId": acme.plan,
                "paymentMethodId": acme.payment_method } }),
        )
        .await;
    let (code, path, _) = subscribe.user_error("subscriptionCreate");
    assert_eq!((code.as_str(), path.as_str()), ("NOT_FOUND", "paymentMethodId"));
}

#[tokio::test]
async fn a_list_shows_only_the_callers_organizations() {
    let app = TestApp::start().await;
    let (olivia, peter) = (app.client("olivia"), app.client("peter"));
    app.organization(&olivia, "acme").await;
    app.organization(&peter, "globex").await;
    let query = "{ organizations { totalCount nodes { slug } } }";
    let mine = olivia.send(query, json!({})).await;
    assert_eq!(mine.data()["organizations"], json!({ "totalCount": 1, "nodes": [{ "slug": "acme" }] }));
    let staff = app.staff().send(query, json!({})).await;
    assert_eq!(staff.data()["organizations"]["totalCount"], 2);
}
