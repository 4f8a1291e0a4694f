import { getTranslations } from 'next-intl/server';
import { AuditExport } from '@/components/audit/audit-export';
import { AuditLogFilter } from '@/components/audit/audit-log-filter';
import { AuditLogTable } from '@/components/audit/audit-log-table';
import { Card, PageHeader } from '@/components/ui/card';
import { Pagination } from '@/components/ui/pagination';
import { EmptyState, Failure, NoPermission } from '@/components/ui/states';
import { AuditLogsDocument } from '@/gql/graphql';
import { auditFilter, auditSearch } from '@/lib/audit-filter';
import { pageOf } from '@/lib/paging';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

const PATH = '/dashboard/audit';

export async function generateMetadata() {
  return { title: (await getTranslations('navigation'))('audit') };
}

export default async function AuditPage({ searchParams }: PageProps<typeof PATH>) {
  const t = await getTranslations('audit');
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.organization || !shell.can('AUDIT_READ')) return <NoPermission />;
  const organizationId = shell.organization.id;
  const address = await searchParams;
  const search = auditSearch(address);
  const mayKeys = shell.can('KEYS_READ');
  const { data, refusal } = await load(AuditLogsDocument, {
    organizationId,
    filter: auditFilter(search),
    ...pageOf(address, 25),
    mayKeys,
    mayMembers: shell.can('MEMBERS_READ'),
  });
  const people = (data?.members?.nodes ?? []).map(({ user }) => ({
    id: user.id,
    name: user.name ?? user.email ?? user.id,
  }));
  return (
    <>
      <PageHeader
        title={t('title')}
        lead={t('lead')}
        actions={data && <AuditExport organizationId={organizationId} search={search} mayKeys={mayKeys} />}
      />
      <div className="flex flex-col gap-5">
        <AuditLogFilter path={PATH} values={search} people={people} />
        {refusal ? (
          <Failure refusal={refusal} />
        ) : (
          <Card title={t('count', { count: data.auditLogs.totalCount })} flush>
            {data.auditLogs.nodes.length === 0 ? (
              <EmptyState>{t('none')}</EmptyState>
            ) : (
              <AuditLogTable entries={data.auditLogs.nodes} />
            )}
            <Pagination path={PATH} search={search} pageInfo={data.auditLogs.pageInfo} />
          </Card>
        )}
      </div>
    </>
  );
}
