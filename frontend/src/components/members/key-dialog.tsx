'use client';

import { addDays } from 'date-fns';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { fromLines } from '@/components/settings/lines';
import { Button } from '@/components/ui/button';
import { Notice } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { TextArea, TextField } from '@/components/ui/field';
import { ApiKeyCreateDocument, type Permission } from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { PermissionChoice } from './permission-choice';
import { useAction } from './use-action';

export function KeyDialog({
  organizationId,
  granted,
  onClose,
  onSecret,
}: {
  organizationId: string;
  granted: readonly Permission[];
  onClose: () => void;
  onSecret: (secret: string | undefined) => void;
}) {
  const t = useTranslations('keys');
  const actions = useTranslations('actions');
  const { problem, settle } = useAction();
  const { busy, run } = useChange(ApiKeyCreateDocument, (data) => data.apiKeyCreate);
  const [name, setName] = useState('');
  const [days, setDays] = useState('90');
  const [addresses, setAddresses] = useState('');
  const [scopes, setScopes] = useState<Permission[]>(['ORGANIZATION_READ']);
  const [errors, setErrors] = useState<Record<string, string>>({});
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={t('add')}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={async (event) => {
          event.preventDefault();
          setErrors({});
          const life = Number(days);
          const outcome = await run({
            organizationId,
            name: name.trim(),
            scopes,
            allowedAddresses: fromLines(addresses),
            expiresAt: life > 0 ? addDays(new Date(), life).toISOString() : null,
          });
          if (outcome.kind === 'refused') {
            setErrors(
              Object.fromEntries(outcome.errors.map(({ path, message }) => [path[0] ?? '', message])),
            );
          }
          if (settle(outcome, t('made'))) {
            onSecret(outcome.payload.secret ?? undefined);
            onClose();
          }
        }}
      >
        <TextField
          label={t('name')}
          value={name}
          error={errors.name}
          onChange={({ target }) => setName(target.value)}
        />
        <TextField
          label={t('days')}
          hint={t('daysHint')}
          inputMode="numeric"
          value={days}
          error={errors.expiresAt}
          onChange={({ target }) => setDays(target.value)}
        />
        <TextArea
          label={t('addresses')}
          hint={t('addressesHint')}
          value={addresses}
          error={errors.allowedAddresses}
          onChange={({ target }) => setAddresses(target.value)}
        />
        <PermissionChoice
          legend={t('may')}
          granted={granted}
          chosen={scopes}
          never={['ORGANIZATION_TRANSFER']}
          error={errors.scopes}
          onChange={setScopes}
        />
        {problem && Object.keys(errors).every((field) => field === '' || field === 'organizationId') && (
          <Notice tone="bad" alert>
            {problem}
          </Notice>
        )}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{actions('cancel')}</Button>
          <Button type="submit" look="primary" busy={busy}>
            {t('make')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
