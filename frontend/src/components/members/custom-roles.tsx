'use client';

import dynamic from 'next/dynamic';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Card, Notice } from '@/components/ui/card';
import { EmptyState } from '@/components/ui/states';
import { type Permission, RoleDeleteDocument, type RolePartsFragment } from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { useAction } from './use-action';

/** Loaded when it is opened. */
const RoleDialog = dynamic(() => import('./role-dialog').then((loaded) => loaded.RoleDialog), { ssr: false });

/** The organization's own roles: sets of permissions with a name. */
export function CustomRoles({
  organizationId,
  roles,
  granted,
  mayWrite,
}: {
  organizationId: string;
  roles: RolePartsFragment[];
  granted: readonly Permission[];
  mayWrite: boolean;
}) {
  const t = useTranslations('roles');
  const enums = useTranslations('enums');
  const actions = useTranslations('actions');
  const { problem, settle } = useAction();
  const [editing, setEditing] = useState<RolePartsFragment | 'new'>();
  const remove = useChange(RoleDeleteDocument, (data) => data.roleDelete);
  return (
    <Card
      title={t('title')}
      actions={
        mayWrite && (
          <Button small onClick={() => setEditing('new')}>
            {t('add')}
          </Button>
        )
      }
    >
      {problem && (
        <Notice tone="bad" alert>
          {problem}
        </Notice>
      )}
      {roles.length === 0 && <EmptyState>{t('none')}</EmptyState>}
      <ul className="flex flex-col divide-y divide-line">
        {roles.map((role) => (
          <li key={role.id} className="flex flex-wrap items-start justify-between gap-3 py-3">
            <div className="min-w-0 grow">
              <p className="font-medium">{role.name}</p>
              <p className="text-soft">{role.description}</p>
              <p className="text-sm text-soft">
                {role.permissions.map((permission) => enums(`Permission.${permission}`)).join(' · ')}
              </p>
            </div>
            {mayWrite && (
              <div className="flex gap-2">
                <Button small onClick={() => setEditing(role)}>
                  {actions('edit')}
                  <span className="sr-only"> {role.name}</span>
                </Button>
                <Button
                  small
                  look="danger"
                  onClick={async () =>
                    settle(await remove.run({ roleId: role.id, expectedVersion: role.version }), t('removed'))
                  }
                >
                  {actions('remove')}
                  <span className="sr-only"> {role.name}</span>
                </Button>
              </div>
            )}
          </li>
        ))}
      </ul>
      {editing && (
        <RoleDialog
          organizationId={organizationId}
          role={editing === 'new' ? undefined : editing}
          granted={granted}
          onClose={() => setEditing(undefined)}
        />
      )}
    </Card>
  );
}
