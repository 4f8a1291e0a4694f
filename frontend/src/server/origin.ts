import 'server-only';

import { config } from './config';

/** A header that no form and no other site's script can send without being asked first. */
export const OWN_HEADER = 'x-tollgate-dashboard';

/** Whether a request that may change something was sent by a script of our own pages. */
export function isFromOurPages(request: Request): boolean {
  if (request.headers.get(OWN_HEADER) !== '1') return false;
  if (!request.headers.get('content-type')?.startsWith('application/json')) return false;
  const site = request.headers.get('sec-fetch-site');
  if (site && site !== 'same-origin') return false;
  const origin = request.headers.get('origin');
  if (!origin) return site === 'same-origin';
  if (config.appUrl && origin === new URL(config.appUrl).origin) return true;
  return URL.canParse(origin) && new URL(origin).host === request.headers.get('host');
}
