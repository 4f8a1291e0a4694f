'use client';

import dynamic from 'next/dynamic';
import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Card, Notice } from '@/components/ui/card';
import { CheckField, SelectField } from '@/components/ui/field';
import { useToast } from '@/components/ui/toasts';
import {
  type OperationPartsFragment,
  PaymentMethodAttachDocument,
  PaymentMethodSetupDocument,
} from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { OperationProgress } from './operation-progress';

/** Stripe's own form, loaded where it is used: card numbers go from the browser to Stripe and nowhere else. */
const StripeForm = dynamic(() => import('./stripe-form').then(({ StripeForm }) => StripeForm));

/** The sandbox's cards, by Stripe's published names. None of them is a number. */
const TEST_CARDS = [
  'pm_card_visa',
  'pm_card_mastercard',
  'pm_card_amex',
  'pm_card_unionpay',
  'pm_card_chargeCustomerFail',
  'pm_card_visa_chargeDeclinedInsufficientFunds',
  'pm_card_authenticationRequired',
] as const;

/** Adds a way to pay: Stripe's Payment Element when there is a publishable key, the sandbox's test cards otherwise. */
export function PaymentForm({
  organizationId,
  publishableKey,
  withTestCards,
}: {
  organizationId: string;
  publishableKey?: string;
  withTestCards: boolean;
}) {
  const t = useTranslations('paymentForm');
  const states = useTranslations('states');
  const router = useRouter();
  const toast = useToast();
  const [makeDefault, setMakeDefault] = useState(true);
  const [card, setCard] = useState<string>(TEST_CARDS[0]);
  const [problem, setProblem] = useState<string>();
  const [operation, setOperation] = useState<OperationPartsFragment>();
  const [setupSecret, setSetupSecret] = useState<string>();
  const attachment = useChange(PaymentMethodAttachDocument, (data) => data.paymentMethodAttach);
  const setup = useChange(PaymentMethodSetupDocument, (data) => data.paymentMethodSetup);

  const attach = async (stripePaymentMethodId: string) => {
    setProblem(undefined);
    setOperation(undefined);
    const outcome = await attachment.run({ organizationId, stripePaymentMethodId, makeDefault });
    if (outcome.kind === 'fault') setProblem(outcome.message || states('unreachable'));
    else if (outcome.kind === 'refused') setProblem(outcome.errors.map(({ message }) => message).join('\n'));
    else if (outcome.payload.operation && outcome.payload.operation.state !== 'CONFIRMED') {
      setOperation(outcome.payload.operation);
    } else {
      toast(t('added', { method: outcome.payload.paymentMethod?.summary ?? '' }));
      setSetupSecret(undefined);
    }
    router.refresh();
  };

  const begin = async () => {
    setProblem(undefined);
    const outcome = await setup.run({ organizationId });
    if (outcome.kind === 'fault') setProblem(outcome.message || states('unreachable'));
    else if (outcome.kind === 'refused') setProblem(outcome.errors.map(({ message }) => message).join('\n'));
    else setSetupSecret(outcome.payload.clientSecret ?? undefined);
  };

  return (
    <Card title={t('title')}>
      <div className="flex flex-col gap-4">
        {problem && (
          <Notice tone="bad" alert>
            {problem}
          </Notice>
        )}
        {operation && (
          <OperationProgress
            key={operation.id}
            operation={operation}
            clientSecret={null}
            organizationId={organizationId}
            publishableKey={publishableKey}
          />
        )}
        <CheckField
          label={t('makeDefault')}
          checked={makeDefault}
          onChange={({ target }) => setMakeDefault(target.checked)}
        />
        {publishableKey &&
          (setupSecret ? (
            <StripeForm publishableKey={publishableKey} clientSecret={setupSecret} onMethod={attach} />
          ) : (
            <div>
              <Button look="primary" busy={setup.busy} onClick={begin}>
                {t('add')}
              </Button>
            </div>
          ))}
        {withTestCards && (
          <form
            className="flex flex-col gap-4"
            onSubmit={(event) => {
              event.preventDefault();
              void attach(card);
            }}
          >
            <SelectField
              label={t('testCard')}
              hint={t('testCardHint')}
              value={card}
              onChange={({ target }) => setCard(target.value)}
            >
              {TEST_CARDS.map((name) => (
                <option key={name} value={name}>
                  {t(`cards.${name}`)}
                </option>
              ))}
            </SelectField>
            <div>
              <Button type="submit" look="primary" busy={attachment.busy}>
                {t('add')}
              </Button>
            </div>
          </form>
        )}
        {!publishableKey && !withTestCards && <Notice tone="warn">{t('notConfigured')}</Notice>}
      </div>
    </Card>
  );
}
