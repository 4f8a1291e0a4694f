import { expect, type Page, test } from '@playwright/test';
import { asks, expectAccessible, signIn, watchFaults } from './support';

/** Plays the cardholder on the page of the sandbox's bank. */
async function confirmAtTheBank(page: Page): Promise<void> {
  const opened = page.waitForEvent('popup');
  await page.getByRole('link', { name: 'Confirm with the bank' }).click();
  const bank = await opened;
  await bank.getByRole('link').first().click();
  await bank.waitForLoadState();
  await bank.close();
}

async function addCard(page: Page, name: RegExp): Promise<void> {
  await page.goto('/dashboard/billing/payment-methods');
  await page.getByLabel('Test card').selectOption({ label: (await cardLabel(page, name)) ?? '' });
  await page.getByRole('button', { name: 'Add', exact: true }).click();
}

async function cardLabel(page: Page, name: RegExp): Promise<string | null> {
  return page.getByLabel('Test card').locator('option').filter({ hasText: name }).first().textContent();
}

test('the billing page shows the next bill line by line', async ({ page }) => {
  const faults = watchFaults(page);
  await signIn(page, 'Olivia');
  await page.goto('/dashboard/billing');
  await expect(page.getByRole('heading', { level: 1, name: 'Billing' })).toBeVisible();
  await expect(page.getByRole('row', { name: /5 × Pro/ })).toContainText('$145.00');
  await expectAccessible(page);
  expect(faults).toEqual([]);
});

test('an upgrade is previewed with every line, paid, and shown', async ({ page }) => {
  await signIn(page, 'Olivia');
  await page.goto('/dashboard/billing/plans');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Preview the change to Enterprise' }).click();
  const dialog = page.getByRole('dialog', { name: 'Change to Enterprise' });
  await expect(dialog.getByRole('row', { name: /Unused time on 5 × Pro/ })).toContainText('-');
  await expect(dialog.getByRole('row', { name: /Remaining time on 5 × Enterprise/ })).toBeVisible();
  await expect(dialog.getByRole('table', { name: 'What changes with it' })).toContainText('10,000,000');
  await expectAccessible(page);
  await dialog.getByRole('button', { name: /^Pay/ }).click();
  await expect(page.getByText('The plan has changed')).toBeVisible();
  await expect(page.getByRole('heading', { level: 2, name: 'Enterprise' }).first()).toBeVisible();
  await page.goto('/dashboard/billing/invoices');
  await expectAccessible(page);
  await expect(page.getByRole('row').nth(1)).toContainText('Paid');
});

test('a downgrade is arranged for the end of the period, and taken back', async ({ page }) => {
  await signIn(page, 'Olivia');
  await page.goto('/dashboard/billing/plans');
  await page.getByRole('button', { name: 'Preview the change to Pro' }).click();
  const dialog = page.getByRole('dialog');
  await expect(
    dialog.getByText('Nothing to bill.').or(dialog.getByRole('row', { name: /5 × Pro/ })),
  ).toBeVisible();
  await dialog.getByRole('button', { name: 'Arrange the change' }).click();
  await expect(page.getByText('A change is arranged')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Take the arranged change back' }).click();
  await expect(page.getByText('A change is arranged')).toBeHidden();
});

test('a subscription is canceled with a reason, and resumed', async ({ page }) => {
  await signIn(page, 'Olivia');
  await page.goto('/dashboard/billing');
  await page.getByRole('button', { name: 'Cancel subscription' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Why?').selectOption('TOO_EXPENSIVE');
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Cancel subscription' }).click();
  await expect(page.getByText('It is canceled and ends with its period')).toBeVisible();
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByText('It is canceled and ends with its period')).toBeHidden();
});

test('a card that is declined when it is added says so', async ({ page }) => {
  await signIn(page, 'Olivia');
  await addCard(page, /declined when it is added/);
  await expect(page.getByText('insufficient funds')).toBeVisible();
  await expectAccessible(page);
});

test('a first payment is declined, asks for 3-D Secure, and succeeds', async ({ page }) => {
  await signIn(page, 'Olivia', 'Initech');
  await addCard(page, /declined when it is charged/);
  await expect(page.getByText(/was added/)).toBeVisible();
  await page.goto('/dashboard/billing/plans');
  await page.getByRole('button', { name: 'Choose Pro' }).click();
  let dialog = page.getByRole('dialog', { name: 'Subscribe to Pro' });
  await dialog.getByLabel(/Try it for/).uncheck();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Subscribe and pay' }).click();
  await expect(dialog.getByText(/declined/).first()).toBeVisible();
  await dialog.getByRole('button', { name: 'Cancel' }).click();

  await addCard(page, /3-D Secure/);
  await expect(page.getByText(/was added/)).toBeVisible();
  await page.goto('/dashboard/billing/plans');
  await page.getByRole('button', { name: 'Choose Pro' }).click();
  dialog = page.getByRole('dialog', { name: 'Subscribe to Pro' });
  await dialog.getByLabel(/Try it for/).uncheck();
  await dialog.getByRole('button', { name: 'Subscribe and pay' }).click();
  await expect(page.getByText('Your bank wants a confirmation')).toBeVisible();
  await expectAccessible(page);
  await confirmAtTheBank(page);
  // The page learns of it by itself.
  await expect(dialog.getByText('Done')).toBeVisible({ timeout: 20_000 });
  await dialog.getByRole('button', { name: 'Close' }).first().click();
  await page.goto('/dashboard/billing');
  await expect(page.getByText('Active', { exact: true })).toBeVisible();
});

test('an invoice shows its lines and payments', async ({ page }) => {
  await signIn(page, 'Olivia', 'Globex');
  await page.goto('/dashboard/billing/invoices?status=PAID');
  await page.getByRole('row').nth(1).getByRole('link').first().click();
  await expect(page.getByRole('table', { name: 'Lines' })).toContainText('Enterprise');
  await expect(page.getByText('Succeeded').first()).toBeVisible();
  await expectAccessible(page);
});

test('a member without permission sees neither data nor buttons', async ({ page }) => {
  await signIn(page, 'Marcus');
  await expect(page.getByRole('link', { name: 'Invoices' })).toHaveCount(0);
  await expect(page.getByText('Open invoices')).toHaveCount(0);
  for (const path of [
    '/dashboard/billing',
    '/dashboard/billing/invoices',
    '/dashboard/billing/payment-methods',
  ]) {
    await page.goto(path);
    await expect(page.getByText('You may not see this')).toBeVisible();
    await expect(page.getByText('$')).toHaveCount(0);
  }
  await page.goto('/dashboard/billing/plans');
  await expect(page.getByRole('button', { name: /Preview|Choose|Cancel/ })).toHaveCount(0);
  await expectAccessible(page);
});

test('an open invoice is paid, with the bank in between', async ({ page }) => {
  test.setTimeout(120_000);
  const slug = `hooli-${Date.now()}`;
  const { organizationCreate } = await asks<{ organizationCreate: { organization: { id: string } } }>(
    'Olivia',
    'mutation($input: OrganizationCreateInput!) { organizationCreate(input: $input) { organization { id } userErrors { message } } }',
    { input: { name: slug, slug } },
  );
  const organizationId = organizationCreate.organization.id;
  await asks(
    'Olivia',
    'mutation($input: PaymentMethodAttachInput!) { paymentMethodAttach(input: $input) { userErrors { message } } }',
    { input: { organizationId, stripePaymentMethodId: 'pm_card_chargeCustomerFail' } },
  );
  const { plans } = await asks<{ plans: { id: string; slug: string }[] }>('Olivia', '{ plans { id slug } }');
  await asks(
    'Olivia',
    'mutation($input: SubscriptionCreateInput!) { subscriptionCreate(input: $input) { userErrors { message } } }',
    { input: { organizationId, planId: plans.find((plan) => plan.slug === 'pro')?.id, trial: false } },
  );

  await signIn(page, 'Olivia', slug);
  await expect(page.getByText('First payment due').first()).toBeVisible();
  await addCard(page, /3-D Secure/);
  await expect(page.getByText(/was added/)).toBeVisible();
  await page.goto('/dashboard/billing/invoices?status=OPEN');
  await page.getByRole('row').nth(1).getByRole('link').first().click();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Pay now' }).click();
  await expect(page.getByText('Your bank wants a confirmation')).toBeVisible();
  await confirmAtTheBank(page);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Paid', { timeout: 20_000 });
  await expect(page.getByRole('button', { name: 'Pay now' })).toHaveCount(0);
});
