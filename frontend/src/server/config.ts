import 'server-only';

/** What the server of the dashboard is told by its environment. Read when asked for, so that a build needs none of it. */
export const config = {
  /** Where the gateway is. */
  get gatewayUrl(): string {
    return (process.env.TOLLGATE_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, '');
  },

  get isProduction(): boolean {
    return (process.env.TOLLGATE_ENV ?? process.env.NODE_ENV) === 'production';
  },

  /** The dashboard's own address, as people type it; without it the Host header is believed. */
  get appUrl(): string | undefined {
    return process.env.TOLLGATE_APP_URL?.replace(/\/$/, '');
  },

  /** Whether cookies travel over TLS alone. */
  get secureCookies(): boolean {
    return this.isProduction || (this.appUrl?.startsWith('https://') ?? false);
  },

  /** What session cookies are sealed with. Development has a well-known one; production refuses to go without. */
  get sessionSecret(): string {
    const secret = process.env.TOLLGATE_SESSION_SECRET;
    if (secret && secret.length >= 32) return secret;
    if (this.isProduction) throw new Error('TOLLGATE_SESSION_SECRET must be set, to at least 32 characters.');
    return secret ?? 'development only: known to everyone who reads the source';
  },

  /** Whether people may sign in as one of the gateway's demo users. */
  get demoSignIn(): boolean {
    return !this.isProduction;
  },

  /** Stripe's publishable key. Without it there is no Payment Element. */
  get stripePublishableKey(): string | undefined {
    return process.env.STRIPE_PUBLISHABLE_KEY || undefined;
  },

  /** The OpenID Connect provider that people sign in with. */
  get openid():
    | { issuer: string; clientId: string; clientSecret?: string; scope: string; audience?: string }
    | undefined {
    const issuer = process.env.TOLLGATE_OIDC_ISSUER;
    const clientId = process.env.TOLLGATE_OIDC_CLIENT_ID;
    if (!issuer || !clientId) return undefined;
    return {
      issuer,
      clientId,
      clientSecret: process.env.TOLLGATE_OIDC_CLIENT_SECRET || undefined,
      scope: process.env.TOLLGATE_OIDC_SCOPE ?? 'openid profile email',
      audience: process.env.TOLLGATE_OIDC_AUDIENCE || undefined,
    };
  },
};
