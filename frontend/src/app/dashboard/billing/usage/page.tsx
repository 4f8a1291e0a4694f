import { UTCDate } from '@date-fns/utc';
import { formatISO, getDate, getDaysInMonth, startOfMonth, subDays } from 'date-fns';
import Link from 'next/link';
import { getTranslations } from 'next-intl/server';
import { meterName } from '@/components/billing/meter-name';
import { UsageMeters } from '@/components/billing/usage-meters';
import { Card, PageHeader } from '@/components/ui/card';
import { EmptyState, Failure, NoPermission } from '@/components/ui/states';
import { UsageChart } from '@/components/usage/usage-chart';
import { UsageExport } from '@/components/usage/usage-export';
import { UsageDocument } from '@/gql/graphql';
import { one } from '@/lib/paging';
import { daysOf, limitOf, metersOf } from '@/lib/usage';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

const PATH = '/dashboard/billing/usage';
const SPANS = [7, 30, 90] as const;

export async function generateMetadata() {
  return { title: (await getTranslations('navigation'))('usage') };
}

const toDay = (date: Date) => formatISO(date, { representation: 'date' });

export default async function UsagePage({ searchParams }: PageProps<typeof PATH>) {
  const t = await getTranslations('usage');
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.organization || !shell.can('BILLING_READ')) return <NoPermission />;
  const span = spanOf((await searchParams).days);
  // Days are counted in UTC, as the gateway counts them.
  const today = new UTCDate();
  const since = toDay(subDays(today, span - 1));
  const until = toDay(today);
  const { data, refusal } = await load(UsageDocument, {
    organizationId: shell.organization.id,
    since,
    until,
    monthStart: toDay(startOfMonth(today)),
  });
  const plan = data?.organization.subscription?.plan;
  const month = data ? metersOf(data.month, plan?.features) : [];
  const share = getDate(today) / getDaysInMonth(today);
  const meters = data ? [...new Set(data.usage.map(({ meter }) => meter))].sort() : [];
  return (
    <>
      <PageHeader
        title={t('title')}
        lead={t('lead')}
        actions={
          data && data.usage.length > 0 && <UsageExport days={data.usage} name={`usage-${since}-${until}`} />
        }
      />
      {refusal ? (
        <Failure refusal={refusal} />
      ) : (
        <div className="flex flex-col gap-6">
          <Card title={t('thisMonth')}>
            {month.length === 0 ? (
              <EmptyState>{t('none')}</EmptyState>
            ) : (
              <UsageMeters
                meters={month.map((meter) => ({ ...meter, forecast: Math.round(meter.used / share) }))}
              />
            )}
          </Card>
          <nav aria-label={t('span')} className="flex flex-wrap gap-2">
            {SPANS.map((days) => (
              <Link
                key={days}
                href={`${PATH}?days=${days}`}
                prefetch={false}
                aria-current={days === span ? 'true' : undefined}
                className={`inline-flex min-h-9 items-center rounded-md border px-3 ${days === span ? 'border-accent bg-accent-wash text-accent-strong' : 'border-field bg-surface'}`}
              >
                {t('days', { count: days })}
              </Link>
            ))}
          </nav>
          {meters.length === 0 && <EmptyState>{t('none')}</EmptyState>}
          {meters.map((meter) => (
            <Card key={meter} title={meterName(meter)}>
              <UsageChart
                meter={meter}
                days={daysOf(data.usage, meter, since, until)}
                limit={limitOf(meter, plan?.features)}
              />
            </Card>
          ))}
        </div>
      )}
    </>
  );
}

function spanOf(value: string | string[] | undefined): (typeof SPANS)[number] {
  return SPANS.find((days) => String(days) === one(value)) ?? 30;
}
