'use client';

import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { useMemo } from 'react';
import { type Column, DataTable } from '@/components/ui/data-table';
import { Money, Time } from '@/components/ui/format';
import type { InvoiceRowFragment } from '@/gql/graphql';
import { InvoiceStatusBadge } from './invoice-status';

export function InvoiceTable({ invoices }: { invoices: InvoiceRowFragment[] }) {
  const t = useTranslations('invoices');
  const columns = useMemo(
    (): Column<InvoiceRowFragment>[] => [
      {
        id: 'number',
        header: t('number'),
        cell: ({ id, number }) => (
          <Link
            href={`/dashboard/billing/invoices/${id}`}
            prefetch={false}
            className="link whitespace-nowrap"
          >
            {number ?? t('draft')}
          </Link>
        ),
      },
      {
        id: 'created',
        header: t('created'),
        cell: ({ createdAt }) => <Time value={createdAt} style="day" />,
        wideOnly: true,
      },
      { id: 'status', header: t('status'), cell: ({ status }) => <InvoiceStatusBadge status={status} /> },
      {
        id: 'due',
        header: t('due'),
        cell: ({ dueDate }) => (dueDate ? <Time value={dueDate} style="day" /> : '–'),
        wideOnly: true,
      },
      { id: 'total', header: t('total'), cell: ({ total }) => <Money value={total} />, align: 'end' },
      {
        id: 'pdf',
        header: 'PDF',
        cell: ({ pdfUrl, number }) =>
          pdfUrl ? (
            <a href={pdfUrl} target="_blank" rel="noreferrer" className="link">
              PDF<span className="sr-only"> {number}</span>
            </a>
          ) : (
            '–'
          ),
        wideOnly: true,
      },
    ],
    [t],
  );
  return <DataTable caption={t('title')} columns={columns} rows={invoices} />;
}
