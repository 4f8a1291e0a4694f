import Link from 'next/link';
import { getTranslations } from 'next-intl/server';
import { meterName } from '@/components/billing/meter-name';
import { UsageMeters } from '@/components/billing/usage-meters';
import { Card, PageHeader } from '@/components/ui/card';
import { EmptyState, Failure, NoPermission } from '@/components/ui/states';
import { KeepFresh } from '@/components/usage/keep-fresh';
import { UsageChart } from '@/components/usage/usage-chart';
import { UsageExport } from '@/components/usage/usage-export';
import { MeterUsageDocument, UsageDocument } from '@/gql/graphql';
import { one } from '@/lib/paging';
import { SPANS, type Span, spanOf, startOf } from '@/lib/usage';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

const PATH = '/dashboard/billing/usage';

export async function generateMetadata() {
  return { title: (await getTranslations('navigation'))('usage') };
}

export default async function UsagePage({ searchParams }: PageProps<typeof PATH>) {
  const t = await getTranslations('usage');
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.organization || !shell.can('SUBSCRIPTION_READ')) return <NoPermission />;
  const organizationId = shell.organization.id;
  const span = spanOf(one((await searchParams).span));
  const { data, refusal } = await load(UsageDocument, { organizationId });
  if (refusal) return <Failure refusal={refusal} />;
  const { granularity } = SPANS[span];
  const since = startOf(span, new Date());
  const charts = await Promise.all(
    data.meters.map(async (meter) => ({
      meter,
      ...(await load(MeterUsageDocument, { organizationId, meter: meter.name, granularity, since })),
    })),
  );
  const metered = data.entitlements.filter(({ kind }) => kind === 'METERED');
  const rows = charts.flatMap(({ meter, data: usage }) =>
    (usage?.usageByMeter.buckets ?? []).map(({ start, end, quantity, events }) => ({
      meter: meter.name,
      start,
      end,
      quantity,
      events,
    })),
  );
  return (
    <>
      <KeepFresh />
      <PageHeader
        title={t('title')}
        lead={t('lead')}
        actions={rows.length > 0 && <UsageExport rows={rows} name={`usage-${span}`} />}
      />
      <div className="flex flex-col gap-6">
        <Card title={t('thisPeriod')}>
          {metered.length === 0 ? (
            <EmptyState>{t('noLimits')}</EmptyState>
          ) : (
            <UsageMeters
              entitlements={metered}
              units={Object.fromEntries(data.meters.map(({ name, unit }) => [name, unit]))}
            />
          )}
        </Card>
        <nav aria-label={t('span')} className="flex flex-wrap gap-2">
          {(Object.keys(SPANS) as Span[]).map((name) => (
            <Link
              key={name}
              href={`${PATH}?span=${name}`}
              prefetch={false}
              aria-current={name === span ? 'true' : undefined}
              className={`inline-flex min-h-9 items-center rounded-md border px-3 ${name === span ? 'border-accent bg-accent-wash text-accent-strong' : 'border-field bg-surface'}`}
            >
              {t(`spans.${name}`)}
            </Link>
          ))}
        </nav>
        {charts.length === 0 && <EmptyState>{t('noMeters')}</EmptyState>}
        {charts.map(({ meter, data: usage, refusal: unread }) => (
          <Card key={meter.id} title={meterName(meter.name)}>
            {meter.description && <p className="text-soft">{meter.description}</p>}
            {unread ? <Failure refusal={unread} /> : <UsageChart usage={usage.usageByMeter} />}
          </Card>
        ))}
      </div>
    </>
  );
}
