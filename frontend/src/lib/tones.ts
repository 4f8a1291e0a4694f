import type { Tone } from '@/components/ui/card';
import type {
  AccessLevel,
  AuditOutcome,
  InvoiceStatus,
  PaymentStatus,
  SubscriptionStatus,
} from '@/gql/graphql';

/** The colours of states. A state that is added later is plain until somebody decides. */
export const INVOICE_TONES: Partial<Record<InvoiceStatus, Tone>> = {
  PAID: 'good',
  OPEN: 'warn',
  UNCOLLECTIBLE: 'bad',
};

export const SUBSCRIPTION_TONES: Partial<Record<SubscriptionStatus, Tone>> = {
  ACTIVE: 'good',
  TRIALING: 'accent',
  PAST_DUE: 'warn',
  INCOMPLETE: 'warn',
  PAUSED: 'warn',
  UNPAID: 'bad',
  UNKNOWN: 'warn',
};

export const ACCESS_TONES: Record<AccessLevel, Tone> = { FULL: 'good', LIMITED: 'warn', NONE: 'bad' };

export const PAYMENT_TONES: Partial<Record<PaymentStatus, Tone>> = {
  SUCCEEDED: 'good',
  FAILED: 'bad',
  REQUIRES_ACTION: 'warn',
  PENDING: 'warn',
};

export const OUTCOME_TONES: Record<AuditOutcome, Tone> = { SUCCESS: 'good', FAILURE: 'bad' };
