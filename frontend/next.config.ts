import type { NextConfig } from 'next';
import createNextIntlPlugin from 'next-intl/plugin';

const config: NextConfig = {
  poweredByHeader: false,
  reactStrictMode: true,
  // The manifest of documents is read when a request comes, not bundled for the browser.
  outputFileTracingIncludes: { '/api/graphql': ['./src/gql/persisted-documents.json'] },
  experimental: { optimizePackageImports: ['lucide-react'] },
};

export default createNextIntlPlugin('./src/i18n/request.ts')(config);
