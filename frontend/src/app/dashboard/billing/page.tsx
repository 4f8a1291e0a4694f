import Link from 'next/link';
import { getTranslations } from 'next-intl/server';
import { AccessCard } from '@/components/billing/access-card';
import { BillLines } from '@/components/billing/bill-lines';
import { BillingSummary } from '@/components/billing/billing-summary';
import { InvoiceCard } from '@/components/billing/invoice-card';
import { SubscriptionActions } from '@/components/billing/subscription-actions';
import { SubscriptionCard } from '@/components/billing/subscription-card';
import { buttonClass } from '@/components/ui/button-class';
import { Badge, Card, Notice, PageHeader } from '@/components/ui/card';
import { Money, Time } from '@/components/ui/format';
import { EmptyState, Failure, Incomplete, NoPermission } from '@/components/ui/states';
import { BillingOverviewDocument } from '@/gql/graphql';
import { config } from '@/server/config';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

export async function generateMetadata() {
  return { title: (await getTranslations('navigation'))('billing') };
}

export default async function BillingPage() {
  const t = await getTranslations('billing');
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.organization || !shell.can('BILLING_READ')) return <NoPermission />;
  const { data, missing, refusal } = await load(BillingOverviewDocument, {
    organizationId: shell.organization.id,
  });
  if (refusal) return <Failure refusal={refusal} />;
  const { organization } = data;
  const { subscription, upcomingInvoice, invoices, open, paymentMethods, disputes } = organization;
  const mayChange = shell.can('SUBSCRIPTION_WRITE');
  const method = paymentMethods.find(({ isDefault }) => isDefault) ?? paymentMethods[0];
  return (
    <>
      <PageHeader
        title={t('title')}
        lead={t('lead')}
        actions={
          mayChange && (
            <Link href="/dashboard/billing/plans" prefetch={false} className={buttonClass('primary')}>
              {subscription ? t('changePlan') : t('choosePlan')}
            </Link>
          )
        }
      />
      <div className="grid items-start gap-5 lg:grid-cols-2">
        {missing && (
          <div className="lg:col-span-2">
            <Incomplete refusal={missing} />
          </div>
        )}
        {disputes.nodes.map((dispute) => (
          <div key={dispute.id} className="lg:col-span-2">
            <Notice tone="bad" title={t('dispute')}>
              <Money value={dispute.amount} /> · {dispute.reason}
              {dispute.evidenceDueBy && (
                <>
                  {' · '}
                  {t('evidenceDue')} <Time value={dispute.evidenceDueBy} style="day" />
                </>
              )}
            </Notice>
          </div>
        ))}
        <SubscriptionCard
          subscription={subscription}
          actions={
            mayChange &&
            subscription && (
              <SubscriptionActions
                organizationId={organization.id}
                subscription={subscription}
                publishableKey={config.stripePublishableKey}
              />
            )
          }
        />
        <div className="flex flex-col gap-5">
          <AccessCard
            access={organization.accessState}
            openInvoiceId={open.nodes[0]?.id}
            mayPay={shell.can('BILLING_WRITE')}
          />
          <BillingSummary nextBill={upcomingInvoice} open={open.nodes} openCount={open.totalCount} />
        </div>
        <Card title={t('nextBillLines')}>
          {upcomingInvoice ? (
            <BillLines caption={t('nextBill')} bill={upcomingInvoice} />
          ) : (
            <EmptyState>{t('noNextBill')}</EmptyState>
          )}
        </Card>
        <div className="flex flex-col gap-5">
          <Card
            title={t('paymentMethod')}
            actions={
              <Link href="/dashboard/billing/payment-methods" prefetch={false} className="link">
                {t('manage')}
              </Link>
            }
          >
            {method ? (
              <p className="flex flex-wrap items-center gap-2">
                {method.summary}
                {method.isDefault && <Badge tone="accent">{t('default')}</Badge>}
              </p>
            ) : (
              <p className="text-soft">{t('noPaymentMethod')}</p>
            )}
          </Card>
          <Card
            title={t('latestInvoices')}
            actions={
              <Link href="/dashboard/billing/invoices" prefetch={false} className="link">
                {t('allInvoices', { count: invoices.totalCount })}
              </Link>
            }
          >
            {invoices.nodes.length === 0 && <EmptyState>{t('noInvoices')}</EmptyState>}
            <div className="divide-y divide-line">
              {invoices.nodes.map((invoice) => (
                <InvoiceCard key={invoice.id} invoice={invoice} />
              ))}
            </div>
          </Card>
        </div>
      </div>
    </>
  );
}
