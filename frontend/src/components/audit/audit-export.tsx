'use client';

import { Download } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useRef, useState } from 'react';
import { Button } from '@/components/ui/button';
import type { AuditSearch } from '@/lib/audit-filter';

type Format = 'csv' | 'jsonl';

/** Writes the log to a file, as it is filtered, and says how far it is. */
export function AuditExport({
  organizationId,
  search,
  mayKeys,
}: {
  organizationId: string;
  search: AuditSearch;
  mayKeys: boolean;
}) {
  const t = useTranslations('audit');
  const [progress, setProgress] = useState<{ done: number; all: number }>();
  const [problem, setProblem] = useState(false);
  const running = useRef<AbortController>(undefined);

  const write = async (format: Format) => {
    setProblem(false);
    setProgress({ done: 0, all: 0 });
    const stop = new AbortController();
    running.current = stop;
    try {
      const query = new URLSearchParams({ organization: organizationId, format, keys: mayKeys ? '1' : '0' });
      for (const [name, value] of Object.entries(search)) if (value) query.set(name, value);
      const answer = await fetch(`/api/audit?${query}`, { signal: stop.signal });
      if (!answer.ok || !answer.body) throw new Error(answer.statusText);
      const all = Number(answer.headers.get('x-tollgate-records'));
      const parts: BlobPart[] = [];
      let done = format === 'csv' ? -1 : 0;
      const reader = answer.body.getReader();
      for (;;) {
        const { value, done: isEnd } = await reader.read();
        if (isEnd) break;
        parts.push(value);
        for (const byte of value) if (byte === 10) done += 1;
        setProgress({ done: Math.max(done, 0), all });
      }
      save(new Blob(parts, { type: answer.headers.get('content-type') ?? '' }), `audit.${format}`);
    } catch {
      if (!stop.signal.aborted) setProblem(true);
    } finally {
      setProgress(undefined);
    }
  };

  return (
    <div className="flex flex-wrap items-center gap-2">
      {progress ? (
        <>
          <label className="flex items-center gap-2 text-sm">
            {t('exporting', { done: progress.done, all: progress.all })}
            <progress max={Math.max(progress.all, 1)} value={Math.min(progress.done, progress.all)} />
          </label>
          <Button small onClick={() => running.current?.abort()}>
            {t('stop')}
          </Button>
        </>
      ) : (
        (['csv', 'jsonl'] as const).map((format) => (
          <Button key={format} onClick={() => write(format)}>
            <Download aria-hidden className="size-4" />
            {t(format)}
          </Button>
        ))
      )}
      {problem && (
        <p role="alert" className="w-full text-sm text-bad">
          {t('exportFailed')}
        </p>
      )}
    </div>
  );
}

function save(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
