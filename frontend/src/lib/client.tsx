'use client';

import {
  type AnyVariables,
  Client,
  type CombinedError,
  fetchExchange,
  type OperationResult,
  type TypedDocumentNode,
} from '@urql/core';
import { useRouter } from 'next/navigation';
import { type ReactNode, useMemo, useRef, useState } from 'react';
import { Provider, useClient } from 'urql';
import type { UserErrorPartsFragment } from '@/gql/graphql';
import { hashed } from './hashed';

/** Gives the pages their way to the gateway: through the dashboard's own server, by documents it knows. */
export function GatewayProvider({ children }: { children: ReactNode }) {
  const client = useMemo(makeClient, []);
  return <Provider value={client}>{children}</Provider>;
}

export function makeClient(): Client {
  return new Client({
    url: '/api/graphql',
    exchanges: [fetchExchange],
    preferGetMethod: false,
    fetchSubscriptions: true,
    fetchOptions: { headers: { 'x-tollgate-dashboard': '1' }, credentials: 'same-origin' },
  });
}

/** What comes back when something was asked to be done. */
export type Outcome<Payload> =
  | { kind: 'done'; payload: Payload }
  /** The gateway says what a person can mend, and where. */
  | { kind: 'refused'; errors: UserErrorPartsFragment[]; payload: Payload }
  /** Nothing a person can mend in the form: no permission, a fault, no answer. */
  | { kind: 'fault'; code: string; message: string; requestId?: string };

export type UserErrors = { userErrors: UserErrorPartsFragment[] };

/**
 * A mutation, sent with an idempotency key that stays the same until the gateway has answered: asked again after a lost
 * answer, it is the same request.
 */
export function useChange<Data, Input extends object, Payload extends UserErrors>(
  document: TypedDocumentNode<Data, { input: Input & { idempotencyKey?: string | null } }>,
  payloadOf: (data: Data) => Payload,
): { busy: boolean; run: (input: Input) => Promise<Outcome<Payload>> } {
  const client = useClient();
  const router = useRouter();
  const [busy, setBusy] = useState(false);
  const attempt = useRef<{ of: string; key: string } | undefined>(undefined);
  const run = async (input: Input): Promise<Outcome<Payload>> => {
    const of = JSON.stringify(input);
    if (attempt.current?.of !== of) attempt.current = { of, key: crypto.randomUUID() };
    setBusy(true);
    try {
      const result = await client
        .mutation(hashed(document), { input: { ...input, idempotencyKey: attempt.current.key } })
        .toPromise();
      if (result.data || result.error?.graphQLErrors.length) attempt.current = undefined;
      const outcome = outcomeOf(result, payloadOf);
      if (outcome.kind === 'fault' && outcome.code === 'UNAUTHENTICATED') router.push('/sign-in?ended=1');
      return outcome;
    } finally {
      setBusy(false);
    }
  };
  return { busy, run };
}

function outcomeOf<Data, Payload extends UserErrors>(
  { data, error }: OperationResult<Data, AnyVariables>,
  payloadOf: (data: Data) => Payload,
): Outcome<Payload> {
  if (!data || error) return { kind: 'fault', ...faultOf(error) };
  const payload = payloadOf(data);
  if (payload.userErrors.length > 0) return { kind: 'refused', errors: payload.userErrors, payload };
  return { kind: 'done', payload };
}

export function faultOf(error: CombinedError | undefined): {
  code: string;
  message: string;
  requestId?: string;
} {
  const first = error?.graphQLErrors[0];
  if (!first) return { code: 'UNREACHABLE', message: '' };
  const { code, requestId } = first.extensions as { code?: string; requestId?: string };
  return { code: code ?? 'INTERNAL', message: first.message, requestId };
}
