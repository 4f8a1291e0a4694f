'use client';

import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useLocale, useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Facts, Notice } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { CheckField, SelectField, TextField } from '@/components/ui/field';
import { useToast } from '@/components/ui/toasts';
import {
  type OperationPartsFragment,
  type PaymentMethodPartsFragment,
  SubscriptionCreateDocument,
} from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { formatMoney } from '@/lib/money';
import { OperationProgress } from './operation-progress';
import type { Wish } from './plan-choice';

/** A first subscription, or a paid one in the place of a free plan. */
export function SubscribeDialog({
  organizationId,
  wish: { plan, interval, quantity },
  paymentMethods,
  publishableKey,
  onClose,
}: {
  organizationId: string;
  wish: Wish;
  paymentMethods: PaymentMethodPartsFragment[];
  publishableKey?: string;
  onClose: () => void;
}) {
  const t = useTranslations('subscribe');
  const actions = useTranslations('actions');
  const states = useTranslations('states');
  const locale = useLocale();
  const router = useRouter();
  const toast = useToast();
  const { busy, run } = useChange(SubscriptionCreateDocument, (data) => data.subscriptionCreate);
  const [trial, setTrial] = useState(plan.trialDays > 0);
  const [method, setMethod] = useState(paymentMethods.find(({ isDefault }) => isDefault)?.id ?? '');
  const [code, setCode] = useState('');
  const [problems, setProblems] = useState<{ path: string; message: string }[]>([]);
  const [answer, setAnswer] = useState<{ operation: OperationPartsFragment; clientSecret: string | null }>();
  const price = plan.prices.find(({ billingInterval }) => billingInterval === interval)?.unitAmount;
  const isFree = !price || Number(price.amount) === 0;
  const problemAt = (path: string) => problems.find((problem) => problem.path === path)?.message;
  const elsewhere = problems.filter(({ path }) => !['paymentMethodId', 'promotionCode'].includes(path));

  const subscribe = async () => {
    setProblems([]);
    const outcome = await run({
      organizationId,
      planId: plan.id,
      billingInterval: interval,
      quantity: String(quantity),
      trial: trial && plan.trialDays > 0,
      paymentMethodId: method || null,
      promotionCode: code.trim() || null,
    });
    if (outcome.kind === 'fault') {
      setProblems([{ path: '', message: outcome.message || states('unreachable') }]);
      return;
    }
    router.refresh();
    const operation = outcome.payload.operation;
    if (outcome.kind === 'refused') {
      setProblems(outcome.errors.map(({ path, message }) => ({ path: path[0] ?? '', message })));
      if (operation?.state === 'REQUIRES_ACTION')
        setAnswer({ operation, clientSecret: outcome.payload.clientSecret });
      return;
    }
    if (operation && operation.state !== 'CONFIRMED') {
      setAnswer({ operation, clientSecret: outcome.payload.clientSecret });
      return;
    }
    toast(t('done', { plan: plan.name }));
    onClose();
  };

  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={t('title', { plan: plan.name })}>
      <div className="flex flex-col gap-4">
        <Facts
          items={[
            { term: t('seats'), value: String(quantity) },
            {
              term: t('price'),
              value: price ? t(`per.${interval}`, { price: formatMoney(price, locale) }) : '–',
            },
          ]}
        />
        {answer ? (
          <OperationProgress
            operation={answer.operation}
            clientSecret={answer.clientSecret}
            organizationId={organizationId}
            publishableKey={publishableKey}
          />
        ) : (
          <>
            {!isFree && plan.trialDays > 0 && (
              <CheckField
                label={t('trial', { count: plan.trialDays })}
                hint={t('trialHint')}
                checked={trial}
                onChange={({ target }) => setTrial(target.checked)}
              />
            )}
            {!isFree && paymentMethods.length > 0 && (
              <SelectField
                label={t('method')}
                value={method}
                error={problemAt('paymentMethodId')}
                onChange={({ target }) => setMethod(target.value)}
              >
                {trial && <option value="">{t('noMethod')}</option>}
                {paymentMethods.map(({ id, summary }) => (
                  <option key={id} value={id}>
                    {summary}
                  </option>
                ))}
              </SelectField>
            )}
            {!isFree && paymentMethods.length === 0 && (
              <Notice tone="warn">
                {t.rich('needsMethod', {
                  link: (text) => (
                    <Link href="/dashboard/billing/payment-methods" className="link">
                      {text}
                    </Link>
                  ),
                })}
              </Notice>
            )}
            {!isFree && (
              <TextField
                label={t('code')}
                value={code}
                error={problemAt('promotionCode')}
                onChange={({ target }) => setCode(target.value)}
              />
            )}
          </>
        )}
        {elsewhere.map(({ message }) => (
          <Notice key={message} tone="bad" alert>
            {message}
          </Notice>
        ))}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{answer ? actions('close') : actions('cancel')}</Button>
          {!answer && (
            <Button look="primary" busy={busy} onClick={subscribe}>
              {trial && plan.trialDays > 0 && !isFree ? t('startTrial') : t('subscribe')}
            </Button>
          )}
        </div>
      </div>
    </Dialog>
  );
}
