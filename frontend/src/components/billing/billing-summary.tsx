import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { Card, Facts } from '@/components/ui/card';
import { Money, Time } from '@/components/ui/format';
import type { InvoiceRowFragment, MoneyPartsFragment } from '@/gql/graphql';
import { InvoiceStatusBadge } from './invoice-status';

/** What comes next and what is due: the next bill, and the invoices that are open. */
export function BillingSummary({
  nextBill,
  open,
  openCount,
}: {
  nextBill: { amountDue: MoneyPartsFragment; dueAt: string | null; periodEnd: string } | null;
  open: InvoiceRowFragment[];
  openCount: number;
}) {
  const t = useTranslations('billing');
  return (
    <Card title={t('summary')}>
      <Facts
        items={[
          {
            term: t('nextBill'),
            value: nextBill ? (
              <>
                <span className="text-lg font-semibold">
                  <Money value={nextBill.amountDue} />
                </span>{' '}
                <span className="text-soft">
                  {t('onDay')} <Time value={nextBill.dueAt ?? nextBill.periodEnd} style="day" />
                </span>
              </>
            ) : (
              <span className="text-soft">{t('noNextBill')}</span>
            ),
          },
          { term: t('openInvoices'), value: t('openCount', { count: openCount }) },
        ]}
      />
      {open.length > 0 && (
        <ul className="mt-3 flex flex-col divide-y divide-line border-t border-line">
          {open.map((invoice) => (
            <li key={invoice.id} className="flex flex-wrap items-center justify-between gap-2 py-2">
              <Link href={`/dashboard/billing/invoices/${invoice.id}`} prefetch={false} className="link">
                {invoice.number ?? t('draft')}
              </Link>
              <span className="flex items-center gap-3">
                <Money value={invoice.amountRemaining} />
                <InvoiceStatusBadge status={invoice.status} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
