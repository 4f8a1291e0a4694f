import { readFile } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { asks, expectAccessible, organizationId, signIn, watchFaults } from './support';

test('the audit log shows a change, filtered by the address, with its difference', async ({ page }) => {
  const faults = watchFaults(page);
  const id = await organizationId('Acme Corporation');
  const { settingsGeneral } = await asks<{ settingsGeneral: { version: string } }>(
    'Olivia',
    'query($id: ID!) { settingsGeneral(organizationId: $id) { version } }',
    { id },
  );
  await asks(
    'Olivia',
    'mutation($input: SettingsGeneralUpdateInput!) { settingsGeneralUpdate(input: $input) { userErrors { message } } }',
    { input: { organizationId: id, expectedVersion: settingsGeneral.version, locale: 'de-DE' } },
  );
  await signIn(page, 'Olivia');
  await page.goto('/dashboard/audit');
  await expectAccessible(page);
  await page.getByLabel('Person').selectOption({ label: 'Olivia Owner' });
  await page.getByRole('button', { name: 'Show' }).click();
  await page.waitForURL(/userId=usr_/);
  await expect(page.getByRole('row', { name: /Stripe/ })).toHaveCount(0);
  await page
    .getByRole('button', { name: /settings/ })
    .first()
    .click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByText('de-DE')).toBeVisible();
  await expectAccessible(page);
  expect(faults).toEqual([]);
});

test('the log is exported as it is filtered', async ({ page }) => {
  await signIn(page, 'Olivia');
  await page.goto('/dashboard/audit?resourceType=invoice');
  const downloaded = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export JSON Lines' }).click();
  const file = await downloaded;
  const lines = (await readFile(await file.path(), 'utf8')).trim().split('\n');
  const title = await page.getByRole('heading', { level: 2, name: /records?$/ }).textContent();
  expect(`${lines.length}`).toBe(title?.match(/\d+/)?.[0]);
  expect(new Set(lines.map((line) => JSON.parse(line).resourceType))).toEqual(new Set(['invoice']));
});

test('members are invited, and roles made of what one holds', async ({ page }) => {
  const faults = watchFaults(page);
  await signIn(page, 'Olivia');
  const id = await organizationId('Acme Corporation');
  await page.goto(`/dashboard/organizations/${id}/members`);
  await expectAccessible(page);
  await page.getByLabel('Mail address').fill('nobody');
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  await expect(page.getByText('This is no mail address.')).toBeVisible();
  await page.getByLabel('Mail address').fill('new@acme.example');
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  await expect(page.getByText(/\/invitations#token=/)).toBeVisible();
  await expect(page.getByRole('listitem').filter({ hasText: 'new@acme.example' })).toBeVisible();

  await page.getByRole('button', { name: 'New role' }).click();
  const dialog = page.getByRole('dialog', { name: 'New role' });
  await dialog.getByLabel('Name').fill('Bookkeeper');
  await dialog.getByLabel('Read billing').check();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('listitem').filter({ hasText: 'Bookkeeper' })).toBeVisible();

  await page.getByLabel('Role of Marcus Member').selectOption({ label: 'Bookkeeper' });
  await expect(page.getByText('The role has changed')).toBeVisible();
  await page.getByLabel('Role of Marcus Member').selectOption({ label: 'Member' });
  await expect(page.getByText('The role has changed').last()).toBeVisible();
  expect(faults).toEqual([]);
});

test('platform staff see what comes in, and apply an event again', async ({ page }) => {
  const faults = watchFaults(page);
  await signIn(page, 'Priya');
  await expect(page.getByText('Monthly recurring revenue')).toBeVisible();
  await expectAccessible(page);
  await page
    .getByRole('button', { name: /^Apply again/ })
    .first()
    .click();
  await expect(page.getByText('The event is applied again')).toBeVisible();
  expect(faults).toEqual([]);
});

test('nobody else sees the page of the platform', async ({ page }) => {
  await signIn(page, 'Olivia');
  await expect(page.getByRole('link', { name: 'Platform' })).toHaveCount(0);
  await page.goto('/admin');
  await expect(page.getByText('This is for platform staff.')).toBeVisible();
});
