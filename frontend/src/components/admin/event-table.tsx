'use client';

import { useTranslations } from 'next-intl';
import { useMemo } from 'react';
import { useAction } from '@/components/members/use-action';
import { Button } from '@/components/ui/button';
import { Badge, Notice, type Tone } from '@/components/ui/card';
import { type Column, DataTable } from '@/components/ui/data-table';
import { Time } from '@/components/ui/format';
import { type PlatformQuery, StripeEventReplayDocument, type StripeEventState } from '@/gql/graphql';
import { useChange } from '@/lib/client';

type Event = PlatformQuery['stripeEvents']['nodes'][number];

const TONES: Partial<Record<StripeEventState, Tone>> = { APPLIED: 'good', DEAD: 'bad', PROCESSING: 'accent' };

/** Stripe's events, with what became of each, and the way to apply one again. */
export function EventTable({ events }: { events: Event[] }) {
  const t = useTranslations('admin');
  const enums = useTranslations('enums');
  const { problem, settle } = useAction();
  const { run } = useChange(StripeEventReplayDocument, (data) => data.stripeEventReplay);
  const columns = useMemo(
    (): Column<Event>[] => [
      {
        id: 'received',
        header: t('received'),
        cell: ({ receivedAt }) => <Time value={receivedAt} />,
        wideOnly: true,
      },
      {
        id: 'type',
        header: t('type'),
        cell: ({ type, eventId, lastError }) => (
          <div className="min-w-0">
            <code className="text-sm break-all">{type}</code>
            <p className="text-sm break-all text-soft">{eventId}</p>
            {lastError && <p className="text-sm break-words text-bad">{lastError}</p>}
          </div>
        ),
      },
      {
        id: 'object',
        header: t('object'),
        cell: ({ objectId }) => <code className="text-sm break-all">{objectId}</code>,
        wideOnly: true,
      },
      {
        id: 'attempts',
        header: t('attempts'),
        cell: ({ attempts }) => attempts,
        align: 'end',
        wideOnly: true,
      },
      {
        id: 'state',
        header: t('state'),
        cell: ({ state }) => (
          <Badge tone={TONES[state] ?? 'plain'}>{enums(`StripeEventState.${state}`)}</Badge>
        ),
      },
      {
        id: 'actions',
        header: t('actions'),
        align: 'end',
        cell: ({ id, eventId }) => (
          <Button small onClick={async () => settle(await run({ stripeEventId: id }), t('replayed'))}>
            {t('replay')}
            <span className="sr-only"> {eventId}</span>
          </Button>
        ),
      },
    ],
    [t, enums, run, settle],
  );
  return (
    <>
      {problem && (
        <div className="p-4">
          <Notice tone="bad" alert>
            {problem}
          </Notice>
        </div>
      )}
      <DataTable caption={t('eventsTable')} columns={columns} rows={events} />
    </>
  );
}
