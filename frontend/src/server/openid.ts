import 'server-only';

import { cookies } from 'next/headers';
import * as client from 'openid-client';
import { config } from './config';
import { seal, unseal } from './seal';

type OpenId = NonNullable<typeof config.openid>;
type Flow = { verifier: string; state: string; nonce: string };

const FLOW_COOKIE = 'tollgate_sign_in';
const FLOW_SECONDS = 10 * 60;

let known: Promise<client.Configuration> | undefined;

/** What the provider says of itself, asked once; a failure is asked again. */
export function provider({ issuer, clientId, clientSecret }: OpenId): Promise<client.Configuration> {
  const address = new URL(issuer);
  // On this machine, for development.
  const isLocal = ['localhost', '127.0.0.1'].includes(address.hostname) && !config.isProduction;
  known ??= client
    .discovery(address, clientId, clientSecret, undefined, {
      execute: isLocal ? [client.allowInsecureRequests] : [],
    })
    .catch((error: unknown) => {
      known = undefined;
      throw error;
    });
  return known;
}

/** An address of the dashboard itself, as the browser knows it. */
export function ownUrl(request: Request, path: string): URL {
  return new URL(path, config.appUrl ?? new URL(request.url).origin);
}

export function callbackUrl(request: Request): string {
  return ownUrl(request, '/api/session/oidc/callback').toString();
}

/** Keeps what the answer must fit to, sealed, in the browser that asked. */
export async function rememberFlow(flow: Flow): Promise<void> {
  (await cookies()).set(FLOW_COOKIE, await seal(flow, new Date(Date.now() + FLOW_SECONDS * 1000)), {
    httpOnly: true,
    sameSite: 'lax',
    secure: config.secureCookies,
    path: '/api/session/oidc',
    maxAge: FLOW_SECONDS,
  });
}

export async function takeFlow(): Promise<Flow | undefined> {
  const jar = await cookies();
  const sealed = jar.get(FLOW_COOKIE)?.value;
  jar.set(FLOW_COOKIE, '', { path: '/api/session/oidc', maxAge: 0 });
  const { verifier, state, nonce } = (sealed && (await unseal(sealed))) || {};
  return typeof verifier === 'string' && typeof state === 'string' && typeof nonce === 'string'
    ? { verifier, state, nonce }
    : undefined;
}
