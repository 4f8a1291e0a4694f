'use server';

import { cookies } from 'next/headers';
import { redirect } from 'next/navigation';
import { ShellDocument } from '@/gql/graphql';
import { isLocale, LOCALE_COOKIE, TIME_ZONE_COOKIE, validTimeZone } from '@/i18n/locales';
import { THEME_COOKIE, THEMES } from '@/lib/theme';
import { config } from '@/server/config';
import { demoUsers } from '@/server/demo';
import { ask } from '@/server/gateway';
import { closeSession, openSession } from '@/server/session';
import { ORGANIZATION_COOKIE } from '@/server/shell';

// Next.js takes actions from its own pages alone: it compares Origin with Host.

const YEAR_SECONDS = 365 * 24 * 60 * 60;

async function remember(name: string, value: string): Promise<void> {
  (await cookies()).set(name, value, {
    httpOnly: true,
    sameSite: 'lax',
    secure: config.secureCookies,
    path: '/',
    maxAge: YEAR_SECONDS,
  });
}

/** Signs in as one of the people whose tokens the development gateway offers. */
export async function signInAsDemoUser(form: FormData): Promise<void> {
  if (!config.demoSignIn) redirect('/sign-in');
  const users = await demoUsers();
  const chosen = users?.find(({ id }) => id === form.get('user'));
  if (!chosen) redirect('/sign-in?failed=1');
  await openSession(chosen.token);
  await remember(TIME_ZONE_COOKIE, validTimeZone(String(form.get('timeZone') ?? '')));
  redirect(await firstPage(chosen.token));
}

/** Where somebody begins: at their organization, or where platform staff work. */
async function firstPage(token: string): Promise<string> {
  const { data } = await ask(ShellDocument, { organizationId: '', withOrganization: false }, token);
  const jar = await cookies();
  const known = jar.get(ORGANIZATION_COOKIE)?.value;
  const organizations = data?.organizations.nodes.filter(({ viewerRole }) => viewerRole) ?? [];
  const first = organizations.find(({ id }) => id === known) ?? organizations[0];
  if (first) await remember(ORGANIZATION_COOKIE, first.id);
  else jar.delete(ORGANIZATION_COOKIE);
  return data?.viewer?.isPlatformStaff && !first ? '/admin' : '/dashboard';
}

export async function signOut(): Promise<void> {
  await closeSession();
  redirect('/sign-in');
}

export async function chooseLocale(locale: string): Promise<void> {
  if (isLocale(locale)) await remember(LOCALE_COOKIE, locale);
}

export async function chooseTheme(theme: string): Promise<void> {
  if (THEMES.some((known) => known === theme)) await remember(THEME_COOKIE, theme);
}

export async function chooseOrganization(organizationId: string): Promise<void> {
  await remember(ORGANIZATION_COOKIE, organizationId);
  redirect('/dashboard');
}
