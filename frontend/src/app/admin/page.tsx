import { getTranslations } from 'next-intl/server';
import { DriftList } from '@/components/admin/drift-list';
import { EventFilter } from '@/components/admin/event-filter';
import { EventTable } from '@/components/admin/event-table';
import { PlanTable } from '@/components/admin/plan-table';
import { Badge, Card, Facts, PageHeader } from '@/components/ui/card';
import { Count, Money, Time } from '@/components/ui/format';
import { Pagination } from '@/components/ui/pagination';
import { EmptyState, Failure, NoPermission } from '@/components/ui/states';
import { PlatformDocument, type PlatformQuery, type StripeEventState } from '@/gql/graphql';
import { one, pageOf } from '@/lib/paging';
import { countBy, monthlyRevenue } from '@/lib/revenue';
import { SUBSCRIPTION_TONES } from '@/lib/tones';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

const PATH = '/admin';
const STATES: readonly string[] = [
  'APPLIED',
  'DEAD',
  'IGNORED',
  'PROCESSING',
  'RECEIVED',
] satisfies StripeEventState[];

export async function generateMetadata() {
  return { title: (await getTranslations('navigation'))('admin') };
}

export default async function AdminPage({ searchParams }: PageProps<typeof PATH>) {
  const t = await getTranslations('admin');
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.viewer.isPlatformStaff) return <NoPermission what={t('staffOnly')} />;
  const address = await searchParams;
  const search = { state: one(address.state), type: one(address.type), objectId: one(address.objectId) };
  const { data, refusal } = await load(PlatformDocument, {
    state: STATES.includes(search.state ?? '') ? (search.state as StripeEventState) : null,
    eventFilter: {
      ...(search.type && { type: search.type }),
      ...(search.objectId && { objectId: search.objectId }),
    },
    ...pageOf(address),
  });
  if (refusal) return <Failure refusal={refusal} />;
  const names = Object.fromEntries(data.organizations.nodes.map(({ id, name }) => [id, name]));
  return (
    <>
      <PageHeader title={t('title')} lead={t('lead')} />
      <div className="flex flex-col gap-6">
        <div className="grid items-start gap-5 lg:grid-cols-2">
          <Revenue organizations={data.organizations} />
          <Intake intake={data.stripeIntake} />
        </div>
        <Card title={t('events', { count: data.stripeEvents.totalCount })} flush>
          <div className="px-4 pb-4 sm:px-5">
            <EventFilter path={PATH} values={search} />
          </div>
          {data.stripeEvents.nodes.length === 0 ? (
            <EmptyState>{t('noEvents')}</EmptyState>
          ) : (
            <EventTable events={data.stripeEvents.nodes} />
          )}
          <Pagination path={PATH} search={search} pageInfo={data.stripeEvents.pageInfo} />
        </Card>
        <Card title={t('drift')}>
          {data.billingDrift.nodes.length === 0 ? (
            <EmptyState>{t('noDrift')}</EmptyState>
          ) : (
            <DriftList drifts={data.billingDrift.nodes} names={names} />
          )}
        </Card>
        <Card title={t('plans')} flush>
          <PlanTable plans={data.plans} />
        </Card>
      </div>
    </>
  );
}

async function Revenue({ organizations }: { organizations: PlatformQuery['organizations'] }) {
  const t = await getTranslations('admin');
  const enums = await getTranslations('enums');
  const subscribed = organizations.nodes.flatMap(({ subscription }) => (subscription ? [subscription] : []));
  const sums = monthlyRevenue(organizations.nodes);
  return (
    <Card title={t('revenue')}>
      <Facts
        items={[
          {
            term: t('monthly'),
            value:
              sums.length === 0
                ? '–'
                : sums.map((sum) => (
                    <p key={sum.currency} className="text-lg font-semibold">
                      <Money value={sum} />
                    </p>
                  )),
          },
          { term: t('organizations'), value: <Count value={organizations.totalCount} /> },
          {
            term: t('subscriptions'),
            value: (
              <span className="flex flex-wrap gap-2">
                {countBy(subscribed, ({ status }) => status).map(([status, count]) => (
                  <Badge key={status} tone={SUBSCRIPTION_TONES[status as 'ACTIVE'] ?? 'plain'}>
                    {enums(`SubscriptionStatus.${status as 'ACTIVE'}`)}: {count}
                  </Badge>
                ))}
              </span>
            ),
          },
        ]}
      />
      {organizations.totalCount > organizations.nodes.length && (
        <p className="mt-2 text-sm text-soft">{t('firstOnly', { count: organizations.nodes.length })}</p>
      )}
    </Card>
  );
}

async function Intake({ intake }: { intake: PlatformQuery['stripeIntake'] }) {
  const t = await getTranslations('admin');
  const job = (run: { finishedAt: string | null; error: string | null } | null) =>
    run ? (
      <>
        {run.finishedAt ? <Time value={run.finishedAt} /> : t('running')}
        {run.error && <span className="block text-bad">{run.error}</span>}
      </>
    ) : (
      '–'
    );
  return (
    <Card title={t('intake')}>
      <Facts
        items={[
          {
            term: t('deadLetters'),
            value: (
              <Badge tone={intake.deadLetters > 0 ? 'bad' : 'good'}>
                <Count value={intake.deadLetters} />
              </Badge>
            ),
          },
          { term: t('waiting'), value: <Count value={intake.waiting} /> },
          {
            term: t('lag'),
            value: intake.lagSeconds === null ? '–' : t('seconds', { count: Math.round(intake.lagSeconds) }),
          },
          {
            term: t('openDrifts'),
            value: (
              <Badge tone={intake.openDrifts > 0 ? 'warn' : 'good'}>
                <Count value={intake.openDrifts} />
              </Badge>
            ),
          },
          { term: t('lastSweep'), value: job(intake.lastSweep) },
          { term: t('lastComparison'), value: job(intake.lastComparison) },
          { term: t('apiVersion'), value: intake.versions.library },
        ]}
      />
    </Card>
  );
}
