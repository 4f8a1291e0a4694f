import { expect, test } from '@playwright/test';
import { organizationId, type Person, signIn } from './support';

// Pictures of every page for the README, in both languages, in the dark, and on a phone.
const FOLDER = process.env.TOLLGATE_SCREENSHOTS ?? 'test-results/screenshots';

const PAGES: Record<string, (organization: string) => string> = {
  overview: () => '/dashboard',
  'settings-general': (id) => `/dashboard/organizations/${id}/settings`,
  'settings-billing': (id) => `/dashboard/organizations/${id}/settings/billing`,
  'settings-notifications': (id) => `/dashboard/organizations/${id}/settings/notifications`,
  'settings-security': (id) => `/dashboard/organizations/${id}/settings/security`,
  members: (id) => `/dashboard/organizations/${id}/members`,
  billing: () => '/dashboard/billing',
  plans: () => '/dashboard/billing/plans',
  'payment-methods': () => '/dashboard/billing/payment-methods',
  invoices: () => '/dashboard/billing/invoices',
  usage: () => '/dashboard/billing/usage',
  audit: () => '/dashboard/audit',
};

const LOOKS = [
  { name: 'en', locale: 'en-US', width: 1280, height: 900, scheme: 'light' },
  { name: 'zh', locale: 'zh-CN', width: 1280, height: 900, scheme: 'light' },
  { name: 'dark', locale: 'en-US', width: 1280, height: 900, scheme: 'dark' },
  { name: 'phone', locale: 'en-US', width: 360, height: 740, scheme: 'light' },
] as const;

for (const { name, locale, width, height, scheme } of LOOKS) {
  test(`screenshots: ${name}`, async ({ browser, baseURL }) => {
    test.setTimeout(180_000);
    const shots: [Person, Record<string, string>][] = [
      ['Olivia', await addresses()],
      ['Priya', { admin: '/admin' }],
    ];
    for (const [person, pages] of shots) {
      const context = await browser.newContext({
        baseURL,
        locale,
        viewport: { width, height },
        colorScheme: scheme,
        timezoneId: 'UTC',
        reducedMotion: 'reduce',
      });
      const page = await context.newPage();
      await signIn(page, person);
      for (const [title, address] of Object.entries(pages)) {
        await page.goto(address);
        await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
        await page.screenshot({ path: `${FOLDER}/${title}-${name}.png`, fullPage: title !== 'audit' });
      }
      await context.close();
    }
  });
}

async function addresses(): Promise<Record<string, string>> {
  const id = await organizationId('Acme Corporation');
  return Object.fromEntries(Object.entries(PAGES).map(([title, address]) => [title, address(id)]));
}
