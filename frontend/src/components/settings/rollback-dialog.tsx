'use client';

import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Notice } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { useToast } from '@/components/ui/toasts';
import { SettingsRollbackDocument } from '@/gql/graphql';
import { useChange } from '@/lib/client';
import type { RollbackProps } from './rollback-button';

export function RollbackDialog({
  organizationId,
  section,
  expectedVersion,
  to,
  onClose,
}: RollbackProps & { onClose: () => void }) {
  const t = useTranslations('settings');
  const actions = useTranslations('actions');
  const states = useTranslations('states');
  const router = useRouter();
  const toast = useToast();
  const { busy, run } = useChange(SettingsRollbackDocument, (data) => data.settingsRollback);
  const [problem, setProblem] = useState<string>();
  const [mayLockOut, setMayLockOut] = useState(false);
  const rollBack = async () => {
    const outcome = await run({
      organizationId,
      section,
      version: to,
      expectedVersion,
      confirmLockOut: mayLockOut,
    });
    if (outcome.kind === 'done') {
      toast(t('rolledBack', { version: to }));
      router.refresh();
      onClose();
      return;
    }
    if (outcome.kind === 'refused') {
      setProblem(outcome.errors.map(({ message }) => message).join('\n'));
      setMayLockOut(section === 'SECURITY' && outcome.errors.some(({ code }) => code === 'CONFLICT'));
      return;
    }
    setProblem(outcome.message || states('unreachable'));
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t('rollBackTitle', { version: to })}
      lead={t('rollBackLead')}
    >
      {problem && (
        <Notice tone="bad" alert>
          {problem}
        </Notice>
      )}
      <div className="mt-5 flex flex-wrap justify-end gap-2">
        <Button onClick={onClose}>{actions('cancel')}</Button>
        <Button look={mayLockOut ? 'danger' : 'primary'} busy={busy} onClick={rollBack}>
          {mayLockOut ? t('lockOutConfirm') : t('rollBack')}
        </Button>
      </div>
    </Dialog>
  );
}
