'use client';

import { useTranslations } from 'next-intl';
import { useMemo, useState } from 'react';
import { Badge } from '@/components/ui/card';
import { type Column, DataTable } from '@/components/ui/data-table';
import { Time } from '@/components/ui/format';
import type { AuditPartsFragment } from '@/gql/graphql';
import { OUTCOME_TONES } from '@/lib/tones';
import { Actor } from './actor';
import { AuditLogDetails } from './audit-log-details';

export function AuditLogTable({ entries }: { entries: AuditPartsFragment[] }) {
  const t = useTranslations('audit');
  const enums = useTranslations('enums');
  const [open, setOpen] = useState<AuditPartsFragment>();
  const columns = useMemo(
    (): Column<AuditPartsFragment>[] => [
      { id: 'time', header: t('time'), cell: ({ createdAt }) => <Time value={createdAt} /> },
      {
        id: 'action',
        header: t('action'),
        cell: (entry) => (
          <button type="button" className="link text-left" onClick={() => setOpen(entry)}>
            <code className="text-sm break-all">{entry.action}</code>
          </button>
        ),
      },
      {
        id: 'actor',
        header: t('actor'),
        cell: ({ actorKind, user, apiKey }) => <Actor kind={actorKind} user={user} apiKey={apiKey} />,
      },
      {
        id: 'resource',
        header: t('resource'),
        cell: ({ resourceType, resourceId }) => (
          <span className="text-sm">
            {resourceType} <code className="break-all text-soft">{resourceId}</code>
          </span>
        ),
        wideOnly: true,
      },
      {
        id: 'outcome',
        header: t('outcome'),
        cell: ({ outcome }) => (
          <Badge tone={OUTCOME_TONES[outcome]}>{enums(`AuditOutcome.${outcome}`)}</Badge>
        ),
        wideOnly: true,
      },
    ],
    [t, enums],
  );
  return (
    <>
      <DataTable caption={t('title')} columns={columns} rows={entries} />
      {open && <AuditLogDetails entry={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}
