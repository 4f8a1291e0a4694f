'use client';

import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { useToast } from '@/components/ui/toasts';
import type { Outcome, UserErrors } from '@/lib/client';

/** What an action that has no form of its own says: done in a corner, refused where it was asked for. */
export function useAction() {
  const states = useTranslations('states');
  const router = useRouter();
  const toast = useToast();
  const [problem, setProblem] = useState<string>();
  const settle = <Payload extends UserErrors>(
    outcome: Outcome<Payload>,
    done: string,
  ): outcome is { kind: 'done'; payload: Payload } => {
    setProblem(undefined);
    if (outcome.kind === 'fault') setProblem(outcome.message || states('unreachable'));
    else if (outcome.kind === 'refused') setProblem(outcome.errors.map(({ message }) => message).join('\n'));
    else if (done) toast(done);
    router.refresh();
    return outcome.kind === 'done';
  };
  return { problem, setProblem, settle };
}
