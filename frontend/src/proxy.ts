import { type NextRequest, NextResponse } from 'next/server';

const ORGANIZATION_PATH = /^\/dashboard\/organizations\/([^/]+)/;

/** Gives each page its content security policy, and the pages below an organization that organization. */
export function proxy(request: NextRequest) {
  const nonce = btoa(crypto.randomUUID());
  const policy = contentSecurityPolicy(nonce);
  const headers = new Headers(request.headers);
  headers.set('x-nonce', nonce);
  headers.set('content-security-policy', policy);
  // Nobody outside says for us which organization a page is about.
  headers.delete('x-tollgate-organization');
  // Links of mails name it in the query, where the path does not.
  const { pathname, searchParams } = request.nextUrl;
  const organization = ORGANIZATION_PATH.exec(pathname)?.[1] ?? searchParams.get('organization');
  if (organization) headers.set('x-tollgate-organization', organization);

  const response = NextResponse.next({ request: { headers } });
  response.headers.set('content-security-policy', policy);
  response.headers.set('referrer-policy', 'strict-origin-when-cross-origin');
  response.headers.set('x-content-type-options', 'nosniff');
  response.headers.set('cache-control', 'private, no-store');
  if (organization && request.cookies.get('tollgate_organization')?.value !== organization) {
    response.cookies.set('tollgate_organization', organization, {
      httpOnly: true,
      sameSite: 'lax',
      secure: request.nextUrl.protocol === 'https:',
      path: '/',
    });
  }
  return response;
}

function contentSecurityPolicy(nonce: string): string {
  const isDevelopment = process.env.NODE_ENV === 'development';
  const stripe = process.env.STRIPE_PUBLISHABLE_KEY ? ' https://js.stripe.com' : '';
  const stripeApi = process.env.STRIPE_PUBLISHABLE_KEY ? ' https://api.stripe.com' : '';
  return [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${stripe}${isDevelopment ? " 'unsafe-eval'" : ''}`,
    // Positions of popups and sizes of charts are attributes.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: https:",
    "font-src 'self'",
    `connect-src 'self'${stripeApi}`,
    `frame-src 'self'${stripe}${stripe ? ' https://hooks.stripe.com' : ''}`,
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}

export const config = {
  matcher: [{ source: '/((?!_next/static|_next/image|favicon.svg|api/).*)' }],
};
