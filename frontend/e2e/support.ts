import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

export const gatewayUrl = `http://127.0.0.1:${process.env.TOLLGATE_E2E_GATEWAY_PORT}`;

/** The demo people, by how the sign-in page names them. */
export type Person = 'Olivia' | 'Marcus' | 'Priya';

export async function signIn(page: Page, person: Person, organization = 'Acme Corporation'): Promise<void> {
  await page.goto('/sign-in');
  await page.getByRole('button', { name: new RegExp(`^${person}`) }).click();
  await page.waitForURL(person === 'Priya' ? '**/admin' : '**/dashboard');
  if (person === 'Priya') return;
  const id = await organizationId(organization);
  const { hostname } = new URL(page.url());
  await page
    .context()
    .addCookies([{ name: 'tollgate_organization', value: id, domain: hostname, path: '/' }]);
  await page.reload();
}

/** No fault that axe finds against WCAG 2.2 AA, in light and in dark. */
export async function expectAccessible(page: Page): Promise<void> {
  for (const scheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
      .analyze();
    const found = violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join('; ')}`,
    );
    expect(found, `${page.url()} in ${scheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

/** No page is wider than its screen. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const [content, screen] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  expect(content, `${page.url()} is wider than the screen`).toBeLessThanOrEqual(screen ?? 0);
}

/** Collects what a page says went wrong: errors of scripts, and what the content security policy refused. */
export function watchFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`page error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`);
  });
  return faults;
}

/** Asks the gateway past the dashboard, as somebody else would. */
export async function asks<Data>(person: Person, query: string, variables: object = {}): Promise<Data> {
  const config = (await (await fetch(`${gatewayUrl}/graphiql/config.json`)).json()) as {
    tokens: { label: string; token: string }[];
  };
  const token = config.tokens.find(({ label }) => label.startsWith(person))?.token;
  const answer = await fetch(`${gatewayUrl}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await answer.json()) as { data: Data; errors?: unknown };
  expect(errors, query).toBeUndefined();
  return data;
}

export async function organizationId(name: string): Promise<string> {
  const { organizations } = await asks<{ organizations: { nodes: { id: string; name: string }[] } }>(
    'Olivia',
    '{ organizations { nodes { id name } } }',
  );
  const found = organizations.nodes.find((organization) => organization.name === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found.id;
}
