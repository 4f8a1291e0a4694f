//! No change without its record, no record without its change.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::mutations::member::done;
use crate::support::{Client, TestApp, eventually, text};

/// How many records a person's own acts left, by action.
async fn records_of_users(app: &TestApp) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for record in app.audit_records().await {
        if record.actor_kind == tollgate::domain::audit::ActorKind::User
            && !record.action.starts_with("user.")
        {
            *counted.entry(record.action).or_insert(0) += 1;
        }
    }
    counted
}

struct Step {
    mutation: &'static str,
    action: &'static str,
    by: Client,
    input: Value,
}

/// Every mutation of the schema leaves exactly one record. A mutation that is not performed here fails the test.
#[tokio::test]
async fn each_mutation_leaves_exactly_one_record() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let staff = app.staff();
    let price = |minor: &str| json!({ "unitAmount": { "minorUnits": minor, "currency": "USD" }, "billingInterval": "MONTH" });
    let mut performed = Vec::new();
    let mut perform = async |step: Step, selection: &str| -> Value {
        let mut letters = step.mutation.chars();
        let capital: String =
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        let query = format!(
            "mutation($input: {capital}Input!) {{ {}(input: $input) {{ {selection} userErrors {{ code message path }} }} }}",
            step.mutation
        );
        let before = records_of_users(&app).await;
        let answer = step.by.send(&query, json!({ "input": step.input })).await;
        let payload = answer.data()[step.mutation].clone();
        assert_eq!(payload["userErrors"], json!([]), "{}: {payload:#}", step.mutation);
        let after = records_of_users(&app).await;
        let mut expected = before;
        *expected.entry(step.action.to_owned()).or_insert(0) += 1;
        assert_eq!(after, expected, "{}", step.mutation);
        performed.push(step.mutation.to_owned());
        payload
    };
    macro_rules! perform {
        ($mutation:literal, $action:literal, $by:expr, $input:expr, $selection:literal) => {
            // Boxed: so many steps in one test would not fit on its thread's stack.
            Box::pin(perform(
                Step { mutation: $mutation, action: $action, by: $by.clone(), input: $input },
                $selection,
            ))
            .await
        };
    }

    let created = perform!(
        "organizationCreate",
        "organization.create",
        owner,
        json!({ "name": "Acme", "slug": "acme" }),
        "organization { id }"
    );
    let organization = text(&created["organization"]["id"]);
    let created = perform!(
        "planCreate",
        "plan.create",
        staff,
        json!({ "name": "Pro", "slug": "pro", "prices": [price("2900")] }),
        "plan { id version }"
    );
    let plan = text(&created["plan"]["id"]);
    perform!(
        "planUpdate",
        "plan.update",
        staff,
        json!({ "planId": plan, "expectedVersion": created["plan"]["version"], "price": price("3900") }),
        "plan { version }"
    );
    perform!(
        "paymentMethodSetup",
        "payment_method.setup",
        owner,
        json!({ "organizationId": organization }),
        "clientSecret"
    );
    perform!(
        "paymentMethodAttach",
        "payment_method.attach",
        owner,
        json!({ "organizationId": organization, "stripePaymentMethodId": "pm_card_visa" }),
        "paymentMethod { id }"
    );
    let created = perform!(
        "subscriptionCreate",
        "subscription.create",
        owner,
        json!({ "organizationId": organization, "planId": plan }),
        "subscription { id }"
    );
    let subscription = text(&created["subscription"]["id"]);
    perform!(
        "subscriptionCancel",
        "subscription.cancel",
        owner,
        json!({ "subscriptionId": subscription }),
        "subscription { id }"
    );
    perform!(
        "subscriptionResume",
        "subscription.resume",
        owner,
        json!({ "subscriptionId": subscription }),
        "subscription { id }"
    );
    perform!(
        "subscriptionChange",
        "subscription.change",
        owner,
        json!({ "subscriptionId": subscription, "quantity": "2" }),
        "subscription { id }"
    );
    app.settled().await;
    let query = "query($input: SubscriptionChangeInput!) { subscriptionPreviewChange(input: $input) {
        preview { token } userErrors { message } } }";
    let input = json!({ "subscriptionId": subscription, "quantity": "1", "timing": "PERIOD_END" });
    let preview = owner.send(query, json!({ "input": input })).await;
    perform!(
        "subscriptionApplyChange",
        "subscription.change",
        owner,
        json!({ "token": preview.data()["subscriptionPreviewChange"]["preview"]["token"] }),
        "subscription { id }"
    );
    perform!(
        "subscriptionScheduledChangeRevoke",
        "subscription.scheduled_change_revoke",
        owner,
        json!({ "subscriptionId": subscription }),
        "subscription { id }"
    );
    perform!(
        "subscriptionCollectionPause",
        "subscription.collection_pause",
        staff,
        json!({ "subscriptionId": subscription }),
        "subscription { id }"
    );
    perform!(
        "subscriptionCollectionResume",
        "subscription.collection_resume",
        staff,
        json!({ "subscriptionId": subscription }),
        "subscription { id }"
    );
    app.promotion_code("LAUNCH", 20).await;
    perform!(
        "subscriptionDiscountApply",
        "subscription.discount_apply",
        owner,
        json!({ "subscriptionId": subscription, "promotionCode": "LAUNCH" }),
        "subscription { id }"
    );
    perform!(
        "subscriptionDiscountRemove",
        "subscription.discount_remove",
        owner,
        json!({ "subscriptionId": subscription }),
        "subscription { id }"
    );
    let off = [("id", "GOODWILL"), ("percent_off", "10"), ("duration", "once")];
    app.at_stripe(reqwest::Method::POST, "coupons", &off).await;
    perform!(
        "subscriptionCouponApply",
        "subscription.discount_apply",
        staff,
        json!({ "subscriptionId": subscription, "stripeCouponId": "GOODWILL" }),
        "subscription { id }"
    );
    let trial_plan = app.paid_plan("with-trial", 1900, 14).await;
    let trial_organization = app.organization(&owner, "trial-inc").await;
    app.card(&owner, &trial_organization, "pm_card_visa").await;
    let in_trial = app.subscribe(&owner, &trial_organization, &trial_plan).await;
    let in_trial = text(&in_trial["subscription"]["id"]);
    let until = chrono::DateTime::from_timestamp(app.sandbox.now() + 30 * 86_400, 0).expect("a time");
    perform!(
        "subscriptionTrialExtend",
        "subscription.trial_extend",
        staff,
        json!({ "subscriptionId": in_trial, "until": until.to_rfc3339() }),
        "subscription { id }"
    );
    perform!(
        "subscriptionTrialEnd",
        "subscription.trial_end",
        owner,
        json!({ "subscriptionId": in_trial }),
        "subscription { id }"
    );
    perform!(
        "billingPolicySet",
        "billing_policy.set",
        staff,
        json!({ "policy": {
            "dunning": [{ "afterDays": 0, "reminder": "PAYMENT_FAILED", "access": "FULL" }],
            "unpaid": "NONE", "trialEnded": "LIMITED", "withoutSubscription": "NONE", "disputeOpen": "FULL",
            "disputeLost": "NONE", "quotaExceeded": "LIMITED", "trialEnd": "CANCEL", "openInvoices": "KEEP"
        } }),
        "billingPolicy { version }"
    );
    let created = perform!(
        "paymentIntentCreate",
        "payment_intent.create",
        owner,
        json!({ "organizationId": organization, "amount": { "minorUnits": "500", "currency": "USD" } }),
        "payment { id }"
    );
    perform!(
        "paymentIntentConfirm",
        "payment_intent.confirm",
        owner,
        json!({ "paymentId": created["payment"]["id"] }),
        "payment { status }"
    );
    perform!(
        "paymentRefund",
        "payment.refund",
        staff,
        json!({ "paymentId": created["payment"]["id"], "amount": { "minorUnits": "100", "currency": "USD" } }),
        "refund { id }"
    );
    perform!(
        "refundLimitSet",
        "refund_limit.set",
        staff,
        json!({ "role": "PLATFORM_STAFF", "currency": "USD", "dailyMinorUnits": "100000", "approvalAboveMinorUnits": "0" }),
        "limit { role }"
    );
    let second_staff = Client::new(app.address, Some(app.tokens.staff_token("second-staff")));
    for (mutation, action) in [("refundApprove", "refund.approve"), ("refundReject", "refund.reject")] {
        let asked = staff
            .send(
                "mutation($input: PaymentRefundInput!) { paymentRefund(input: $input) { refund { id } } }",
                json!({ "input": { "paymentId": created["payment"]["id"],
                                   "amount": { "minorUnits": "100", "currency": "USD" } } }),
            )
            .await;
        let input = json!({ "refundId": asked.data()["paymentRefund"]["refund"]["id"] });
        Box::pin(perform(Step { mutation, action, by: second_staff.clone(), input }, "refund { status }"))
            .await;
    }
    let created = perform!(
        "paymentIntentCreate",
        "payment_intent.create",
        owner,
        json!({ "organizationId": organization, "amount": { "minorUnits": "500", "currency": "USD" } }),
        "payment { id }"
    );
    perform!(
        "paymentIntentCancel",
        "payment_intent.cancel",
        owner,
        json!({ "paymentId": created["payment"]["id"] }),
        "payment { status }"
    );
    let open = app.open_invoice(&owner).await;
    perform!(
        "invoicePay",
        "invoice.pay",
        open.client,
        json!({ "invoiceId": open.invoice }),
        "invoice { status }"
    );
    app.settled().await;
    let event = staff.send("{ stripeEvents(filter: { state: APPLIED }) { nodes { id } } }", json!({})).await;
    let event = text(&event.data()["stripeEvents"]["nodes"][0]["id"]);
    perform!(
        "stripeEventReplay",
        "stripe_event.replay",
        staff,
        json!({ "stripeEventId": event }),
        "stripeEvent { state }"
    );
    perform!(
        "stripeEventsReplay",
        "stripe_events.replay",
        staff,
        json!({ "since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z" }),
        "events"
    );
    app.settled().await;
    app.disturb("UPDATE subscriptions SET quantity = quantity + 1").await;
    let compared = perform!(
        "driftCompare",
        "drift.compare",
        staff,
        json!({ "organizationId": organization }),
        "drifts { id field cause }"
    );
    perform!(
        "driftRepair",
        "drift.repair",
        staff,
        json!({ "driftId": compared["drifts"][0]["id"] }),
        "drift { mendedBy }"
    );
    let linked = app.organization(&owner, "linked").await;
    let customer = app.at_stripe(reqwest::Method::POST, "customers", &[("name", "Of before")]).await;
    perform!(
        "customerLink",
        "customer.link",
        staff,
        json!({ "organizationId": linked, "stripeCustomerId": customer["id"] }),
        "organization { id }"
    );
    let fresh = app.organization(&owner, "fresh").await;
    let page = "https://app.example.com/billing";
    perform!(
        "checkoutSessionCreate",
        "checkout_session.create",
        owner,
        json!({ "organizationId": fresh, "planId": plan, "successUrl": page, "cancelUrl": page }),
        "url"
    );
    perform!(
        "portalSessionCreate",
        "portal_session.create",
        owner,
        json!({ "organizationId": fresh, "returnUrl": page }),
        "url"
    );
    let visa = app.card(&owner, &organization, "pm_card_visa").await;
    let mastercard = app.card(&owner, &organization, "pm_card_mastercard").await;
    perform!(
        "paymentMethodSetDefault",
        "payment_method.set_default",
        owner,
        json!({ "paymentMethodId": visa }),
        "paymentMethod { isDefault }"
    );
    perform!(
        "paymentMethodDetach",
        "payment_method.detach",
        owner,
        json!({ "paymentMethodId": mastercard }),
        "paymentMethod { id }"
    );
    let invoice = crate::mutations::invoice_change::sent_invoice(&app, &owner, &organization, "9000").await;
    let invoice_input = json!({ "invoiceId": invoice });
    perform!("invoiceSend", "invoice.send", owner, invoice_input.clone(), "invoice { status }");
    perform!(
        "creditNoteCreate",
        "credit_note.create",
        staff,
        json!({ "invoiceId": invoice, "amount": { "minorUnits": "100", "currency": "USD" } }),
        "creditNote { id }"
    );
    perform!(
        "invoiceMarkUncollectible",
        "invoice.mark_uncollectible",
        staff,
        invoice_input.clone(),
        "invoice { status }"
    );
    perform!("invoiceVoid", "invoice.void", staff, invoice_input, "invoice { status }");
    perform!(
        "customerSync",
        "customer.sync",
        owner,
        json!({ "organizationId": organization }),
        "organization { id }"
    );
    let customer = app.stripe_customer(&organization).await;
    app.at_stripe(reqwest::Method::DELETE, &format!("customers/{customer}"), &[]).await;
    perform!(
        "customerRecreate",
        "customer.recreate",
        owner,
        json!({ "organizationId": organization }),
        "organization { id }"
    );
    let peter = app.client("peter");
    let invite = |email: &str| json!({ "organizationId": organization, "email": email });
    let invited =
        perform!("memberInvite", "member.invite", owner, invite("peter@example.com"), "invitation { id }");
    let resent = perform!(
        "invitationResend",
        "invitation.resend",
        owner,
        json!({ "invitationId": invited["invitation"]["id"] }),
        "token"
    );
    let accepted = perform!(
        "invitationAccept",
        "invitation.accept",
        peter,
        json!({ "token": resent["token"] }),
        "member { id }"
    );
    let member = accepted["member"]["id"].clone();
    let invited =
        perform!("memberInvite", "member.invite", owner, invite("quinn@example.com"), "invitation { id }");
    perform!(
        "invitationRevoke",
        "invitation.revoke",
        owner,
        json!({ "invitationId": invited["invitation"]["id"] }),
        "invitation { status }"
    );
    perform!(
        "memberRoleChange",
        "member.role_change",
        owner,
        json!({ "memberId": member, "role": "ADMIN", "expectedVersion": "1" }),
        "member { role }"
    );
    for (mutation, action) in [
        ("memberSuspend", "member.suspend"),
        ("memberReinstate", "member.reinstate"),
        ("memberRemove", "member.remove"),
    ] {
        let input = json!({ "memberId": member });
        Box::pin(perform(Step { mutation, action, by: owner.clone(), input }, "")).await;
    }
    let role = perform!(
        "roleCreate",
        "role.create",
        owner,
        json!({ "organizationId": organization, "name": "Support", "permissions": ["BILLING_READ"] }),
        "role { id }"
    );
    let role = role["role"]["id"].clone();
    perform!(
        "roleUpdate",
        "role.update",
        owner,
        json!({ "roleId": role, "expectedVersion": "1", "description": "Answers customers" }),
        "role { version }"
    );
    perform!("roleDelete", "role.delete", owner, json!({ "roleId": role }), "roleId");
    let key = perform!(
        "apiKeyCreate",
        "api_key.create",
        owner,
        json!({ "organizationId": organization, "name": "Deploys", "scopes": ["BILLING_READ"] }),
        "apiKey { id }"
    );
    let key = json!({ "apiKeyId": key["apiKey"]["id"] });
    let query =
        "query($id: ID!) { notifications(organizationId: $id, isUnread: true) { nodes { id event } } }";
    let told = eventually("the key to be told", || async {
        let answer = owner.send(query, json!({ "id": organization })).await;
        let newest = answer.data()["notifications"]["nodes"][0].clone();
        (newest["event"] == "API_KEY_CREATED").then_some(newest)
    })
    .await;
    let told = json!({ "notificationId": told["id"] });
    perform!("notificationMarkRead", "notification.read", owner, told, "notification { readAt }");
    let all = json!({ "organizationId": organization });
    perform!("notificationsMarkAllRead", "notification.read_all", owner, all, "markedCount");
    let endpoint = perform!(
        "webhookEndpointCreate",
        "webhook_endpoint.create",
        owner,
        json!({ "organizationId": organization, "url": "https://hooks.example.com/", "selection": "{ __typename }" }),
        "webhookEndpoint { id }"
    );
    let endpoint = json!({ "webhookEndpointId": endpoint["webhookEndpoint"]["id"] });
    let mut update = endpoint.clone();
    update["description"] = json!("Books");
    perform!(
        "webhookEndpointUpdate",
        "webhook_endpoint.update",
        owner,
        update,
        "webhookEndpoint { version }"
    );
    perform!(
        "webhookEndpointSecretRotate",
        "webhook_endpoint.secret_rotate",
        owner,
        endpoint.clone(),
        "webhookEndpoint { version }"
    );
    perform!("apiKeyRotate", "api_key.rotate", owner, key.clone(), "apiKey { version }");
    perform!("apiKeyRevoke", "api_key.revoke", owner, key, "apiKey { revokedAt }");
    // Of an organization that has no customer at Stripe: bringing one in step has a record of its own.
    let of_fresh = |extra: Value| {
        let mut input = json!({ "organizationId": fresh, "expectedVersion": "0" });
        input.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        input
    };
    perform!(
        "settingsGeneralUpdate",
        "settings.general_update",
        owner,
        of_fresh(json!({ "locale": "en-GB" })),
        "settings { version }"
    );
    perform!(
        "settingsBillingUpdate",
        "settings.billing_update",
        owner,
        of_fresh(json!({ "netTerms": 30 })),
        "settings { version }"
    );
    perform!(
        "settingsNotificationsUpdate",
        "settings.notifications_update",
        owner,
        of_fresh(json!({ "events": [{ "event": "INVOICE_PAID", "channels": [] }] })),
        "settings { version }"
    );
    perform!(
        "settingsSecurityUpdate",
        "settings.security_update",
        owner,
        of_fresh(json!({ "sessionLifetimeMinutes": 600 })),
        "settings { version }"
    );
    perform!(
        "settingsRollback",
        "settings.rollback",
        owner,
        json!({ "organizationId": fresh, "section": "GENERAL", "version": "0", "expectedVersion": "1" }),
        "organization { id }"
    );
    perform!(
        "settingsSecurityRecover",
        "settings.security_recover",
        staff,
        json!({ "organizationId": fresh, "reason": "A rehearsal" }),
        "settings { version }"
    );
    let zoe = app.member(&fresh, "zoe").await;
    let zoe_id =
        zoe.send("{ viewer { user { id } } }", json!({})).await.data()["viewer"]["user"]["id"].clone();
    perform!(
        "sessionsRevoke",
        "sessions.revoke",
        owner,
        json!({ "organizationId": fresh, "userId": zoe_id }),
        "organization { id }"
    );
    perform!("viewerSessionsRevoke", "sessions.revoke_own", zoe, json!({}), "user { id }");
    perform!(
        "webhookEndpointDisable",
        "webhook_endpoint.disable",
        owner,
        endpoint.clone(),
        "webhookEndpoint { state }"
    );
    let made = json!({ "organizationId": organization, "name": "Another", "scopes": [] });
    done(&owner, "apiKeyCreate", made, "apiKey { id }").await;
    let query = "query($id: ID!) { webhookDeliveries(organizationId: $id) { nodes { id } } }";
    let webhook = eventually("a webhook to be held", || async {
        let answer = owner.send(query, json!({ "id": organization })).await;
        let newest = answer.data()["webhookDeliveries"]["nodes"][0]["id"].clone();
        newest.is_string().then_some(newest)
    })
    .await;
    perform!(
        "webhookEndpointEnable",
        "webhook_endpoint.enable",
        owner,
        endpoint.clone(),
        "webhookEndpoint { state }"
    );
    let webhook = json!({ "webhookDeliveryId": webhook });
    perform!("webhookDeliveryReplay", "webhook_delivery.replay", owner, webhook, "webhookDelivery { state }");
    let mut range = endpoint.clone();
    range["since"] = json!("2020-01-01T00:00:00Z");
    range["until"] = json!("2020-01-02T00:00:00Z");
    perform!("webhookDeliveriesReplay", "webhook_deliveries.replay", owner, range, "replayedCount");
    perform!(
        "webhookEndpointDelete",
        "webhook_endpoint.delete",
        owner,
        endpoint,
        "webhookEndpoint { state }"
    );
    perform!(
        "organizationSeatReleaseSet",
        "organization.seat_release_set",
        owner,
        json!({ "organizationId": organization, "seatRelease": "NOW" }),
        "organization { id }"
    );
    app.member(&fresh, "peter").await;
    let heir = crate::mutations::member::member(&owner, &fresh, "peter").await["id"].clone();
    perform!(
        "organizationOwnershipTransfer",
        "organization.ownership_transfer",
        owner,
        json!({ "memberId": heir }),
        "member { role }"
    );
    perform!(
        "organizationLeave",
        "organization.leave",
        owner,
        json!({ "organizationId": fresh }),
        "memberId"
    );
    perform!("planArchive", "plan.archive", staff, json!({ "planId": plan }), "plan { isActive }");
    let created = perform!(
        "meterCreate",
        "meter.create",
        staff,
        json!({ "name": "exports", "unit": "export", "aggregation": "SUM" }),
        "meter { id version }"
    );
    let meter = text(&created["meter"]["id"]);
    perform!(
        "meterUpdate",
        "meter.update",
        staff,
        json!({ "meterId": meter, "expectedVersion": created["meter"]["version"], "unit": "file" }),
        "meter { unit }"
    );
    let event = |id: &str| json!({ "meter": "exports", "eventId": id });
    perform!(
        "usageRecord",
        "usage.record",
        owner,
        json!({ "organizationId": organization, "event": event("one") }),
        "isRecorded"
    );
    perform!(
        "usageRecordBatch",
        "usage.record",
        owner,
        json!({ "organizationId": organization, "events": [event("two"), event("three")] }),
        "acceptedCount"
    );
    perform!(
        "usageAlertSet",
        "usage_alert.set",
        owner,
        json!({ "organizationId": organization, "meter": "exports", "thresholds": [{ "units": "100" }] }),
        "usageAlert { version }"
    );
    perform!(
        "usageAlertRemove",
        "usage_alert.remove",
        owner,
        json!({ "organizationId": organization, "meter": "exports", "expectedVersion": "1" }),
        "meter"
    );
    perform!("meterArchive", "meter.archive", staff, json!({ "meterId": meter }), "meter { archivedAt }");
    perform!(
        "entitlementOverrideSet",
        "entitlement_override.set",
        staff,
        json!({ "organizationId": organization, "feature": "sso", "value": true, "reason": "A trial of it" }),
        "entitlementOverride { feature }"
    );
    perform!(
        "entitlementOverrideRemove",
        "entitlement_override.remove",
        staff,
        json!({ "organizationId": organization, "feature": "sso" }),
        "feature"
    );

    let answer = owner.send("{ __schema { mutationType { fields { name } } } }", json!({})).await;
    for field in answer.data()["__schema"]["mutationType"]["fields"].as_array().expect("mutations") {
        let name = text(&field["name"]);
        assert!(performed.contains(&name), "{name} was not performed: does it leave its record?");
    }
}

#[tokio::test]
async fn what_is_refused_or_rolled_back_leaves_no_record() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    app.organization(&owner, "acme").await;
    let before = records_of_users(&app).await;
    let taken = owner
        .send(
            "mutation($input: OrganizationCreateInput!) { organizationCreate(input: $input) { userErrors { code } } }",
            json!({ "input": { "name": "Acme", "slug": "acme" } }),
        )
        .await;
    assert_eq!(taken.data()["organizationCreate"]["userErrors"][0]["code"], "CONFLICT");

    // A transaction that wrote, and was dropped before its commit.
    let transaction = app.store().begin().await.expect("a transaction");
    let new = tollgate::store::NewOrganization { name: "Ghost".to_owned(), slug: "ghost".to_owned() };
    transaction.create_organization(new).await.expect("written");
    drop(transaction);

    assert_eq!(records_of_users(&app).await, before);
    let names = app.staff().send("{ organizations { nodes { slug } } }", json!({})).await;
    assert_eq!(names.data()["organizations"]["nodes"], json!([{ "slug": "acme" }]));
}

/// The database fails right after the record was written: neither the change nor the record stays.
#[tokio::test]
async fn a_failure_after_the_record_leaves_neither_change_nor_record() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    // Provisioned before anything fails.
    owner.send("{ viewer { isPlatformStaff } }", json!({})).await.data();
    let is_sqlite = app.database_url().starts_with("sqlite");
    let (fail, mend): (&[&str], _) = if is_sqlite {
        (
            &["CREATE TRIGGER broken AFTER INSERT ON audit_logs WHEN NEW.action = 'organization.create' \
               BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"],
            "DROP TRIGGER broken",
        )
    } else {
        (
            &[
                "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$",
                "CREATE TRIGGER broken AFTER INSERT ON audit_logs FOR EACH ROW \
                 WHEN (NEW.action = 'organization.create') EXECUTE FUNCTION broken()",
            ],
            "DROP TRIGGER broken ON audit_logs",
        )
    };
    for sql in fail {
        app.disturb(sql).await;
    }
    let create = "mutation($input: OrganizationCreateInput!) { organizationCreate(input: $input) {
        organization { slug } userErrors { code } } }";
    let input = json!({ "input": { "name": "Acme", "slug": "acme" } });
    let before = app.audit_records().await;
    let failed = owner.send(create, input.clone()).await;
    assert_eq!(failed.code(), "INTERNAL", "{:#}", failed.body);
    assert!(
        !failed.body.to_string().contains("disk"),
        "the database's words are not shown: {:#}",
        failed.body
    );
    let organizations = "{ organizations { totalCount } }";
    let staff = app.staff();
    assert_eq!(staff.send(organizations, json!({})).await.data()["organizations"]["totalCount"], 0);
    let left: Vec<_> =
        app.audit_records().await.into_iter().filter(|record| !record.action.starts_with("user.")).collect();
    let known: Vec<_> = before.into_iter().filter(|record| !record.action.starts_with("user.")).collect();
    assert_eq!(left, known);

    // The same, once the database is well again: one change with one record.
    app.disturb(mend).await;
    let made = owner.send(create, input).await;
    assert_eq!(made.data()["organizationCreate"]["organization"]["slug"], "acme", "{:#}", made.body);
    assert_eq!(records_of_users(&app).await, [("organization.create".to_owned(), 1)].into());
}

#[tokio::test]
async fn a_record_says_who_what_and_from_where() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let answer = owner
        .send(
            "query($id: ID!) { viewer { user { id } } organization(id: $id) { auditLogs { nodes {
               action actorKind outcome resourceType oldValues newValues ipAddress requestId user { id } } } } }",
            json!({ "id": organization }),
        )
        .await;
    let record = &answer.data()["organization"]["auditLogs"]["nodes"][0];
    assert_eq!(record["action"], "organization.create");
    assert_eq!(record["actorKind"], "USER");
    assert_eq!(record["outcome"], "SUCCESS");
    assert_eq!(record["oldValues"], json!(null));
    assert_eq!(record["newValues"]["slug"], "acme");
    assert_eq!(record["ipAddress"], "127.0.0.1");
    assert!(record["requestId"].is_string());
    assert_eq!(record["user"]["id"], answer.data()["viewer"]["user"]["id"]);
}

#[tokio::test]
async fn what_stripe_caused_is_recorded_with_the_event() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    let record = eventually("the event's record", || async {
        app.audit_records().await.into_iter().find(|record| record.action == "stripe.invoice.paid")
    })
    .await;
    assert_eq!(record.actor_kind, tollgate::domain::audit::ActorKind::Stripe);
    let event = record.request_id.expect("the event's id");
    assert!(event.starts_with("evt_"), "{event}");
    let twice = app
        .audit_records()
        .await
        .into_iter()
        .filter(|other| other.request_id.as_ref() == Some(&event))
        .count();
    assert_eq!(twice, 1, "an event is recorded once");
}

#[tokio::test]
async fn the_log_is_narrowed_by_action_person_and_time() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let query = "query($id: ID!, $filter: AuditLogFilter) { organization(id: $id) {
        auditLogs(filter: $filter) { totalCount nodes { action } } } viewer { user { id } } }";
    let all = owner.send(query, json!({ "id": organization })).await;
    let me = text(&all.data()["viewer"]["user"]["id"]);
    let by = async |filter: Value| -> i64 {
        let answer = owner.send(query, json!({ "id": organization, "filter": filter })).await;
        answer.data()["organization"]["auditLogs"]["totalCount"].as_i64().expect("a count")
    };
    assert_eq!(by(json!({ "action": "organization.create" })).await, 1);
    assert_eq!(by(json!({ "action": "organization.create", "userId": me })).await, 1);
    assert_eq!(by(json!({ "action": "organization.create", "resourceType": "invoice" })).await, 0);
    assert_eq!(by(json!({ "until": "2020-01-01T00:00:00Z" })).await, 0);
    assert!(by(json!({ "since": "2020-01-01T00:00:00Z", "userId": me })).await >= 2);
}
