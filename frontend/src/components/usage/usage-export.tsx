'use client';

import { Download } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { Button } from '@/components/ui/button';

/** Writes what the page shows to a file of CSV. */
export function UsageExport({
  rows,
  name,
}: {
  rows: { meter: string; start: string; end: string; quantity: string; events: string }[];
  name: string;
}) {
  const t = useTranslations('usage');
  const write = () => {
    const lines = [
      'meter,start,end,quantity,events',
      ...rows.map(({ meter, start, end, quantity, events }) =>
        [meter, start, end, quantity, events].join(','),
      ),
    ];
    const address = URL.createObjectURL(new Blob([`${lines.join('\r\n')}\r\n`], { type: 'text/csv' }));
    const link = document.createElement('a');
    link.href = address;
    link.download = `${name}.csv`;
    link.click();
    URL.revokeObjectURL(address);
  };
  return (
    <Button onClick={write}>
      <Download aria-hidden className="size-4" />
      {t('export')}
    </Button>
  );
}
