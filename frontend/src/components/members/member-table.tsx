'use client';

import { useTranslations } from 'next-intl';
import { useMemo, useState } from 'react';
import { Button } from '@/components/ui/button';
import { Badge, Notice } from '@/components/ui/card';
import { type Column, DataTable } from '@/components/ui/data-table';
import { Dialog } from '@/components/ui/dialog';
import { Time } from '@/components/ui/format';
import {
  type MemberPartsFragment,
  MemberReinstateDocument,
  MemberRemoveDocument,
  MemberRoleChangeDocument,
  MemberSuspendDocument,
  type RolePartsFragment,
} from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { RoleOptions, roleInput, roleValue } from './role-choice';
import { useAction } from './use-action';

type Asked = { what: 'suspend' | 'remove'; member: MemberPartsFragment };

/** Who belongs to the organization, with what role, and what may be done about it. */
export function MemberTable({
  members,
  roles,
  viewerId,
  mayWrite,
}: {
  members: MemberPartsFragment[];
  roles: RolePartsFragment[];
  viewerId: string | undefined;
  mayWrite: boolean;
}) {
  const t = useTranslations('members');
  const enums = useTranslations('enums');
  const actions = useTranslations('actions');
  const { problem, settle } = useAction();
  const [asked, setAsked] = useState<Asked>();
  const change = useChange(MemberRoleChangeDocument, (data) => data.memberRoleChange);
  const suspend = useChange(MemberSuspendDocument, (data) => data.memberSuspend);
  const reinstate = useChange(MemberReinstateDocument, (data) => data.memberReinstate);
  const remove = useChange(MemberRemoveDocument, (data) => data.memberRemove);
  const columns = useMemo((): Column<MemberPartsFragment>[] => {
    const nameOf = ({ user }: MemberPartsFragment) => user.name ?? user.email ?? user.id;
    return [
      {
        id: 'name',
        header: t('name'),
        sortBy: nameOf,
        cell: (member) => (
          <div className="min-w-40">
            <p className="font-medium">{nameOf(member)}</p>
            <p className="text-sm break-all text-soft">{member.user.email}</p>
          </div>
        ),
      },
      {
        id: 'role',
        header: t('role'),
        sortBy: ({ role, customRole }) => customRole?.name ?? role,
        cell: (member) => {
          const isOwner = member.role === 'OWNER';
          if (!mayWrite || isOwner || member.user.id === viewerId) {
            return member.customRole?.name ?? enums(`Role.${member.role}`);
          }
          return (
            <select
              className="field w-auto!"
              aria-label={t('roleOf', { name: nameOf(member) })}
              value={roleValue(member.role, member.customRole?.id)}
              onChange={async ({ target }) =>
                settle(
                  await change.run({
                    memberId: member.id,
                    expectedVersion: member.version,
                    ...roleInput(target.value),
                  }),
                  t('roleChanged'),
                )
              }
            >
              <RoleOptions roles={roles} withOwner={false} />
            </select>
          );
        },
      },
      {
        id: 'status',
        header: t('status'),
        sortBy: ({ status }) => status,
        cell: ({ status }) => (
          <Badge tone={status === 'ACTIVE' ? 'good' : 'warn'}>{enums(`MembershipStatus.${status}`)}</Badge>
        ),
      },
      {
        id: 'since',
        header: t('since'),
        sortBy: ({ createdAt }) => createdAt,
        cell: ({ createdAt }) => <Time value={createdAt} style="day" />,
        wideOnly: true,
      },
      ...(mayWrite
        ? [
            {
              id: 'actions',
              header: t('actions'),
              align: 'end',
              cell: (member) =>
                member.role !== 'OWNER' &&
                member.user.id !== viewerId && (
                  <div className="flex justify-end gap-2">
                    {member.status === 'ACTIVE' ? (
                      <Button small onClick={() => setAsked({ what: 'suspend', member })}>
                        {t('suspend')}
                        <span className="sr-only"> {nameOf(member)}</span>
                      </Button>
                    ) : (
                      <Button
                        small
                        onClick={async () =>
                          settle(
                            await reinstate.run({ memberId: member.id, expectedVersion: member.version }),
                            t('reinstated'),
                          )
                        }
                      >
                        {t('reinstate')}
                        <span className="sr-only"> {nameOf(member)}</span>
                      </Button>
                    )}
                    <Button small look="danger" onClick={() => setAsked({ what: 'remove', member })}>
                      {actions('remove')}
                      <span className="sr-only"> {nameOf(member)}</span>
                    </Button>
                  </div>
                ),
            } satisfies Column<MemberPartsFragment>,
          ]
        : []),
    ];
  }, [t, enums, actions, roles, viewerId, mayWrite, change.run, reinstate.run, settle]);

  const confirm = async ({ what, member }: Asked) => {
    const input = { memberId: member.id, expectedVersion: member.version };
    const isDone =
      what === 'suspend'
        ? settle(await suspend.run(input), t('suspended'))
        : settle(await remove.run(input), t('removed'));
    if (isDone) setAsked(undefined);
  };
  return (
    <>
      {problem && !asked && (
        <div className="p-4">
          <Notice tone="bad" alert>
            {problem}
          </Notice>
        </div>
      )}
      <DataTable caption={t('title')} columns={columns} rows={members} />
      {asked && (
        <Dialog
          open
          onOpenChange={(open) => !open && setAsked(undefined)}
          title={t(`${asked.what}Title`, { name: asked.member.user.name ?? asked.member.user.email ?? '' })}
          lead={t(`${asked.what}Lead`)}
        >
          {problem && (
            <Notice tone="bad" alert>
              {problem}
            </Notice>
          )}
          <div className="mt-4 flex flex-wrap justify-end gap-2">
            <Button onClick={() => setAsked(undefined)}>{actions('cancel')}</Button>
            <Button look="danger" busy={suspend.busy || remove.busy} onClick={() => confirm(asked)}>
              {asked.what === 'suspend' ? t('suspend') : actions('remove')}
            </Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
