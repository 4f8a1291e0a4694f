'use client';

import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useEffect, useRef, useState } from 'react';
import { useClient, useQuery, useSubscription } from 'urql';
import { Button } from '@/components/ui/button';
import { buttonClass } from '@/components/ui/button-class';
import { Notice } from '@/components/ui/card';
import {
  BillingOperationChangedDocument,
  BillingOperationDocument,
  type OperationPartsFragment,
  SandboxAddressDocument,
} from '@/gql/graphql';
import { hashed } from '@/lib/hashed';

/** How often it is asked for besides, where the stream does not come through. */
const ASK_AGAIN = 4000;

/**
 * What became of something that Stripe was asked to do. What is not settled yet is said so, followed, and settles on the
 * page by itself; what the bank wants confirmed leads there.
 */
export function OperationProgress({
  operation: first,
  clientSecret,
  organizationId,
  publishableKey,
  onConfirmed,
}: {
  operation: OperationPartsFragment;
  clientSecret: string | null | undefined;
  organizationId: string;
  publishableKey?: string;
  onConfirmed?: () => void;
}) {
  const t = useTranslations('operation');
  const router = useRouter();
  const [isSettled, setSettled] = useState(first.state === 'CONFIRMED' || first.state === 'FAILED');
  const [{ data: told }] = useSubscription({
    query: hashed(BillingOperationChangedDocument),
    variables: { id: first.id },
    pause: isSettled,
  });
  const [{ data: asked }, askAgain] = useQuery({
    query: hashed(BillingOperationDocument),
    variables: { id: first.id },
    requestPolicy: 'network-only',
    pause: true,
  });
  const newest = [asked?.billingOperation, told?.billingOperation].find(
    (seen) => seen?.state === 'CONFIRMED' || seen?.state === 'FAILED',
  );
  const operation = newest ?? told?.billingOperation ?? first;
  useEffect(() => {
    if (isSettled) return;
    const timer = setInterval(() => askAgain({ requestPolicy: 'network-only' }), ASK_AGAIN);
    return () => clearInterval(timer);
  }, [isSettled, askAgain]);
  const confirmed = useRef(onConfirmed);
  confirmed.current = onConfirmed;
  useEffect(() => {
    if (isSettled || (operation.state !== 'CONFIRMED' && operation.state !== 'FAILED')) return;
    setSettled(true);
    router.refresh();
    if (operation.state === 'CONFIRMED') confirmed.current?.();
  }, [operation.state, isSettled, router]);

  switch (operation.state) {
    case 'CONFIRMED':
      return <Notice tone="good" title={t('confirmed')} />;
    case 'FAILED':
      return (
        <Notice tone="bad" alert title={t('failed')}>
          {operation.errorMessage ?? t('failedHint')}
        </Notice>
      );
    case 'REQUIRES_ACTION':
      return (
        <Notice tone="warn" title={t('requiresAction')}>
          <p className="mb-3">{t('requiresActionHint')}</p>
          {clientSecret && (
            <Confirmation
              clientSecret={clientSecret}
              organizationId={organizationId}
              publishableKey={publishableKey}
            />
          )}
        </Notice>
      );
    default:
      return (
        <Notice tone="accent" title={operation.state === 'UNKNOWN' ? t('unknown') : t('pending')}>
          <p>{t('unknownHint')}</p>
          <p className="mt-1 text-sm text-soft">
            {t('id')} <code>{operation.id}</code>
          </p>
        </Notice>
      );
  }
}

/** The way to the cardholder's bank: through Stripe.js, or the page that the sandbox has for it. */
function Confirmation({
  clientSecret,
  organizationId,
  publishableKey,
}: {
  clientSecret: string;
  organizationId: string;
  publishableKey?: string;
}) {
  const t = useTranslations('operation');
  const client = useClient();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [sandbox, setSandbox] = useState<string>();
  const intent = clientSecret.split('_secret_')[0];
  useEffect(() => {
    if (publishableKey) return;
    // The sandbox answers beside its own invoices, whose address is known.
    client
      .query(hashed(SandboxAddressDocument), { organizationId })
      .toPromise()
      .then(({ data }) => {
        const hosted = data?.organization.latestInvoice?.hostedUrl;
        if (hosted) setSandbox(`${new URL(hosted).origin}/_pages/authenticate/${intent}`);
      });
  }, [client, organizationId, publishableKey, intent]);
  if (!publishableKey) {
    return sandbox ? (
      <a href={sandbox} target="_blank" rel="noreferrer" className={buttonClass('primary')}>
        {t('toBank')}
      </a>
    ) : null;
  }
  const confirm = async () => {
    setBusy(true);
    const { loadStripe } = await import('@stripe/stripe-js');
    const stripe = await loadStripe(publishableKey);
    const answer = await stripe?.handleNextAction({ clientSecret });
    setProblem(answer?.error?.message);
    setBusy(false);
  };
  return (
    <>
      {problem && <p className="mb-2 text-bad">{problem}</p>}
      <Button look="primary" busy={busy} onClick={confirm}>
        {t('toBank')}
      </Button>
    </>
  );
}
