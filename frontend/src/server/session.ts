import 'server-only';

import { decodeJwt } from 'jose';
import { cookies } from 'next/headers';
import { cache } from 'react';
import { config } from './config';
import { seal, unseal } from './seal';

/** How long a session lasts whose token does not say. */
const LIFETIME_SECONDS = 8 * 60 * 60;

function cookieName(): string {
  return config.secureCookies ? '__Host-tollgate' : 'tollgate';
}

function attributes(expires: Date) {
  return { httpOnly: true, sameSite: 'lax', secure: config.secureCookies, path: '/', expires } as const;
}

/** Keeps the access token in a cookie that the browser's scripts cannot read, and the browser itself cannot open. */
export async function openSession(accessToken: string): Promise<void> {
  const end = tokenEnd(accessToken);
  const sealed = await seal({ token: accessToken }, end);
  (await cookies()).set(cookieName(), sealed, attributes(end));
}

export async function closeSession(): Promise<void> {
  (await cookies()).set(cookieName(), '', { ...attributes(new Date(0)), maxAge: 0 });
}

/** The access token of whoever asks, if there is a session and it has not ended. */
export const accessToken = cache(async (): Promise<string | undefined> => {
  const sealed = (await cookies()).get(cookieName())?.value;
  const token = sealed && (await unseal(sealed))?.token;
  return typeof token === 'string' ? token : undefined;
});

function tokenEnd(accessToken: string): Date {
  const fallback = Math.floor(Date.now() / 1000) + LIFETIME_SECONDS;
  let end = fallback;
  try {
    end = decodeJwt(accessToken).exp ?? fallback;
  } catch {
    // An opaque token does not say when it ends.
  }
  return new Date(end * 1000);
}
