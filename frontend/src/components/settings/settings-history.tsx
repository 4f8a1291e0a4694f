import { useTranslations } from 'next-intl';
import { Card } from '@/components/ui/card';
import { Time } from '@/components/ui/format';
import { EmptyState } from '@/components/ui/states';
import type { HistoryPartsFragment, SettingSection } from '@/gql/graphql';
import { RollbackButton } from './rollback-button';
import { showPlainly } from './show';

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
              <RollbackButton
                organizationId={organizationId}
                section={section}
                expectedVersion={version}
                to={entry.version}
              />
            )}
          </li>
        ))}
      </ol>
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
