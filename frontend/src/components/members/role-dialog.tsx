'use client';

import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Notice } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { TextArea, TextField } from '@/components/ui/field';
import {
  type Permission,
  RoleCreateDocument,
  type RolePartsFragment,
  RoleUpdateDocument,
} from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { PermissionChoice } from './permission-choice';
import { useAction } from './use-action';

export function RoleDialog({
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
