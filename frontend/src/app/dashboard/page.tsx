import Link from 'next/link';
import { getTranslations } from 'next-intl/server';
import { Actor } from '@/components/audit/actor';
import { AccessCard } from '@/components/billing/access-card';
import { BillingSummary } from '@/components/billing/billing-summary';
import { SubscriptionCard } from '@/components/billing/subscription-card';
import { UsageMeters } from '@/components/billing/usage-meters';
import { Badge, Card, PageHeader } from '@/components/ui/card';
import { Count, Time } from '@/components/ui/format';
import { EmptyState, Failure, Incomplete } from '@/components/ui/states';
import { OverviewDocument } from '@/gql/graphql';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

export async function generateMetadata() {
  return { title: (await getTranslations('navigation'))('overview') };
}

export default async function OverviewPage() {
  const t = await getTranslations('overview');
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.organization) return <NoOrganization isStaff={shell.viewer.isPlatformStaff} />;
  const mayBilling = shell.can('BILLING_READ');
  const mayAudit = shell.can('AUDIT_READ');
  const maySubscription = shell.can('SUBSCRIPTION_READ');
  const { data, missing, refusal } = await load(OverviewDocument, {
    organizationId: shell.organization.id,
    mayBilling,
    mayAudit,
    maySubscription,
  });
  if (refusal) return <Failure refusal={refusal} />;
  const { organization } = data;
  const invoices = organization.invoices;
  const metered = (data.entitlements ?? []).filter(({ kind }) => kind === 'METERED');
  return (
    <>
      <PageHeader title={organization.name} lead={t('lead')} />
      <div className="grid gap-5 lg:grid-cols-2">
        {missing && (
          <div className="lg:col-span-2">
            <Incomplete refusal={missing} />
          </div>
        )}
        <AccessCard
          access={organization.accessState}
          openInvoiceId={invoices?.nodes[0]?.id}
          mayPay={shell.can('BILLING_WRITE')}
        />
        <SubscriptionCard subscription={organization.subscription} />
        {mayBilling && (
          <BillingSummary
            nextBill={organization.upcomingInvoice ?? null}
            open={invoices?.nodes ?? []}
            openCount={invoices?.totalCount ?? 0}
          />
        )}
        {maySubscription && (
          <Card
            title={t('usage')}
            actions={
              <Link href="/dashboard/billing/usage" prefetch={false} className="link">
                {t('details')}
              </Link>
            }
          >
            {metered.length > 0 ? (
              <UsageMeters entitlements={metered} />
            ) : (
              <EmptyState>{t('noUsage')}</EmptyState>
            )}
          </Card>
        )}
        {shell.can('MEMBERS_READ') && (
          <Card
            title={t('members')}
            actions={
              <Link
                href={`/dashboard/organizations/${organization.id}/members`}
                prefetch={false}
                className="link"
              >
                {t('details')}
              </Link>
            }
          >
            <p className="text-2xl font-semibold">
              <Count value={organization.members.totalCount} />
            </p>
          </Card>
        )}
        {mayAudit && (
          <Card
            title={t('activity')}
            className="lg:col-span-2"
            actions={
              <Link href="/dashboard/audit" prefetch={false} className="link">
                {t('details')}
              </Link>
            }
          >
            {organization.auditLogs?.nodes.length === 0 && <EmptyState>{t('noActivity')}</EmptyState>}
            <ul className="flex flex-col divide-y divide-line">
              {organization.auditLogs?.nodes.map((entry) => (
                <li
                  key={entry.id}
                  className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 py-2"
                >
                  <span className="min-w-0 break-words">
                    <code className="text-sm">{entry.action}</code>{' '}
                    <span className="text-soft">
                      <Actor kind={entry.actorKind} user={entry.user} />
                    </span>
                  </span>
                  <span className="flex items-center gap-3 text-sm text-soft">
                    {entry.outcome === 'FAILURE' && <Badge tone="bad">{t('failed')}</Badge>}
                    <Time value={entry.createdAt} />
                  </span>
                </li>
              ))}
            </ul>
          </Card>
        )}
      </div>
    </>
  );
}

async function NoOrganization({ isStaff }: { isStaff: boolean }) {
  const t = await getTranslations('overview');
  return (
    <>
      <PageHeader title={t('welcome')} />
      <EmptyState
        action={
          isStaff && (
            <Link href="/admin" className="link">
              {t('toAdmin')}
            </Link>
          )
        }
      >
        {t('noOrganization')}
      </EmptyState>
    </>
  );
}
