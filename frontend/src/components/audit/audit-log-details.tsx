'use client';

import { useTranslations } from 'next-intl';
import { Badge, Facts } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { Time } from '@/components/ui/format';
import type { AuditPartsFragment } from '@/gql/graphql';
import { OUTCOME_TONES } from '@/lib/tones';
import { Actor } from './actor';
import { differencesOf } from './difference';

/** One record, with what it changed as a difference that can be read. */
export function AuditLogDetails({ entry, onClose }: { entry: AuditPartsFragment; onClose: () => void }) {
  const t = useTranslations('audit');
  const enums = useTranslations('enums');
  const differences = differencesOf(entry.oldValues, entry.newValues);
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={<code className="break-all">{entry.action}</code>}
    >
      <div className="flex flex-col gap-5">
        <Facts
          items={[
            { term: t('time'), value: <Time value={entry.createdAt} /> },
            {
              term: t('actor'),
              value: <Actor kind={entry.actorKind} user={entry.user} apiKey={entry.apiKey} />,
            },
            {
              term: t('outcome'),
              value: (
                <Badge tone={OUTCOME_TONES[entry.outcome]}>{enums(`AuditOutcome.${entry.outcome}`)}</Badge>
              ),
            },
            {
              term: t('resource'),
              value: (
                <>
                  {entry.resourceType} <code className="break-all">{entry.resourceId}</code>
                </>
              ),
            },
            ...(entry.ipAddress ? [{ term: t('address'), value: entry.ipAddress }] : []),
            ...(entry.userAgent ? [{ term: t('userAgent'), value: entry.userAgent }] : []),
            ...(entry.requestId
              ? [{ term: t('requestId'), value: <code className="break-all">{entry.requestId}</code> }]
              : []),
          ]}
        />
        <div>
          <h3 className="mb-1 font-semibold">{t('changes')}</h3>
          {differences.length === 0 && <p className="text-soft">{t('noChanges')}</p>}
          <ul className="flex flex-col gap-1.5">
            {differences.map(({ path, before, after }) => (
              <li key={path} className="break-words">
                <code className="text-sm">{path || t('value')}</code>:{' '}
                {before !== undefined && (
                  <del className="rounded bg-bad-wash px-1 text-bad">{show(before)}</del>
                )}{' '}
                {after !== undefined && (
                  <ins className="rounded bg-good-wash px-1 text-good no-underline">{show(after)}</ins>
                )}
              </li>
            ))}
          </ul>
        </div>
      </div>
    </Dialog>
  );
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
