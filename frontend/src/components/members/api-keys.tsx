'use client';

import dynamic from 'next/dynamic';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Badge, Card, Notice } from '@/components/ui/card';
import { Time } from '@/components/ui/format';
import { EmptyState } from '@/components/ui/states';
import {
  ApiKeyRevokeDocument,
  ApiKeyRotateDocument,
  type KeyPartsFragment,
  type Permission,
} from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { Secret } from './secret';
import { useAction } from './use-action';

/** Loaded when it is opened. */
const KeyDialog = dynamic(() => import('./key-dialog').then((loaded) => loaded.KeyDialog), { ssr: false });

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
