'use client';

import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Card, Notice } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { TextArea, TextField } from '@/components/ui/field';
import { EmptyState } from '@/components/ui/states';
import {
  type Permission,
  RoleCreateDocument,
  RoleDeleteDocument,
  type RolePartsFragment,
  RoleUpdateDocument,
} from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { PermissionChoice } from './permission-choice';
import { useAction } from './use-action';

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

function RoleDialog({
  organizationId,
  role,
  granted,
  onClose,
}: {
  organizationId: string;
  role: RolePartsFragment | undefined;
  granted: readonly Permission[];
  onClose: () => void;
}) {
  const t = useTranslations('roles');
  const actions = useTranslations('actions');
  const { problem, settle } = useAction();
  const create = useChange(RoleCreateDocument, (data) => data.roleCreate);
  const update = useChange(RoleUpdateDocument, (data) => data.roleUpdate);
  const [name, setName] = useState(role?.name ?? '');
  const [description, setDescription] = useState(role?.description ?? '');
  const [permissions, setPermissions] = useState<Permission[]>(role?.permissions ?? ['ORGANIZATION_READ']);
  const [errors, setErrors] = useState<Record<string, string>>({});
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={role ? t('edit') : t('add')}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={async (event) => {
          event.preventDefault();
          const values = {
            name: name.trim(),
            description: description.trim() || null,
            permissions: [...new Set<Permission>(['ORGANIZATION_READ', ...permissions])],
          };
          const outcome = role
            ? await update.run({ roleId: role.id, expectedVersion: role.version, ...values })
            : await create.run({ organizationId, ...values });
          if (outcome.kind === 'refused') {
            setErrors(
              Object.fromEntries(outcome.errors.map(({ path, message }) => [path[0] ?? '', message])),
            );
          }
          if (settle(outcome, t('saved'))) onClose();
        }}
      >
        <TextField
          label={t('name')}
          value={name}
          error={errors.name}
          onChange={({ target }) => setName(target.value)}
        />
        <TextArea
          label={t('description')}
          value={description}
          error={errors.description}
          onChange={({ target }) => setDescription(target.value)}
        />
        <PermissionChoice
          legend={t('permissions')}
          granted={granted}
          chosen={permissions}
          always={['ORGANIZATION_READ']}
          never={['ORGANIZATION_TRANSFER']}
          error={errors.permissions}
          onChange={setPermissions}
        />
        {problem && !errors.name && !errors.permissions && !errors.description && (
          <Notice tone="bad" alert>
            {problem}
          </Notice>
        )}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{actions('cancel')}</Button>
          <Button type="submit" look="primary" busy={create.busy || update.busy}>
            {actions('save')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
