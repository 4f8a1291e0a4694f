// Starts what the tests use: a gateway with demo data and its Stripe sandbox in a folder of its own, and the dashboard
// that was built. Both end with this process. The gateway's program is TOLLGATE_TEST_GATEWAY.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CLIENT_ID, serveProvider } from './openid-provider.mjs';

const STARTED_WITHIN = 60_000;
const {
  TOLLGATE_TEST_GATEWAY: program,
  TOLLGATE_E2E_GATEWAY_PORT: gatewayPort,
  TOLLGATE_E2E_PROVIDER_PORT: providerPort,
  TOLLGATE_E2E_PORT: port,
} = process.env;
if (!program || !gatewayPort || !port) {
  throw new Error(
    'TOLLGATE_TEST_GATEWAY is set by `cargo xtask test --only frontend`, the ports by playwright.config.ts',
  );
}

const folder = await mkdtemp(join(tmpdir(), 'tollgate-dashboard-'));
const gatewayUrl = `http://127.0.0.1:${gatewayPort}`;
const appUrl = `http://127.0.0.1:${port}`;
const children = [];
let isEnding = false;

function start(command, args, options) {
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  child.once('exit', () => end(1));
  children.push(child);
}

async function end(code) {
  if (isEnding) return;
  isEnding = true;
  provider.close();
  const ended = children.map(
    (child) => child.exitCode !== null || new Promise((resolve) => child.once('exit', resolve)),
  );
  for (const child of children) child.kill('SIGTERM');
  await Promise.race([Promise.all(ended), sleep(4000)]);
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
  process.exit(code);
}

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => end(0));

const { issuer, server: provider } = await serveProvider(
  Number(providerPort),
  `${appUrl}/api/session/oidc/callback`,
);

start(program, ['serve'], {
  cwd: folder,
  env: {
    PATH: process.env.PATH,
    TOLLGATE_LISTEN: `127.0.0.1:${gatewayPort}`,
    TOLLGATE_APP_URL: appUrl,
    TOLLGATE_JWKS_URL: `${issuer}/jwks`,
    TOLLGATE_JWKS_ISSUER: issuer,
    RUST_LOG: 'warn',
  },
});
const deadline = Date.now() + STARTED_WITHIN;
while (!(await fetch(`${gatewayUrl}/healthz`).catch(() => undefined))?.ok) {
  if (Date.now() > deadline) throw new Error('the gateway does not answer');
  await sleep(100);
}
start(
  process.execPath,
  ['node_modules/next/dist/bin/next', 'start', '--hostname', '127.0.0.1', '--port', port],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      NEXT_TELEMETRY_DISABLED: '1',
      TOLLGATE_ENV: 'development',
      TOLLGATE_URL: gatewayUrl,
      TOLLGATE_APP_URL: appUrl,
      TOLLGATE_OIDC_ISSUER: issuer,
      TOLLGATE_OIDC_CLIENT_ID: CLIENT_ID,
    },
  },
);
