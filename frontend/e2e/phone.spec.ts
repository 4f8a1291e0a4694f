import { expect, test } from '@playwright/test';
import { PAGES } from './pages';
import { expectAccessible, expectNoSidewaysScroll, organizationId, signIn, watchFaults } from './support';

test.describe('in Chinese', () => {
  test.use({ locale: 'zh-CN' });

  for (const { name, person, address } of PAGES) {
    test(`${name} fits a phone, and is accessible`, async ({ page }) => {
      const faults = watchFaults(page);
      await signIn(page, person);
      await page.goto(address(await organizationId('Acme Corporation')));
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
      expect(await page.getAttribute('html', 'lang')).toBe('zh');
      await expectNoSidewaysScroll(page);
      await expectAccessible(page);
      expect(faults).toEqual([]);
    });
  }

  test('the language is the browser’s, and what is chosen is kept', async ({ page }) => {
    await signIn(page, 'Olivia');
    await page.goto('/dashboard/billing');
    await expect(page.getByRole('heading', { level: 1, name: '账单' })).toBeVisible();
    await page.getByRole('button', { name: /Olivia Owner 的账户/ }).click();
    await page.getByLabel('语言').selectOption('en');
    await expect(page.getByRole('heading', { level: 1, name: 'Billing' })).toBeVisible();
    await page.reload();
    await expect(page.getByRole('heading', { level: 1, name: 'Billing' })).toBeVisible();
  });
});

test('the navigation opens by keyboard, and leads on', async ({ page }) => {
  await signIn(page, 'Olivia');
  await page.getByRole('button', { name: 'Open navigation' }).focus();
  await page.keyboard.press('Enter');
  const menu = page.getByRole('dialog', { name: 'Navigation' });
  await expect(menu).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await expect(menu).toBeHidden();
  await expect(page.getByRole('button', { name: 'Open navigation' })).toBeFocused();
  await page.keyboard.press('Enter');
  await menu.getByRole('link', { name: 'Invoices' }).press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Invoices' })).toBeVisible();
  await expect(menu).toBeHidden();
});

test('notifications open, and close with Escape', async ({ page }) => {
  await signIn(page, 'Olivia');
  await page.getByRole('button', { name: /^Notifications/ }).click();
  const list = page.getByRole('dialog', { name: 'Notifications' });
  await expect(list.getByText('Nothing yet.').or(list.getByRole('listitem').first())).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await expect(list).toBeHidden();
});
