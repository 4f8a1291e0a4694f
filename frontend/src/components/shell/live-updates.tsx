'use client';

import { useRouter } from 'next/navigation';
import { useEffect } from 'react';

/** A burst of changes is one reading. */
const QUIET = 250;

/** Reads the page anew when the gateway tells that something it may show has changed. */
export function LiveUpdates({
  organizationId,
  withBilling,
}: {
  organizationId: string;
  withBilling: boolean;
}) {
  const router = useRouter();
  useEffect(() => {
    const query = new URLSearchParams({ organization: organizationId, billing: withBilling ? '1' : '0' });
    const source = new EventSource(`/api/live?${query}`);
    let timer: ReturnType<typeof setTimeout> | undefined;
    source.addEventListener('change', () => {
      clearTimeout(timer);
      timer = setTimeout(() => router.refresh(), QUIET);
    });
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [organizationId, withBilling, router]);
  return null;
}
