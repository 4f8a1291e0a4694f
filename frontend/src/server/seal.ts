import 'server-only';

import { createHash } from 'node:crypto';
import { EncryptJWT, type JWTPayload, jwtDecrypt } from 'jose';
import { config } from './config';

function key(): Uint8Array {
  return createHash('sha256').update(config.sessionSecret).digest();
}

/** Text that only this server can read, until a time. */
export async function seal(content: JWTPayload, end: Date): Promise<string> {
  return new EncryptJWT(content)
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setIssuedAt()
    .setExpirationTime(end)
    .encrypt(key());
}

/** What was sealed; nothing when it is past its time, sealed with another secret, or not ours. */
export async function unseal(sealed: string): Promise<JWTPayload | undefined> {
  try {
    return (await jwtDecrypt(sealed, key())).payload;
  } catch {
    return undefined;
  }
}
