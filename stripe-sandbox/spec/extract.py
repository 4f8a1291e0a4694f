#!/usr/bin/env python3
"""Cuts the sandbox's four tables out of Stripe's description.

    spec/extract.py spec3.json     # writes parameters.json, unmodelled.json, expandable.json and objects.json beside itself

parameters.json  which parameters an operation takes and of what type. What the sandbox models is spelled out in
                 MODELLED; what Stripe knows beyond that is listed under "u", so that the sandbox can refuse it by name
                 instead of accepting it and doing nothing.
unmodelled.json  the operations of v1 that the sandbox does not model, so that it can refuse them by name, too.
expandable.json  what each operation answers with, and per schema the fields that `expand[]` may name with what they lead to:
                 another schema, a list ({"data": schema}), or "" for what the sandbox does not model.
objects.json     per object: properties, types and which are required. Read by the tests only.

Nodes: "s" string, "i" integer, "n" number, "b" boolean, [..] enum, {"a":item} array, {"m":value} map,
{"o":{..},"r":[required],"u":[not modelled]} object, {"e":node} node or empty string, {"any":[..]} alternatives.
"""
import json
import pathlib
import sys

LISTING = "ending_before limit starting_after"
CONFIRM = ("payment_method return_url use_stripe_sdk mandate_data allowed_payment_method_types payment_method_data.type payment_method_data.card.* "
           "payment_method_data.us_bank_account.account_holder_type payment_method_data.us_bank_account.account_number "
           "payment_method_data.us_bank_account.account_type payment_method_data.us_bank_account.routing_number payment_method_data.billing_details.*")
PRICED = "metadata price quantity price_data.tax_behavior price_data.currency price_data.product price_data.recurring.* price_data.unit_amount price_data.unit_amount_decimal"
ITEM = "discounts.* tax_rates " + PRICED
PREFIXED = lambda prefix, names: " ".join(f"{prefix}.{name}" for name in names.split())
ADDED = PREFIXED("add_invoice_items", "discountable discounts.* metadata period.* price price_data.* quantity tax_rates")
PRODUCT = "name active description images marketing_features.* metadata shippable statement_descriptor tax_code unit_label url"
CUSTOMER = ("address.* balance description email invoice_prefix invoice_settings.custom_fields.* invoice_settings.default_payment_method "
            "invoice_settings.footer metadata name next_invoice_sequence phone preferred_locales shipping.* tax_exempt")
CARD_METHOD = "allow_redisplay billing_details.* metadata"
SUBSCRIPTION = ("automatic_tax.enabled default_tax_rates discounts.* cancel_at cancel_at_period_end collection_method days_until_due default_payment_method description "
                "invoice_settings.description invoice_settings.footer metadata off_session payment_behavior "
                "payment_settings.payment_method_types payment_settings.save_default_payment_method payment_settings.payment_method_options.card.* "
                "proration_behavior trial_end trial_settings.end_behavior.* " + ADDED + " ")
INVOICE = ("auto_advance automatic_tax.enabled default_tax_rates discounts.* collection_method custom_fields.* days_until_due default_payment_method description due_date "
           "footer metadata statement_descriptor payment_settings.payment_method_types")
INVOICE_ITEM = ("discounts.* tax_behavior tax_rates price_data.tax_behavior amount description discountable metadata period.* pricing.price price_data.currency price_data.product "
                "price_data.unit_amount quantity unit_amount_decimal")
INTENT = ("customer description metadata payment_method receipt_email setup_future_usage shipping.* statement_descriptor "
          "statement_descriptor_suffix allowed_payment_method_types capture_method payment_method_data.type payment_method_data.card.* "
          "payment_method_data.us_bank_account.account_holder_type payment_method_data.us_bank_account.account_number "
          "payment_method_data.us_bank_account.account_type payment_method_data.us_bank_account.routing_number payment_method_data.billing_details.* payment_method_options.card.request_three_d_secure")
CHECKOUT = ("mode success_url cancel_url customer customer_email customer_creation client_reference_id metadata expires_at currency locale "
            "discounts.* submit_type ui_mode allowed_payment_method_types payment_method_collection setup_intent_data.description "
            "setup_intent_data.metadata "
            + PREFIXED("line_items", "price quantity metadata price_data.currency price_data.product price_data.product_data.name "
                       "price_data.product_data.description price_data.product_data.images price_data.product_data.metadata "
                       "price_data.product_data.tax_code price_data.product_data.unit_label price_data.recurring.* price_data.tax_behavior "
                       "price_data.unit_amount price_data.unit_amount_decimal") + " "
            + PREFIXED("payment_intent_data", "capture_method description metadata receipt_email setup_future_usage statement_descriptor "
                       "statement_descriptor_suffix") + " "
            + PREFIXED("subscription_data", "description metadata trial_end trial_period_days trial_settings.* billing_mode.*"))
PORTAL = ("business_profile.* default_return_url metadata name features.customer_update.* features.invoice_history.* "
          "features.payment_method_update.enabled features.subscription_cancel.enabled features.subscription_cancel.mode "
          "features.subscription_cancel.proration_behavior features.subscription_cancel.cancellation_reason.enabled "
          "features.subscription_cancel.cancellation_reason.options")

PREVIEWED = "discounts.* tax_behavior tax_rates amount currency description metadata period.* price price_data.* quantity unit_amount unit_amount_decimal"
SCHEDULE_SETTINGS = ("automatic_tax.enabled billing_cycle_anchor collection_method default_payment_method description invoice_settings.days_until_due "
                     "invoice_settings.description invoice_settings.footer")
PHASE = (SCHEDULE_SETTINGS + " currency default_tax_rates discounts.* duration.* end_date metadata proration_behavior trial trial_end "
         + ADDED + " " + PREFIXED("items", ITEM))
SCHEDULE = ("end_behavior metadata " + PREFIXED("default_settings", SCHEDULE_SETTINGS) + " "
            + PREFIXED("phases", PHASE))

PREVIEWED_SCHEDULE = ("end_behavior proration_behavior "
                      + PREFIXED("phases", PHASE + " start_date"))
CREDIT_NOTE = ("amount credit_amount effective_at email_type invoice lines.amount lines.description lines.invoice_line_item lines.metadata "
               "lines.quantity lines.type lines.unit_amount lines.unit_amount_decimal memo metadata out_of_band_amount reason refund_amount "
               "refunds.amount_refunded refunds.refund refunds.type")
EVIDENCE = ("access_activity_log billing_address cancellation_policy_disclosure cancellation_rebuttal customer_email_address customer_name "
            "customer_purchase_ip duplicate_charge_explanation duplicate_charge_id product_description refund_policy_disclosure "
            "refund_refusal_explanation service_date shipping_address shipping_carrier shipping_date shipping_tracking_number uncategorized_text")

# `name.*` takes everything below name, a bare name of an object takes it whole.
MODELLED = {
    "GET /v1/account": "",
    "POST /v1/customers": CUSTOMER + " payment_method tax_id_data.* test_clock",
    "GET /v1/customers/{}": "",
    "POST /v1/customers/{}": CUSTOMER,
    "DELETE /v1/customers/{}": "",
    "GET /v1/customers": LISTING + " created email test_clock",
    "GET /v1/customers/{}/payment_methods": LISTING + " type allow_redisplay",
    "GET /v1/customers/{}/payment_methods/{}": "",
    "POST /v1/customers/{}/balance_transactions": "amount currency description metadata",
    "GET /v1/customers/{}/balance_transactions/{}": "",
    "POST /v1/customers/{}/balance_transactions/{}": "description metadata",
    "GET /v1/customers/{}/balance_transactions": LISTING + " created invoice",
    "POST /v1/customers/{}/tax_ids": "type value",
    "GET /v1/customers/{}/tax_ids/{}": "",
    "DELETE /v1/customers/{}/tax_ids/{}": "",
    "GET /v1/customers/{}/tax_ids": LISTING,
    "POST /v1/products": PRODUCT + " id type default_price_data.currency default_price_data.metadata default_price_data.recurring.* "
                         "default_price_data.tax_behavior default_price_data.unit_amount default_price_data.unit_amount_decimal",
    "GET /v1/products/{}": "",
    "POST /v1/products/{}": PRODUCT + " default_price",
    "DELETE /v1/products/{}": "",
    "GET /v1/products": LISTING + " active created ids shippable type url",
    "POST /v1/prices": "currency active billing_scheme lookup_key metadata nickname product product_data.active product_data.id "
                       "product_data.metadata product_data.name product_data.statement_descriptor product_data.tax_code "
                       "product_data.unit_label recurring.interval recurring.interval_count recurring.meter recurring.usage_type "
                       "recurring.trial_period_days tax_behavior tiers.* tiers_mode transfer_lookup_key transform_quantity.* unit_amount "
                       "unit_amount_decimal currency_options",
    "GET /v1/prices/{}": "",
    "POST /v1/prices/{}": "active currency_options lookup_key metadata nickname tax_behavior transfer_lookup_key",
    "GET /v1/prices": LISTING + " active created currency lookup_keys product type recurring.*",
    "POST /v1/coupons": "amount_off applies_to.* currency currency_options duration duration_in_months id max_redemptions metadata name "
                        "percent_off redeem_by",
    "GET /v1/coupons/{}": "",
    "POST /v1/coupons/{}": "currency_options metadata name",
    "DELETE /v1/coupons/{}": "",
    "GET /v1/coupons": LISTING + " created",
    "POST /v1/promotion_codes": "promotion.* active code customer expires_at max_redemptions metadata restrictions.*",
    "GET /v1/promotion_codes/{}": "",
    "POST /v1/promotion_codes/{}": "active metadata restrictions.*",
    "GET /v1/promotion_codes": LISTING + " active code coupon created customer",
    "POST /v1/tax_rates": "active country description display_name inclusive jurisdiction metadata percentage state tax_type",
    "GET /v1/tax_rates/{}": "",
    "POST /v1/tax_rates/{}": "active country description display_name jurisdiction metadata state tax_type",
    "GET /v1/tax_rates": LISTING + " active created inclusive",
    "POST /v1/payment_methods": CARD_METHOD + " type card.* us_bank_account.account_holder_type us_bank_account.account_number "
                                "us_bank_account.account_type us_bank_account.routing_number",
    "GET /v1/payment_methods/{}": "",
    "POST /v1/payment_methods/{}": CARD_METHOD + " card.exp_month card.exp_year us_bank_account.account_holder_type "
                                   "us_bank_account.account_type",
    "POST /v1/payment_methods/{}/attach": "customer",
    "POST /v1/payment_methods/{}/detach": "",
    "GET /v1/payment_methods": LISTING + " customer type allow_redisplay",
    "POST /v1/setup_intents": CONFIRM + " automatic_payment_methods.* confirm customer description metadata usage "
                              "payment_method_options.card.request_three_d_secure",
    "GET /v1/setup_intents/{}": "client_secret",
    "POST /v1/setup_intents/{}": "customer description metadata payment_method allowed_payment_method_types",
    "POST /v1/setup_intents/{}/confirm": CONFIRM,
    "POST /v1/setup_intents/{}/cancel": "cancellation_reason",
    "GET /v1/setup_intents": LISTING + " created customer payment_method",
    "POST /v1/payment_intents": INTENT + " " + CONFIRM + " amount currency automatic_payment_methods.* confirm confirmation_method "
                                "error_on_requires_action off_session",
    "GET /v1/payment_intents/{}": "client_secret",
    "POST /v1/payment_intents/{}": INTENT + " amount currency",
    "POST /v1/payment_intents/{}/confirm": CONFIRM + " capture_method error_on_requires_action off_session receipt_email "
                                           "setup_future_usage shipping.* payment_method_options.card.request_three_d_secure",
    "POST /v1/payment_intents/{}/cancel": "cancellation_reason",
    "POST /v1/payment_intents/{}/capture": "amount_to_capture metadata statement_descriptor statement_descriptor_suffix",
    "GET /v1/payment_intents": LISTING + " created customer",
    "GET /v1/charges/{}": "",
    "POST /v1/charges/{}": "description metadata receipt_email",
    "GET /v1/charges": LISTING + " created customer payment_intent",
    "POST /v1/refunds": "amount charge metadata payment_intent reason",
    "GET /v1/refunds/{}": "",
    "POST /v1/refunds/{}": "metadata",
    "GET /v1/refunds": LISTING + " charge created payment_intent",
    "POST /v1/refunds/{}/cancel": "",
    "GET /v1/disputes": LISTING + " charge created payment_intent",
    "GET /v1/disputes/{}": "",
    "POST /v1/disputes/{}": "metadata submit " + PREFIXED("evidence", EVIDENCE),
    "POST /v1/disputes/{}/close": "",
    "GET /v1/radar/early_fraud_warnings": LISTING + " charge created payment_intent",
    "GET /v1/radar/early_fraud_warnings/{}": "",
    "POST /v1/credit_notes": CREDIT_NOTE,
    "GET /v1/credit_notes": LISTING + " created customer invoice",
    "GET /v1/credit_notes/preview": CREDIT_NOTE,
    "GET /v1/credit_notes/preview/lines": LISTING + " " + CREDIT_NOTE,
    "GET /v1/credit_notes/{}": "",
    "POST /v1/credit_notes/{}": "memo metadata",
    "GET /v1/credit_notes/{}/lines": LISTING,
    "POST /v1/credit_notes/{}/void": "",
    "POST /v1/subscriptions": SUBSCRIPTION + PREFIXED("items", ITEM) + " customer currency trial_period_days trial_from_plan "
                              "billing_cycle_anchor billing_cycle_anchor_config.* billing_mode.*",
    "GET /v1/subscriptions/{}": "",
    "POST /v1/subscriptions/{}": SUBSCRIPTION + PREFIXED("items", ITEM + " id deleted") + " cancellation_details.comment "
                                 "cancellation_details.feedback pause_collection.* proration_date billing_cycle_anchor",
    "DELETE /v1/subscriptions/{}": "cancellation_details.comment cancellation_details.feedback invoice_now prorate",
    "POST /v1/subscriptions/{}/resume": "billing_cycle_anchor payment_behavior proration_behavior proration_date",
    "GET /v1/subscriptions": LISTING + " collection_method created current_period_end current_period_start customer price status test_clock",
    "POST /v1/subscription_schedules": SCHEDULE + " billing_mode.* customer from_subscription phases.start_date start_date",
    "GET /v1/subscription_schedules/{}": "",
    "POST /v1/subscription_schedules/{}": SCHEDULE + " phases.start_date proration_behavior",
    "GET /v1/subscription_schedules": LISTING + " canceled_at completed_at created customer released_at scheduled",
    "POST /v1/subscription_schedules/{}/cancel": "invoice_now prorate",
    "POST /v1/subscription_schedules/{}/release": "preserve_cancel_date",
    "DELETE /v1/subscriptions/{}/discount": "",
    "POST /v1/subscription_items": ITEM + " subscription payment_behavior proration_behavior proration_date",
    "POST /v1/subscription_items/{}": ITEM + " off_session payment_behavior proration_behavior proration_date",
    "DELETE /v1/subscription_items/{}": "payment_behavior proration_behavior proration_date",
    "GET /v1/subscription_items": LISTING + " subscription",
    "GET /v1/subscription_items/{}": "",
    "POST /v1/invoices": INVOICE + " currency customer pending_invoice_items_behavior subscription number",
    "POST /v1/invoices/create_preview": "schedule " + PREFIXED("schedule_details", PREVIEWED_SCHEDULE) + " automatic_tax.enabled discounts.* currency customer subscription preview_mode "
                                        "customer_details.address customer_details.shipping customer_details.tax_exempt customer_details.tax_ids.* " + PREFIXED("invoice_items", PREVIEWED) + " " +
                                        PREFIXED("subscription_details", "billing_cycle_anchor.type billing_cycle_anchor.timestamp "
                                        "cancel_at cancel_at_period_end cancel_now default_tax_rates metadata proration_behavior proration_date resume_at trial_end " +
                                        PREFIXED("items", ITEM + " id deleted")),
    "GET /v1/invoices/{}": "",
    "POST /v1/invoices/{}": INVOICE,
    "DELETE /v1/invoices/{}": "",
    "POST /v1/invoices/{}/finalize": "auto_advance",
    "POST /v1/invoices/{}/pay": "off_session paid_out_of_band payment_method",
    "POST /v1/invoices/{}/void": "",
    "POST /v1/invoices/{}/mark_uncollectible": "",
    "POST /v1/invoices/{}/send": "",
    "GET /v1/invoices": LISTING + " collection_method created customer due_date status subscription",
    "GET /v1/invoices/{}/lines": LISTING,
    "GET /v1/invoice_payments/{}": "",
    "GET /v1/invoice_payments": LISTING + " created invoice payment.payment_intent payment.type status",
    "POST /v1/invoiceitems": INVOICE_ITEM + " currency customer invoice subscription",
    "GET /v1/invoiceitems/{}": "",
    "POST /v1/invoiceitems/{}": "discounts.* tax_behavior tax_rates amount description discountable metadata period.* quantity unit_amount_decimal",
    "DELETE /v1/invoiceitems/{}": "",
    "GET /v1/invoiceitems": LISTING + " created customer invoice pending",
    "POST /v1/test_helpers/test_clocks": "frozen_time name",
    "GET /v1/test_helpers/test_clocks/{}": "",
    "GET /v1/test_helpers/test_clocks": LISTING,
    "POST /v1/test_helpers/test_clocks/{}/advance": "frozen_time",
    "DELETE /v1/test_helpers/test_clocks/{}": "",
    "POST /v1/checkout/sessions": CHECKOUT,
    "GET /v1/checkout/sessions": LISTING + " created customer customer_details.* payment_intent status subscription",
    "GET /v1/checkout/sessions/{}": "",
    "POST /v1/checkout/sessions/{}": "metadata",
    "POST /v1/checkout/sessions/{}/expire": "",
    "GET /v1/checkout/sessions/{}/line_items": LISTING,
    **{f"GET /v1/{resource}/search": "limit page query"
       for resource in "charges customers invoices payment_intents prices products subscriptions".split()},
    "POST /v1/billing/meters": "default_aggregation.* display_name event_name customer_mapping.* event_time_window value_settings.*",
    "GET /v1/billing/meters": LISTING + " status",
    "GET /v1/billing/meters/{}": "",
    "POST /v1/billing/meters/{}": "display_name",
    "POST /v1/billing/meters/{}/deactivate": "",
    "POST /v1/billing/meters/{}/reactivate": "",
    "GET /v1/billing/meters/{}/event_summaries": LISTING + " customer end_time start_time value_grouping_window",
    "POST /v1/billing/meter_events": "event_name payload identifier timestamp",
    "POST /v1/billing/meter_event_adjustments": "event_name type cancel.*",
    "POST /v1/billing_portal/configurations": PORTAL,
    "GET /v1/billing_portal/configurations": LISTING + " active is_default",
    "GET /v1/billing_portal/configurations/{}": "",
    "POST /v1/billing_portal/configurations/{}": PORTAL + " active",
    "POST /v1/billing_portal/sessions": "configuration customer locale return_url",
    "GET /v1/events/{}": "",
    "GET /v1/events": LISTING + " created delivery_success type types",
    "POST /v1/webhook_endpoints": "enabled_events url api_version description metadata",
    "GET /v1/webhook_endpoints/{}": "",
    "POST /v1/webhook_endpoints/{}": "description disabled enabled_events metadata url",
    "DELETE /v1/webhook_endpoints/{}": "",
    "GET /v1/webhook_endpoints": LISTING,
}

# What Stripe unsets although its description calls it a plain string. Source: https://github.com/stripe/stripe-node/pull/1834
UNSET = {"POST /v1/customers/{}": ["email", "invoice_settings.footer"]}

OBJECTS = ["Account", "Customer", "DeletedCustomer", "Product", "DeletedProduct", "Price", "Plan", "PaymentMethod", "SetupIntent", "PaymentIntent",
           "Charge", "Refund", "Dispute", "BalanceTransaction", "CreditNote", "CreditNoteLineItem", "Subscription", "SubscriptionItem",
           "SubscriptionSchedule", "Invoice", "DeletedInvoice", "InvoiceLineItem", "InvoicePayment", "InvoiceItem", "DeletedInvoiceItem",
           "WebhookEndpoint", "DeletedWebhookEndpoint", "TestHelpers.TestClock", "TestHelpers.DeletedTestClock", "Checkout.Session", "LineItem",
           "BillingPortal.Configuration", "BillingPortal.Session", "Billing.Meter", "Billing.MeterEvent", "Billing.MeterEventAdjustment",
           "Billing.MeterEventSummary", "CustomerBalanceTransaction", "TaxId", "DeletedTaxId", "Coupon", "DeletedCoupon", "PromotionCode",
           "Discount", "DeletedDiscount", "TaxRate", "DeletedSubscriptionItem", "Radar.EarlyFraudWarning"]
# Branches of an object that a sandbox of cards and bank accounts never fills.
PRUNED = {"PaymentMethod": {"allow_redisplay", "card", "us_bank_account", "billing_details", "radar_options"}, "Charge.PaymentMethodDetails": {"card", "us_bank_account"},
          "PaymentIntent.NextAction": {"redirect_to_url", "use_stripe_sdk"}, "SetupIntent.NextAction": {"redirect_to_url", "use_stripe_sdk"},
          "PaymentIntent.PaymentMethodOptions": {"card"}, "SetupIntent.PaymentMethodOptions": {"card"},
          "Checkout.Session.PaymentMethodOptions": {"card"}, "Subscription.PaymentSettings.PaymentMethodOptions": {"card"}, "Invoice.PaymentSettings.PaymentMethodOptions": {"card"}}


class Description:
    def __init__(self, document):
        self.document = document
        self.schemas = document["components"]["schemas"]

    def deref(self, schema):
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def operation(self, key):
        method, path = key.split()
        wanted = path.split("/")
        for candidate, operations in self.document["paths"].items():
            parts = candidate.split("/")
            same = len(parts) == len(wanted) and all(w == "{}" and p.startswith("{") or w == p for w, p in zip(wanted, parts))
            if same and method.lower() in operations:
                return operations[method.lower()]
        raise SystemExit(f"not in the description: {key}")

    def request(self, key):
        operation = self.operation(key)
        content = (operation.get("requestBody") or {}).get("content") or {}
        body = self.deref(content.get("application/x-www-form-urlencoded", {}).get("schema") or {})
        properties, required = dict(body.get("properties") or {}), list(body.get("required") or [])
        for parameter in operation.get("parameters") or []:
            if parameter.get("in") == "query":
                properties[parameter["name"]] = parameter.get("schema") or {}
                if parameter.get("required"):
                    required.append(parameter["name"])
        return {"type": "object", "properties": properties, "required": required}

    def node(self, schema, modelled):
        """`modelled` is the set of paths below this schema, or None for everything."""
        schema = self.deref(schema)
        if "anyOf" in schema:
            rest = [a for a in schema["anyOf"] if self.deref(a).get("enum") != [""]]
            nodes = [self.node(a, modelled) for a in rest]
            node = nodes[0] if len(nodes) == 1 else {"any": nodes}
            return {"e": node} if len(rest) < len(schema["anyOf"]) else node
        kind = schema.get("type")
        if kind == "array":
            return {"a": self.node(schema["items"], modelled)}
        if kind == "object" or "properties" in schema:
            properties = schema.get("properties") or {}
            if not properties:
                values = schema.get("additionalProperties")
                return {"m": self.node(values, None) if isinstance(values, dict) else "s"}
            shape, unmodelled = {}, []
            for name, child in properties.items():
                if modelled is None:
                    shape[name] = self.node(child, None)
                    continue
                below = {p[len(name) + 1:] for p in modelled if p.startswith(name + ".")}
                if name in modelled or below:
                    shape[name] = self.node(child, None if name in modelled or "*" in below else below)
                else:
                    unmodelled.append(name)
            node = {"o": shape}
            required = [r for r in schema.get("required") or [] if r in shape]
            if required:
                node["r"] = required
            if unmodelled:
                node["u"] = sorted(unmodelled)
            return node
        if schema.get("enum"):
            return list(schema["enum"]) if kind == "string" else kind[0]
        return kind[0] if kind in ("string", "integer", "number", "boolean") else "s"

    def answer(self, key):
        response = (self.operation(key).get("responses") or {}).get("200") or {}
        return self.target(response["content"]["application/json"]["schema"], set())

    def target(self, schema, found):
        """What a field leads to: the name of a schema, the fields of a list, or nothing that the sandbox models."""
        for option in [schema, *schema.get("anyOf", []), schema.get("items") or {}, *(schema.get("items") or {}).get("anyOf", [])]:
            name = option.get("$ref", "").rsplit("/", 1)[-1]
            if name in OBJECTS and not name.startswith("Deleted") or any(name.startswith(f"{o}.") for o in OBJECTS):
                found.add(name)
                return name
            if "data" in (option.get("properties") or {}):
                fields = {"data": self.target(option["properties"]["data"]["items"], found)}
                return {**fields, "total_count": ""} if "total_count" in option["properties"] else fields
        return ""

    def expandable(self):
        """Per schema: the fields that expand[] may name, and what they lead to."""
        types, names = {}, {name for name in OBJECTS if not name.startswith("Deleted")}
        while names:
            name = names.pop()
            schema = self.schemas[name]
            found = set()
            keep = PRUNED.get(name)
            fields = [f for f in schema.get("x-expandableFields") or [] if keep is None or f in keep or f in (schema.get("required") or [])]
            types[name] = {field: self.target(schema["properties"][field], found) for field in fields}
            names |= found - types.keys()
        return types

    def shape(self, schema, names):
        """An answer's node: like `node`, with {"ref":name}, {"id":[names]} and "?" around what may be null."""
        if "$ref" in schema:
            ref = schema["$ref"].rsplit("/", 1)[1]
            if ref in OBJECTS or "." in ref and any(ref.startswith(o + ".") for o in OBJECTS) or ref == "Address":
                names.add(ref)
                return {"ref": ref}
            return "any"
        if "anyOf" in schema:
            nodes = []
            for option in schema["anyOf"]:
                node = self.shape(option, names)
                if node not in nodes and node != "any":
                    nodes.append(node)
            node = nodes[0] if len(nodes) == 1 else {"any": nodes} if nodes else "any"
        elif schema.get("type") == "array":
            node = {"a": self.shape(schema["items"], names)}
        elif schema.get("properties"):
            node = {"o": {k: self.shape(v, names) for k, v in schema["properties"].items()}, "r": schema.get("required") or []}
        elif schema.get("type") == "object":
            node = {"m": "any"}
        elif schema.get("enum"):
            node = list(schema["enum"]) if schema.get("type") == "string" else schema["type"][0]
        else:
            node = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}.get(schema.get("type"), "any")
        return {"?": node} if schema.get("nullable") else node


def main():
    description = Description(json.load(open(sys.argv[1], encoding="utf-8")))
    here = pathlib.Path(__file__).parent
    write = lambda name, value: (here / name).write_text(json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=True) + "\n")

    parameters = {}
    for key, names in MODELLED.items():
        request = description.request(key)
        modelled = {n for n in names.split()} | ({"expand"} if "expand" in request["properties"] else set())
        strangers = sorted(n for n in modelled if n.split(".")[0] not in request["properties"])
        if strangers:
            raise SystemExit(f"{key} does not take {strangers}")
        parameters[key] = description.node(request, modelled) if request["properties"] else {"o": {}}
    for key, paths in UNSET.items():
        for path in paths:
            *above, name = path.split(".")
            node = parameters[key]["o"]
            for part in above:
                node = node[part]["o"]
            node[name] = {"e": node[name]}
    write("parameters.json", parameters)

    nameless = lambda path: "/".join("{}" if part.startswith("{") else part for part in path.split("/"))
    known = {f"{method.upper()} {nameless(path)}" for path, operations in description.document["paths"].items() for method in operations}
    write("unmodelled.json", sorted(operation for operation in known - MODELLED.keys() if " /v1/" in operation))

    answers = {key: description.answer(key) for key in MODELLED if "expand" in description.request(key)["properties"]}
    write("expandable.json", {"answers": answers, "types": description.expandable()})

    shapes, names = {}, set(OBJECTS)
    while names:
        name = names.pop()
        schema = description.schemas[name]
        if name in shapes:
            continue
        properties = {k: v for k, v in schema["properties"].items()
                      if name not in PRUNED or k in PRUNED[name] or k in (schema.get("required") or [])}
        found = set()
        shapes[name] = description.shape({"properties": properties, "required": schema.get("required") or []}, found)
        names |= found - shapes.keys()
    write("objects.json", shapes)


if __name__ == "__main__":
    main()
