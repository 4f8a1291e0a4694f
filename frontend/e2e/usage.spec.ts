import { expect, test } from '@playwright/test';
import { asks, expectAccessible, organizationId, signIn, watchFaults } from './support';

test('the chart shows what was just recorded, by itself', async ({ page }) => {
  const faults = watchFaults(page);
  const id = await organizationId('Globex');
  await signIn(page, 'Olivia', 'Globex');
  await page.goto('/dashboard/billing/usage?span=day');
  const chart = page.getByRole('img', { name: /^API calls/ });
  await expect(chart).toBeVisible();
  await expectAccessible(page);
  const before = await chart.getAttribute('aria-label');
  await asks(
    'Olivia',
    'mutation($input: UsageRecordInput!) { usageRecord(input: $input) { isRecorded userErrors { message } } }',
    {
      input: {
        organizationId: id,
        event: { eventId: crypto.randomUUID(), meter: 'api_calls', quantity: '123456' },
      },
    },
  );
  await expect(chart).not.toHaveAttribute('aria-label', before ?? '', { timeout: 20_000 });
  await expect(page.getByText(/123,456|12\d,\d{3}/).first()).toBeVisible();
  expect(faults).toEqual([]);
});

test('usage is exported as it is shown', async ({ page }) => {
  await signIn(page, 'Olivia');
  await page.goto('/dashboard/billing/usage');
  const downloaded = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export CSV' }).click();
  expect((await downloaded).suggestedFilename()).toBe('usage-month.csv');
});
