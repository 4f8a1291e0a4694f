import { getTranslations } from 'next-intl/server';
import { ApiKeys } from '@/components/members/api-keys';
import { CustomRoles } from '@/components/members/custom-roles';
import { Invitations } from '@/components/members/invitations';
import { MemberTable } from '@/components/members/member-table';
import { Card, PageHeader } from '@/components/ui/card';
import { Failure, NoPermission } from '@/components/ui/states';
import { MembersDocument } from '@/gql/graphql';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

export async function generateMetadata() {
  return { title: (await getTranslations('navigation'))('members') };
}

export default async function MembersPage({ params }: PageProps<'/dashboard/organizations/[id]/members'>) {
  const t = await getTranslations('members');
  const { id: organizationId } = await params;
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.can('MEMBERS_READ')) return <NoPermission />;
  const mayKeys = shell.can('KEYS_READ');
  const { data, refusal } = await load(MembersDocument, { organizationId, mayKeys });
  if (refusal) return <Failure refusal={refusal} />;
  const mayWrite = shell.can('MEMBERS_WRITE');
  const granted = shell.viewer.permissions ?? [];
  return (
    <>
      <PageHeader title={t('title')} lead={t('lead')} />
      <div className="flex flex-col gap-6">
        <Card title={t('count', { count: data.members.totalCount })} flush>
          <MemberTable
            members={data.members.nodes}
            roles={data.roles}
            viewerId={shell.viewer.user?.id}
            mayWrite={mayWrite}
          />
        </Card>
        <Invitations
          organizationId={organizationId}
          invitations={data.invitations.nodes}
          roles={data.roles}
          mayWrite={mayWrite}
        />
        <CustomRoles
          organizationId={organizationId}
          roles={data.roles}
          granted={granted}
          mayWrite={shell.can('ROLES_WRITE')}
        />
        {mayKeys && (
          <div id="api-keys">
            <ApiKeys
              organizationId={organizationId}
              keys={data.apiKeys?.nodes ?? []}
              granted={granted}
              mayWrite={shell.can('KEYS_WRITE')}
            />
          </div>
        )}
      </div>
    </>
  );
}
