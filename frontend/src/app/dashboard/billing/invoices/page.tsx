import { getTranslations } from 'next-intl/server';
import { InvoiceFilter } from '@/components/billing/invoice-filter';
import { InvoiceTable } from '@/components/billing/invoice-table';
import { Card, PageHeader } from '@/components/ui/card';
import { Pagination } from '@/components/ui/pagination';
import { EmptyState, Failure, NoPermission } from '@/components/ui/states';
import { type InvoiceStatusFilter, InvoicesDocument } from '@/gql/graphql';
import { one, pageOf } from '@/lib/paging';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

const PATH = '/dashboard/billing/invoices';
const STATUSES: readonly string[] = [
  'DRAFT',
  'OPEN',
  'PAID',
  'UNCOLLECTIBLE',
  'VOID',
] satisfies InvoiceStatusFilter[];

export async function generateMetadata() {
  return { title: (await getTranslations('navigation'))('invoices') };
}

export default async function InvoicesPage({ searchParams }: PageProps<typeof PATH>) {
  const t = await getTranslations('invoices');
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.organization || !shell.can('BILLING_READ')) return <NoPermission />;
  const address = await searchParams;
  const search = {
    status: one(address.status),
    number: one(address.number),
    since: one(address.since),
    until: one(address.until),
  };
  const { data, refusal } = await load(InvoicesDocument, {
    organizationId: shell.organization.id,
    filter: {
      ...(search.status &&
        STATUSES.includes(search.status) && { status: [search.status as InvoiceStatusFilter] }),
      ...(search.number && { number: search.number }),
      ...(isDay(search.since) && { createdSince: `${search.since}T00:00:00Z` }),
      ...(isDay(search.until) && { createdUntil: `${search.until}T23:59:59Z` }),
    },
    ...pageOf(address),
  });
  const isFiltered = Object.values(search).some(Boolean);
  return (
    <>
      <PageHeader title={t('title')} lead={t('lead')} />
      <div className="flex flex-col gap-5">
        <InvoiceFilter path={PATH} values={search} />
        {refusal ? (
          <Failure refusal={refusal} />
        ) : (
          <Card title={t('count', { count: data.invoices.totalCount })} flush>
            {data.invoices.nodes.length === 0 ? (
              <EmptyState>{isFiltered ? t('noneFound') : t('none')}</EmptyState>
            ) : (
              <InvoiceTable invoices={data.invoices.nodes} />
            )}
            <Pagination path={PATH} search={search} pageInfo={data.invoices.pageInfo} />
          </Card>
        )}
      </div>
    </>
  );
}

function isDay(text: string | undefined): text is string {
  return text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}
