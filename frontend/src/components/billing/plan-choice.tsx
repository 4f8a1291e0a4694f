'use client';

import clsx from 'clsx';
import { Check, Minus } from 'lucide-react';
import { useLocale, useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Badge, Notice } from '@/components/ui/card';
import { TextField } from '@/components/ui/field';
import type {
  BillingInterval,
  PaymentMethodPartsFragment,
  PlanPartsFragment,
  SubscriptionPartsFragment,
} from '@/gql/graphql';
import { formatMoney } from '@/lib/money';
import { ChangeDialog } from './change-dialog';
import { meterName } from './meter-name';
import { SubscribeDialog } from './subscribe-dialog';

export type Wish = {
  plan: PlanPartsFragment;
  interval: BillingInterval;
  quantity: number;
  /** The subscription that it changes; none when it is a new one. Kept as it was when the viewer chose. */
  changes: SubscriptionPartsFragment | null;
};

/** The plans beside one another, and the way to another one: previewed first, where there is something to bill. */
export function PlanChoice({
  organizationId,
  plans,
  subscription,
  members,
  paymentMethods,
  mayChange,
  publishableKey,
}: {
  organizationId: string;
  plans: PlanPartsFragment[];
  subscription: SubscriptionPartsFragment | null;
  members: number;
  paymentMethods: PaymentMethodPartsFragment[];
  mayChange: boolean;
  publishableKey?: string;
}) {
  const t = useTranslations('plans');
  const locale = useLocale();
  const isLive = subscription !== null && !['CANCELED', 'INCOMPLETE_EXPIRED'].includes(subscription.status);
  /** A free plan has nothing at Stripe that could be changed: a paid one takes its place. */
  const isBilled =
    isLive && subscription.stripeSubscriptionId !== null && subscription.status !== 'INCOMPLETE';
  const current = isLive ? subscription.plan : null;
  const [interval, setInterval] = useState<BillingInterval>(current?.billingInterval ?? 'MONTH');
  const [seats, setSeats] = useState(isBilled ? subscription.quantity : String(Math.max(members, 1)));
  const [wish, setWish] = useState<Wish>();
  const quantity = /^[1-9]\d{0,5}$/.test(seats) ? Number(seats) : undefined;
  const features = featuresOf(plans);
  const isSame = (plan: PlanPartsFragment) =>
    plan.id === current?.id && interval === current.billingInterval && seats === subscription?.quantity;
  return (
    <section aria-label={t('compare')}>
      <div className="mb-5 flex flex-wrap items-end gap-5">
        <fieldset>
          <legend className="mb-1 text-sm font-medium">{t('interval')}</legend>
          <div className="inline-flex rounded-md border border-field p-0.5">
            {(['MONTH', 'YEAR'] as const).map((name) => (
              <label
                key={name}
                className="cursor-pointer rounded px-3 py-1.5 has-checked:bg-accent has-checked:text-on-accent has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent"
              >
                <input
                  type="radio"
                  name="interval"
                  className="sr-only"
                  checked={interval === name}
                  onChange={() => setInterval(name)}
                />
                {t(name)}
              </label>
            ))}
          </div>
        </fieldset>
        {mayChange && (
          <TextField
            label={t('seats')}
            hint={t('members', { count: members })}
            inputMode="numeric"
            className="w-36"
            value={seats}
            error={quantity === undefined ? t('seatsError') : undefined}
            onChange={({ target }) => setSeats(target.value.trim())}
          />
        )}
      </div>
      <ul className="grid gap-4 md:grid-cols-2 xl:grid-cols-3">
        {plans.map((plan) => {
          const price = plan.prices.find(
            ({ billingInterval, isActive }) => billingInterval === interval && isActive,
          );
          const isCurrent = plan.id === current?.id;
          return (
            <li
              key={plan.id}
              className={clsx(
                'flex flex-col gap-4 rounded-xl border bg-surface p-5',
                isCurrent ? 'border-accent' : 'border-line',
              )}
            >
              <div>
                <div className="flex flex-wrap items-center justify-between gap-2">
                  <h2 className="text-lg font-semibold">{plan.name}</h2>
                  {isCurrent && <Badge tone="accent">{t('current')}</Badge>}
                </div>
                <p className="text-soft">{plan.description}</p>
              </div>
              <p>
                {price ? (
                  <>
                    <span className="text-2xl font-semibold">{formatMoney(price.unitAmount, locale)}</span>{' '}
                    <span className="text-soft">{t(`per.${interval}`)}</span>
                  </>
                ) : (
                  <span className="text-soft">{t('notInInterval')}</span>
                )}
              </p>
              <ul className="flex grow flex-col gap-1.5">
                {plan.trialDays > 0 && (
                  <Feature included>{t('trialDays', { count: plan.trialDays })}</Feature>
                )}
                {features.map((feature) => (
                  <PlanFeature key={feature} feature={feature} value={featureOf(plan, feature)} />
                ))}
              </ul>
              {mayChange && price && (
                <Button
                  look={isCurrent ? 'plain' : 'primary'}
                  disabled={quantity === undefined || isSame(plan)}
                  onClick={() =>
                    quantity && setWish({ plan, interval, quantity, changes: isBilled ? subscription : null })
                  }
                >
                  {isSame(plan) ? t('chosen') : isBilled ? t('preview') : t('choose')}
                  <span className="sr-only"> {plan.name}</span>
                </Button>
              )}
            </li>
          );
        })}
      </ul>
      {!mayChange && (
        <div className="mt-4">
          <Notice tone="plain">{t('mayNot')}</Notice>
        </div>
      )}
      {wish &&
        (wish.changes ? (
          <ChangeDialog
            organizationId={organizationId}
            subscription={wish.changes}
            wish={wish}
            publishableKey={publishableKey}
            onClose={() => setWish(undefined)}
          />
        ) : (
          <SubscribeDialog
            organizationId={organizationId}
            wish={wish}
            paymentMethods={paymentMethods}
            publishableKey={publishableKey}
            onClose={() => setWish(undefined)}
          />
        ))}
    </section>
  );
}

function featuresOf(plans: PlanPartsFragment[]): string[] {
  return [...new Set(plans.flatMap(({ features }) => Object.keys(features ?? {})))].sort();
}

function featureOf({ features }: PlanPartsFragment, feature: string): unknown {
  return (features as Record<string, unknown> | null)?.[feature];
}

function PlanFeature({ feature, value }: { feature: string; value: unknown }) {
  const t = useTranslations('plans');
  const locale = useLocale();
  const name = meterName(feature);
  if (typeof value === 'number') {
    return <Feature included>{`${name}: ${new Intl.NumberFormat(locale).format(value)}`}</Feature>;
  }
  if (value === true || typeof value === 'string') {
    return <Feature included>{value === true ? name : `${name}: ${value}`}</Feature>;
  }
  return <Feature included={false}>{t('without', { feature: name })}</Feature>;
}

function Feature({ included, children }: { included: boolean; children: React.ReactNode }) {
  const Icon = included ? Check : Minus;
  return (
    <li className={clsx('flex items-center gap-2', !included && 'text-soft')}>
      <Icon aria-hidden className={clsx('size-4 shrink-0', included && 'text-good')} />
      {children}
    </li>
  );
}
