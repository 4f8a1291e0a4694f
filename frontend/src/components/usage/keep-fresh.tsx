'use client';

import { useRouter } from 'next/navigation';
import { useEffect } from 'react';

/** The gateway tells nothing of usage by itself: the page asks again, while somebody looks at it. */
const EVERY = 5000;

export function KeepFresh() {
  const router = useRouter();
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') router.refresh();
    }, EVERY);
    return () => clearInterval(timer);
  }, [router]);
  return null;
}
