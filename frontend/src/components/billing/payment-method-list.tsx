'use client';

import { CreditCard } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Badge, Notice } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { useToast } from '@/components/ui/toasts';
import {
  PaymentMethodDetachDocument,
  type PaymentMethodPartsFragment,
  PaymentMethodSetDefaultDocument,
} from '@/gql/graphql';
import { type Outcome, type UserErrors, useChange } from '@/lib/client';

export function PaymentMethodList({
  methods,
  mayWrite,
}: {
  methods: PaymentMethodPartsFragment[];
  mayWrite: boolean;
}) {
  const t = useTranslations('paymentMethods');
  const actions = useTranslations('actions');
  const states = useTranslations('states');
  const router = useRouter();
  const toast = useToast();
  const [removing, setRemoving] = useState<PaymentMethodPartsFragment>();
  const [problem, setProblem] = useState<string>();
  const setDefault = useChange(PaymentMethodSetDefaultDocument, (data) => data.paymentMethodSetDefault);
  const detach = useChange(PaymentMethodDetachDocument, (data) => data.paymentMethodDetach);
  const settle = (
    outcome: Outcome<UserErrors & { operation: { state: string } | null }>,
    done: string,
  ): boolean => {
    setProblem(undefined);
    if (outcome.kind === 'fault') setProblem(outcome.message || states('unreachable'));
    else if (outcome.kind === 'refused') setProblem(outcome.errors.map(({ message }) => message).join('\n'));
    else toast(outcome.payload.operation?.state === 'UNKNOWN' ? t('unknown') : done);
    router.refresh();
    return outcome.kind === 'done';
  };
  return (
    <>
      {problem && !removing && (
        <Notice tone="bad" alert>
          {problem}
        </Notice>
      )}
      <ul className="flex flex-col divide-y divide-line">
        {methods.map((method) => (
          <li key={method.id} className="flex flex-wrap items-center justify-between gap-3 py-3">
            <div className="flex min-w-0 items-center gap-3">
              <CreditCard aria-hidden className="size-6 shrink-0 text-soft" />
              <div className="min-w-0">
                <p className="flex flex-wrap items-center gap-2 font-medium">
                  {method.summary}
                  {method.isDefault && <Badge tone="accent">{t('default')}</Badge>}
                </p>
                {method.card && (
                  <p className="text-sm text-soft">
                    {t('expires', {
                      month: String(method.card.expMonth).padStart(2, '0'),
                      year: String(method.card.expYear),
                    })}
                  </p>
                )}
              </div>
            </div>
            {mayWrite && (
              <div className="flex flex-wrap gap-2">
                {!method.isDefault && (
                  <Button
                    small
                    busy={setDefault.busy}
                    onClick={async () =>
                      settle(await setDefault.run({ paymentMethodId: method.id }), t('madeDefault'))
                    }
                  >
                    {t('makeDefault')}
                    <span className="sr-only"> {method.summary}</span>
                  </Button>
                )}
                <Button small look="danger" onClick={() => setRemoving(method)}>
                  {actions('remove')}
                  <span className="sr-only"> {method.summary}</span>
                </Button>
              </div>
            )}
          </li>
        ))}
      </ul>
      {removing && (
        <Dialog
          open
          onOpenChange={(open) => !open && setRemoving(undefined)}
          title={t('removeTitle', { method: removing.summary })}
          lead={removing.isDefault ? t('removeDefaultLead') : t('removeLead')}
        >
          {problem && (
            <Notice tone="bad" alert>
              {problem}
            </Notice>
          )}
          <div className="mt-4 flex flex-wrap justify-end gap-2">
            <Button onClick={() => setRemoving(undefined)}>{actions('cancel')}</Button>
            <Button
              look="danger"
              busy={detach.busy}
              onClick={async () => {
                if (settle(await detach.run({ paymentMethodId: removing.id }), t('removed')))
                  setRemoving(undefined);
              }}
            >
              {actions('remove')}
            </Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
