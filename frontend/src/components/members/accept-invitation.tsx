'use client';

import { useTranslations } from 'next-intl';
import { useState, useSyncExternalStore } from 'react';
import { chooseOrganization } from '@/app/actions';
import { Button } from '@/components/ui/button';
import { Notice } from '@/components/ui/card';
import { InvitationAcceptDocument } from '@/gql/graphql';
import { useChange } from '@/lib/client';

function onHashChange(changed: () => void) {
  window.addEventListener('hashchange', changed);
  return () => window.removeEventListener('hashchange', changed);
}

export function AcceptInvitation() {
  const t = useTranslations('invitation');
  const states = useTranslations('states');
  const hash = useSyncExternalStore(
    onHashChange,
    () => window.location.hash,
    () => '',
  );
  const token = new URLSearchParams(hash.slice(1)).get('token');
  const { busy, run } = useChange(InvitationAcceptDocument, (data) => data.invitationAccept);
  const [problem, setProblem] = useState<string>();
  if (!token) return <Notice tone="warn">{t('noToken')}</Notice>;
  const accept = async () => {
    const outcome = await run({ token });
    if (outcome.kind === 'fault') setProblem(outcome.message || states('unreachable'));
    else if (outcome.kind === 'refused') setProblem(outcome.errors.map(({ message }) => message).join('\n'));
    else if (outcome.payload.organization) await chooseOrganization(outcome.payload.organization.id);
  };
  return (
    <div className="flex flex-col gap-4">
      <p>{t('lead')}</p>
      {problem && (
        <Notice tone="bad" alert>
          {problem}
        </Notice>
      )}
      <Button look="primary" busy={busy} onClick={accept}>
        {t('accept')}
      </Button>
    </div>
  );
}
