'use client';

import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Card, Notice } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { Time } from '@/components/ui/format';
import { EmptyState } from '@/components/ui/states';
import { useToast } from '@/components/ui/toasts';
import { type HistoryPartsFragment, type SettingSection, SettingsRollbackDocument } from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { showPlainly } from './settings-form';

type Version = HistoryPartsFragment['nodes'][number];

/** The versions of one part, newest first: who changed what, and the way back. */
export function SettingsHistory({
  organizationId,
  section,
  version,
  history,
  mayWrite,
}: {
  organizationId: string;
  section: SettingSection;
  /** The version that counts now. */
  version: string;
  history: HistoryPartsFragment;
  mayWrite: boolean;
}) {
  const t = useTranslations('settings');
  const [chosen, setChosen] = useState<Version>();
  return (
    <Card title={t('history')}>
      {history.nodes.length === 0 && <EmptyState>{t('noHistory')}</EmptyState>}
      <ol className="flex flex-col divide-y divide-line">
        {history.nodes.map((entry) => (
          <li key={entry.version} className="flex flex-wrap items-start justify-between gap-3 py-3">
            <div className="min-w-0 grow">
              <p className="text-sm text-soft">
                {t('version', { version: entry.version })} · <Time value={entry.createdAt} /> ·{' '}
                {entry.author?.name ?? entry.author?.email ?? entry.apiKey?.name ?? t('system')}
              </p>
              {entry.restoredVersion && (
                <p className="text-sm text-soft">{t('restored', { version: entry.restoredVersion })}</p>
              )}
              <Changes changes={entry.changes} />
            </div>
            {mayWrite && entry.version !== version && (
              <Button small onClick={() => setChosen(entry)}>
                {t('rollBack')}
                <span className="sr-only"> {t('version', { version: entry.version })}</span>
              </Button>
            )}
          </li>
        ))}
      </ol>
      {chosen && (
        <Rollback
          organizationId={organizationId}
          section={section}
          expectedVersion={version}
          to={chosen}
          onClose={() => setChosen(undefined)}
        />
      )}
    </Card>
  );
}

/** A readable difference: each field with what it was and what it became. */
export function Changes({ changes }: { changes: Version['changes'] }) {
  const t = useTranslations('settings');
  return (
    <ul className="mt-1 flex flex-col gap-1">
      {changes.map(({ path, oldValue, newValue }) => (
        <li key={path.join('.')} className="break-words">
          <code className="text-sm">{path.join('.')}</code>:{' '}
          {oldValue !== null && (
            <del className="rounded bg-bad-wash px-1 text-bad">
              {showPlainly('', oldValue) || t('nothing')}
            </del>
          )}{' '}
          <ins className="rounded bg-good-wash px-1 text-good no-underline">
            {showPlainly('', newValue) || t('nothing')}
          </ins>
        </li>
      ))}
    </ul>
  );
}

function Rollback({
  organizationId,
  section,
  expectedVersion,
  to,
  onClose,
}: {
  organizationId: string;
  section: SettingSection;
  expectedVersion: string;
  to: Version;
  onClose: () => void;
}) {
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
      version: to.version,
      expectedVersion,
      confirmLockOut: mayLockOut,
    });
    if (outcome.kind === 'done') {
      toast(t('rolledBack', { version: to.version }));
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
      title={t('rollBackTitle', { version: to.version })}
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
