/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** What a person can do about it. */
export type AccessAction =
  /** Attach a payment method. */
  | 'ADD_PAYMENT_METHOD'
  /** Confirm the payment with the bank. */
  | 'CONFIRM_PAYMENT'
  /** Talk to the vendor. */
  | 'CONTACT_SUPPORT'
  /** Nothing needs to be done. */
  | 'NONE'
  /** Pay the open invoice. */
  | 'PAY_INVOICE'
  /** Take the cancellation back, if it was not meant. */
  | 'RESUME'
  /** Choose a plan. */
  | 'SUBSCRIBE'
  /** Use less, or change to a larger plan. */
  | 'UPGRADE';

/** How much may be used. A later value is less. */
export type AccessLevel =
  /** Everything that the plan has. */
  | 'FULL'
  /** What is there can be read and exported; nothing new is made. */
  | 'LIMITED'
  /** Nothing but paying, settings and signing out. */
  | 'NONE';

/** Why access is as it is. */
export type AccessReason =
  /** Paid so far; invoices are not collected for now. */
  | 'COLLECTION_PAUSED'
  /** A payment is disputed. */
  | 'DISPUTED'
  /** A dispute was lost: the payment was taken back. */
  | 'DISPUTE_LOST'
  /** There was a subscription, and it ended. */
  | 'ENDED'
  /** Paid, and set to end. */
  | 'ENDING'
  /** The first payment is still due. */
  | 'FIRST_PAYMENT_DUE'
  /** A plan that costs nothing. */
  | 'FREE_PLAN'
  /** There never was a subscription. */
  | 'NO_SUBSCRIPTION'
  /** Paid. */
  | 'PAID'
  /** A renewal was not paid, and is tried again. */
  | 'PAYMENT_DUE'
  /** A renewal was not paid, and is not tried any more. */
  | 'PAYMENT_FAILED'
  /** A quota of the plan is used up. */
  | 'QUOTA_EXCEEDED'
  /** In the trial. */
  | 'TRIAL'
  /** The trial ended without a payment method. */
  | 'TRIAL_ENDED'
  /** Stripe has the subscription in a state that this version does not know. */
  | 'UNKNOWN_STATE';

/** Which kind of actor did something. */
export type ActorKind =
  /** A program, with a person's API key. */
  | 'API_KEY'
  /** Stripe, through an event. */
  | 'STRIPE'
  /** Tollgate itself. */
  | 'SYSTEM'
  /** A person with a token. */
  | 'USER';

/** A postal address, as input: it is taken whole. */
export type AddressInput = {
  /** The town, at most 100 characters. */
  city?: string | null | undefined;
  /** The country: two letters of ISO 3166. Tax depends on it. */
  country: string;
  /** Street and number, at most 200 characters. */
  line1?: string | null | undefined;
  /** Floor, suite, at most 200 characters. */
  line2?: string | null | undefined;
  /** The postal code, at most 20 characters. */
  postalCode?: string | null | undefined;
  /** The state or province, at most 100 characters. */
  state?: string | null | undefined;
};

/** What one quantity is made of the events of a period. */
export type Aggregation =
  /** The largest of each day, averaged over the time of the period. A day without an event counts as zero. */
  | 'DAILY_MAX_AVERAGE'
  /** The one with the latest time. */
  | 'LAST'
  /** The largest. */
  | 'MAX'
  /** Their sum. A quantity below zero takes back. */
  | 'SUM'
  /** How many different values a property of them has. */
  | 'UNIQUE_COUNT';

/** A key to be made. */
export type ApiKeyCreateInput = {
  /** The networks it may be used from, `203.0.113.0/24` or a single address; from everywhere when empty. 50 at most. */
  allowedAddresses?: Array<string>;
  /** From then on it does not count, in UTC; never when left out. */
  expiresAt?: string | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours, but not the secret again. */
  idempotencyKey?: string | null | undefined;
  /** What people call it, 1 to 60 characters. */
  name: string;
  /** In which organization it acts. */
  organizationId: string | number;
  /** What it is given: nothing that the caller lacks. ORGANIZATION_READ always, ORGANIZATION_TRANSFER never. */
  scopes: Array<Permission>;
};

/** A key to be revoked. */
export type ApiKeyRevokeInput = {
  /** The key. */
  apiKeyId: string | number;
  /** The version that was decided on; left out, whatever it is now. */
  expectedVersion?: string | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
};

/** A key to be given a new secret. */
export type ApiKeyRotateInput = {
  /** The key, one of the caller's. */
  apiKeyId: string | number;
  /** The version that was decided on; left out, whatever it is now. */
  expectedVersion?: string | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours, but not the secret again. */
  idempotencyKey?: string | null | undefined;
  /**
   * How long the old secret counts on, in seconds: 0 to 604800, a day when nothing is said. A secret before that one counts
   * no more.
   */
  overlapSeconds?: number | null | undefined;
};

/** Which audit records are asked for. Everything given must hold. */
export type AuditLogFilter = {
  /** The exact action, `subscription.create`. */
  action?: string | null | undefined;
  /** The thing it was done to: our UUID or Stripe's id, as `resourceId` shows it. */
  resourceId?: string | null | undefined;
  /** The kind of thing it was done to. */
  resourceType?: string | null | undefined;
  /** From this time on, in UTC. */
  since?: string | null | undefined;
  /** Before this time, in UTC. */
  until?: string | null | undefined;
  /** The person who did it. */
  userId?: string | number | null | undefined;
};

/** How an audited action ended. */
export type AuditOutcome =
  /** It was tried, had an effect worth keeping, and was refused: a declined card for instance. */
  | 'FAILURE'
  /** It was done. */
  | 'SUCCESS';

/** Why a row probably differs from Stripe's object. */
export type BillingDriftCause =
  /** An event about the object could not be applied and is a dead letter. */
  | 'EVENT_DEAD'
  /** An event about the object was taken for none of ours. */
  | 'EVENT_IGNORED'
  /** No event told of the change, or none reached us yet. */
  | 'EVENT_LOST'
  /** An event about the object waits to be applied. */
  | 'EVENT_PENDING'
  /** Every event was applied: something else than Stripe changed the row. */
  | 'LOCAL_CHANGE'
  /** Stripe has no such object. */
  | 'MISSING_AT_STRIPE';

/** How often a price recurs. */
export type BillingInterval =
  /** Every month. */
  | 'MONTH'
  /** Every year. */
  | 'YEAR';

/** Where a billing operation stands. */
export type BillingOperationState =
  /** Done. */
  | 'CONFIRMED'
  /** Refused, for good. */
  | 'FAILED'
  /** Written down; Stripe may or may not have been asked. Or done as far as we can, and the bank has not decided yet. */
  | 'PENDING'
  /** Done as far as we can: the cardholder must act. */
  | 'REQUIRES_ACTION'
  /** Stripe was asked and its answer was lost. It is settled by itself, without charging twice. */
  | 'UNKNOWN';

/** Why a customer leaves. */
export type CancellationFeedback =
  /** The customer service was less than expected. */
  | 'CUSTOMER_SERVICE'
  /** The quality was less than expected. */
  | 'LOW_QUALITY'
  /** Some features are missing. */
  | 'MISSING_FEATURES'
  /** Another reason. */
  | 'OTHER'
  /** Another product took its place. */
  | 'SWITCHED_SERVICE'
  /** It is hard to use. */
  | 'TOO_COMPLEX'
  /** It costs too much. */
  | 'TOO_EXPENSIVE'
  /** It is not used enough. */
  | 'UNUSED';

/** When a cancellation takes effect. */
export type CancellationTime =
  /**
   * At once. What was paid for the rest of the period is not given back, and what was added since the last bill, seats for
   * instance, is invoiced.
   */
  | 'NOW'
  /** When the paid period is over. Until then it can be resumed. */
  | 'PERIOD_END';

/** When a change of a subscription takes effect. */
export type ChangeTiming =
  /** What costs more at once; what costs less when the paid period is over. In a trial, always at once. */
  | 'AUTOMATIC'
  /** At once. */
  | 'NOW'
  /** When the paid period is over. */
  | 'PERIOD_END';

/** How an invoice is collected. */
export type CollectionMethod =
  /** It is charged by itself. */
  | 'CHARGE_AUTOMATICALLY'
  /** It is sent, and paid by its due date. */
  | 'SEND_INVOICE';

/** Somebody to turn to, as input. */
export type ContactInput = {
  /** The mail address. */
  email: string;
  /** What for. */
  kind: ContactKind;
  /** Who, at most 120 characters. */
  name?: string | null | undefined;
};

/** What a contact is there for. */
export type ContactKind =
  /** Contracts and data protection. */
  | 'LEGAL'
  /** Whoever answers for the organization. */
  | 'PRIMARY'
  /** Vulnerabilities and incidents. */
  | 'SECURITY'
  /** Outages and integrations. */
  | 'TECHNICAL';

/** Whether a credit note counts. */
export type CreditNoteStatus =
  /** It counts. */
  | 'ISSUED'
  /** A state that Stripe introduced after this version of Tollgate. Treat it as one that counts. */
  | 'UNKNOWN'
  /** Withdrawn. Final. */
  | 'VOID';

/** The state of a dispute, as Stripe has it. */
export type DisputeStatus =
  /** Decided for the cardholder. */
  | 'LOST'
  /** The money was taken, and evidence is wanted. */
  | 'NEEDS_RESPONSE'
  /** Resolved before it became a dispute. */
  | 'PREVENTED'
  /** The bank looks at the evidence. */
  | 'UNDER_REVIEW'
  /** A state that Stripe introduced after this version of Tollgate. Treat it as open. */
  | 'UNKNOWN'
  /** An inquiry that came to nothing. */
  | 'WARNING_CLOSED'
  /** An inquiry that wants evidence: no money was taken yet. */
  | 'WARNING_NEEDS_RESPONSE'
  /** An inquiry that the bank looks at. */
  | 'WARNING_UNDER_REVIEW'
  /** Decided for the seller. */
  | 'WON';

/** An organization that is to be compared. */
export type DriftCompareInput = {
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The organization. */
  organizationId: string | number;
};

/** A drift that is to be mended. */
export type DriftRepairInput = {
  /** The drift. All fields of its object are mended with it. */
  driftId: string | number;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
};

/** The codes of errors, in `userErrors` and in the extensions of top-level errors. */
export type ErrorCode =
  /** The input is wrong; the message says where and how to mend it. */
  | 'BAD_USER_INPUT'
  /** It is not as the caller thought: read again. */
  | 'CONFLICT'
  /** The token is valid and the permission is missing. */
  | 'FORBIDDEN'
  /** The fault is ours. It has been logged under the request's id. */
  | 'INTERNAL'
  /** A limit of the plan or of the platform was reached. */
  | 'LIMIT_EXCEEDED'
  /** It does not exist for this caller. */
  | 'NOT_FOUND'
  /** The cardholder must confirm the payment: go on with the client secret. */
  | 'PAYMENT_ACTION_REQUIRED'
  /** The bank declined the payment: use another payment method. */
  | 'PAYMENT_DECLINED'
  /** The plan cannot be chosen: choose another. */
  | 'PLAN_UNAVAILABLE'
  /** The document asks for too much: ask for less at once. */
  | 'QUERY_TOO_COMPLEX'
  /** Too many requests: slow down. */
  | 'RATE_LIMITED'
  /** Stripe does not answer: try again later, with the same idempotency key. */
  | 'STRIPE_UNAVAILABLE'
  /** There is no valid token. Sign in, and send the token. */
  | 'UNAUTHENTICATED';

/** What kind of feature it is. */
export type FeatureKind =
  /** There or not. */
  | 'BOOLEAN'
  /** So much of a meter in each of its periods. */
  | 'METERED'
  /** A value that stands for itself: a number of projects, a level of support. */
  | 'STATIC';

/** An invitation to be accepted. */
export type InvitationAcceptInput = {
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The token that came with the invitation. */
  token: string;
};

/** An invitation to be sent again. */
export type InvitationResendInput = {
  /** The version that was decided on; left out, whatever it is now. */
  expectedVersion?: string | null | undefined;
  /** Until when it can be accepted, in UTC: an hour to 30 days from now; a week when nothing is said. */
  expiresAt?: string | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours, but not the token again. */
  idempotencyKey?: string | null | undefined;
  /** The invitation, PENDING or EXPIRED. */
  invitationId: string | number;
};

/** An invitation to be taken back. */
export type InvitationRevokeInput = {
  /** The version that was decided on; left out, whatever it is now. */
  expectedVersion?: string | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The invitation, PENDING or EXPIRED. */
  invitationId: string | number;
};

/** What became of an invitation. */
export type InvitationStatus =
  /** Somebody became a member by it. */
  | 'ACCEPTED'
  /** Nobody accepted it in time. It can be sent again. */
  | 'EXPIRED'
  /** It can be accepted. */
  | 'PENDING'
  /** Nobody accepted it in time, and the address was invited anew. */
  | 'REPLACED'
  /** It was taken back, or who invited was removed or suspended. */
  | 'REVOKED';

/** Which invoices are asked for: those that fit everything that is given. */
export type InvoiceFilter = {
  /** Made at or after this time, in UTC. */
  createdSince?: string | null | undefined;
  /** Made before this time, in UTC. */
  createdUntil?: string | null | undefined;
  /** To be paid at or after this time, in UTC. */
  dueSince?: string | null | undefined;
  /** To be paid before this time, in UTC. */
  dueUntil?: string | null | undefined;
  /** With a total of at most this, in its currency. */
  maximumTotal?: MoneyInput | null | undefined;
  /** With a total of at least this, in its currency. */
  minimumTotal?: MoneyInput | null | undefined;
  /** With exactly this number. */
  number?: string | null | undefined;
  /** In one of these states. */
  status?: Array<InvoiceStatusFilter> | null | undefined;
  /** Made by this subscription. */
  subscriptionId?: string | number | null | undefined;
};

/** A payment of an invoice. */
export type InvoicePayInput = {
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The invoice. */
  invoiceId: string | number;
  /** What is charged; the subscription's or the organization's default when left out. */
  paymentMethodId?: string | number | null | undefined;
};

/** An invoice to be sent. */
export type InvoiceSendInput = {
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The invoice. */
  invoiceId: string | number;
};

/** The state of an invoice, as Stripe has it. */
export type InvoiceStatus =
  /** A draft that was deleted. Final. */
  | 'DELETED'
  /** Still being put together. */
  | 'DRAFT'
  /** Waiting to be paid. */
  | 'OPEN'
  /** Paid. Final. */
  | 'PAID'
  /** Given up. */
  | 'UNCOLLECTIBLE'
  /** A state that Stripe introduced after this version of Tollgate. */
  | 'UNKNOWN'
  /** Withdrawn. Final. */
  | 'VOID';

/** The states an invoice list can be narrowed to. */
export type InvoiceStatusFilter =
  /** Still being put together. */
  | 'DRAFT'
  /** Waiting to be paid. */
  | 'OPEN'
  /** Paid. */
  | 'PAID'
  /** Given up. */
  | 'UNCOLLECTIBLE'
  /** Withdrawn. */
  | 'VOID';

/** Rules for API keys to be changed. What is left out stays as it is; null brings back what is usual. */
export type KeyPolicyInput = {
  /** Whether one must name the addresses that it is used from; usually not. */
  addressesRequired?: boolean | null | undefined;
  /** Whether there may be any; usually there may. */
  allowed?: boolean | null | undefined;
  /** How long one counts at most, 1 to 3660 days from when it was made; usually for ever. */
  longestLifeDays?: number | null | undefined;
  /** What one may hold at most; usually anything. ORGANIZATION_READ is always among it. */
  scopes?: Array<Permission> | null | undefined;
};

/** What happens above what is included. */
export type LimitKind =
  /** It is refused. */
  | 'HARD'
  /** It is used all the same, and billed where the plan has a price for it. */
  | 'SOFT';

/** Somebody to be invited. */
export type MemberInviteInput = {
  /** The mail address. Who accepts must sign in with it, verified by their issuer. */
  email: string;
  /** Until when it can be accepted, in UTC: an hour to 30 days from now; a week when nothing is said. */
  expiresAt?: string | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours, but not the token again. */
  idempotencyKey?: string | null | undefined;
  /** Into which organization. */
  organizationId: string | number;
  /** The role it gives; CUSTOM for one of the organization's own. */
  role?: Role;
  /** Which of the organization's own roles, with CUSTOM. */
  roleId?: string | number | null | undefined;
};

/** A member to be let in again. */
export type MemberReinstateInput = {
  /** The version that was decided on; left out, whatever it is now. */
  expectedVersion?: string | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The member. */
  memberId: string | number;
};

/** A member to be removed. */
export type MemberRemoveInput = {
  /** The version that was decided on; left out, whatever it is now. */
  expectedVersion?: string | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The member. */
  memberId: string | number;
};

/** A role to be given to a member. */
export type MemberRoleChangeInput = {
  /** The version that the caller saw. A member who was changed since is a CONFLICT. */
  expectedVersion: string;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The member. */
  memberId: string | number;
  /** The role; CUSTOM for one of the organization's own. */
  role: Role;
  /** Which of the organization's own roles, with CUSTOM. */
  roleId?: string | number | null | undefined;
};

/** A member to be suspended. */
export type MemberSuspendInput = {
  /** The version that was decided on; left out, whatever it is now. */
  expectedVersion?: string | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The member. */
  memberId: string | number;
};

/** Whether a membership counts. */
export type MembershipStatus =
  /** It does. */
  | 'ACTIVE'
  /** It does not, until it is given back: the person is nobody here meanwhile. */
  | 'SUSPENDED';

/** An amount of one currency, as input. */
export type MoneyInput = {
  /** The currency. */
  currency: string;
  /** The amount in whole minor units: cents for USD, yen for JPY, fils for KWD. */
  minorUnits: string;
};

/** A way on which a notification reaches somebody. */
export type NotificationChannel =
  /** By mail. */
  | 'EMAIL'
  /** In the application. */
  | 'IN_APP'
  /** By a call to an address of the organization's. */
  | 'WEBHOOK';

/** Something that happened in an organization and that people can be notified of. */
export type NotificationEvent =
  /** An API key was created. */
  | 'API_KEY_CREATED'
  /** An API key expires soon. */
  | 'API_KEY_EXPIRING'
  /** A stored card expires soon. */
  | 'CARD_EXPIRING'
  /** A payer disputes a payment. */
  | 'DISPUTE_OPENED'
  /** An unpaid invoice is reminded of on its way to the end of access. */
  | 'DUNNING_REMINDER'
  /** Somebody is invited. */
  | 'INVITATION'
  /** An invoice was paid. */
  | 'INVOICE_PAID'
  /** An attempt to collect an invoice failed. */
  | 'INVOICE_PAYMENT_FAILED'
  /** Somebody became a member. */
  | 'MEMBER_JOINED'
  /** Somebody ceased to be a member. */
  | 'MEMBER_REMOVED'
  /** A member has another role. */
  | 'MEMBER_ROLE_CHANGED'
  /** A payment waits for its payer, for example for a bank's challenge. */
  | 'PAYMENT_REQUIRES_ACTION'
  /** The security settings changed. */
  | 'SECURITY_SETTINGS_CHANGED'
  /** A subscription was canceled. */
  | 'SUBSCRIPTION_CANCELED'
  /** A subscription's plan, price or seats changed. */
  | 'SUBSCRIPTION_CHANGED'
  /** A trial ends soon. */
  | 'TRIAL_ENDING'
  /** Usage came near a limit or passed it. */
  | 'USAGE_ALERT';

/** The rule of one event. What is left out stays as it is; null brings back what is usual. */
export type NotificationRuleInput = {
  /** Mail addresses that are told besides, all of them: 20 at most. */
  addresses?: Array<string> | null | undefined;
  /** The channels, all of them; with none the event is not told. */
  channels?: Array<NotificationChannel> | null | undefined;
  /** The event. */
  event: NotificationEvent;
  /** The roles whose members are told, all of them; built-in ones. */
  roles?: Array<Role> | null | undefined;
};

/** Notifications to be marked as read. */
export type NotificationsMarkAllReadInput = {
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** Of which organization. */
  organizationId: string | number;
  /** Those that were made until then, in UTC: the time of the newest one that was shown. All so far when left out. */
  until?: string | null | undefined;
};

/** How an attempt of a payment ended. */
export type PaymentAttemptStatus =
  /** Declined. Final. */
  | 'FAILED'
  /** The bank has not answered yet: a debit takes days. */
  | 'PENDING'
  /** Paid. Final. */
  | 'SUCCEEDED';

/** A payment method that Stripe.js has made. */
export type PaymentMethodAttachInput = {
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** Whether invoices are charged to it from now on. */
  makeDefault?: boolean;
  /** The organization whose it will be. */
  organizationId: string | number;
  /** Stripe's id, `pm_…`; with the sandbox one of Stripe's published test ids, `pm_card_visa` for instance. */
  stripePaymentMethodId: string;
};

/** A payment method that is not to be charged any more. */
export type PaymentMethodDetachInput = {
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The payment method. */
  paymentMethodId: string | number;
};

/** A payment method that invoices are to be charged to from now on. */
export type PaymentMethodSetDefaultInput = {
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The payment method. */
  paymentMethodId: string | number;
};

/** A payment method to be collected by the front end. */
export type PaymentMethodSetupInput = {
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The organization whose it will be. */
  organizationId: string | number;
};

/** The state of a payment. */
export type PaymentStatus =
  /** Given up. Final. */
  | 'CANCELED'
  /** The last attempt was declined; another may follow. */
  | 'FAILED'
  /** Waiting for a payment method, for confirmation or for the bank. */
  | 'PENDING'
  /** Waiting for the cardholder, for instance 3-D Secure. */
  | 'REQUIRES_ACTION'
  /** Paid. */
  | 'SUCCEEDED';

/** What a member may do in an organization. */
export type Permission =
  /** Read the audit log. */
  | 'AUDIT_READ'
  /** See invoices, payments and payment methods. */
  | 'BILLING_READ'
  /** Pay, and change payment methods and billing settings. */
  | 'BILLING_WRITE'
  /** See the API keys, never their secrets. */
  | 'KEYS_READ'
  /** Create, rotate and revoke API keys. */
  | 'KEYS_WRITE'
  /** See who belongs to it. */
  | 'MEMBERS_READ'
  /** Invite, suspend and remove members, and give them roles. */
  | 'MEMBERS_WRITE'
  /** See that the organization exists, and its name. */
  | 'ORGANIZATION_READ'
  /** Hand the organization over. An owner's alone: no other role and no key can hold it. */
  | 'ORGANIZATION_TRANSFER'
  /** Put roles together. */
  | 'ROLES_WRITE'
  /** See the settings. */
  | 'SETTINGS_READ'
  /** Change the settings; those of billing with BILLING_WRITE. */
  | 'SETTINGS_WRITE'
  /** See the plan, the subscription and the usage. */
  | 'SUBSCRIPTION_READ'
  /** Subscribe, cancel, resume. */
  | 'SUBSCRIPTION_WRITE'
  /** Record usage. */
  | 'USAGE_WRITE'
  /** See the webhook endpoints, never their secrets, and what was sent there. */
  | 'WEBHOOKS_READ'
  /** Make, change and delete webhook endpoints, and send webhooks again. */
  | 'WEBHOOKS_WRITE';

/** Taking a plan off the list. */
export type PlanArchiveInput = {
  /** The version that the caller saw, when it matters. */
  expectedVersion?: string | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The plan's id. */
  planId: string | number;
};

/** A new plan. */
export type PlanCreateInput = {
  /** What it is, for people; at most 2,000 characters. */
  description?: string | null | undefined;
  /** Entitlements and limits by feature name: an object of at most 16 kB. */
  features?: unknown;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** Whether everyone sees it. */
  isPublic?: boolean;
  /** The name people read, 1 to 120 characters. */
  name: string;
  /** The organization it is made for; leave it out for a plan that everyone may choose. */
  organizationId?: string | number | null | undefined;
  /** Its prices, one for each currency and interval; the first is the default. */
  prices: Array<PlanPriceInput>;
  /** Seats that the price includes; leave it out when seats are not counted. */
  seatsIncluded?: number | null | undefined;
  /** The stable short name, unique: 2 to 63 lower-case letters, digits and single hyphens. */
  slug: string;
  /** The place in a list, ascending. */
  sortOrder?: number;
  /** Days of trial that a first subscription gets, 0 to 730. */
  trialDays?: number;
};

/** A price of a plan. */
export type PlanPriceInput = {
  /** How often it recurs. */
  billingInterval: BillingInterval;
  /** For one seat and interval; zero for a free plan. */
  unitAmount: MoneyInput;
};

/** A member's role. */
export type Role =
  /** Everything but what only an owner may do. */
  | 'ADMIN'
  /** Reads all, the audit log included; changes nothing. */
  | 'AUDITOR'
  /** Plans, payment methods, invoices and payments. */
  | 'BILLING_MANAGER'
  /** One that the organization put together: see the role itself for what it holds. */
  | 'CUSTOM'
  /** Sees the organization, its members and its plan. */
  | 'MEMBER'
  /** Everything, and the only one who may hand the organization over. */
  | 'OWNER';

/** A role to be put together. */
export type RoleCreateInput = {
  /** What it is for, at most 500 characters. */
  description?: string | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The name people read, unique in the organization: 1 to 60 characters. */
  name: string;
  /** Whose role. */
  organizationId: string | number;
  /** What it holds; ORGANIZATION_READ always, ORGANIZATION_TRANSFER never. */
  permissions: Array<Permission>;
};

/** A role to be taken away. */
export type RoleDeleteInput = {
  /** The version that was decided on; left out, whatever it is now. */
  expectedVersion?: string | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The role. */
  roleId: string | number;
};

/** A role to be changed. What is left out stays as it is. */
export type RoleUpdateInput = {
  /** What it is for, at most 500 characters; empty takes it away. */
  description?: string | null | undefined;
  /** The version that the caller saw. A role that was changed since is a CONFLICT. */
  expectedVersion: string;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The name people read, unique in the organization: 1 to 60 characters. */
  name?: string | null | undefined;
  /** What it holds; ORGANIZATION_READ always, ORGANIZATION_TRANSFER never. */
  permissions?: Array<Permission> | null | undefined;
  /** The role. */
  roleId: string | number;
};

/**
 * What becomes of the seat that a member leaves. While a payment is due no seat is given back, whatever was chosen: it is
 * looked at again when all is paid.
 */
export type SeatRelease =
  /** The seat stays for the next member. */
  | 'KEEP'
  /** The subscription has a seat less at once; what was paid for the rest of the period is credited to the next invoice. */
  | 'NOW'
  /** The subscription has a seat less when the paid period is over. */
  | 'PERIOD_END';

/** The parts of an organization's settings. */
export type SettingSection =
  /** Legal name, address, tax ids, billing emails, purchase-order number, net terms. */
  | 'BILLING'
  /** Name, slug, logo, locale, time zone, contacts. */
  | 'GENERAL'
  /** Which event reaches whom, by which channel. */
  | 'NOTIFICATIONS'
  /** What sign-in, sessions, addresses and API keys must satisfy. */
  | 'SECURITY';

/** Billing settings to be changed. What is left out stays as it is; null clears it. */
export type SettingsBillingUpdateInput = {
  /** The address on invoices, whole. */
  address?: AddressInput | null | undefined;
  /** Where invoices go, all of them: 10 at most. Stripe writes to the first. */
  billingEmails?: Array<string> | null | undefined;
  /**
   * The version that the caller saw, 0 when the part was never written. Settings that were changed since are a CONFLICT
   * that names the fields.
   */
  expectedVersion: string;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** A line at the foot of every invoice, at most 1000 characters. */
  invoiceFooter?: string | null | undefined;
  /** The name on invoices, at most 150 characters; the organization's own when cleared. */
  legalName?: string | null | undefined;
  /** Days until an invoice must be paid that is sent instead of charged, 0 to 365; 0 means at once. */
  netTerms?: number | null | undefined;
  /** The organization. */
  organizationId: string | number;
  /** The customer's own number, printed on every invoice: at most 140 characters. */
  purchaseOrderNumber?: string | null | undefined;
  /** The tax ids on invoices, all of them: 5 at most. */
  taxIds?: Array<TaxIdInput> | null | undefined;
};

/** General settings to be changed. What is left out stays as it is; null clears it. */
export type SettingsGeneralUpdateInput = {
  /** Whom to turn to, all of them: 20 at most. */
  contacts?: Array<ContactInput> | null | undefined;
  /**
   * The version that the caller saw, 0 when the part was never written. Settings that were changed since are a CONFLICT
   * that names the fields.
   */
  expectedVersion: string;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** How dates, numbers and texts are written: a BCP 47 tag, `en-GB` for instance. */
  locale?: string | null | undefined;
  /** Where the logo is: an https address. */
  logoUrl?: string | null | undefined;
  /** The name people read, 1 to 120 characters. It cannot be cleared. */
  name?: string | null | undefined;
  /** The organization. */
  organizationId: string | number;
  /** The name in addresses, unique: 2 to 63 lower-case letters, digits and single hyphens. It cannot be cleared. */
  slug?: string | null | undefined;
  /** Where its days begin and end: a name of the IANA's database, `Europe/Berlin` for instance. */
  timeZone?: string | null | undefined;
};

/** Notification settings to be changed. Events that are not named stay as they are. */
export type SettingsNotificationsUpdateInput = {
  /** The events whose rules change, each once. */
  events: Array<NotificationRuleInput>;
  /**
   * The version that the caller saw, 0 when the part was never written. Settings that were changed since are a CONFLICT
   * that names the fields.
   */
  expectedVersion: string;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The organization. */
  organizationId: string | number;
};

/** A version of settings to be brought back. */
export type SettingsRollbackInput = {
  /** Says that the caller knows they will be locked out by it. Without this such a change is a CONFLICT. */
  confirmLockOut?: boolean;
  /** The version that the caller saw. Settings that were changed since are a CONFLICT that names the fields. */
  expectedVersion: string;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The organization. */
  organizationId: string | number;
  /** Which part; for BILLING the caller needs BILLING_WRITE besides. */
  section: SettingSection;
  /** The version to be brought back; 0 is what there was before anybody wrote. */
  version: string;
};

/** Security settings to be changed. What is left out stays as it is; null clears it. */
export type SettingsSecurityUpdateInput = {
  /** The networks from which one may come, all of them, `203.0.113.0/24` or `2001:db8::/32`: 200 at most. */
  allowedAddresses?: Array<string> | null | undefined;
  /** The mail domains that may be invited, all of them: 100 at most. */
  allowedEmailDomains?: Array<string> | null | undefined;
  /** Says that the caller knows they will be locked out by it. Without this such a change is a CONFLICT. */
  confirmLockOut?: boolean;
  /**
   * The version that the caller saw, 0 when the part was never written. Settings that were changed since are a CONFLICT
   * that names the fields.
   */
  expectedVersion: string;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** What API keys must satisfy. */
  keyPolicy?: KeyPolicyInput | null | undefined;
  /** Whether members must have signed in with more than one factor, as the token's `amr` or `acr` tells. */
  mfaRequired?: boolean | null | undefined;
  /** The organization. */
  organizationId: string | number;
  /** How long a session may be idle: 5 to 527040 minutes. It is measured to the minute. */
  sessionIdleMinutes?: number | null | undefined;
  /** How long after signing in (the token's `auth_time`) a session lasts: 5 to 527040 minutes. */
  sessionLifetimeMinutes?: number | null | undefined;
  /** Whether owners may come in without single sign-on: the way in when the provider fails. */
  ssoOptionalForOwners?: boolean | null | undefined;
  /** The providers of single sign-on, all of them: 10 at most. */
  ssoProviders?: Array<SsoProviderInput> | null | undefined;
  /** Whether members must sign in by one of the providers. It needs a provider. */
  ssoRequired?: boolean | null | undefined;
};

/** A sign-in that an organization requires. */
export type SsoProviderInput = {
  /** The connection at that issuer, as the token's claim `tollgate_connection` tells it; any when left out. */
  connection?: string | null | undefined;
  /** The `iss` of its tokens, an https address. It must be one that the gateway trusts. */
  issuer: string;
};

/** Which events are asked for. Everything given must hold. */
export type StripeEventFilter = {
  /** About the object with this id of Stripe's. */
  objectId?: string | null | undefined;
  /** Applied to this organization. */
  organizationId?: string | number | null | undefined;
  /** Received from this time on, in UTC. */
  since?: string | null | undefined;
  /** In this state. */
  state?: StripeEventState | null | undefined;
  /** Of this type of Stripe's, `invoice.paid`. */
  type?: string | null | undefined;
  /** Received before this time, in UTC. */
  until?: string | null | undefined;
};

/** An event that is to be applied again. */
export type StripeEventReplayInput = {
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The event. */
  stripeEventId: string | number;
};

/** How an event of Stripe's came. */
export type StripeEventSource =
  /** It had not come, and was found in Stripe's list. */
  | 'SWEEP'
  /** Stripe sent it. */
  | 'WEBHOOK';

/** Where an event of Stripe's stands in the inbox. */
export type StripeEventState =
  /** Its effect and this mark were committed together. */
  | 'APPLIED'
  /** It failed too often; an admin must look. */
  | 'DEAD'
  /** Nothing of ours: an unknown type, a foreign customer. */
  | 'IGNORED'
  /** A worker holds it. */
  | 'PROCESSING'
  /** Stored, waiting. */
  | 'RECEIVED';

/** A previewed change to be made. */
export type SubscriptionApplyChangeInput = {
  /** Not needed here, and not looked at: the token is its own key, whoever sends it. */
  idempotencyKey?: string | null | undefined;
  /** The preview's token. */
  token: string;
};

/** A cancellation. */
export type SubscriptionCancelInput = {
  /** Why, as the customer chose. */
  feedback?: CancellationFeedback | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** Why, in the customer's words; at most 500 characters. */
  reason?: string | null | undefined;
  /** The subscription. */
  subscriptionId: string | number;
  /** When it takes effect. */
  when?: CancellationTime;
};

/** A change of what a subscription is billed for. What is left out stays as it is. */
export type SubscriptionChangeInput = {
  /** At which of the plan's prices. */
  billingInterval?: BillingInterval | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The plan to change to. */
  planId?: string | number | null | undefined;
  /**
   * A promotion code as people type it, redeemed with a change that is made at once. Its discount comes on top of those that
   * are there; it is on the bill of the change, and not kept when that is declined.
   */
  promotionCode?: string | null | undefined;
  /** Units, 1 to 1,000,000: seats, where the plan counts them. Never fewer seats than members. */
  quantity?: string | null | undefined;
  /** The subscription. */
  subscriptionId: string | number;
  /**
   * When it takes effect. What costs more is made at once when it is paid, and what costs less when the paid period is
   * over, unless something else is said.
   */
  timing?: ChangeTiming;
};

/** A new subscription. */
export type SubscriptionCreateInput = {
  /** At which of the plan's prices; by the default price's interval when left out. */
  billingInterval?: BillingInterval | null | undefined;
  /** In which currency; the organization's, else the default price's, when left out. */
  currency?: string | null | undefined;
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The organization that subscribes. */
  organizationId: string | number;
  /**
   * What is charged; the organization's default when left out. Without any, the front end collects the first
   * payment with the client secret.
   */
  paymentMethodId?: string | number | null | undefined;
  /** The plan. */
  planId: string | number;
  /** A promotion code to redeem, as people type it. */
  promotionCode?: string | null | undefined;
  /** Seats, 1 to 1,000,000. */
  quantity?: string;
  /**
   * Whether to start with the plan's trial. A trial is taken once: an organization that had one, or whose payment card or
   * owner's mail domain had one elsewhere, is refused with PLAN_UNAVAILABLE, and nothing is charged.
   */
  trial?: boolean;
};

/** Taking back a cancellation. */
export type SubscriptionResumeInput = {
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The subscription. */
  subscriptionId: string | number;
};

/** Taking back a change that is arranged for the end of the period. */
export type SubscriptionScheduledChangeRevokeInput = {
  /** The same key with the same input gives the same answer for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** The subscription. */
  subscriptionId: string | number;
};

/** The state of a subscription, as Stripe has it. */
export type SubscriptionStatus =
  /** Paid. */
  | 'ACTIVE'
  /** Over. Final. */
  | 'CANCELED'
  /** The first payment has not gone through; it can for 23 hours. */
  | 'INCOMPLETE'
  /** The first payment was not made in time. Final. */
  | 'INCOMPLETE_EXPIRED'
  /** A renewal was not paid yet. */
  | 'PAST_DUE'
  /** A trial ended without a payment method. */
  | 'PAUSED'
  /** In its trial. */
  | 'TRIALING'
  /** A state that Stripe introduced after this version of Tollgate. Treat it as no access. */
  | 'UNKNOWN'
  /** A renewal was not paid, and Stripe has stopped trying. */
  | 'UNPAID';

/** A tax id, as input. */
export type TaxIdInput = {
  /** Stripe's word for its type, `eu_vat` for instance. */
  type: string;
  /** The number, in the form of its type. */
  value: string;
};

/** How fine usage is shown. */
export type UsageGranularity =
  /** By days of its calendar: of 23, 24 or 25 hours. */
  | 'DAY'
  /** By hours of the organization's clock. An hour that the clock repeats is there twice. */
  | 'HOUR'
  /** By months of its calendar. */
  | 'MONTH';

export type PlatformQueryVariables = Exact<{
  state?: StripeEventState | null | undefined;
  eventFilter?: StripeEventFilter | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}>;


export type PlatformQuery = { stripeIntake: { deadLetters: number, lagSeconds: number | null, waiting: number, openDrifts: number, lastSweep: { startedAt: string | null, finishedAt: string | null, error: string | null } | null, lastComparison: { startedAt: string | null, finishedAt: string | null, error: string | null } | null, versions: { account: string | null, library: string, lastEvent: string | null, endpoints: Array<{ url: string, version: string | null, status: string }> } }, stripeEvents: { totalCount: number, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null }, nodes: Array<{ id: string, eventId: string, type: string, state: StripeEventState, source: StripeEventSource, attempts: number, lastError: string | null, objectId: string | null, receivedAt: string, appliedAt: string | null }> }, billingDrift: { totalCount: number, nodes: Array<{ id: string, organizationId: string, resourceType: string, stripeObjectId: string, field: string, local: unknown, stripe: unknown, cause: BillingDriftCause, since: string }> }, plans: Array<{ archivedAt: string | null, id: string, name: string, slug: string, description: string, features: unknown, isActive: boolean, isPublic: boolean, seatsIncluded: number | null, sortOrder: number, trialDays: number, version: string, price: { amount: string, currency: string, minorUnits: string }, prices: Array<{ id: string, billingInterval: BillingInterval, isActive: boolean, unitAmount: { amount: string, currency: string, minorUnits: string } }> }>, organizations: { totalCount: number, nodes: Array<{ id: string, name: string, slug: string, subscription: { id: string, status: SubscriptionStatus, quantity: string, plan: { id: string, name: string, slug: string, billingInterval: BillingInterval, price: { amount: string, currency: string, minorUnits: string } } | null } | null }> } };

export type StripeEventReplayMutationVariables = Exact<{
  input: StripeEventReplayInput;
}>;


export type StripeEventReplayMutation = { stripeEventReplay: { stripeEvent: { id: string, state: StripeEventState } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type DriftRepairMutationVariables = Exact<{
  input: DriftRepairInput;
}>;


export type DriftRepairMutation = { driftRepair: { drift: { id: string } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type DriftCompareMutationVariables = Exact<{
  input: DriftCompareInput;
}>;


export type DriftCompareMutation = { driftCompare: { drifts: Array<{ id: string }>, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type PlanArchiveMutationVariables = Exact<{
  input: PlanArchiveInput;
}>;


export type PlanArchiveMutation = { planArchive: { plan: { id: string } | null, operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type PlanCreateMutationVariables = Exact<{
  input: PlanCreateInput;
}>;


export type PlanCreateMutation = { planCreate: { plan: { id: string } | null, operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type AuditPartsFragment = { id: string, action: string, actorKind: ActorKind, outcome: AuditOutcome, resourceType: string, resourceId: string, requestId: string | null, ipAddress: string | null, userAgent: string | null, createdAt: string, oldValues: unknown, newValues: unknown, user: { id: string, name: string | null, email: string | null } | null, apiKey?: { id: string, name: string } | null };

export type AuditLogsQueryVariables = Exact<{
  organizationId: string | number;
  filter?: AuditLogFilter | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
  mayKeys: boolean;
  mayMembers: boolean;
}>;


export type AuditLogsQuery = { auditLogs: { totalCount: number, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null }, nodes: Array<{ id: string, action: string, actorKind: ActorKind, outcome: AuditOutcome, resourceType: string, resourceId: string, requestId: string | null, ipAddress: string | null, userAgent: string | null, createdAt: string, oldValues: unknown, newValues: unknown, user: { id: string, name: string | null, email: string | null } | null, apiKey?: { id: string, name: string } | null }> }, members?: { nodes: Array<{ id: string, user: { id: string, name: string | null, email: string | null } }> } };

export type AuditExportQueryVariables = Exact<{
  organizationId: string | number;
  filter?: AuditLogFilter | null | undefined;
  after?: string | null | undefined;
  mayKeys: boolean;
  withCount: boolean;
}>;


export type AuditExportQuery = { auditLogs: { totalCount?: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, action: string, actorKind: ActorKind, outcome: AuditOutcome, resourceType: string, resourceId: string, requestId: string | null, ipAddress: string | null, userAgent: string | null, createdAt: string, oldValues: unknown, newValues: unknown, user: { id: string, name: string | null, email: string | null } | null, apiKey?: { id: string, name: string } | null }> } };

export type BillingOverviewQueryVariables = Exact<{
  organizationId: string | number;
}>;


export type BillingOverviewQuery = { organization: { id: string, name: string, accessState: { level: AccessLevel, reason: AccessReason, since: string | null, until: string | null, nextAction: AccessAction }, subscription: { id: string, status: SubscriptionStatus, quantity: string, currentPeriodStart: string | null, currentPeriodEnd: string | null, trialEnd: string | null, cancelAt: string | null, canceledAt: string | null, isCancellationScheduled: boolean, isCollectionPaused: boolean, pendingChangeExpiresAt: string | null, stripeSubscriptionId: string | null, syncedAt: string | null, plan: { id: string, name: string, slug: string, billingInterval: BillingInterval, price: { amount: string, currency: string, minorUnits: string } } | null, scheduledChange: { at: string, billingInterval: BillingInterval | null, quantity: string, plan: { id: string, name: string } | null } | null, discounts: Array<{ stripeCouponId: string | null, stripePromotionCodeId: string | null, endsAt: string | null }> } | null, upcomingInvoice: { dueAt: string | null, periodStart: string, periodEnd: string, hasMoreLines: boolean, amountDue: { amount: string, currency: string, minorUnits: string }, subtotal: { amount: string, currency: string, minorUnits: string }, discount: { amount: string, currency: string, minorUnits: string }, tax: { amount: string, currency: string, minorUnits: string }, total: { amount: string, currency: string, minorUnits: string }, lines: Array<{ description: string | null, quantity: string | null, proration: boolean, periodStart: string, periodEnd: string, amount: { amount: string, currency: string, minorUnits: string } }> } | null, invoices: { totalCount: number, nodes: Array<{ id: string, number: string | null, status: InvoiceStatus, createdAt: string, dueDate: string | null, periodStart: string, periodEnd: string, pdfUrl: string | null, total: { amount: string, currency: string, minorUnits: string }, amountRemaining: { amount: string, currency: string, minorUnits: string } }> }, open: { totalCount: number, nodes: Array<{ id: string, number: string | null, status: InvoiceStatus, createdAt: string, dueDate: string | null, periodStart: string, periodEnd: string, pdfUrl: string | null, total: { amount: string, currency: string, minorUnits: string }, amountRemaining: { amount: string, currency: string, minorUnits: string } }> }, paymentMethods: Array<{ id: string, kind: string, summary: string, isDefault: boolean, expiresAt: string | null, createdAt: string, card: { brand: string, last4: string, expMonth: number, expYear: number, country: string | null } | null }>, disputes: { nodes: Array<{ id: string, reason: string, status: DisputeStatus, evidenceDueBy: string | null, amount: { amount: string, currency: string, minorUnits: string } }> } } };

export type SubscriptionOnlyQueryVariables = Exact<{
  organizationId: string | number;
}>;


export type SubscriptionOnlyQuery = { organization: { id: string, accessState: { level: AccessLevel, reason: AccessReason, since: string | null, until: string | null, nextAction: AccessAction }, subscription: { id: string, status: SubscriptionStatus, quantity: string, currentPeriodStart: string | null, currentPeriodEnd: string | null, trialEnd: string | null, cancelAt: string | null, canceledAt: string | null, isCancellationScheduled: boolean, isCollectionPaused: boolean, pendingChangeExpiresAt: string | null, stripeSubscriptionId: string | null, syncedAt: string | null, plan: { id: string, name: string, slug: string, billingInterval: BillingInterval, price: { amount: string, currency: string, minorUnits: string } } | null, scheduledChange: { at: string, billingInterval: BillingInterval | null, quantity: string, plan: { id: string, name: string } | null } | null, discounts: Array<{ stripeCouponId: string | null, stripePromotionCodeId: string | null, endsAt: string | null }> } | null } };

export type PlansQueryVariables = Exact<{
  organizationId: string | number;
  mayBilling: boolean;
}>;


export type PlansQuery = { plans: Array<{ id: string, name: string, slug: string, description: string, features: unknown, isActive: boolean, isPublic: boolean, seatsIncluded: number | null, sortOrder: number, trialDays: number, version: string, price: { amount: string, currency: string, minorUnits: string }, prices: Array<{ id: string, billingInterval: BillingInterval, isActive: boolean, unitAmount: { amount: string, currency: string, minorUnits: string } }> }>, organization: { id: string, currency: string | null, subscription: { id: string, status: SubscriptionStatus, quantity: string, currentPeriodStart: string | null, currentPeriodEnd: string | null, trialEnd: string | null, cancelAt: string | null, canceledAt: string | null, isCancellationScheduled: boolean, isCollectionPaused: boolean, pendingChangeExpiresAt: string | null, stripeSubscriptionId: string | null, syncedAt: string | null, plan: { id: string, name: string, slug: string, billingInterval: BillingInterval, price: { amount: string, currency: string, minorUnits: string } } | null, scheduledChange: { at: string, billingInterval: BillingInterval | null, quantity: string, plan: { id: string, name: string } | null } | null, discounts: Array<{ stripeCouponId: string | null, stripePromotionCodeId: string | null, endsAt: string | null }> } | null, members: { totalCount: number }, paymentMethods?: Array<{ id: string, kind: string, summary: string, isDefault: boolean, expiresAt: string | null, createdAt: string, card: { brand: string, last4: string, expMonth: number, expYear: number, country: string | null } | null }> } };

export type SubscriptionPreviewChangeQueryVariables = Exact<{
  input: SubscriptionChangeInput;
}>;


export type SubscriptionPreviewChangeQuery = { subscriptionPreviewChange: { preview: { token: string, expiresAt: string, effectiveAt: string, isImmediate: boolean, quantity: string, nextBillAt: string | null, plan: { id: string, name: string }, dueNow: { amount: string, currency: string, minorUnits: string }, bill: { hasMoreLines: boolean, lines: Array<{ description: string | null, quantity: string | null, proration: boolean, periodStart: string, periodEnd: string, amount: { amount: string, currency: string, minorUnits: string } }>, subtotal: { amount: string, currency: string, minorUnits: string }, discount: { amount: string, currency: string, minorUnits: string }, tax: { amount: string, currency: string, minorUnits: string }, total: { amount: string, currency: string, minorUnits: string }, amountDue: { amount: string, currency: string, minorUnits: string } } | null, nextBill: { hasMoreLines: boolean, lines: Array<{ description: string | null, quantity: string | null, proration: boolean, periodStart: string, periodEnd: string, amount: { amount: string, currency: string, minorUnits: string } }>, subtotal: { amount: string, currency: string, minorUnits: string }, discount: { amount: string, currency: string, minorUnits: string }, tax: { amount: string, currency: string, minorUnits: string }, total: { amount: string, currency: string, minorUnits: string }, amountDue: { amount: string, currency: string, minorUnits: string } }, entitlements: Array<{ feature: string, before: unknown, after: unknown }>, seats: { before: string | null, after: string | null, used: string } } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type PreviewedBillPartsFragment = { hasMoreLines: boolean, lines: Array<{ description: string | null, quantity: string | null, proration: boolean, periodStart: string, periodEnd: string, amount: { amount: string, currency: string, minorUnits: string } }>, subtotal: { amount: string, currency: string, minorUnits: string }, discount: { amount: string, currency: string, minorUnits: string }, tax: { amount: string, currency: string, minorUnits: string }, total: { amount: string, currency: string, minorUnits: string }, amountDue: { amount: string, currency: string, minorUnits: string } };

export type SubscriptionApplyChangeMutationVariables = Exact<{
  input: SubscriptionApplyChangeInput;
}>;


export type SubscriptionApplyChangeMutation = { subscriptionApplyChange: { clientSecret: string | null, operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, subscription: { id: string, status: SubscriptionStatus, quantity: string, currentPeriodStart: string | null, currentPeriodEnd: string | null, trialEnd: string | null, cancelAt: string | null, canceledAt: string | null, isCancellationScheduled: boolean, isCollectionPaused: boolean, pendingChangeExpiresAt: string | null, stripeSubscriptionId: string | null, syncedAt: string | null, plan: { id: string, name: string, slug: string, billingInterval: BillingInterval, price: { amount: string, currency: string, minorUnits: string } } | null, scheduledChange: { at: string, billingInterval: BillingInterval | null, quantity: string, plan: { id: string, name: string } | null } | null, discounts: Array<{ stripeCouponId: string | null, stripePromotionCodeId: string | null, endsAt: string | null }> } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type SubscriptionCreateMutationVariables = Exact<{
  input: SubscriptionCreateInput;
}>;


export type SubscriptionCreateMutation = { subscriptionCreate: { clientSecret: string | null, operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, subscription: { id: string, status: SubscriptionStatus, quantity: string, currentPeriodStart: string | null, currentPeriodEnd: string | null, trialEnd: string | null, cancelAt: string | null, canceledAt: string | null, isCancellationScheduled: boolean, isCollectionPaused: boolean, pendingChangeExpiresAt: string | null, stripeSubscriptionId: string | null, syncedAt: string | null, plan: { id: string, name: string, slug: string, billingInterval: BillingInterval, price: { amount: string, currency: string, minorUnits: string } } | null, scheduledChange: { at: string, billingInterval: BillingInterval | null, quantity: string, plan: { id: string, name: string } | null } | null, discounts: Array<{ stripeCouponId: string | null, stripePromotionCodeId: string | null, endsAt: string | null }> } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type SubscriptionCancelMutationVariables = Exact<{
  input: SubscriptionCancelInput;
}>;


export type SubscriptionCancelMutation = { subscriptionCancel: { operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, subscription: { id: string, status: SubscriptionStatus, quantity: string, currentPeriodStart: string | null, currentPeriodEnd: string | null, trialEnd: string | null, cancelAt: string | null, canceledAt: string | null, isCancellationScheduled: boolean, isCollectionPaused: boolean, pendingChangeExpiresAt: string | null, stripeSubscriptionId: string | null, syncedAt: string | null, plan: { id: string, name: string, slug: string, billingInterval: BillingInterval, price: { amount: string, currency: string, minorUnits: string } } | null, scheduledChange: { at: string, billingInterval: BillingInterval | null, quantity: string, plan: { id: string, name: string } | null } | null, discounts: Array<{ stripeCouponId: string | null, stripePromotionCodeId: string | null, endsAt: string | null }> } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type SubscriptionResumeMutationVariables = Exact<{
  input: SubscriptionResumeInput;
}>;


export type SubscriptionResumeMutation = { subscriptionResume: { clientSecret: string | null, operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, subscription: { id: string, status: SubscriptionStatus, quantity: string, currentPeriodStart: string | null, currentPeriodEnd: string | null, trialEnd: string | null, cancelAt: string | null, canceledAt: string | null, isCancellationScheduled: boolean, isCollectionPaused: boolean, pendingChangeExpiresAt: string | null, stripeSubscriptionId: string | null, syncedAt: string | null, plan: { id: string, name: string, slug: string, billingInterval: BillingInterval, price: { amount: string, currency: string, minorUnits: string } } | null, scheduledChange: { at: string, billingInterval: BillingInterval | null, quantity: string, plan: { id: string, name: string } | null } | null, discounts: Array<{ stripeCouponId: string | null, stripePromotionCodeId: string | null, endsAt: string | null }> } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type SubscriptionScheduledChangeRevokeMutationVariables = Exact<{
  input: SubscriptionScheduledChangeRevokeInput;
}>;


export type SubscriptionScheduledChangeRevokeMutation = { subscriptionScheduledChangeRevoke: { operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, subscription: { id: string, status: SubscriptionStatus, quantity: string, currentPeriodStart: string | null, currentPeriodEnd: string | null, trialEnd: string | null, cancelAt: string | null, canceledAt: string | null, isCancellationScheduled: boolean, isCollectionPaused: boolean, pendingChangeExpiresAt: string | null, stripeSubscriptionId: string | null, syncedAt: string | null, plan: { id: string, name: string, slug: string, billingInterval: BillingInterval, price: { amount: string, currency: string, minorUnits: string } } | null, scheduledChange: { at: string, billingInterval: BillingInterval | null, quantity: string, plan: { id: string, name: string } | null } | null, discounts: Array<{ stripeCouponId: string | null, stripePromotionCodeId: string | null, endsAt: string | null }> } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type BillingOperationQueryVariables = Exact<{
  id: string | number;
}>;


export type BillingOperationQuery = { billingOperation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } };

export type BillingOperationChangedSubscriptionVariables = Exact<{
  id: string | number;
}>;


export type BillingOperationChangedSubscription = { billingOperation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } };

export type SubscriptionChangedSubscriptionVariables = Exact<{
  organizationId: string | number;
}>;


export type SubscriptionChangedSubscription = { subscriptionChanged: { id: string, status: SubscriptionStatus } };

export type InvoiceChangedSubscriptionVariables = Exact<{
  organizationId: string | number;
}>;


export type InvoiceChangedSubscription = { invoiceChanged: { id: string, status: InvoiceStatus } };

export type PaymentChangedSubscriptionVariables = Exact<{
  organizationId: string | number;
}>;


export type PaymentChangedSubscription = { paymentChanged: { id: string, status: PaymentStatus } };

export type AccessChangedSubscriptionVariables = Exact<{
  organizationId: string | number;
}>;


export type AccessChangedSubscription = { accessState: { level: AccessLevel, reason: AccessReason } };

export type NotificationAddedSubscriptionVariables = Exact<{
  organizationId: string | number;
}>;


export type NotificationAddedSubscription = { notificationAdded: { id: string } };

export type PaymentMethodsQueryVariables = Exact<{
  organizationId: string | number;
}>;


export type PaymentMethodsQuery = { paymentMethods: Array<{ id: string, kind: string, summary: string, isDefault: boolean, expiresAt: string | null, createdAt: string, card: { brand: string, last4: string, expMonth: number, expYear: number, country: string | null } | null }> };

export type PaymentMethodSetupMutationVariables = Exact<{
  input: PaymentMethodSetupInput;
}>;


export type PaymentMethodSetupMutation = { paymentMethodSetup: { clientSecret: string | null, operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type PaymentMethodAttachMutationVariables = Exact<{
  input: PaymentMethodAttachInput;
}>;


export type PaymentMethodAttachMutation = { paymentMethodAttach: { paymentMethod: { id: string, kind: string, summary: string, isDefault: boolean, expiresAt: string | null, createdAt: string, card: { brand: string, last4: string, expMonth: number, expYear: number, country: string | null } | null } | null, operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type PaymentMethodSetDefaultMutationVariables = Exact<{
  input: PaymentMethodSetDefaultInput;
}>;


export type PaymentMethodSetDefaultMutation = { paymentMethodSetDefault: { paymentMethod: { id: string, kind: string, summary: string, isDefault: boolean, expiresAt: string | null, createdAt: string, card: { brand: string, last4: string, expMonth: number, expYear: number, country: string | null } | null } | null, operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type PaymentMethodDetachMutationVariables = Exact<{
  input: PaymentMethodDetachInput;
}>;


export type PaymentMethodDetachMutation = { paymentMethodDetach: { paymentMethod: { id: string } | null, operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type InvoicesQueryVariables = Exact<{
  organizationId: string | number;
  filter?: InvoiceFilter | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}>;


export type InvoicesQuery = { invoices: { totalCount: number, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null }, nodes: Array<{ id: string, number: string | null, status: InvoiceStatus, createdAt: string, dueDate: string | null, periodStart: string, periodEnd: string, pdfUrl: string | null, total: { amount: string, currency: string, minorUnits: string }, amountRemaining: { amount: string, currency: string, minorUnits: string } }> } };

export type InvoiceQueryVariables = Exact<{
  id: string | number;
}>;


export type InvoiceQuery = { invoice: { organizationId: string, billingReason: string | null, collectionMethod: CollectionMethod | null, clientSecret: string | null, hostedUrl: string | null, paidAt: string | null, finalizedAt: string | null, nextPaymentAttemptAt: string | null, attemptCount: number, syncedAt: string, id: string, number: string | null, status: InvoiceStatus, createdAt: string, dueDate: string | null, periodStart: string, periodEnd: string, pdfUrl: string | null, subtotal: { amount: string, currency: string, minorUnits: string }, tax: { amount: string, currency: string, minorUnits: string }, amountDue: { amount: string, currency: string, minorUnits: string }, amountPaid: { amount: string, currency: string, minorUnits: string }, lines: Array<{ description: string | null, quantity: string | null, proration: boolean, periodStart: string, periodEnd: string, amount: { amount: string, currency: string, minorUnits: string } }>, payments: Array<{ id: string, status: PaymentStatus, createdAt: string, paymentMethod: string | null, amount: { amount: string, currency: string, minorUnits: string }, amountRefunded: { amount: string, currency: string, minorUnits: string }, failure: { code: string, declineCode: string | null, message: string } | null, attempts: Array<{ createdAt: string, status: PaymentAttemptStatus, paymentMethod: string | null, stripeChargeId: string, amount: { amount: string, currency: string, minorUnits: string }, failure: { code: string, message: string } | null }> }>, creditNotes: Array<{ id: string, number: string, status: CreditNoteStatus, reason: string | null, memo: string | null, pdfUrl: string | null, createdAt: string, amount: { amount: string, currency: string, minorUnits: string } }>, total: { amount: string, currency: string, minorUnits: string }, amountRemaining: { amount: string, currency: string, minorUnits: string } } };

export type InvoicePayMutationVariables = Exact<{
  input: InvoicePayInput;
}>;


export type InvoicePayMutation = { invoicePay: { clientSecret: string | null, invoice: { id: string, status: InvoiceStatus } | null, operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type InvoiceSendMutationVariables = Exact<{
  input: InvoiceSendInput;
}>;


export type InvoiceSendMutation = { invoiceSend: { invoice: { id: string, status: InvoiceStatus } | null, operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type SandboxAddressQueryVariables = Exact<{
  organizationId: string | number;
}>;


export type SandboxAddressQuery = { organization: { id: string, latestInvoice: { id: string, hostedUrl: string | null } | null } };

export type MoneyPartsFragment = { amount: string, currency: string, minorUnits: string };

export type UserErrorPartsFragment = { code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null };

export type OperationPartsFragment = { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null };

export type InvoiceLinePartsFragment = { description: string | null, quantity: string | null, proration: boolean, periodStart: string, periodEnd: string, amount: { amount: string, currency: string, minorUnits: string } };

export type InvoiceRowFragment = { id: string, number: string | null, status: InvoiceStatus, createdAt: string, dueDate: string | null, periodStart: string, periodEnd: string, pdfUrl: string | null, total: { amount: string, currency: string, minorUnits: string }, amountRemaining: { amount: string, currency: string, minorUnits: string } };

export type PaymentMethodPartsFragment = { id: string, kind: string, summary: string, isDefault: boolean, expiresAt: string | null, createdAt: string, card: { brand: string, last4: string, expMonth: number, expYear: number, country: string | null } | null };

export type PlanPartsFragment = { id: string, name: string, slug: string, description: string, features: unknown, isActive: boolean, isPublic: boolean, seatsIncluded: number | null, sortOrder: number, trialDays: number, version: string, price: { amount: string, currency: string, minorUnits: string }, prices: Array<{ id: string, billingInterval: BillingInterval, isActive: boolean, unitAmount: { amount: string, currency: string, minorUnits: string } }> };

export type SubscriptionPartsFragment = { id: string, status: SubscriptionStatus, quantity: string, currentPeriodStart: string | null, currentPeriodEnd: string | null, trialEnd: string | null, cancelAt: string | null, canceledAt: string | null, isCancellationScheduled: boolean, isCollectionPaused: boolean, pendingChangeExpiresAt: string | null, stripeSubscriptionId: string | null, syncedAt: string | null, plan: { id: string, name: string, slug: string, billingInterval: BillingInterval, price: { amount: string, currency: string, minorUnits: string } } | null, scheduledChange: { at: string, billingInterval: BillingInterval | null, quantity: string, plan: { id: string, name: string } | null } | null, discounts: Array<{ stripeCouponId: string | null, stripePromotionCodeId: string | null, endsAt: string | null }> };

export type AccessPartsFragment = { level: AccessLevel, reason: AccessReason, since: string | null, until: string | null, nextAction: AccessAction };

export type MembersQueryVariables = Exact<{
  organizationId: string | number;
  mayKeys: boolean;
}>;


export type MembersQuery = { organization: { id: string, seatRelease: SeatRelease }, members: { totalCount: number, nodes: Array<{ id: string, role: Role, status: MembershipStatus, version: string, createdAt: string, permissions: Array<Permission>, customRole: { id: string, name: string } | null, user: { id: string, name: string | null, email: string | null } }> }, invitations: { nodes: Array<{ id: string, email: string, role: Role, status: InvitationStatus, version: string, createdAt: string, expiresAt: string, customRole: { id: string, name: string } | null, invitedBy: { id: string, name: string | null, email: string | null } | null }> }, roles: Array<{ id: string, name: string, description: string, permissions: Array<Permission>, version: string }>, apiKeys?: { nodes: Array<{ id: string, name: string, prefix: string, scopes: Array<Permission>, allowedAddresses: Array<string>, createdAt: string, expiresAt: string | null, lastUsedAt: string | null, revokedAt: string | null, version: string, user: { id: string, name: string | null, email: string | null } | null }> } };

export type MemberPartsFragment = { id: string, role: Role, status: MembershipStatus, version: string, createdAt: string, permissions: Array<Permission>, customRole: { id: string, name: string } | null, user: { id: string, name: string | null, email: string | null } };

export type InvitationPartsFragment = { id: string, email: string, role: Role, status: InvitationStatus, version: string, createdAt: string, expiresAt: string, customRole: { id: string, name: string } | null, invitedBy: { id: string, name: string | null, email: string | null } | null };

export type RolePartsFragment = { id: string, name: string, description: string, permissions: Array<Permission>, version: string };

export type KeyPartsFragment = { id: string, name: string, prefix: string, scopes: Array<Permission>, allowedAddresses: Array<string>, createdAt: string, expiresAt: string | null, lastUsedAt: string | null, revokedAt: string | null, version: string, user: { id: string, name: string | null, email: string | null } | null };

export type MemberInviteMutationVariables = Exact<{
  input: MemberInviteInput;
}>;


export type MemberInviteMutation = { memberInvite: { token: string | null, invitation: { id: string } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type InvitationRevokeMutationVariables = Exact<{
  input: InvitationRevokeInput;
}>;


export type InvitationRevokeMutation = { invitationRevoke: { invitation: { id: string } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type InvitationResendMutationVariables = Exact<{
  input: InvitationResendInput;
}>;


export type InvitationResendMutation = { invitationResend: { token: string | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type MemberRoleChangeMutationVariables = Exact<{
  input: MemberRoleChangeInput;
}>;


export type MemberRoleChangeMutation = { memberRoleChange: { member: { id: string } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type MemberSuspendMutationVariables = Exact<{
  input: MemberSuspendInput;
}>;


export type MemberSuspendMutation = { memberSuspend: { member: { id: string } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type MemberReinstateMutationVariables = Exact<{
  input: MemberReinstateInput;
}>;


export type MemberReinstateMutation = { memberReinstate: { member: { id: string } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type MemberRemoveMutationVariables = Exact<{
  input: MemberRemoveInput;
}>;


export type MemberRemoveMutation = { memberRemove: { memberId: string | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type RoleCreateMutationVariables = Exact<{
  input: RoleCreateInput;
}>;


export type RoleCreateMutation = { roleCreate: { role: { id: string } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type RoleUpdateMutationVariables = Exact<{
  input: RoleUpdateInput;
}>;


export type RoleUpdateMutation = { roleUpdate: { role: { id: string } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type RoleDeleteMutationVariables = Exact<{
  input: RoleDeleteInput;
}>;


export type RoleDeleteMutation = { roleDelete: { roleId: string | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type ApiKeyCreateMutationVariables = Exact<{
  input: ApiKeyCreateInput;
}>;


export type ApiKeyCreateMutation = { apiKeyCreate: { secret: string | null, apiKey: { id: string, name: string } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type ApiKeyRotateMutationVariables = Exact<{
  input: ApiKeyRotateInput;
}>;


export type ApiKeyRotateMutation = { apiKeyRotate: { secret: string | null, apiKey: { id: string, name: string } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type ApiKeyRevokeMutationVariables = Exact<{
  input: ApiKeyRevokeInput;
}>;


export type ApiKeyRevokeMutation = { apiKeyRevoke: { apiKey: { id: string } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type InvitationAcceptMutationVariables = Exact<{
  input: InvitationAcceptInput;
}>;


export type InvitationAcceptMutation = { invitationAccept: { organization: { id: string, name: string } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type OverviewQueryVariables = Exact<{
  organizationId: string | number;
  mayBilling: boolean;
  mayAudit: boolean;
  maySubscription: boolean;
}>;


export type OverviewQuery = { organization: { id: string, name: string, accessState: { level: AccessLevel, reason: AccessReason, since: string | null, until: string | null, nextAction: AccessAction }, subscription: { id: string, status: SubscriptionStatus, quantity: string, currentPeriodStart: string | null, currentPeriodEnd: string | null, trialEnd: string | null, cancelAt: string | null, canceledAt: string | null, isCancellationScheduled: boolean, isCollectionPaused: boolean, pendingChangeExpiresAt: string | null, stripeSubscriptionId: string | null, syncedAt: string | null, plan: { id: string, name: string, slug: string, billingInterval: BillingInterval, price: { amount: string, currency: string, minorUnits: string } } | null, scheduledChange: { at: string, billingInterval: BillingInterval | null, quantity: string, plan: { id: string, name: string } | null } | null, discounts: Array<{ stripeCouponId: string | null, stripePromotionCodeId: string | null, endsAt: string | null }> } | null, upcomingInvoice?: { dueAt: string | null, periodEnd: string, amountDue: { amount: string, currency: string, minorUnits: string } } | null, invoices?: { totalCount: number, nodes: Array<{ id: string, number: string | null, status: InvoiceStatus, createdAt: string, dueDate: string | null, periodStart: string, periodEnd: string, pdfUrl: string | null, total: { amount: string, currency: string, minorUnits: string }, amountRemaining: { amount: string, currency: string, minorUnits: string } }> }, members: { totalCount: number }, auditLogs?: { nodes: Array<{ id: string, action: string, actorKind: ActorKind, resourceType: string, resourceId: string, outcome: AuditOutcome, createdAt: string, user: { id: string, name: string | null, email: string | null } | null }> } }, entitlements?: Array<{ feature: string, kind: FeatureKind, isEnabled: boolean, isOverride: boolean, expiresAt: string | null, meter: string | null, used: string | null, limit: string | null, limitKind: LimitKind | null, forecast: string | null, periodStart: string | null, periodEnd: string | null, value: unknown }> };

export type SettingAuthorFragment = { id: string, name: string | null, email: string | null };

export type GeneralPartsFragment = { version: string, name: string, slug: string, locale: string | null, timeZone: string | null, logoUrl: string | null, updatedAt: string | null, contacts: Array<{ kind: ContactKind, email: string, name: string | null }>, updatedBy: { id: string, name: string | null, email: string | null } | null };

export type BillingPartsFragment = { version: string, legalName: string | null, billingEmails: Array<string>, purchaseOrderNumber: string | null, invoiceFooter: string | null, netTerms: number, updatedAt: string | null, address: { line1: string | null, line2: string | null, city: string | null, state: string | null, postalCode: string | null, country: string | null } | null, taxIds: Array<{ type: string, value: string }>, updatedBy: { id: string, name: string | null, email: string | null } | null };

export type NotificationPartsFragment = { version: string, updatedAt: string | null, events: Array<{ event: NotificationEvent, channels: Array<NotificationChannel>, roles: Array<Role>, addresses: Array<string> }>, updatedBy: { id: string, name: string | null, email: string | null } | null };

export type SecurityPartsFragment = { version: string, ssoRequired: boolean, ssoOptionalForOwners: boolean, mfaRequired: boolean, sessionLifetimeMinutes: number | null, sessionIdleMinutes: number | null, allowedAddresses: Array<string>, allowedEmailDomains: Array<string>, updatedAt: string | null, ssoProviders: Array<{ issuer: string, connection: string | null }>, keyPolicy: { allowed: boolean, addressesRequired: boolean, longestLifeDays: number | null, scopes: Array<Permission> | null }, updatedBy: { id: string, name: string | null, email: string | null } | null };

export type HistoryPartsFragment = { nodes: Array<{ version: string, createdAt: string, restoredVersion: string | null, author: { id: string, name: string | null, email: string | null } | null, apiKey?: { id: string, name: string } | null, changes: Array<{ path: Array<string>, oldValue: unknown, newValue: unknown }> }> };

export type GeneralSettingsQueryVariables = Exact<{
  organizationId: string | number;
  mayKeys: boolean;
}>;


export type GeneralSettingsQuery = { settingsGeneral: { version: string, name: string, slug: string, locale: string | null, timeZone: string | null, logoUrl: string | null, updatedAt: string | null, contacts: Array<{ kind: ContactKind, email: string, name: string | null }>, updatedBy: { id: string, name: string | null, email: string | null } | null }, settingsHistory: { nodes: Array<{ version: string, createdAt: string, restoredVersion: string | null, author: { id: string, name: string | null, email: string | null } | null, apiKey?: { id: string, name: string } | null, changes: Array<{ path: Array<string>, oldValue: unknown, newValue: unknown }> }> } };

export type BillingSettingsQueryVariables = Exact<{
  organizationId: string | number;
  mayKeys: boolean;
}>;


export type BillingSettingsQuery = { settingsBilling: { version: string, legalName: string | null, billingEmails: Array<string>, purchaseOrderNumber: string | null, invoiceFooter: string | null, netTerms: number, updatedAt: string | null, address: { line1: string | null, line2: string | null, city: string | null, state: string | null, postalCode: string | null, country: string | null } | null, taxIds: Array<{ type: string, value: string }>, updatedBy: { id: string, name: string | null, email: string | null } | null }, settingsHistory: { nodes: Array<{ version: string, createdAt: string, restoredVersion: string | null, author: { id: string, name: string | null, email: string | null } | null, apiKey?: { id: string, name: string } | null, changes: Array<{ path: Array<string>, oldValue: unknown, newValue: unknown }> }> } };

export type NotificationSettingsQueryVariables = Exact<{
  organizationId: string | number;
  mayKeys: boolean;
}>;


export type NotificationSettingsQuery = { settingsNotifications: { version: string, updatedAt: string | null, events: Array<{ event: NotificationEvent, channels: Array<NotificationChannel>, roles: Array<Role>, addresses: Array<string> }>, updatedBy: { id: string, name: string | null, email: string | null } | null }, settingsHistory: { nodes: Array<{ version: string, createdAt: string, restoredVersion: string | null, author: { id: string, name: string | null, email: string | null } | null, apiKey?: { id: string, name: string } | null, changes: Array<{ path: Array<string>, oldValue: unknown, newValue: unknown }> }> } };

export type SecuritySettingsQueryVariables = Exact<{
  organizationId: string | number;
  mayKeys: boolean;
}>;


export type SecuritySettingsQuery = { settingsSecurity: { version: string, ssoRequired: boolean, ssoOptionalForOwners: boolean, mfaRequired: boolean, sessionLifetimeMinutes: number | null, sessionIdleMinutes: number | null, allowedAddresses: Array<string>, allowedEmailDomains: Array<string>, updatedAt: string | null, ssoProviders: Array<{ issuer: string, connection: string | null }>, keyPolicy: { allowed: boolean, addressesRequired: boolean, longestLifeDays: number | null, scopes: Array<Permission> | null }, updatedBy: { id: string, name: string | null, email: string | null } | null }, settingsHistory: { nodes: Array<{ version: string, createdAt: string, restoredVersion: string | null, author: { id: string, name: string | null, email: string | null } | null, apiKey?: { id: string, name: string } | null, changes: Array<{ path: Array<string>, oldValue: unknown, newValue: unknown }> }> } };

export type SettingsGeneralUpdateMutationVariables = Exact<{
  input: SettingsGeneralUpdateInput;
}>;


export type SettingsGeneralUpdateMutation = { settingsGeneralUpdate: { settings: { version: string, name: string, slug: string, locale: string | null, timeZone: string | null, logoUrl: string | null, updatedAt: string | null, contacts: Array<{ kind: ContactKind, email: string, name: string | null }>, updatedBy: { id: string, name: string | null, email: string | null } | null } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type SettingsBillingUpdateMutationVariables = Exact<{
  input: SettingsBillingUpdateInput;
}>;


export type SettingsBillingUpdateMutation = { settingsBillingUpdate: { settings: { version: string, legalName: string | null, billingEmails: Array<string>, purchaseOrderNumber: string | null, invoiceFooter: string | null, netTerms: number, updatedAt: string | null, address: { line1: string | null, line2: string | null, city: string | null, state: string | null, postalCode: string | null, country: string | null } | null, taxIds: Array<{ type: string, value: string }>, updatedBy: { id: string, name: string | null, email: string | null } | null } | null, operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type SettingsNotificationsUpdateMutationVariables = Exact<{
  input: SettingsNotificationsUpdateInput;
}>;


export type SettingsNotificationsUpdateMutation = { settingsNotificationsUpdate: { settings: { version: string, updatedAt: string | null, events: Array<{ event: NotificationEvent, channels: Array<NotificationChannel>, roles: Array<Role>, addresses: Array<string> }>, updatedBy: { id: string, name: string | null, email: string | null } | null } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type SettingsSecurityUpdateMutationVariables = Exact<{
  input: SettingsSecurityUpdateInput;
}>;


export type SettingsSecurityUpdateMutation = { settingsSecurityUpdate: { settings: { version: string, ssoRequired: boolean, ssoOptionalForOwners: boolean, mfaRequired: boolean, sessionLifetimeMinutes: number | null, sessionIdleMinutes: number | null, allowedAddresses: Array<string>, allowedEmailDomains: Array<string>, updatedAt: string | null, ssoProviders: Array<{ issuer: string, connection: string | null }>, keyPolicy: { allowed: boolean, addressesRequired: boolean, longestLifeDays: number | null, scopes: Array<Permission> | null }, updatedBy: { id: string, name: string | null, email: string | null } | null } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type SettingsRollbackMutationVariables = Exact<{
  input: SettingsRollbackInput;
}>;


export type SettingsRollbackMutation = { settingsRollback: { organization: { id: string } | null, operation: { id: string, kind: string, state: BillingOperationState, errorCode: string | null, errorMessage: string | null } | null, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string>, operation: { id: string, kind: string, state: BillingOperationState } | null }> } };

export type ShellQueryVariables = Exact<{
  organizationId: string | number;
  withOrganization: boolean;
}>;


export type ShellQuery = { notificationUnreadCount?: number, viewer: { isPlatformStaff: boolean, permissions?: Array<Permission>, user: { id: string, name: string | null, email: string | null } | null } | null, organizations: { nodes: Array<{ id: string, name: string, slug: string, viewerRole: Role | null }> } };

export type NotificationsQueryVariables = Exact<{
  organizationId: string | number;
  locale?: string | null | undefined;
}>;


export type NotificationsQuery = { notifications: { nodes: Array<{ id: string, title: string, body: string, url: string | null, createdAt: string, readAt: string | null }> } };

export type NotificationsMarkAllReadMutationVariables = Exact<{
  input: NotificationsMarkAllReadInput;
}>;


export type NotificationsMarkAllReadMutation = { notificationsMarkAllRead: { unreadCount: number, userErrors: Array<{ code: ErrorCode, message: string, path: Array<string> }> } };

export type EntitlementPartsFragment = { feature: string, kind: FeatureKind, isEnabled: boolean, isOverride: boolean, expiresAt: string | null, meter: string | null, used: string | null, limit: string | null, limitKind: LimitKind | null, forecast: string | null, periodStart: string | null, periodEnd: string | null, value: unknown };

export type UsageQueryVariables = Exact<{
  organizationId: string | number;
}>;


export type UsageQuery = { entitlements: Array<{ feature: string, kind: FeatureKind, isEnabled: boolean, isOverride: boolean, expiresAt: string | null, meter: string | null, used: string | null, limit: string | null, limitKind: LimitKind | null, forecast: string | null, periodStart: string | null, periodEnd: string | null, value: unknown }>, meters: Array<{ id: string, name: string, description: string, unit: string, aggregation: Aggregation }> };

export type MeterUsageQueryVariables = Exact<{
  organizationId: string | number;
  meter: string;
  granularity: UsageGranularity;
  since: string;
}>;


export type MeterUsageQuery = { usageByMeter: { granularity: UsageGranularity, timeZone: string, quantity: string, included: string | null, limitKind: LimitKind | null, meter: { id: string, name: string, unit: string }, buckets: Array<{ start: string, end: string, quantity: string, events: string }> } };

export const AuditPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"AuditParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AuditLog"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"action"}},{"kind":"Field","name":{"kind":"Name","value":"actorKind"}},{"kind":"Field","name":{"kind":"Name","value":"outcome"}},{"kind":"Field","name":{"kind":"Name","value":"resourceType"}},{"kind":"Field","name":{"kind":"Name","value":"resourceId"}},{"kind":"Field","name":{"kind":"Name","value":"requestId"}},{"kind":"Field","name":{"kind":"Name","value":"ipAddress"}},{"kind":"Field","name":{"kind":"Name","value":"userAgent"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"oldValues"}},{"kind":"Field","name":{"kind":"Name","value":"newValues"}},{"kind":"Field","name":{"kind":"Name","value":"user"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}},{"kind":"Field","name":{"kind":"Name","value":"apiKey"},"directives":[{"kind":"Directive","name":{"kind":"Name","value":"include"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"if"},"value":{"kind":"Variable","name":{"kind":"Name","value":"mayKeys"}}}]}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]} as unknown as DocumentNode<AuditPartsFragment, unknown>;
export const MoneyPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"MoneyParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Money"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"amount"}},{"kind":"Field","name":{"kind":"Name","value":"currency"}},{"kind":"Field","name":{"kind":"Name","value":"minorUnits"}}]}}]} as unknown as DocumentNode<MoneyPartsFragment, unknown>;
export const InvoiceLinePartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"InvoiceLineParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"InvoiceLine"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"quantity"}},{"kind":"Field","name":{"kind":"Name","value":"proration"}},{"kind":"Field","name":{"kind":"Name","value":"periodStart"}},{"kind":"Field","name":{"kind":"Name","value":"periodEnd"}},{"kind":"Field","name":{"kind":"Name","value":"amount"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MoneyParts"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"MoneyParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Money"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"amount"}},{"kind":"Field","name":{"kind":"Name","value":"currency"}},{"kind":"Field","name":{"kind":"Name","value":"minorUnits"}}]}}]} as unknown as DocumentNode<InvoiceLinePartsFragment, unknown>;
export const PreviewedBillPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"PreviewedBillParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PreviewedBill"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"lines"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"InvoiceLineParts"}}]}},{"kind":"Field","name":{"kind":"Name","value":"hasMoreLines"}},{"kind":"Field","name":{"kind":"Name","value":"subtotal"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MoneyParts"}}]}},{"kind":"Field","name":{"kind":"Name","value":"discount"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MoneyParts"}}]}},{"kind":"Field","name":{"kind":"Name","value":"tax"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MoneyParts"}}]}},{"kind":"Field","name":{"kind":"Name","value":"total"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MoneyParts"}}]}},{"kind":"Field","name":{"kind":"Name","value":"amountDue"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MoneyParts"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"MoneyParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Money"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"amount"}},{"kind":"Field","name":{"kind":"Name","value":"currency"}},{"kind":"Field","name":{"kind":"Name","value":"minorUnits"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"InvoiceLineParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"InvoiceLine"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"quantity"}},{"kind":"Field","name":{"kind":"Name","value":"proration"}},{"kind":"Field","name":{"kind":"Name","value":"periodStart"}},{"kind":"Field","name":{"kind":"Name","value":"periodEnd"}},{"kind":"Field","name":{"kind":"Name","value":"amount"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MoneyParts"}}]}}]}}]} as unknown as DocumentNode<PreviewedBillPartsFragment, unknown>;
export const UserErrorPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"UserErrorParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"UserError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"operation"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"state"}}]}}]}}]} as unknown as DocumentNode<UserErrorPartsFragment, unknown>;
export const OperationPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"OperationParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"BillingOperation"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"errorCode"}},{"kind":"Field","name":{"kind":"Name","value":"errorMessage"}}]}}]} as unknown as DocumentNode<OperationPartsFragment, unknown>;
export const InvoiceRowFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"InvoiceRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Invoice"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"number"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"dueDate"}},{"kind":"Field","name":{"kind":"Name","value":"periodStart"}},{"kind":"Field","name":{"kind":"Name","value":"periodEnd"}},{"kind":"Field","name":{"kind":"Name","value":"pdfUrl"}},{"kind":"Field","name":{"kind":"Name","value":"total"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MoneyParts"}}]}},{"kind":"Field","name":{"kind":"Name","value":"amountRemaining"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MoneyParts"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"MoneyParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Money"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"amount"}},{"kind":"Field","name":{"kind":"Name","value":"currency"}},{"kind":"Field","name":{"kind":"Name","value":"minorUnits"}}]}}]} as unknown as DocumentNode<InvoiceRowFragment, unknown>;
export const PaymentMethodPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"PaymentMethodParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PaymentMethod"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"summary"}},{"kind":"Field","name":{"kind":"Name","value":"isDefault"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"card"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"brand"}},{"kind":"Field","name":{"kind":"Name","value":"last4"}},{"kind":"Field","name":{"kind":"Name","value":"expMonth"}},{"kind":"Field","name":{"kind":"Name","value":"expYear"}},{"kind":"Field","name":{"kind":"Name","value":"country"}}]}}]}}]} as unknown as DocumentNode<PaymentMethodPartsFragment, unknown>;
export const PlanPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"PlanParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Plan"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"slug"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"features"}},{"kind":"Field","name":{"kind":"Name","value":"isActive"}},{"kind":"Field","name":{"kind":"Name","value":"isPublic"}},{"kind":"Field","name":{"kind":"Name","value":"seatsIncluded"}},{"kind":"Field","name":{"kind":"Name","value":"sortOrder"}},{"kind":"Field","name":{"kind":"Name","value":"trialDays"}},{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","name":{"kind":"Name","value":"price"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MoneyParts"}}]}},{"kind":"Field","name":{"kind":"Name","value":"prices"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"billingInterval"}},{"kind":"Field","name":{"kind":"Name","value":"isActive"}},{"kind":"Field","name":{"kind":"Name","value":"unitAmount"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MoneyParts"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"MoneyParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Money"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"amount"}},{"kind":"Field","name":{"kind":"Name","value":"currency"}},{"kind":"Field","name":{"kind":"Name","value":"minorUnits"}}]}}]} as unknown as DocumentNode<PlanPartsFragment, unknown>;
export const SubscriptionPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"SubscriptionParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Subscription"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"quantity"}},{"kind":"Field","name":{"kind":"Name","value":"currentPeriodStart"}},{"kind":"Field","name":{"kind":"Name","value":"currentPeriodEnd"}},{"kind":"Field","name":{"kind":"Name","value":"trialEnd"}},{"kind":"Field","name":{"kind":"Name","value":"cancelAt"}},{"kind":"Field","name":{"kind":"Name","value":"canceledAt"}},{"kind":"Field","name":{"kind":"Name","value":"isCancellationScheduled"}},{"kind":"Field","name":{"kind":"Name","value":"isCollectionPaused"}},{"kind":"Field","name":{"kind":"Name","value":"pendingChangeExpiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"stripeSubscriptionId"}},{"kind":"Field","name":{"kind":"Name","value":"syncedAt"}},{"kind":"Field","name":{"kind":"Name","value":"plan"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"slug"}},{"kind":"Field","name":{"kind":"Name","value":"billingInterval"}},{"kind":"Field","name":{"kind":"Name","value":"price"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MoneyParts"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"scheduledChange"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"at"}},{"kind":"Field","name":{"kind":"Name","value":"billingInterval"}},{"kind":"Field","name":{"kind":"Name","value":"quantity"}},{"kind":"Field","name":{"kind":"Name","value":"plan"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"discounts"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"stripeCouponId"}},{"kind":"Field","name":{"kind":"Name","value":"stripePromotionCodeId"}},{"kind":"Field","name":{"kind":"Name","value":"endsAt"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"MoneyParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Money"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"amount"}},{"kind":"Field","name":{"kind":"Name","value":"currency"}},{"kind":"Field","name":{"kind":"Name","value":"minorUnits"}}]}}]} as unknown as DocumentNode<SubscriptionPartsFragment, unknown>;
export const AccessPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"AccessParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AccessState"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"level"}},{"kind":"Field","name":{"kind":"Name","value":"reason"}},{"kind":"Field","name":{"kind":"Name","value":"since"}},{"kind":"Field","name":{"kind":"Name","value":"until"}},{"kind":"Field","name":{"kind":"Name","value":"nextAction"}}]}}]} as unknown as DocumentNode<AccessPartsFragment, unknown>;
export const MemberPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"MemberParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Member"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"permissions"}},{"kind":"Field","name":{"kind":"Name","value":"customRole"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"user"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}}]}}]} as unknown as DocumentNode<MemberPartsFragment, unknown>;
export const InvitationPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"InvitationParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Invitation"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"email"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"customRole"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"invitedBy"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}}]}}]} as unknown as DocumentNode<InvitationPartsFragment, unknown>;
export const RolePartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"RoleParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CustomRole"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"permissions"}},{"kind":"Field","name":{"kind":"Name","value":"version"}}]}}]} as unknown as DocumentNode<RolePartsFragment, unknown>;
export const KeyPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"KeyParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ApiKey"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"prefix"}},{"kind":"Field","name":{"kind":"Name","value":"scopes"}},{"kind":"Field","name":{"kind":"Name","value":"allowedAddresses"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastUsedAt"}},{"kind":"Field","name":{"kind":"Name","value":"revokedAt"}},{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","name":{"kind":"Name","value":"user"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}}]}}]} as unknown as DocumentNode<KeyPartsFragment, unknown>;
export const SettingAuthorFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"SettingAuthor"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"User"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}}]} as unknown as DocumentNode<SettingAuthorFragment, unknown>;
export const GeneralPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"GeneralParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"GeneralSettings"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"slug"}},{"kind":"Field","name":{"kind":"Name","value":"locale"}},{"kind":"Field","name":{"kind":"Name","value":"timeZone"}},{"kind":"Field","name":{"kind":"Name","value":"logoUrl"}},{"kind":"Field","name":{"kind":"Name","value":"contacts"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"email"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"updatedBy"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"SettingAuthor"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"SettingAuthor"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"User"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}}]} as unknown as DocumentNode<GeneralPartsFragment, unknown>;
export const BillingPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"BillingParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"BillingSettings"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","name":{"kind":"Name","value":"legalName"}},{"kind":"Field","name":{"kind":"Name","value":"address"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"line1"}},{"kind":"Field","name":{"kind":"Name","value":"line2"}},{"kind":"Field","name":{"kind":"Name","value":"city"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"postalCode"}},{"kind":"Field","name":{"kind":"Name","value":"country"}}]}},{"kind":"Field","name":{"kind":"Name","value":"taxIds"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}},{"kind":"Field","name":{"kind":"Name","value":"billingEmails"}},{"kind":"Field","name":{"kind":"Name","value":"purchaseOrderNumber"}},{"kind":"Field","name":{"kind":"Name","value":"invoiceFooter"}},{"kind":"Field","name":{"kind":"Name","value":"netTerms"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"updatedBy"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"SettingAuthor"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"SettingAuthor"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"User"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}}]} as unknown as DocumentNode<BillingPartsFragment, unknown>;
export const NotificationPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"NotificationParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"NotificationSettings"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","name":{"kind":"Name","value":"events"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"event"}},{"kind":"Field","name":{"kind":"Name","value":"channels"}},{"kind":"Field","name":{"kind":"Name","value":"roles"}},{"kind":"Field","name":{"kind":"Name","value":"addresses"}}]}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"updatedBy"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"SettingAuthor"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"SettingAuthor"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"User"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}}]} as unknown as DocumentNode<NotificationPartsFragment, unknown>;
export const SecurityPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"SecurityParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"SecuritySettings"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","name":{"kind":"Name","value":"ssoRequired"}},{"kind":"Field","name":{"kind":"Name","value":"ssoOptionalForOwners"}},{"kind":"Field","name":{"kind":"Name","value":"ssoProviders"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"issuer"}},{"kind":"Field","name":{"kind":"Name","value":"connection"}}]}},{"kind":"Field","name":{"kind":"Name","value":"mfaRequired"}},{"kind":"Field","name":{"kind":"Name","value":"sessionLifetimeMinutes"}},{"kind":"Field","name":{"kind":"Name","value":"sessionIdleMinutes"}},{"kind":"Field","name":{"kind":"Name","value":"allowedAddresses"}},{"kind":"Field","name":{"kind":"Name","value":"allowedEmailDomains"}},{"kind":"Field","name":{"kind":"Name","value":"keyPolicy"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"allowed"}},{"kind":"Field","name":{"kind":"Name","value":"addressesRequired"}},{"kind":"Field","name":{"kind":"Name","value":"longestLifeDays"}},{"kind":"Field","name":{"kind":"Name","value":"scopes"}}]}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"updatedBy"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"SettingAuthor"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"SettingAuthor"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"User"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}}]} as unknown as DocumentNode<SecurityPartsFragment, unknown>;
export const HistoryPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"HistoryParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"SettingVersionConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"restoredVersion"}},{"kind":"Field","name":{"kind":"Name","value":"author"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"SettingAuthor"}}]}},{"kind":"Field","name":{"kind":"Name","value":"apiKey"},"directives":[{"kind":"Directive","name":{"kind":"Name","value":"include"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"if"},"value":{"kind":"Variable","name":{"kind":"Name","value":"mayKeys"}}}]}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"changes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"oldValue"}},{"kind":"Field","name":{"kind":"Name","value":"newValue"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"SettingAuthor"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"User"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}}]} as unknown as DocumentNode<HistoryPartsFragment, unknown>;
export const EntitlementPartsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"EntitlementParts"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Entitlement"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"feature"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"isEnabled"}},{"kind":"Field","name":{"kind":"Name","value":"isOverride"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"meter"}},{"kind":"Field","name":{"kind":"Name","value":"used"}},{"kind":"Field","name":{"kind":"Name","value":"limit"}},{"kind":"Field","name":{"kind":"Name","value":"limitKind"}},{"kind":"Field","name":{"kind":"Name","value":"forecast"}},{"kind":"Field","name":{"kind":"Name","value":"periodStart"}},{"kind":"Field","name":{"kind":"Name","value":"periodEnd"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}}]} as unknown as DocumentNode<EntitlementPartsFragment, unknown>;
export const PlatformDocument = {"__meta__":{"hash":"sha256:d198489ed201c65ad5825e136c4c6c27ae50959b98f6a894a08a757bf7e66e1a"}} as unknown as DocumentNode<PlatformQuery, PlatformQueryVariables>;
export const StripeEventReplayDocument = {"__meta__":{"hash":"sha256:06092abc80af1810ac3f7fc755c3b9f68eb1e0dd1ef0d019949979a2e2876294"}} as unknown as DocumentNode<StripeEventReplayMutation, StripeEventReplayMutationVariables>;
export const DriftRepairDocument = {"__meta__":{"hash":"sha256:34f000bf29413cf59e5badc3d139cc3face0d36fea558412b4b18029bdb26e85"}} as unknown as DocumentNode<DriftRepairMutation, DriftRepairMutationVariables>;
export const DriftCompareDocument = {"__meta__":{"hash":"sha256:bf9edfb2850c243d2957007a36be049b70dbbba931228c53a83542e4e4011993"}} as unknown as DocumentNode<DriftCompareMutation, DriftCompareMutationVariables>;
export const PlanArchiveDocument = {"__meta__":{"hash":"sha256:7cb9f94102b7ba2786315e463e7d052a3bac881577f912f726b831f84aee891d"}} as unknown as DocumentNode<PlanArchiveMutation, PlanArchiveMutationVariables>;
export const PlanCreateDocument = {"__meta__":{"hash":"sha256:fd1b110b3b4443a06b8b21c61aeda82cfb9cd6f7b6302485fb6881ab275eaa08"}} as unknown as DocumentNode<PlanCreateMutation, PlanCreateMutationVariables>;
export const AuditLogsDocument = {"__meta__":{"hash":"sha256:753fa8fcfe4ef2d2931fa002fd242ab61d10c74d9e9d144f4e9b2d6153dc5976"}} as unknown as DocumentNode<AuditLogsQuery, AuditLogsQueryVariables>;
export const AuditExportDocument = {"__meta__":{"hash":"sha256:ba20719bb3a4c58c44de123cfc5d7dfc9093ad80b80782b0ccbe254586ee41af"}} as unknown as DocumentNode<AuditExportQuery, AuditExportQueryVariables>;
export const BillingOverviewDocument = {"__meta__":{"hash":"sha256:992e8f10da6e63213ff0e3998ae31274909504f40a2e433136f2b5b3d3fdfd5a"}} as unknown as DocumentNode<BillingOverviewQuery, BillingOverviewQueryVariables>;
export const SubscriptionOnlyDocument = {"__meta__":{"hash":"sha256:fb29ea72749c7a7387edb59ecdc5bf7ed51b188c6fa6c3dc99d8202c4d9d247f"}} as unknown as DocumentNode<SubscriptionOnlyQuery, SubscriptionOnlyQueryVariables>;
export const PlansDocument = {"__meta__":{"hash":"sha256:fa3121fe057b7ddb151163493be54a6d61dfcad48ed54678cdd33a4c9b6cb161"}} as unknown as DocumentNode<PlansQuery, PlansQueryVariables>;
export const SubscriptionPreviewChangeDocument = {"__meta__":{"hash":"sha256:29364e60409fea9359da5e341d24ab977b7c7d1ed0589f9683c454ea47d2b2be"}} as unknown as DocumentNode<SubscriptionPreviewChangeQuery, SubscriptionPreviewChangeQueryVariables>;
export const SubscriptionApplyChangeDocument = {"__meta__":{"hash":"sha256:6fe17d490e3254ade3e9eb837d9dbb27e2de90ee5f0bef507d668d64e855942c"}} as unknown as DocumentNode<SubscriptionApplyChangeMutation, SubscriptionApplyChangeMutationVariables>;
export const SubscriptionCreateDocument = {"__meta__":{"hash":"sha256:8f4c501815a84d9a707d27cc0c32457c93da5b484a31bc5d9c7f8cd8701ccadf"}} as unknown as DocumentNode<SubscriptionCreateMutation, SubscriptionCreateMutationVariables>;
export const SubscriptionCancelDocument = {"__meta__":{"hash":"sha256:49fe12790970c19adc387c1c1f44048c09b91a14db935b8fd71f61e033e0def0"}} as unknown as DocumentNode<SubscriptionCancelMutation, SubscriptionCancelMutationVariables>;
export const SubscriptionResumeDocument = {"__meta__":{"hash":"sha256:a4be3e1f699235cc7030e1c33ec32a3cb219cb98cf097b07ab62a0d5e4d21831"}} as unknown as DocumentNode<SubscriptionResumeMutation, SubscriptionResumeMutationVariables>;
export const SubscriptionScheduledChangeRevokeDocument = {"__meta__":{"hash":"sha256:3a8261bef593157d0447be5ff93af3ccef4ad9f77cfaf2b0bb0ebf4227b57b45"}} as unknown as DocumentNode<SubscriptionScheduledChangeRevokeMutation, SubscriptionScheduledChangeRevokeMutationVariables>;
export const BillingOperationDocument = {"__meta__":{"hash":"sha256:afc97c31fda16ec5bdee71f84023e9f975edde611959e0b1f6941235731fd1bb"}} as unknown as DocumentNode<BillingOperationQuery, BillingOperationQueryVariables>;
export const BillingOperationChangedDocument = {"__meta__":{"hash":"sha256:1d0267dda4cc29faaf831b427c46c84907182523aa1fe9e8b15b40b6beb3df73"}} as unknown as DocumentNode<BillingOperationChangedSubscription, BillingOperationChangedSubscriptionVariables>;
export const SubscriptionChangedDocument = {"__meta__":{"hash":"sha256:3de8e32b13b05a0e93f5ca3317e0baefc54b985d7650a3f62a0143059415e697"}} as unknown as DocumentNode<SubscriptionChangedSubscription, SubscriptionChangedSubscriptionVariables>;
export const InvoiceChangedDocument = {"__meta__":{"hash":"sha256:f0d04b2577127768b6c42e69aadce535f73d015f4bbad22728ba0a102de26b29"}} as unknown as DocumentNode<InvoiceChangedSubscription, InvoiceChangedSubscriptionVariables>;
export const PaymentChangedDocument = {"__meta__":{"hash":"sha256:07cf43768a49f0d0c2fb838c3709fc76c5e9cad8e23673088cda981b13e0238b"}} as unknown as DocumentNode<PaymentChangedSubscription, PaymentChangedSubscriptionVariables>;
export const AccessChangedDocument = {"__meta__":{"hash":"sha256:c6b97a837cae4bb953ede68ee04a8130d5a58d2e34de30fb0f8f85bf7cf35103"}} as unknown as DocumentNode<AccessChangedSubscription, AccessChangedSubscriptionVariables>;
export const NotificationAddedDocument = {"__meta__":{"hash":"sha256:8d67b48285f7dae713705497f2b155fe8dc105265f8d028074a32f52567ba22a"}} as unknown as DocumentNode<NotificationAddedSubscription, NotificationAddedSubscriptionVariables>;
export const PaymentMethodsDocument = {"__meta__":{"hash":"sha256:b2bd9660b3b1f59a89866ab650b145c26e7762c714e773a1afa9b9a240354bad"}} as unknown as DocumentNode<PaymentMethodsQuery, PaymentMethodsQueryVariables>;
export const PaymentMethodSetupDocument = {"__meta__":{"hash":"sha256:b5b57ac2f9d85c75fb12f6965d57c35b8bd9d2247cb125dc5e8191c9389fa0e6"}} as unknown as DocumentNode<PaymentMethodSetupMutation, PaymentMethodSetupMutationVariables>;
export const PaymentMethodAttachDocument = {"__meta__":{"hash":"sha256:f7741f7759be1ce1e6d63f4926dbf61ece8e570593ac9bcc9efe491d9dbf75a5"}} as unknown as DocumentNode<PaymentMethodAttachMutation, PaymentMethodAttachMutationVariables>;
export const PaymentMethodSetDefaultDocument = {"__meta__":{"hash":"sha256:76ad2bfca21338e14df0967461d731c0138801efa0902a5b8edb668803e79178"}} as unknown as DocumentNode<PaymentMethodSetDefaultMutation, PaymentMethodSetDefaultMutationVariables>;
export const PaymentMethodDetachDocument = {"__meta__":{"hash":"sha256:a6ea9f6d32b3558af3465c4a4914d1928072b1e1be171a2a66c242bcb634a8c3"}} as unknown as DocumentNode<PaymentMethodDetachMutation, PaymentMethodDetachMutationVariables>;
export const InvoicesDocument = {"__meta__":{"hash":"sha256:228010c7c06c71fdd7958dbbed84c08defd51cb484e1c7f929faa716596b9324"}} as unknown as DocumentNode<InvoicesQuery, InvoicesQueryVariables>;
export const InvoiceDocument = {"__meta__":{"hash":"sha256:7be6b912c2766d5cc90406a3b71cc7033993af0c3c8fed3d99c6086a8760e4a0"}} as unknown as DocumentNode<InvoiceQuery, InvoiceQueryVariables>;
export const InvoicePayDocument = {"__meta__":{"hash":"sha256:55cd3f77ba5d9953537a85e28ce372cdfbe596b913fd5f7d1c771abffb022c53"}} as unknown as DocumentNode<InvoicePayMutation, InvoicePayMutationVariables>;
export const InvoiceSendDocument = {"__meta__":{"hash":"sha256:cf8cec3b43d769cd14230cd084064011f6266fa897b534bd3563683a48fcbd41"}} as unknown as DocumentNode<InvoiceSendMutation, InvoiceSendMutationVariables>;
export const SandboxAddressDocument = {"__meta__":{"hash":"sha256:aa3b2ae8243d7c7a75f9efa7183fc6c0b5108a0cb61c1712552301b491f3343f"}} as unknown as DocumentNode<SandboxAddressQuery, SandboxAddressQueryVariables>;
export const MembersDocument = {"__meta__":{"hash":"sha256:4c94f196f0cb054b63290b6321628b0725f01f1bbb4d35f1de1c88480bf188d3"}} as unknown as DocumentNode<MembersQuery, MembersQueryVariables>;
export const MemberInviteDocument = {"__meta__":{"hash":"sha256:d87bfa5cc127ee5dec803b420c96c027202f64d37ea17611320be2b74d5411c5"}} as unknown as DocumentNode<MemberInviteMutation, MemberInviteMutationVariables>;
export const InvitationRevokeDocument = {"__meta__":{"hash":"sha256:973abf45933a664f3db0b4bf87440f531f082f549027565d002f98673dd28a26"}} as unknown as DocumentNode<InvitationRevokeMutation, InvitationRevokeMutationVariables>;
export const InvitationResendDocument = {"__meta__":{"hash":"sha256:57ca45b004a39c8073b59e6cf078cda462b9aff0c303c5ae95390b832c1db881"}} as unknown as DocumentNode<InvitationResendMutation, InvitationResendMutationVariables>;
export const MemberRoleChangeDocument = {"__meta__":{"hash":"sha256:be0a45abc6a25814cb26e0b8e695c5dc9b13725fb55746e7ef785c21a529b9fc"}} as unknown as DocumentNode<MemberRoleChangeMutation, MemberRoleChangeMutationVariables>;
export const MemberSuspendDocument = {"__meta__":{"hash":"sha256:f85e9a1637118465a2b8f6d05e3889132fcd5a0354d3300ee569896b8ab35659"}} as unknown as DocumentNode<MemberSuspendMutation, MemberSuspendMutationVariables>;
export const MemberReinstateDocument = {"__meta__":{"hash":"sha256:fa17427afc3feaca103ffc3c273e9613ebc1e5f1d705786aa22b711d589ad030"}} as unknown as DocumentNode<MemberReinstateMutation, MemberReinstateMutationVariables>;
export const MemberRemoveDocument = {"__meta__":{"hash":"sha256:210df930b796da678b460442f51221c854ab49de11f568fabedb287faae24c56"}} as unknown as DocumentNode<MemberRemoveMutation, MemberRemoveMutationVariables>;
export const RoleCreateDocument = {"__meta__":{"hash":"sha256:4194dc3bc63130a3b898800d8777d64ff68fcfff9f6163675d4c0a4c388eae76"}} as unknown as DocumentNode<RoleCreateMutation, RoleCreateMutationVariables>;
export const RoleUpdateDocument = {"__meta__":{"hash":"sha256:82443f24d125448afcccf7468514b27c42acd1863ce9a3847321019578826aa2"}} as unknown as DocumentNode<RoleUpdateMutation, RoleUpdateMutationVariables>;
export const RoleDeleteDocument = {"__meta__":{"hash":"sha256:d5b45307074f7b177b7e2cb7bba7ee9dacb8a463f4494e2ef0f23a09646853a9"}} as unknown as DocumentNode<RoleDeleteMutation, RoleDeleteMutationVariables>;
export const ApiKeyCreateDocument = {"__meta__":{"hash":"sha256:0dba34809ff9779edc9d7515a6757581fc1a64d52d29bf62d6309bc95dda5d05"}} as unknown as DocumentNode<ApiKeyCreateMutation, ApiKeyCreateMutationVariables>;
export const ApiKeyRotateDocument = {"__meta__":{"hash":"sha256:b095f98ff7acc9dd7014168f5d5c8f0afdb8d97151d1447e2e741f95acc5c062"}} as unknown as DocumentNode<ApiKeyRotateMutation, ApiKeyRotateMutationVariables>;
export const ApiKeyRevokeDocument = {"__meta__":{"hash":"sha256:866c3c2e7591ad5f51b4308a6823a1805c54f67c3bb8df554e3e06c1afd8066b"}} as unknown as DocumentNode<ApiKeyRevokeMutation, ApiKeyRevokeMutationVariables>;
export const InvitationAcceptDocument = {"__meta__":{"hash":"sha256:ac3cd39c0d05de83e32cf6156b1b71712d3e8a5a630cce1992920234a2129cb9"}} as unknown as DocumentNode<InvitationAcceptMutation, InvitationAcceptMutationVariables>;
export const OverviewDocument = {"__meta__":{"hash":"sha256:283773a399735fccab70a15b02eb0cceefae35f3fb7586682adba4c7dfe7298e"}} as unknown as DocumentNode<OverviewQuery, OverviewQueryVariables>;
export const GeneralSettingsDocument = {"__meta__":{"hash":"sha256:e65ffa0cb1b1ee3877210c33c1792ff9fdee6a70cc98d22b82286b66735a0607"}} as unknown as DocumentNode<GeneralSettingsQuery, GeneralSettingsQueryVariables>;
export const BillingSettingsDocument = {"__meta__":{"hash":"sha256:286a0776a0f50c96da66dbc18d78df48e7c1009553fbb47a5732ca006ed3e476"}} as unknown as DocumentNode<BillingSettingsQuery, BillingSettingsQueryVariables>;
export const NotificationSettingsDocument = {"__meta__":{"hash":"sha256:72efb5d05e61f316cf77f9952ebd9b585357e97e05a0e475589b39fe4fda3dcd"}} as unknown as DocumentNode<NotificationSettingsQuery, NotificationSettingsQueryVariables>;
export const SecuritySettingsDocument = {"__meta__":{"hash":"sha256:38c9570082609871f7001c31be4e2c64386ccdc96c941e7032030a9e2bc7bca0"}} as unknown as DocumentNode<SecuritySettingsQuery, SecuritySettingsQueryVariables>;
export const SettingsGeneralUpdateDocument = {"__meta__":{"hash":"sha256:e7180b3e07b3fdd009e38f41a6c58b71944e30a53013f1e8fe0e0731a361b698"}} as unknown as DocumentNode<SettingsGeneralUpdateMutation, SettingsGeneralUpdateMutationVariables>;
export const SettingsBillingUpdateDocument = {"__meta__":{"hash":"sha256:b4c895a50d67f106fe9490cc88d47ac6ecf4f11c7f60cff8c303034b350d59cb"}} as unknown as DocumentNode<SettingsBillingUpdateMutation, SettingsBillingUpdateMutationVariables>;
export const SettingsNotificationsUpdateDocument = {"__meta__":{"hash":"sha256:c8c051052b780eb0f4817f0f1605e8a6cf7a013f9a522a6e665f891115af4387"}} as unknown as DocumentNode<SettingsNotificationsUpdateMutation, SettingsNotificationsUpdateMutationVariables>;
export const SettingsSecurityUpdateDocument = {"__meta__":{"hash":"sha256:73c5359d16d3aba3cfbc420ca24ccc924801eb26c301e9cd557cb85f6d7c181f"}} as unknown as DocumentNode<SettingsSecurityUpdateMutation, SettingsSecurityUpdateMutationVariables>;
export const SettingsRollbackDocument = {"__meta__":{"hash":"sha256:95fa106fa79885856cac8671d47f3254261954585eff9b2dc5ca04f11f4a4e78"}} as unknown as DocumentNode<SettingsRollbackMutation, SettingsRollbackMutationVariables>;
export const ShellDocument = {"__meta__":{"hash":"sha256:1e80fe0d0482d1ea0fb79a7313ecfb478503038cf83f5e90a3ae54fd5781d0fe"}} as unknown as DocumentNode<ShellQuery, ShellQueryVariables>;
export const NotificationsDocument = {"__meta__":{"hash":"sha256:b9a37e3f870d325cb1599ee8dce409fb62bbdb099b99b6a2c0a506bf8ffdd9e8"}} as unknown as DocumentNode<NotificationsQuery, NotificationsQueryVariables>;
export const NotificationsMarkAllReadDocument = {"__meta__":{"hash":"sha256:a94078f570706dfd5aedfa49e930868cf0f5e51a712012878749da46d4e5cce9"}} as unknown as DocumentNode<NotificationsMarkAllReadMutation, NotificationsMarkAllReadMutationVariables>;
export const UsageDocument = {"__meta__":{"hash":"sha256:72d08c2147f8c913e9284010bcaa038692c02bd4c7759185844cab2bb377b161"}} as unknown as DocumentNode<UsageQuery, UsageQueryVariables>;
export const MeterUsageDocument = {"__meta__":{"hash":"sha256:531b13f3efc23bb04639b5d6e4aaabd634b51046e59d16768e2141442e03e51e"}} as unknown as DocumentNode<MeterUsageQuery, MeterUsageQueryVariables>;