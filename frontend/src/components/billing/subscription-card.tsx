import { useLocale, useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import { Badge, Card, Facts, Notice } from '@/components/ui/card';
import { Count, Time } from '@/components/ui/format';
import type { SubscriptionPartsFragment } from '@/gql/graphql';
import { formatMoney } from '@/lib/money';
import { SUBSCRIPTION_TONES } from '@/lib/tones';

/** The plan an organization is on: its state, period and seats, and what has been arranged for later. */
export function SubscriptionCard({
  subscription,
  actions,
}: {
  subscription: SubscriptionPartsFragment | null;
  actions?: ReactNode;
}) {
  const t = useTranslations('billing');
  const enums = useTranslations('enums');
  const locale = useLocale();
  if (!subscription) {
    return (
      <Card title={t('subscription')} actions={actions}>
        <p className="text-soft">{t('noSubscription')}</p>
      </Card>
    );
  }
  const { plan, status, quantity, currentPeriodEnd, trialEnd, cancelAt, scheduledChange } = subscription;
  const price = plan && t(`pricePer.${plan.billingInterval}`, { price: formatMoney(plan.price, locale) });
  return (
    <Card
      title={plan?.name ?? t('subscription')}
      actions={
        <Badge tone={SUBSCRIPTION_TONES[status] ?? 'plain'}>{enums(`SubscriptionStatus.${status}`)}</Badge>
      }
    >
      <Facts
        items={[
          { term: t('price'), value: price ?? '–' },
          { term: t('seats'), value: <Count value={quantity} /> },
          ...(trialEnd && status === 'TRIALING'
            ? [{ term: t('trialEnd'), value: <Time value={trialEnd} style="day" /> }]
            : []),
          ...(currentPeriodEnd && subscription.stripeSubscriptionId
            ? [
                {
                  term: subscription.isCancellationScheduled ? t('ends') : t('renews'),
                  value: <Time value={cancelAt ?? currentPeriodEnd} style="day" />,
                },
              ]
            : []),
        ]}
      />
      {subscription.isCancellationScheduled && (
        <div className="mt-4">
          <Notice tone="warn">{t('cancellationScheduled')}</Notice>
        </div>
      )}
      {scheduledChange && (
        <div className="mt-4">
          <Notice tone="accent" title={t('scheduledChange')}>
            {t.rich('scheduledChangeTo', {
              plan: scheduledChange.plan?.name ?? '–',
              quantity: Number(scheduledChange.quantity),
              date: () => <Time value={scheduledChange.at} style="day" />,
            })}
          </Notice>
        </div>
      )}
      {subscription.isCollectionPaused && (
        <div className="mt-4">
          <Notice tone="warn">{t('collectionPaused')}</Notice>
        </div>
      )}
      {actions && <div className="mt-4 flex flex-wrap gap-2">{actions}</div>}
    </Card>
  );
}
