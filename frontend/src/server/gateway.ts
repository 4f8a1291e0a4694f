import 'server-only';

import {
  type AnyVariables,
  type CombinedError,
  createClient,
  fetchExchange,
  type TypedDocumentNode,
} from '@urql/core';
import { headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { config } from './config';
import { textOf } from './documents';
import { accessToken } from './session';

/** What the gateway said instead of data. */
export type Refusal = { code: string; message: string; requestId?: string };

export type Loaded<Data> =
  /** `missing` says why a part of the data that may be left out was. */
  | { data: Data; missing?: Refusal; refusal?: undefined }
  | { data?: undefined; missing?: undefined; refusal: Refusal };

/** The headers with which the gateway is asked in somebody's name: it sees their address and browser, not ours. */
export async function gatewayHeaders(token: string | undefined): Promise<Record<string, string>> {
  const incoming = await headers();
  const sent: Record<string, string> = {};
  if (token) sent.authorization = `Bearer ${token}`;
  for (const name of ['user-agent', 'x-forwarded-for', 'accept-language']) {
    const value = incoming.get(name);
    if (value) sent[name] = value;
  }
  return sent;
}

/** Asks the gateway in the viewer's name. Whoever is not signed in is sent to sign in. */
export async function load<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Loaded<Data>> {
  const token = await accessToken();
  if (!token) redirect('/sign-in');
  const asked = await ask(document, variables, token);
  if (asked.refusal?.code === 'UNAUTHENTICATED') redirect('/sign-in?ended=1');
  return asked;
}

/** Asks the gateway with the token given. */
export async function ask<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  token: string | undefined,
): Promise<Loaded<Data>> {
  const client = createClient({
    url: `${config.gatewayUrl}/graphql`,
    exchanges: [fetchExchange],
    preferGetMethod: false,
    // The client aborts what it has read to the end; nothing waits for that.
    fetch: (input, init) => fetch(input, { ...init, signal: undefined }),
    fetchOptions: { headers: await gatewayHeaders(token), cache: 'no-store' },
  });
  const { data, error } = await client.query<Data, Variables>(textOf(document), variables).toPromise();
  if (data) return error ? { data, missing: refusalOf(error) } : { data };
  return { refusal: refusalOf(error) };
}

export function refusalOf(error: CombinedError | undefined): Refusal {
  const first = error?.graphQLErrors[0];
  if (first) {
    const { code, requestId } = first.extensions as { code?: string; requestId?: string };
    return { code: code ?? 'INTERNAL', message: first.message, requestId };
  }
  const status = (error?.response as Response | undefined)?.status;
  if (status === 401) return { code: 'UNAUTHENTICATED', message: '' };
  return { code: 'UNREACHABLE', message: error?.networkError?.message ?? '' };
}
