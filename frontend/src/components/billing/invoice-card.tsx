import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { Money, Time } from '@/components/ui/format';
import type { InvoiceRowFragment } from '@/gql/graphql';
import { InvoiceStatusBadge } from './invoice-status';

/** One invoice among others: its number, what it comes to, its state, and where its PDF is. */
export function InvoiceCard({ invoice }: { invoice: InvoiceRowFragment }) {
  const t = useTranslations('invoices');
  return (
    <article className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 py-3">
      <div className="min-w-0">
        <Link href={`/dashboard/billing/invoices/${invoice.id}`} prefetch={false} className="link">
          {invoice.number ?? t('draft')}
        </Link>
        <p className="text-sm text-soft">
          <Time value={invoice.createdAt} style="day" />
          {invoice.dueDate && invoice.status === 'OPEN' && (
            <>
              {' · '}
              {t('due')} <Time value={invoice.dueDate} style="day" />
            </>
          )}
        </p>
      </div>
      <div className="flex items-center gap-3">
        <span className="font-medium">
          <Money value={invoice.total} />
        </span>
        <InvoiceStatusBadge status={invoice.status} />
        {invoice.pdfUrl && (
          <a href={invoice.pdfUrl} target="_blank" rel="noreferrer" className="link text-sm">
            PDF<span className="sr-only"> {invoice.number}</span>
          </a>
        )}
      </div>
    </article>
  );
}
