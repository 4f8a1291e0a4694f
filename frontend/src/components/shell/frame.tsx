import { cookies } from 'next/headers';
import { getTranslations } from 'next-intl/server';
import type { ReactNode } from 'react';
import { AccountMenu } from '@/components/shell/account-menu';
import { LiveUpdates } from '@/components/shell/live-updates';
import { Navigation, type NavigationItem } from '@/components/shell/navigation';
import { NotificationBell } from '@/components/shell/notification-bell';
import { OrganizationChoice } from '@/components/shell/organization-choice';
import { PhoneMenu } from '@/components/shell/phone-menu';
import { Failure } from '@/components/ui/states';
import { THEME_COOKIE } from '@/lib/theme';
import { loadShell, type Shell } from '@/server/shell';

/** What stands around every page: navigation to what the viewer may see, organization, notifications, account. */
export async function Frame({ children }: { children: ReactNode }) {
  const t = await getTranslations('app');
  const { shell, refusal } = await loadShell();
  if (refusal) {
    return (
      <main className="mx-auto max-w-xl p-6">
        <h1 className="mb-4 text-2xl font-semibold">{t('name')}</h1>
        <Failure refusal={refusal} />
      </main>
    );
  }
  const theme = (await cookies()).get(THEME_COOKIE)?.value ?? 'system';
  const { viewer, organization, organizations } = shell;
  const items = navigationOf(shell);
  const name = viewer.user?.name ?? viewer.user?.email ?? '?';
  const choice = organizations.length > 0 && (
    <OrganizationChoice
      organizations={organizations.map(({ id, name }) => ({ id, name }))}
      current={organization?.id}
    />
  );
  return (
    <>
      <a
        href="#content"
        className="sr-only z-50 rounded bg-accent px-4 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        {t('skip')}
      </a>
      <div className="lg:grid lg:min-h-dvh lg:grid-cols-[16rem_1fr]">
        <aside className="hidden border-r border-line bg-surface lg:block">
          <div className="sticky top-0 flex flex-col gap-4 p-4">
            <Logo name={t('name')} />
            {choice}
            <Navigation items={items} />
          </div>
        </aside>
        <div className="min-w-0">
          <header className="sticky top-0 z-30 flex h-14 items-center gap-2 border-b border-line bg-surface px-3 sm:px-6">
            <PhoneMenu items={items}>{choice}</PhoneMenu>
            <div className="lg:hidden">
              <Logo name={t('name')} />
            </div>
            <div className="ml-auto flex items-center gap-2">
              {organization && <NotificationBell organizationId={organization.id} unread={shell.unread} />}
              <AccountMenu name={name} email={viewer.user?.email ?? null} theme={theme} />
            </div>
          </header>
          <main id="content" tabIndex={-1} className="mx-auto max-w-6xl p-4 outline-none sm:p-6">
            {children}
          </main>
        </div>
      </div>
      {organization && (
        <LiveUpdates organizationId={organization.id} withBilling={shell.can('BILLING_READ')} />
      )}
    </>
  );
}

function Logo({ name }: { name: string }) {
  return (
    <div className="flex items-center gap-2 font-semibold">
      {/* biome-ignore lint/performance/noImgElement: an icon of 300 bytes */}
      <img src="/favicon.svg" alt="" width={28} height={28} />
      {name}
    </div>
  );
}

/** What the viewer may see, and nothing else. */
function navigationOf({ organization, viewer, can }: Shell): NavigationItem[] {
  const items: NavigationItem[] = [];
  if (organization) {
    const base = `/dashboard/organizations/${organization.id}`;
    items.push({ key: 'overview', href: '/dashboard' });
    if (can('BILLING_READ')) items.push({ key: 'billing', href: '/dashboard/billing' });
    if (can('SUBSCRIPTION_READ')) items.push({ key: 'plans', href: '/dashboard/billing/plans' });
    if (can('BILLING_READ')) {
      items.push(
        { key: 'paymentMethods', href: '/dashboard/billing/payment-methods' },
        { key: 'invoices', href: '/dashboard/billing/invoices' },
      );
    }
    if (can('SUBSCRIPTION_READ')) items.push({ key: 'usage', href: '/dashboard/billing/usage' });
    if (can('SETTINGS_READ')) items.push({ key: 'settings', href: `${base}/settings` });
    if (can('MEMBERS_READ')) items.push({ key: 'members', href: `${base}/members` });
    if (can('AUDIT_READ')) items.push({ key: 'audit', href: '/dashboard/audit' });
  }
  if (viewer.isPlatformStaff) items.push({ key: 'admin', href: '/admin' });
  return items;
}
