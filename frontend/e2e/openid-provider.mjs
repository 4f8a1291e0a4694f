// An OpenID Connect provider for the tests: it signs everybody in as Nora, who belongs to no organization. It checks what
// a provider checks: the client, the redirect address, PKCE, and that a code is used once.
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export const CLIENT_ID = 'tollgate';

/** Serves it on the port, for a client with this redirect address. */
export async function serveProvider(port, redirectUri) {
  const issuer = `http://127.0.0.1:${port}`;
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'RS256', use: 'sig' };
  const codes = new Map();
  const json = (response, status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, issuer);
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return json(response, 200, {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
          code_challenge_methods_supported: ['S256'],
          token_endpoint_auth_methods_supported: ['none'],
        });
      case '/jwks':
        return json(response, 200, { keys: [jwk] });
      case '/authorize': {
        const asked = Object.fromEntries(url.searchParams);
        if (asked.client_id !== CLIENT_ID || asked.redirect_uri !== redirectUri || !asked.code_challenge) {
          return json(response, 400, { error: 'invalid_request' });
        }
        const code = randomBytes(16).toString('hex');
        codes.set(code, asked);
        const back = new URL(redirectUri);
        back.searchParams.set('code', code);
        back.searchParams.set('state', asked.state);
        response.writeHead(302, { location: back.toString() });
        return response.end();
      }
      case '/token': {
        let body = '';
        for await (const part of request) body += part;
        const form = new URLSearchParams(body);
        const asked = codes.get(form.get('code'));
        codes.delete(form.get('code'));
        const challenge = createHash('sha256')
          .update(form.get('code_verifier') ?? '')
          .digest('base64url');
        if (!asked || challenge !== asked.code_challenge)
          return json(response, 400, { error: 'invalid_grant' });
        const token = await new SignJWT({
          nonce: asked.nonce,
          email: 'nora@provider.example',
          name: 'Nora New',
        })
          .setProtectedHeader({ alg: 'RS256', kid: 'test' })
          .setIssuer(issuer)
          .setSubject('nora')
          .setAudience(CLIENT_ID)
          .setIssuedAt()
          .setExpirationTime('1h')
          .sign(privateKey);
        return json(response, 200, { access_token: 'opaque', token_type: 'Bearer', id_token: token });
      }
      default:
        return json(response, 404, {});
    }
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { issuer, server };
}
