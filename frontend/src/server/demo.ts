import 'server-only';

import { createHash } from 'node:crypto';
import { config } from './config';

export type DemoUser = { id: string; label: string; token: string };

/**
 * The people whose tokens a development gateway offers, as it offers them to GraphiQL; undefined when it cannot be
 * reached. A production gateway offers none.
 */
export async function demoUsers(): Promise<DemoUser[] | undefined> {
  if (!config.demoSignIn) return [];
  try {
    const answer = await fetch(`${config.gatewayUrl}/graphiql/config.json`, { cache: 'no-store' });
    if (!answer.ok) return [];
    const { tokens = [] } = (await answer.json()) as { tokens?: { label: string; token: string }[] };
    return tokens.map(({ label, token }) => ({
      id: createHash('sha256').update(label).digest('hex').slice(0, 12),
      label,
      token,
    }));
  } catch {
    return undefined;
  }
}
