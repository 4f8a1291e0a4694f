import { expect, test } from '@playwright/test';
import { PAGES } from './pages';
import { organizationId, signIn } from './support';

/** Bytes of script that the first view of a page may cost, compressed. */
const MOST_SCRIPT = 200_000;

test('no page costs more script than it may, and asks GraphQL nothing from the browser at first', async ({
  browser,
  baseURL,
}) => {
  test.setTimeout(240_000);
  const organization = await organizationId('Acme Corporation');
  const rows: string[] = [];
  for (const { name, person, address } of PAGES) {
    const context = await browser.newContext({ baseURL });
    const first = await context.newPage();
    await signIn(first, person);
    await first.close();
    // Nothing of it is in the browser's cache: another context with the same cookies.
    const fresh = await browser.newContext({ baseURL, storageState: await context.storageState() });
    const page = await fresh.newPage();
    let asked = 0;
    const sizes: Promise<number>[] = [];
    page.on('requestfinished', (request) => {
      if (request.url().includes('/api/graphql')) asked += 1;
      if (request.resourceType() !== 'script') return;
      sizes.push(request.sizes().then(({ responseBodySize }) => responseBodySize));
    });
    await page.goto(address(organization), { waitUntil: 'load' });
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await page.waitForTimeout(500);
    const script = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    const times = await page.evaluate(() => {
      const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
      const paint = performance.getEntriesByName('first-contentful-paint')[0];
      return {
        answer: navigation?.responseStart ?? 0,
        painted: paint?.startTime ?? 0,
        loaded: navigation?.loadEventEnd ?? 0,
      };
    });
    const shift = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) sum += (entry as unknown as { value: number }).value;
          }).observe({ type: 'layout-shift', buffered: true });
          setTimeout(() => resolve(sum), 100);
        }),
    );
    rows.push(
      `| ${name} | ${(script / 1000).toFixed(0)} kB | ${times.answer.toFixed(0)} ms | ${times.painted.toFixed(0)} ms | ${times.loaded.toFixed(0)} ms | ${shift.toFixed(3)} |`,
    );
    expect.soft(script, name).toBeLessThanOrEqual(MOST_SCRIPT);
    expect.soft(asked, name).toBe(0);
    await fresh.close();
    await context.close();
  }
  // For README.md: what was measured.
  process.stdout.write(
    `| page | script | first byte | first paint | loaded | layout shift |\n${rows.join('\n')}\n`,
  );
});
