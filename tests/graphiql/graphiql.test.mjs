// Uses GraphiQL in Chromium as an admin would: the page, an example operation with the token it offers, and the
// examples that subscribe an organization. The gateway is TOLLGATE_TEST_GATEWAY, the browser TOLLGATE_TEST_CHROMIUM.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { chromium } from 'playwright-core';

const STARTED_WITHIN = 30_000;

function required(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is set by \`cargo xtask test --only graphiql\``);
  return value;
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

let gateway;
let browser;
let folder;
let origin;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-graphiql-'));
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  gateway = spawn(required('TOLLGATE_TEST_GATEWAY'), [], {
    cwd: folder,
    env: { PATH: process.env.PATH, TOLLGATE_LISTEN: `127.0.0.1:${port}` },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const end = Date.now() + STARTED_WITHIN;
  for (;;) {
    const answer = await fetch(`${origin}/healthz`).catch(() => undefined);
    if (answer?.ok) break;
    assert.ok(gateway.exitCode === null, 'the gateway ended by itself');
    assert.ok(Date.now() < end, 'the gateway does not answer');
    await sleep(50);
  }
  browser = await chromium.launch({
    executablePath: required('TOLLGATE_TEST_CHROMIUM'),
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
});

after(async () => {
  await browser?.close();
  if (gateway && gateway.exitCode === null) {
    const ended = new Promise((resolve) => gateway.once('exit', resolve));
    gateway.kill('SIGTERM');
    await ended;
  }
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** A page of GraphiQL, and what it asked for elsewhere or could not do. */
async function open() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const faults = [];
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && url.origin !== origin) faults.push(`asked for ${url.href}`);
  });
  page.on('pageerror', (error) => faults.push(`page error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`);
  });
  await page.goto(`${origin}/graphiql`);
  await page.getByRole('button', { name: /execute query/i }).waitFor();
  return { page, faults };
}

/** Chooses the tab of an example, runs it, and gives its answer. */
async function run(page, name) {
  const tab = page.locator('.graphiql-tab', { hasText: name });
  // By keyboard: the tabs still slide to their places when the page has just come, and a click may miss.
  await tab.locator('.graphiql-tab-button').press('Enter');
  await page.locator('.graphiql-tab-active', { hasText: name }).waitFor();
  // The editor takes the tab's text a moment later; what is run is what it shows.
  await page.locator('.graphiql-query-editor .view-lines').getByText(new RegExp(`^(query|mutation)\\s${name}\\b`)).first().waitFor();
  const answered = page.waitForResponse(
    (response) => response.url() === `${origin}/graphql` && (response.request().postData() ?? '').includes(`"operationName":"${name}"`),
  );
  await page.getByRole('button', { name: /execute query/i }).click();
  return (await answered).json();
}

test('an example is answered with the token that the page offers, and nothing is asked for elsewhere', async () => {
  const { page, faults } = await open();
  const answer = await run(page, 'WhoAmI');
  assert.equal(answer.errors, undefined);
  assert.ok(answer.data.viewer.user.email.includes('@'));
  assert.ok(answer.data.viewer.organizations.totalCount > 0);
  // The answer is what a person sees, not only what came over the wire.
  await page.locator('.graphiql-response').getByText(answer.data.viewer.user.email).first().waitFor();
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('the schema is explained beside the editor', async () => {
  const { page, faults } = await open();
  await page.getByRole('button', { name: /documentation explorer/i }).first().click();
  await page.locator('.graphiql-doc-explorer').getByText('Mutation', { exact: true }).first().waitFor();
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('every example that reads is answered without an error', async () => {
  const { page, faults } = await open();
  for (const name of ['OrganizationDashboard', 'Plans', 'AuditLogs']) {
    const answer = await run(page, name);
    assert.equal(answer.errors, undefined, `${name}: ${JSON.stringify(answer.errors)}`);
  }
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('a tab just chosen is run by its own name, before GraphiQL has read its text', async () => {
  const { page, faults } = await open();
  const name = 'Plans';
  const asked = page.waitForRequest(
    (request) => request.url() === `${origin}/graphql` && (request.postData() ?? '').includes(`query ${name}`),
  );
  // Within one turn of the page: no timer of GraphiQL's can come between.
  await page.evaluate((chosen) => {
    const tabs = [...document.querySelectorAll('.graphiql-tab')];
    tabs.find((tab) => tab.textContent.includes(chosen)).querySelector('.graphiql-tab-button').click();
    document.querySelector('.graphiql-execute-button').click();
  }, name);
  const request = await asked;
  assert.equal(request.postDataJSON().operationName, name);
  assert.equal((await (await request.response()).json()).errors, undefined);
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('the examples subscribe an organization with a test card', async () => {
  const { page, faults } = await open();
  const attached = await run(page, 'AttachCard');
  assert.deepEqual(attached.data?.paymentMethodAttach.userErrors, [], JSON.stringify(attached));
  const subscribed = await run(page, 'Subscribe');
  assert.deepEqual(subscribed.data?.subscriptionCreate.userErrors, [], JSON.stringify(subscribed));
  assert.equal(subscribed.data.subscriptionCreate.subscription.status, 'ACTIVE');
  assert.deepEqual(faults, []);
  await page.context().close();
});
