'use client';

import { addDays } from 'date-fns';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { fromLines } from '@/components/settings/lines';
import { Button } from '@/components/ui/button';
import { Badge, Card, Notice } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { TextArea, TextField } from '@/components/ui/field';
import { Time } from '@/components/ui/format';
import { EmptyState } from '@/components/ui/states';
import {
  ApiKeyCreateDocument,
  ApiKeyRevokeDocument,
  ApiKeyRotateDocument,
  type KeyPartsFragment,
  type Permission,
} from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { PermissionChoice } from './permission-choice';
import { Secret } from './secret';
import { useAction } from './use-action';

/** Keys for programs. A secret is shown once, when it is made. */
export function ApiKeys({
  organizationId,
  keys,
  granted,
  mayWrite,
}: {
  organizationId: string;
  keys: KeyPartsFragment[];
  granted: readonly Permission[];
  mayWrite: boolean;
}) {
  const t = useTranslations('keys');
  const { problem, settle } = useAction();
  const [isCreating, setCreating] = useState(false);
  const [secret, setSecret] = useState<string>();
  const rotate = useChange(ApiKeyRotateDocument, (data) => data.apiKeyRotate);
  const revoke = useChange(ApiKeyRevokeDocument, (data) => data.apiKeyRevoke);
  return (
    <Card
      title={t('title')}
      actions={
        mayWrite && (
          <Button small onClick={() => setCreating(true)}>
            {t('add')}
          </Button>
        )
      }
    >
      <div className="flex flex-col gap-3">
        {problem && (
          <Notice tone="bad" alert>
            {problem}
          </Notice>
        )}
        {secret && <Secret label={t('secret')} hint={t('secretHint')} value={secret} />}
        {keys.length === 0 && <EmptyState>{t('none')}</EmptyState>}
        <ul className="flex flex-col divide-y divide-line">
          {keys.map((key) => (
            <li key={key.id} className="flex flex-wrap items-start justify-between gap-3 py-3">
              <div className="min-w-0 grow">
                <p className="flex flex-wrap items-center gap-2 font-medium">
                  {key.name} <code className="text-sm text-soft">{key.prefix}…</code>
                  {key.revokedAt && <Badge tone="bad">{t('revoked')}</Badge>}
                </p>
                <p className="text-sm text-soft">
                  {key.user?.name ?? key.user?.email} · {t('scopes', { count: key.scopes.length })} ·{' '}
                  {key.lastUsedAt ? (
                    <>
                      {t('lastUsed')} <Time value={key.lastUsedAt} />
                    </>
                  ) : (
                    t('neverUsed')
                  )}
                  {key.expiresAt && (
                    <>
                      {' · '}
                      {t('expires')} <Time value={key.expiresAt} style="day" />
                    </>
                  )}
                </p>
              </div>
              {mayWrite && !key.revokedAt && (
                <div className="flex gap-2">
                  <Button
                    small
                    onClick={async () => {
                      const outcome = await rotate.run({ apiKeyId: key.id, expectedVersion: key.version });
                      if (settle(outcome, t('rotated'))) setSecret(outcome.payload.secret ?? undefined);
                    }}
                  >
                    {t('rotate')}
                    <span className="sr-only"> {key.name}</span>
                  </Button>
                  <Button
                    small
                    look="danger"
                    onClick={async () =>
                      settle(
                        await revoke.run({ apiKeyId: key.id, expectedVersion: key.version }),
                        t('revokedDone'),
                      )
                    }
                  >
                    {t('revoke')}
                    <span className="sr-only"> {key.name}</span>
                  </Button>
                </div>
              )}
            </li>
          ))}
        </ul>
      </div>
      {isCreating && (
        <KeyDialog
          organizationId={organizationId}
          granted={granted}
          onClose={() => setCreating(false)}
          onSecret={setSecret}
        />
      )}
    </Card>
  );
}

function KeyDialog({
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
