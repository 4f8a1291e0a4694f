import { NextResponse } from 'next/server';
import * as client from 'openid-client';
import { config } from '@/server/config';
import { callbackUrl, provider, rememberFlow } from '@/server/openid';

/** Sends whoever wants to sign in to the provider: authorization code with PKCE, state and nonce. */
export async function GET(request: Request): Promise<Response> {
  const openid = config.openid;
  if (!openid) return new Response(null, { status: 404 });
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const nonce = client.randomNonce();
  await rememberFlow({ verifier, state, nonce });
  const address = client.buildAuthorizationUrl(await provider(openid), {
    redirect_uri: callbackUrl(request),
    scope: openid.scope,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...(openid.audience && { audience: openid.audience }),
  });
  return NextResponse.redirect(address);
}
