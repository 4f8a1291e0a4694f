'use client';

import { useTranslations } from 'next-intl';
import { Button } from '@/components/ui/button';
import { Notice } from '@/components/ui/card';

/** What went wrong here, and not at the gateway: its refusals are shown by the pages. */
export default function ErrorPage({ reset }: { reset: () => void }) {
  const t = useTranslations('states');
  return (
    <Notice tone="bad" alert title={t('failed')}>
      <p className="mb-3">{t('brokenPage')}</p>
      <Button onClick={reset}>{t('retry')}</Button>
    </Notice>
  );
}
