import { expect, test } from '@playwright/test';
import { expectAccessible } from './support';

test('one signs in at an OpenID Connect provider, and belongs to no organization by that', async ({
  page,
  context,
}) => {
  await page.goto('/sign-in');
  await page.getByRole('link', { name: 'Sign in with your organization' }).click();
  await page.waitForURL('**/dashboard');
  await expect(page.getByText('You do not belong to an organization yet.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Account of Nora New' })).toBeVisible();
  await expectAccessible(page);
  const names = (await context.cookies()).map(({ name }) => name);
  expect(names).toContain('tollgate');
  expect(names).not.toContain('tollgate_sign_in');

  await page.getByRole('button', { name: 'Account of Nora New' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/sign-in');
  await page.goto('/dashboard');
  await expect(page).toHaveURL(/\/sign-in/);
});

test('an answer that nobody asked for signs nobody in', async ({ page }) => {
  await page.goto('/api/session/oidc/callback?code=stolen&state=guessed');
  await expect(page).toHaveURL(/\/sign-in\?failed=1/);
  await page.goto('/dashboard');
  await expect(page).toHaveURL(/\/sign-in/);
});
