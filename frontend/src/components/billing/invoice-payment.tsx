'use client';

import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Card, Notice } from '@/components/ui/card';
import { SelectField } from '@/components/ui/field';
import { Money } from '@/components/ui/format';
import { useToast } from '@/components/ui/toasts';
import {
  InvoicePayDocument,
  type MoneyPartsFragment,
  type OperationPartsFragment,
  type PaymentMethodPartsFragment,
} from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { OperationProgress } from './operation-progress';

/** Pays an open invoice, with a payment method that is chosen. */
export function InvoicePayment({
  invoiceId,
  organizationId,
  amount,
  clientSecret,
  methods,
  publishableKey,
}: {
  invoiceId: string;
  organizationId: string;
  amount: MoneyPartsFragment;
  clientSecret: string | null;
  methods: PaymentMethodPartsFragment[];
  publishableKey?: string;
}) {
  const t = useTranslations('pay');
  const states = useTranslations('states');
  const router = useRouter();
  const toast = useToast();
  const { busy, run } = useChange(InvoicePayDocument, (data) => data.invoicePay);
  const [method, setMethod] = useState(
    methods.find(({ isDefault }) => isDefault)?.id ?? methods[0]?.id ?? '',
  );
  const [problem, setProblem] = useState<string>();
  const [answer, setAnswer] = useState<{ operation: OperationPartsFragment; secret: string | null }>();

  const pay = async () => {
    setProblem(undefined);
    setAnswer(undefined);
    const outcome = await run({ invoiceId, paymentMethodId: method || null });
    if (outcome.kind === 'fault') {
      setProblem(outcome.message || states('unreachable'));
      return;
    }
    const { operation } = outcome.payload;
    const secret = outcome.payload.clientSecret ?? clientSecret;
    if (operation && operation.state !== 'CONFIRMED' && operation.state !== 'FAILED')
      setAnswer({ operation, secret });
    if (outcome.kind === 'refused' && operation?.state !== 'REQUIRES_ACTION') {
      setProblem(outcome.errors.map(({ message }) => message).join('\n'));
    }
    if (outcome.kind === 'done' && operation?.state === 'CONFIRMED') toast(t('paid'));
    router.refresh();
  };

  return (
    <Card title={t('title')}>
      <div className="flex flex-col gap-4">
        <p className="text-2xl font-semibold">
          <Money value={amount} />
        </p>
        {problem && (
          <Notice tone="bad" alert>
            {problem}
          </Notice>
        )}
        {answer && (
          <OperationProgress
            key={answer.operation.id}
            operation={answer.operation}
            clientSecret={answer.secret}
            organizationId={organizationId}
            publishableKey={publishableKey}
            onConfirmed={() => toast(t('paid'))}
          />
        )}
        {methods.length > 0 ? (
          <>
            <SelectField
              label={t('method')}
              value={method}
              onChange={({ target }) => setMethod(target.value)}
            >
              {methods.map(({ id, summary, isDefault }) => (
                <option key={id} value={id}>
                  {isDefault ? t('defaultMethod', { method: summary }) : summary}
                </option>
              ))}
            </SelectField>
            <Button look="primary" busy={busy} onClick={pay}>
              {t('pay')}
            </Button>
          </>
        ) : (
          <Link href="/dashboard/billing/payment-methods" className="link">
            {t('addMethod')}
          </Link>
        )}
      </div>
    </Card>
  );
}
