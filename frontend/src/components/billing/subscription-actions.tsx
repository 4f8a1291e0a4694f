'use client';

import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Notice } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { SelectField, TextArea } from '@/components/ui/field';
import { useToast } from '@/components/ui/toasts';
import {
  type CancellationFeedback,
  type CancellationTime,
  type OperationPartsFragment,
  SubscriptionCancelDocument,
  type SubscriptionPartsFragment,
  SubscriptionResumeDocument,
  SubscriptionScheduledChangeRevokeDocument,
} from '@/gql/graphql';
import { type Outcome, type UserErrors, useChange } from '@/lib/client';
import { OperationProgress } from './operation-progress';

const FEEDBACK = [
  'TOO_EXPENSIVE',
  'MISSING_FEATURES',
  'SWITCHED_SERVICE',
  'UNUSED',
  'TOO_COMPLEX',
  'LOW_QUALITY',
  'CUSTOMER_SERVICE',
  'OTHER',
] as const satisfies readonly CancellationFeedback[];

type Answer = UserErrors & { operation: OperationPartsFragment | null; clientSecret?: string | null };

/** What may be done with a subscription besides another plan: cancel it, take that back, resume it. */
export function SubscriptionActions({
  organizationId,
  subscription,
  publishableKey,
}: {
  organizationId: string;
  subscription: SubscriptionPartsFragment;
  publishableKey?: string;
}) {
  const t = useTranslations('subscription');
  const states = useTranslations('states');
  const router = useRouter();
  const toast = useToast();
  const [isCanceling, setCanceling] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [answer, setAnswer] = useState<Answer>();
  const resume = useChange(SubscriptionResumeDocument, (data) => data.subscriptionResume);
  const revoke = useChange(
    SubscriptionScheduledChangeRevokeDocument,
    (data) => data.subscriptionScheduledChangeRevoke,
  );
  const subscriptionId = subscription.id;

  const settle = (outcome: Outcome<Answer>, done: string) => {
    setProblem(undefined);
    setAnswer(undefined);
    if (outcome.kind === 'fault') setProblem(outcome.message || states('unreachable'));
    else if (outcome.kind === 'refused') setProblem(outcome.errors.map(({ message }) => message).join('\n'));
    else if (outcome.payload.operation && outcome.payload.operation.state !== 'CONFIRMED')
      setAnswer(outcome.payload);
    else toast(done);
    router.refresh();
    return outcome.kind === 'done';
  };

  const { status, isCancellationScheduled, scheduledChange, stripeSubscriptionId } = subscription;
  const isLive = status !== 'CANCELED' && status !== 'INCOMPLETE_EXPIRED';
  return (
    <div className="flex w-full flex-col gap-3">
      <div className="flex flex-wrap gap-2">
        {(isCancellationScheduled || status === 'PAUSED') && isLive && (
          <Button
            look="primary"
            busy={resume.busy}
            onClick={async () => settle(await resume.run({ subscriptionId }), t('resumed'))}
          >
            {t('resume')}
          </Button>
        )}
        {scheduledChange && (
          <Button
            busy={revoke.busy}
            onClick={async () => settle(await revoke.run({ subscriptionId }), t('revoked'))}
          >
            {t('revoke')}
          </Button>
        )}
        {isLive && !isCancellationScheduled && stripeSubscriptionId && (
          <Button look="danger" onClick={() => setCanceling(true)}>
            {t('cancel')}
          </Button>
        )}
      </div>
      {problem && (
        <Notice tone="bad" alert>
          {problem}
        </Notice>
      )}
      {answer?.operation && (
        <OperationProgress
          key={answer.operation.id}
          operation={answer.operation}
          clientSecret={answer.clientSecret}
          organizationId={organizationId}
          publishableKey={publishableKey}
        />
      )}
      {isCanceling && (
        <CancelDialog
          subscriptionId={subscriptionId}
          onClose={() => setCanceling(false)}
          onAnswer={(outcome) => {
            if (settle(outcome, t('canceled'))) setCanceling(false);
            return outcome.kind === 'done';
          }}
        />
      )}
    </div>
  );
}

function CancelDialog({
  subscriptionId,
  onClose,
  onAnswer,
}: {
  subscriptionId: string;
  onClose: () => void;
  onAnswer: (outcome: Outcome<Answer>) => boolean;
}) {
  const t = useTranslations('subscription');
  const enums = useTranslations('enums');
  const states = useTranslations('states');
  const { busy, run } = useChange(SubscriptionCancelDocument, (data) => data.subscriptionCancel);
  const [when, setWhen] = useState<CancellationTime>('PERIOD_END');
  const [feedback, setFeedback] = useState('');
  const [reason, setReason] = useState('');
  const [problems, setProblems] = useState<Record<string, string>>({});
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t('cancelTitle')}
      lead={when === 'NOW' ? t('cancelNowLead') : t('cancelLead')}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={async (event) => {
          event.preventDefault();
          const outcome = await run({
            subscriptionId,
            when,
            feedback: (feedback || null) as CancellationFeedback | null,
            reason: reason.trim() || null,
          });
          if (onAnswer(outcome)) return;
          if (outcome.kind === 'refused') {
            setProblems(
              Object.fromEntries(outcome.errors.map(({ path, message }) => [path[0] ?? '', message])),
            );
          } else if (outcome.kind === 'fault') setProblems({ '': outcome.message || states('unreachable') });
        }}
      >
        <fieldset>
          <legend className="mb-1 text-sm font-medium">{t('when')}</legend>
          {(['PERIOD_END', 'NOW'] as const).map((time) => (
            <label key={time} className="flex min-h-8 items-center gap-2">
              <input
                type="radio"
                name="when"
                className="accent-(--accent)"
                checked={when === time}
                onChange={() => setWhen(time)}
              />
              {enums(`CancellationTime.${time}`)}
            </label>
          ))}
        </fieldset>
        <SelectField
          label={t('feedback')}
          value={feedback}
          error={problems.feedback}
          onChange={({ target }) => setFeedback(target.value)}
        >
          <option value="">{t('noFeedback')}</option>
          {FEEDBACK.map((name) => (
            <option key={name} value={name}>
              {enums(`CancellationFeedback.${name}`)}
            </option>
          ))}
        </SelectField>
        <TextArea
          label={t('reason')}
          value={reason}
          error={problems.reason}
          onChange={({ target }) => setReason(target.value)}
        />
        {problems[''] && (
          <Notice tone="bad" alert>
            {problems['']}
          </Notice>
        )}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t('keep')}</Button>
          <Button type="submit" look="danger" busy={busy}>
            {t('cancel')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
