import { NextResponse } from 'next/server';
import * as client from 'openid-client';
import { config } from '@/server/config';
import { callbackUrl, ownUrl, provider, takeFlow } from '@/server/openid';
import { openSession } from '@/server/session';

/**
 * Where the provider sends people back. The token that the gateway is shown is the access token where the provider gives
 * one for the gateway (an audience is configured), and the id token otherwise.
 */
export async function GET(request: Request): Promise<Response> {
  const openid = config.openid;
  const flow = await takeFlow();
  if (!openid || !flow) return NextResponse.redirect(ownUrl(request, '/sign-in?failed=1'), 303);
  try {
    const address = new URL(callbackUrl(request));
    address.search = new URL(request.url).search;
    const tokens = await client.authorizationCodeGrant(await provider(openid), address, {
      pkceCodeVerifier: flow.verifier,
      expectedState: flow.state,
      expectedNonce: flow.nonce,
      idTokenExpected: true,
    });
    await openSession(openid.audience ? tokens.access_token : (tokens.id_token ?? tokens.access_token));
  } catch {
    return NextResponse.redirect(ownUrl(request, '/sign-in?failed=1'), 303);
  }
  return NextResponse.redirect(ownUrl(request, '/dashboard'), 303);
}
