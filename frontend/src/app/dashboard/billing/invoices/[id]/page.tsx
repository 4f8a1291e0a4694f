import Link from 'next/link';
import { getTranslations } from 'next-intl/server';
import { BillLines } from '@/components/billing/bill-lines';
import { InvoicePayment } from '@/components/billing/invoice-payment';
import { InvoiceStatusBadge } from '@/components/billing/invoice-status';
import { buttonClass } from '@/components/ui/button-class';
import { Badge, Card, Facts, PageHeader } from '@/components/ui/card';
import { Money, Time } from '@/components/ui/format';
import { EmptyState, Failure, NoPermission } from '@/components/ui/states';
import { InvoiceDocument, PaymentMethodsDocument } from '@/gql/graphql';
import { PAYMENT_TONES } from '@/lib/tones';
import { config } from '@/server/config';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

export async function generateMetadata() {
  return { title: (await getTranslations('invoices'))('invoice') };
}

export default async function InvoicePage({ params }: PageProps<'/dashboard/billing/invoices/[id]'>) {
  const t = await getTranslations('invoices');
  const enums = await getTranslations('enums');
  const { id } = await params;
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.organization || !shell.can('BILLING_READ')) return <NoPermission />;
  const mayPay = shell.can('BILLING_WRITE');
  const [{ data, refusal }, methods] = await Promise.all([
    load(InvoiceDocument, { id }),
    mayPay ? load(PaymentMethodsDocument, { organizationId: shell.organization.id }) : undefined,
  ]);
  if (refusal) return <Failure refusal={refusal} />;
  const { invoice } = data;
  const isOpen = invoice.status === 'OPEN';
  return (
    <>
      <p className="mb-2">
        <Link href="/dashboard/billing/invoices" prefetch={false} className="link text-sm">
          {t('back')}
        </Link>
      </p>
      <PageHeader
        title={
          <span className="flex flex-wrap items-center gap-3">
            {invoice.number ?? t('draft')} <InvoiceStatusBadge status={invoice.status} />
          </span>
        }
        actions={
          <>
            {invoice.pdfUrl && (
              <a href={invoice.pdfUrl} target="_blank" rel="noreferrer" className={buttonClass('plain')}>
                {t('pdf')}
              </a>
            )}
            {invoice.hostedUrl && (
              <a href={invoice.hostedUrl} target="_blank" rel="noreferrer" className={buttonClass('plain')}>
                {t('hosted')}
              </a>
            )}
          </>
        }
      />
      <div className="grid items-start gap-5 lg:grid-cols-[2fr_1fr]">
        <div className="flex min-w-0 flex-col gap-5">
          <Card>
            <BillLines caption={t('lines')} bill={invoice} />
          </Card>
          <Card title={t('payments')}>
            {invoice.payments.length === 0 && <EmptyState>{t('noPayments')}</EmptyState>}
            <ul className="flex flex-col divide-y divide-line">
              {invoice.payments.map((payment) => (
                <li key={payment.id} className="py-3">
                  <div className="flex flex-wrap items-center justify-between gap-2">
                    <span>
                      <Money value={payment.amount} />{' '}
                      <span className="text-soft">
                        {payment.paymentMethod} · <Time value={payment.createdAt} />
                      </span>
                    </span>
                    <Badge tone={PAYMENT_TONES[payment.status] ?? 'plain'}>
                      {enums(`PaymentStatus.${payment.status}`)}
                    </Badge>
                  </div>
                  {payment.failure && <p className="mt-1 text-sm text-bad">{payment.failure.message}</p>}
                  {payment.attempts.length > 1 && (
                    <details className="mt-1">
                      <summary className="disclosure">
                        {t('attempts', { count: payment.attempts.length })}
                      </summary>
                      <ul className="mt-1 text-sm">
                        {payment.attempts.map((attempt) => (
                          <li key={attempt.stripeChargeId} className="flex flex-wrap gap-2 py-0.5">
                            <Time value={attempt.createdAt} />
                            <span>{enums(`PaymentAttemptStatus.${attempt.status}`)}</span>
                            <span className="text-soft">
                              {attempt.failure?.message ?? attempt.paymentMethod}
                            </span>
                          </li>
                        ))}
                      </ul>
                    </details>
                  )}
                </li>
              ))}
            </ul>
          </Card>
          {invoice.creditNotes.length > 0 && (
            <Card title={t('creditNotes')}>
              <ul className="flex flex-col divide-y divide-line">
                {invoice.creditNotes.map((note) => (
                  <li key={note.id} className="flex flex-wrap items-center justify-between gap-2 py-3">
                    <span>
                      {note.number} <span className="text-soft">{note.memo ?? note.reason}</span>
                    </span>
                    <span className="flex items-center gap-3">
                      <Money value={note.amount} />
                      <Badge>{enums(`CreditNoteStatus.${note.status}`)}</Badge>
                      {note.pdfUrl && (
                        <a href={note.pdfUrl} target="_blank" rel="noreferrer" className="link">
                          PDF<span className="sr-only"> {note.number}</span>
                        </a>
                      )}
                    </span>
                  </li>
                ))}
              </ul>
            </Card>
          )}
        </div>
        <div className="flex min-w-0 flex-col gap-5">
          {isOpen && mayPay && (
            <InvoicePayment
              invoiceId={invoice.id}
              organizationId={shell.organization.id}
              amount={invoice.amountRemaining}
              clientSecret={invoice.clientSecret}
              methods={methods?.data?.paymentMethods ?? []}
              publishableKey={config.stripePublishableKey}
            />
          )}
          <Card title={t('details')}>
            <Facts
              items={[
                { term: t('period'), value: <Period start={invoice.periodStart} end={invoice.periodEnd} /> },
                { term: t('created'), value: <Time value={invoice.createdAt} /> },
                ...(invoice.dueDate
                  ? [{ term: t('due'), value: <Time value={invoice.dueDate} style="day" /> }]
                  : []),
                ...(invoice.paidAt ? [{ term: t('paid'), value: <Time value={invoice.paidAt} /> }] : []),
                { term: t('amountPaid'), value: <Money value={invoice.amountPaid} /> },
                { term: t('amountRemaining'), value: <Money value={invoice.amountRemaining} /> },
                ...(isOpen && invoice.nextPaymentAttemptAt
                  ? [{ term: t('nextAttempt'), value: <Time value={invoice.nextPaymentAttemptAt} /> }]
                  : []),
                { term: t('synced'), value: <Time value={invoice.syncedAt} /> },
              ]}
            />
          </Card>
        </div>
      </div>
    </>
  );
}

function Period({ start, end }: { start: string; end: string }) {
  return (
    <>
      <Time value={start} style="day" /> – <Time value={end} style="day" />
    </>
  );
}
