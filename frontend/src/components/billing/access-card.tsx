import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { buttonClass } from '@/components/ui/button-class';
import { Badge, Card } from '@/components/ui/card';
import { Time } from '@/components/ui/format';
import type { AccessAction, AccessPartsFragment } from '@/gql/graphql';
import { ACCESS_TONES } from '@/lib/tones';

/** What the organization may use, why, until when, and what a person can do about it. */
export function AccessCard({
  access,
  openInvoiceId,
  mayPay,
}: {
  access: AccessPartsFragment;
  /** The invoice that is due, when the next action is to pay. */
  openInvoiceId?: string;
  mayPay: boolean;
}) {
  const t = useTranslations('billing');
  const enums = useTranslations('enums');
  const { level, reason, since, until, nextAction } = access;
  const href = mayPay ? placeOf(nextAction, openInvoiceId) : undefined;
  return (
    <Card
      title={t('access')}
      actions={<Badge tone={ACCESS_TONES[level]}>{enums(`AccessLevel.${level}`)}</Badge>}
    >
      <p>{enums(`AccessReason.${reason}`)}</p>
      <p className="mt-1 text-sm text-soft">
        {since && (
          <>
            {t('since')} <Time value={since} style="day" />
          </>
        )}
        {since && until && ' · '}
        {until && (
          <>
            {t('until')} <Time value={until} style="day" />
          </>
        )}
      </p>
      {nextAction !== 'NONE' && (
        <p className="mt-3">
          {href ? (
            <Link href={href} className={buttonClass('primary')}>
              {enums(`AccessAction.${nextAction}`)}
            </Link>
          ) : (
            <span>
              {t('nextAction')}: {enums(`AccessAction.${nextAction}`)}
            </span>
          )}
        </p>
      )}
    </Card>
  );
}

function placeOf(action: AccessAction, openInvoiceId: string | undefined): string | undefined {
  switch (action) {
    case 'ADD_PAYMENT_METHOD':
      return '/dashboard/billing/payment-methods';
    case 'PAY_INVOICE':
    case 'CONFIRM_PAYMENT':
      return openInvoiceId
        ? `/dashboard/billing/invoices/${openInvoiceId}`
        : '/dashboard/billing/invoices?status=OPEN';
    case 'RESUME':
    case 'SUBSCRIBE':
    case 'UPGRADE':
      return '/dashboard/billing/plans';
    default:
      return undefined;
  }
}
