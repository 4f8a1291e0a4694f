import { expect, test } from '@playwright/test';
import { asks, expectAccessible, organizationId, signIn, watchFaults } from './support';

test('who is not signed in is asked to sign in', async ({ page }) => {
  await page.goto('/dashboard');
  await expect(page).toHaveURL(/\/sign-in/);
  await expectAccessible(page);
});

test('the access token is out of reach of scripts', async ({ page, context }) => {
  await signIn(page, 'Olivia');
  const visible = await page.evaluate(() => ({
    cookie: document.cookie,
    local: JSON.stringify(localStorage),
    session: JSON.stringify(sessionStorage),
    html: document.documentElement.outerHTML,
  }));
  const session = (await context.cookies()).find(({ name }) => name === 'tollgate');
  expect(session).toMatchObject({ httpOnly: true, sameSite: 'Lax' });
  expect(visible.cookie).not.toContain('tollgate=');
  expect(JSON.stringify(visible)).not.toContain('eyJ0eXAi');
});

test('settings are changed, and refusals stand at their fields', async ({ page }) => {
  const faults = watchFaults(page);
  await signIn(page, 'Olivia');
  await expect(page.getByRole('heading', { level: 1, name: 'Acme Corporation' })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('link', { name: 'Settings' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Settings' })).toBeVisible();
  await expectAccessible(page);

  await page.getByLabel('Time zone').fill('Mars/Olympus');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByLabel('Time zone')).toHaveAttribute('aria-invalid', 'true');
  await page.getByLabel('Time zone').fill('Asia/Tokyo');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved', { exact: true })).toBeVisible();
  await page.reload();
  await expect(page.getByLabel('Time zone')).toHaveValue('Asia/Tokyo');
  expect(faults).toEqual([]);
});

test('a conflict shows both values, and keeps what was chosen', async ({ page }) => {
  await signIn(page, 'Olivia');
  const id = await organizationId('Globex');
  await page.goto(`/dashboard/organizations/${id}/settings/billing`);
  const name = page.getByLabel('Legal name');
  await name.fill('Globex Mine Ltd');
  const { settingsBilling } = await asks<{ settingsBilling: { version: string } }>(
    'Olivia',
    'query($id: ID!) { settingsBilling(organizationId: $id) { version } }',
    { id },
  );
  await asks(
    'Olivia',
    `mutation($input: SettingsBillingUpdateInput!) { settingsBillingUpdate(input: $input) { userErrors { message } } }`,
    {
      input: {
        organizationId: id,
        expectedVersion: settingsBilling.version,
        legalName: 'Globex Theirs Ltd',
        invoiceFooter: 'Thank you',
      },
    },
  );
  await page.getByRole('button', { name: 'Save' }).click();
  const dialog = page.getByRole('dialog', { name: 'Somebody else saved first' });
  await expect(dialog.getByText('Globex Mine Ltd')).toBeVisible();
  await expect(dialog.getByText('Globex Theirs Ltd')).toBeVisible();
  await expect(dialog.getByText('Invoice footer: Thank you')).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole('radio', { name: 'Yours' }).check();
  await dialog.getByRole('button', { name: 'Save what is chosen' }).click();
  await expect(page.getByText('Saved', { exact: true })).toBeVisible();
  await page.reload();
  await expect(name).toHaveValue('Globex Mine Ltd');
  await expect(page.getByLabel('Invoice footer')).toHaveValue('Thank you');

  // And back to theirs, by the history.
  const theirs = page
    .getByRole('listitem')
    .filter({ hasText: 'Globex Theirs Ltd' })
    .filter({ hasText: 'Thank you' });
  await theirs.getByRole('button', { name: /Roll back/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
  await expect(name).toHaveValue('Globex Theirs Ltd');
});

test('locking oneself out is asked about first', async ({ page }) => {
  await signIn(page, 'Olivia');
  const id = await organizationId('Initech');
  await page.goto(`/dashboard/organizations/${id}/settings/security`);
  await expectAccessible(page);
  await page.getByLabel('Allowed networks').fill('203.0.113.0/24');
  await page.getByRole('button', { name: 'Save' }).click();
  const dialog = page.getByRole('dialog', { name: 'This locks somebody out' });
  await expect(dialog).toContainText('lock you out');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Discard' }).click();
  await expect(page.getByLabel('Allowed networks')).toHaveValue('');
});

test('an event is no longer told by mail', async ({ page }) => {
  await signIn(page, 'Olivia');
  const id = await organizationId('Acme Corporation');
  await page.goto(`/dashboard/organizations/${id}/settings/notifications`);
  await expectAccessible(page);
  const channels = page.getByRole('group', { name: 'An invoice was paid', exact: true });
  await channels.getByLabel('Email').uncheck();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved', { exact: true })).toBeVisible();
  await page.reload();
  await expect(channels.getByLabel('Email')).not.toBeChecked();
  await expect(channels.getByLabel('In the application')).toBeChecked();
});

test('what another site sends is refused', async ({ page, request, context }) => {
  await signIn(page, 'Olivia');
  const cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const forged = await request.post('/api/graphql', {
    headers: { cookie, origin: 'https://evil.example', 'content-type': 'application/json' },
    data: {},
  });
  expect(forged.status()).toBe(403);
  const withHeader = await request.post('/api/graphql', {
    headers: {
      cookie,
      origin: 'https://evil.example',
      'content-type': 'application/json',
      'x-tollgate-dashboard': '1',
    },
    data: {},
  });
  expect(withHeader.status()).toBe(403);
  const unknown = await page.evaluate(async () => {
    const answer = await fetch('/api/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-tollgate-dashboard': '1' },
      body: JSON.stringify({ query: '{ viewer { user { email } } }' }),
    });
    return { status: answer.status, text: await answer.text() };
  });
  expect(unknown.status).toBe(400);
  expect(unknown.text).not.toContain('olivia@');
});
