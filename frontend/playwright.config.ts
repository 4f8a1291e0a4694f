import { defineConfig, devices } from '@playwright/test';

// Ports of our own, the same in every process of one run.
process.env.TOLLGATE_E2E_PORT ??= String(20_000 + (process.pid % 10_000));
process.env.TOLLGATE_E2E_GATEWAY_PORT ??= String(30_000 + (process.pid % 2_700));
process.env.TOLLGATE_E2E_PROVIDER_PORT ??= String(40_000 + (process.pid % 10_000));

const baseURL = `http://127.0.0.1:${process.env.TOLLGATE_E2E_PORT}`;

export default defineConfig({
  testDir: 'e2e',
  // One gateway, one Stripe sandbox, two cores: one test after the other.
  workers: 1,
  fullyParallel: false,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  forbidOnly: true,
  reporter: [['list']],
  use: {
    baseURL,
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    trace: 'retain-on-failure',
    launchOptions: {
      // Debian's, never a download: `cargo xtask test --only frontend` says where it is.
      executablePath: process.env.TOLLGATE_TEST_CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  webServer: {
    command: 'node e2e/servers.mjs',
    url: `${baseURL}/sign-in`,
    timeout: 90_000,
    stdout: 'pipe',
    gracefulShutdown: { signal: 'SIGTERM', timeout: 8000 },
  },
  projects: [
    {
      name: 'chromium',
      use: { ...devices['Desktop Chrome'] },
      testIgnore: ['phone.spec.ts', 'screenshots.spec.ts'],
    },
    {
      name: 'phone',
      use: { ...devices['Desktop Chrome'], viewport: { width: 360, height: 740 }, hasTouch: true },
      testMatch: 'phone.spec.ts',
    },
    { name: 'screenshots', use: { ...devices['Desktop Chrome'] }, testMatch: 'screenshots.spec.ts' },
  ],
});
