import { config } from '@/server/config';
import { textByHash } from '@/server/documents';
import { gatewayHeaders } from '@/server/gateway';
import { isFromOurPages } from '@/server/origin';
import { accessToken } from '@/server/session';

const LARGEST_BODY = 256 * 1024;

type Asked = {
  variables?: Record<string, unknown>;
  documentId?: string;
};

/**
 * What the browser asks the gateway for: one of the documents that this build was made with, in the viewer's name.
 * The access token joins here; it never reaches a page.
 */
export async function POST(request: Request): Promise<Response> {
  if (!isFromOurPages(request))
    return refuse(403, 'FORBIDDEN', 'The request does not come from the dashboard.');
  const token = await accessToken();
  if (!token) return refuse(401, 'UNAUTHENTICATED', 'Sign in again.');
  const text = await request.text();
  if (text.length > LARGEST_BODY) return refuse(413, 'BAD_USER_INPUT', 'The request is too large.');
  let asked: Asked;
  try {
    asked = JSON.parse(text) as Asked;
  } catch {
    return refuse(400, 'BAD_USER_INPUT', 'The request is not JSON.');
  }
  const query = textByHash(String(asked.documentId ?? ''));
  if (!query)
    return refuse(400, 'BAD_USER_INPUT', 'The document is not one of the dashboard. Load the page again.');
  let answer: Response;
  try {
    answer = await fetch(`${config.gatewayUrl}/graphql`, {
      method: 'POST',
      headers: {
        ...(await gatewayHeaders(token)),
        'content-type': 'application/json',
        accept: request.headers.get('accept') ?? 'application/graphql-response+json',
      },
      body: JSON.stringify({ query, variables: asked.variables }),
      cache: 'no-store',
      // A stream ends at the gateway when the page that reads it is closed.
      signal: request.signal,
    });
  } catch {
    return refuse(502, 'UNREACHABLE', 'The gateway cannot be reached.');
  }
  return new Response(answer.body, {
    status: answer.status,
    headers: {
      'content-type': answer.headers.get('content-type') ?? 'application/json',
      'cache-control': 'no-store',
    },
  });
}

function refuse(status: number, code: string, message: string): Response {
  return Response.json(
    { errors: [{ message, extensions: { code } }] },
    { status, headers: { 'cache-control': 'no-store', 'content-type': 'application/graphql-response+json' } },
  );
}
