'use client';

import { useRouter } from 'next/navigation';
import { useLocale, useTranslations } from 'next-intl';
import { useState } from 'react';
import { useQuery } from 'urql';
import { Button } from '@/components/ui/button';
import { Facts, Notice } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { Money, Time } from '@/components/ui/format';
import { useToast } from '@/components/ui/toasts';
import {
  type OperationPartsFragment,
  SubscriptionApplyChangeDocument,
  type SubscriptionPartsFragment,
  SubscriptionPreviewChangeDocument,
  type SubscriptionPreviewChangeQuery,
  type UserErrorPartsFragment,
} from '@/gql/graphql';
import { faultOf, useChange } from '@/lib/client';
import { hashed } from '@/lib/hashed';
import { BillLines } from './bill-lines';
import { meterName } from './meter-name';
import { OperationProgress } from './operation-progress';
import type { Wish } from './plan-choice';

type Preview = NonNullable<SubscriptionPreviewChangeQuery['subscriptionPreviewChange']['preview']>;
type Answer = { operation: OperationPartsFragment | null; clientSecret: string | null };

/**
 * A change before it is made: every line of the bill, when it counts, what it gives and takes. What is applied is the
 * token of exactly this preview; the gateway refuses it when anything has moved meanwhile, and it is previewed again.
 */
export function ChangeDialog({
  organizationId,
  subscription,
  wish,
  publishableKey,
  onClose,
}: {
  organizationId: string;
  subscription: SubscriptionPartsFragment;
  wish: Wish;
  publishableKey?: string;
  onClose: () => void;
}) {
  const t = useTranslations('change');
  const actions = useTranslations('actions');
  const states = useTranslations('states');
  const router = useRouter();
  const toast = useToast();
  const { plan, interval, quantity } = wish;
  const [{ data, fetching, error }, previewAgain] = useQuery({
    query: hashed(SubscriptionPreviewChangeDocument),
    variables: {
      input: {
        subscriptionId: subscription.id,
        ...(plan.id !== subscription.plan?.id && { planId: plan.id }),
        ...(interval !== subscription.plan?.billingInterval && { billingInterval: interval }),
        ...(String(quantity) !== subscription.quantity && { quantity: String(quantity) }),
      },
    },
    requestPolicy: 'network-only',
  });
  const apply = useChange(SubscriptionApplyChangeDocument, (answered) => answered.subscriptionApplyChange);
  const [refused, setRefused] = useState<UserErrorPartsFragment[]>([]);
  const [fault, setFault] = useState<string>();
  const [answer, setAnswer] = useState<Answer>();
  const preview = data?.subscriptionPreviewChange.preview;
  const problems = data?.subscriptionPreviewChange.userErrors ?? [];

  const confirm = async (token: string) => {
    setRefused([]);
    setFault(undefined);
    const outcome = await apply.run({ token });
    if (outcome.kind === 'fault') {
      setFault(outcome.message || states('unreachable'));
      return;
    }
    router.refresh();
    if (outcome.kind === 'refused') {
      setRefused(outcome.errors);
      // What was shown no longer holds: it is asked for anew, and shown before anything is paid.
      previewAgain({ requestPolicy: 'network-only' });
      return;
    }
    const { operation, clientSecret } = outcome.payload;
    if (operation && operation.state !== 'CONFIRMED') {
      setAnswer({ operation, clientSecret });
      return;
    }
    toast(preview?.isImmediate ? t('done') : t('arranged'));
    onClose();
  };

  return (
    <Dialog open wide onOpenChange={(open) => !open && onClose()} title={t('title', { plan: plan.name })}>
      <div className="flex flex-col gap-5" aria-busy={fetching}>
        {fetching && (
          <p role="status" className="py-6 text-center text-soft">
            {t('previewing')}
          </p>
        )}
        {error && (
          <Notice tone="bad" alert>
            {faultOf(error).message || states('unreachable')}
          </Notice>
        )}
        {[...problems, ...refused].map(({ message }) => (
          <Notice key={message} tone="bad" alert>
            {message}
          </Notice>
        ))}
        {fault && (
          <Notice tone="bad" alert>
            {fault}
          </Notice>
        )}
        {answer?.operation ? (
          <OperationProgress
            operation={answer.operation}
            clientSecret={answer.clientSecret}
            organizationId={organizationId}
            publishableKey={publishableKey}
            onConfirmed={() => toast(t('done'))}
          />
        ) : (
          preview && !fetching && <PreviewDetails preview={preview} />
        )}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{answer ? actions('close') : actions('cancel')}</Button>
          {preview && !answer && !fetching && (
            <Button look="primary" busy={apply.busy} onClick={() => confirm(preview.token)}>
              {preview.isImmediate ? <PayLabel preview={preview} /> : t('arrange')}
            </Button>
          )}
        </div>
      </div>
    </Dialog>
  );
}

function PayLabel({ preview: { dueNow } }: { preview: Preview }) {
  const t = useTranslations('change');
  return Number(dueNow.amount) > 0 ? (
    <span>
      {t('pay')} <Money value={dueNow} />
    </span>
  ) : (
    t('confirm')
  );
}

function PreviewDetails({ preview }: { preview: Preview }) {
  const t = useTranslations('change');
  const locale = useLocale();
  const show = (value: unknown) => {
    if (value === true) return t('yes');
    if (value === false || value === null || value === undefined) return t('no');
    return typeof value === 'number' ? new Intl.NumberFormat(locale).format(value) : String(value);
  };
  const { bill, nextBill, nextBillAt, entitlements, seats } = preview;
  return (
    <>
      <Facts
        items={[
          {
            term: t('counts'),
            value: preview.isImmediate ? t('atOnce') : <Time value={preview.effectiveAt} style="day" />,
          },
          { term: t('seats'), value: String(preview.quantity) },
          {
            term: t('dueNow'),
            value: (
              <strong className="text-lg">
                <Money value={preview.dueNow} />
              </strong>
            ),
          },
          { term: t('validUntil'), value: <Time value={preview.expiresAt} /> },
        ]}
      />
      {seats.after !== null && Number(seats.used) > Number(seats.after) && (
        <Notice tone="warn">
          {t('tooFewSeats', { used: Number(seats.used), seats: Number(seats.after) })}
        </Notice>
      )}
      {bill && <BillLines caption={t('billNow')} bill={bill} />}
      <div>
        <BillLines caption={t('billNext')} bill={nextBill} />
        {nextBillAt && (
          <p className="text-sm text-soft">
            {t('on')} <Time value={nextBillAt} style="day" />
          </p>
        )}
      </div>
      {entitlements.length > 0 && (
        <table className="w-full border-collapse">
          <caption className="mb-1 text-left font-semibold">{t('entitlements')}</caption>
          <thead>
            <tr className="border-b border-line text-left text-sm text-soft">
              <th scope="col" className="py-1 font-medium">
                {t('feature')}
              </th>
              <th scope="col" className="py-1 font-medium">
                {t('before')}
              </th>
              <th scope="col" className="py-1 font-medium">
                {t('after')}
              </th>
            </tr>
          </thead>
          <tbody>
            {entitlements.map(({ feature, before, after }) => (
              <tr key={feature} className="border-b border-line">
                <th scope="row" className="py-1.5 text-left font-normal">
                  {meterName(feature)}
                </th>
                <td className="py-1.5">{show(before)}</td>
                <td className="py-1.5 font-medium">{show(after)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
