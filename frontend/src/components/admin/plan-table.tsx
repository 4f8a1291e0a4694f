'use client';

import { useLocale, useTranslations } from 'next-intl';
import { useMemo, useState } from 'react';
import { useAction } from '@/components/members/use-action';
import { Button } from '@/components/ui/button';
import { Badge, Notice } from '@/components/ui/card';
import { type Column, DataTable } from '@/components/ui/data-table';
import { Dialog } from '@/components/ui/dialog';
import { PlanArchiveDocument, type PlatformQuery } from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { formatMoney } from '@/lib/money';

type Plan = PlatformQuery['plans'][number];

/** The plans, archived ones too. */
export function PlanTable({ plans }: { plans: Plan[] }) {
  const t = useTranslations('admin');
  const actions = useTranslations('actions');
  const locale = useLocale();
  const { problem, settle } = useAction();
  const { busy, run } = useChange(PlanArchiveDocument, (data) => data.planArchive);
  const [asked, setAsked] = useState<Plan>();
  const columns = useMemo(
    (): Column<Plan>[] => [
      {
        id: 'name',
        header: t('plan'),
        sortBy: ({ name }) => name,
        cell: ({ name, slug }) => (
          <>
            <p className="font-medium">{name}</p>
            <p className="text-sm text-soft">{slug}</p>
          </>
        ),
      },
      {
        id: 'prices',
        header: t('prices'),
        cell: ({ prices }) =>
          prices
            .filter(({ isActive }) => isActive)
            .map(({ unitAmount, billingInterval }) =>
              t(`per.${billingInterval}`, { price: formatMoney(unitAmount, locale) }),
            )
            .join(' · '),
      },
      {
        id: 'trial',
        header: t('trialDays'),
        sortBy: ({ trialDays }) => trialDays,
        cell: ({ trialDays }) => trialDays,
        align: 'end',
        wideOnly: true,
      },
      {
        id: 'state',
        header: t('state'),
        cell: ({ isActive, isPublic }) =>
          isActive ? (
            <Badge tone="good">{isPublic ? t('public') : t('hidden')}</Badge>
          ) : (
            <Badge>{t('archived')}</Badge>
          ),
      },
      {
        id: 'actions',
        header: t('actions'),
        align: 'end',
        cell: (plan) =>
          plan.isActive && (
            <Button small look="danger" onClick={() => setAsked(plan)}>
              {t('archive')}
              <span className="sr-only"> {plan.name}</span>
            </Button>
          ),
      },
    ],
    [t, locale],
  );
  return (
    <>
      <DataTable caption={t('plans')} columns={columns} rows={plans} />
      {asked && (
        <Dialog
          open
          onOpenChange={(open) => !open && setAsked(undefined)}
          title={t('archiveTitle', { plan: asked.name })}
          lead={t('archiveLead')}
        >
          {problem && (
            <Notice tone="bad" alert>
              {problem}
            </Notice>
          )}
          <div className="mt-4 flex flex-wrap justify-end gap-2">
            <Button onClick={() => setAsked(undefined)}>{actions('cancel')}</Button>
            <Button
              look="danger"
              busy={busy}
              onClick={async () => {
                const outcome = await run({ planId: asked.id, expectedVersion: asked.version });
                if (settle(outcome, t('archivedDone'))) setAsked(undefined);
              }}
            >
              {t('archive')}
            </Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
