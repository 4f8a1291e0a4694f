'use client';

import { useTranslations } from 'next-intl';
import { useAction } from '@/components/members/use-action';
import { Button } from '@/components/ui/button';
import { Badge, Notice } from '@/components/ui/card';
import { Time } from '@/components/ui/format';
import { DriftRepairDocument, type PlatformQuery } from '@/gql/graphql';
import { useChange } from '@/lib/client';

type Drift = PlatformQuery['billingDrift']['nodes'][number];

/** What is known to differ from Stripe, the probable cause, and the repair. */
export function DriftList({ drifts, names }: { drifts: Drift[]; names: Record<string, string> }) {
  const t = useTranslations('admin');
  const enums = useTranslations('enums');
  const { problem, settle } = useAction();
  const { run } = useChange(DriftRepairDocument, (data) => data.driftRepair);
  return (
    <>
      {problem && (
        <Notice tone="bad" alert>
          {problem}
        </Notice>
      )}
      <ul className="flex flex-col divide-y divide-line">
        {drifts.map((drift) => (
          <li key={drift.id} className="flex flex-wrap items-start justify-between gap-3 py-3">
            <div className="min-w-0 grow">
              <p className="flex flex-wrap items-center gap-2">
                <code className="text-sm break-all">
                  {drift.resourceType}.{drift.field}
                </code>
                <Badge tone="warn">{enums(`BillingDriftCause.${drift.cause}`)}</Badge>
              </p>
              <p className="text-sm text-soft">
                {names[drift.organizationId] ?? drift.organizationId} · {drift.stripeObjectId} ·{' '}
                <Time value={drift.since} />
              </p>
              <p className="break-words">
                {t('here')}: <code className="text-sm">{JSON.stringify(drift.local)}</code> · Stripe:{' '}
                <code className="text-sm">{JSON.stringify(drift.stripe)}</code>
              </p>
            </div>
            <Button small onClick={async () => settle(await run({ driftId: drift.id }), t('repaired'))}>
              {t('repair')}
              <span className="sr-only"> {drift.stripeObjectId}</span>
            </Button>
          </li>
        ))}
      </ul>
    </>
  );
}
