'use client';

import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Notice } from '@/components/ui/card';

/** Something that is shown once and can be copied. */
export function Secret({ label, hint, value }: { label: string; hint: string; value: string }) {
  const t = useTranslations('actions');
  const [isCopied, setCopied] = useState(false);
  return (
    <Notice tone="accent" title={label}>
      <p>{hint}</p>
      <div className="mt-2 flex flex-wrap items-center gap-2">
        <code className="min-w-0 rounded bg-surface px-2 py-1 text-sm break-all">{value}</code>
        <Button
          small
          onClick={async () => {
            await navigator.clipboard.writeText(value);
            setCopied(true);
          }}
        >
          {isCopied ? t('copied') : t('copy')}
        </Button>
      </div>
    </Notice>
  );
}
