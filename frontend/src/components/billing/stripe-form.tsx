'use client';

import { Elements, PaymentElement, useElements, useStripe } from '@stripe/react-stripe-js';
import { loadStripe } from '@stripe/stripe-js';
import { useLocale, useTranslations } from 'next-intl';
import { useMemo, useState } from 'react';
import { Button } from '@/components/ui/button';
import { Notice } from '@/components/ui/card';

/** Stripe's Payment Element, on a SetupIntent. Gives the id of the method that Stripe made. */
export function StripeForm({
  publishableKey,
  clientSecret,
  onMethod,
}: {
  publishableKey: string;
  clientSecret: string;
  onMethod: (stripePaymentMethodId: string) => Promise<void>;
}) {
  const locale = useLocale();
  const stripe = useMemo(() => loadStripe(publishableKey), [publishableKey]);
  return (
    <Elements stripe={stripe} options={{ clientSecret, locale }}>
      <Inner onMethod={onMethod} />
    </Elements>
  );
}

function Inner({ onMethod }: { onMethod: (stripePaymentMethodId: string) => Promise<void> }) {
  const t = useTranslations('paymentForm');
  const stripe = useStripe();
  const elements = useElements();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={async (event) => {
        event.preventDefault();
        if (!stripe || !elements || busy) return;
        setBusy(true);
        setProblem(undefined);
        const { error, setupIntent } = await stripe.confirmSetup({ elements, redirect: 'if_required' });
        const method = setupIntent?.payment_method;
        if (error) setProblem(error.message ?? t('failed'));
        else if (method) await onMethod(typeof method === 'string' ? method : method.id);
        setBusy(false);
      }}
    >
      <PaymentElement />
      {problem && (
        <Notice tone="bad" alert>
          {problem}
        </Notice>
      )}
      <div>
        <Button type="submit" look="primary" busy={busy}>
          {t('add')}
        </Button>
      </div>
    </form>
  );
}
