import { expect, test } from '@playwright/test';
import { PAGES } from './pages';
import { organizationId, type Person, signIn } from './support';

// Pictures of every page for the README, in both languages, in the dark, and on a phone.
const FOLDER = process.env.TOLLGATE_SCREENSHOTS ?? 'test-results/screenshots';

const LOOKS = [
  { name: 'en', locale: 'en-US', width: 1280, height: 900, scheme: 'light' },
  { name: 'zh', locale: 'zh-CN', width: 1280, height: 900, scheme: 'light' },
  { name: 'dark', locale: 'en-US', width: 1280, height: 900, scheme: 'dark' },
  { name: 'phone', locale: 'en-US', width: 360, height: 740, scheme: 'light' },
] as const;

for (const { name, locale, width, height, scheme } of LOOKS) {
  test(`screenshots: ${name}`, async ({ browser, baseURL }) => {
    test.setTimeout(180_000);
    const id = await organizationId('Acme Corporation');
    for (const person of ['Olivia', 'Priya'] satisfies Person[]) {
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
      for (const { name: title, address } of PAGES.filter((shown) => shown.person === person)) {
        await page.goto(address(id));
        await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
        await page.screenshot({ path: `${FOLDER}/${title}-${name}.png` });
      }
      await context.close();
    }
  });
}
