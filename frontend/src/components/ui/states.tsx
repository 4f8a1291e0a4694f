import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import type { Refusal } from '@/server/gateway';
import { Notice } from './card';
import { RetryButton } from './retry-button';

export function EmptyState({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-3 px-4 py-10 text-center text-soft">
      <p>{children}</p>
      {action}
    </div>
  );
}

/** What is shown in place of what the viewer may not see. */
export function NoPermission({ what }: { what?: ReactNode }) {
  const t = useTranslations('states');
  return (
    <div className="rounded-xl border border-line bg-surface px-4 py-10 text-center">
      <p className="font-semibold">{t('noPermission')}</p>
      <p className="mt-1 text-soft">{what ?? t('noPermissionHint')}</p>
    </div>
  );
}

/** What is shown in place of what could not be had: the gateway's sentence, and the number to ask support about. */
export function Failure({ refusal }: { refusal: Refusal }) {
  const t = useTranslations('states');
  if (refusal.code === 'FORBIDDEN') return <NoPermission />;
  const isMissing = refusal.code === 'NOT_FOUND';
  return (
    <Notice tone={isMissing ? 'plain' : 'bad'} alert title={isMissing ? t('notFound') : t('failed')}>
      <p>{refusal.code === 'UNREACHABLE' ? t('unreachable') : refusal.message}</p>
      {refusal.requestId && (
        <p className="mt-1 text-sm text-soft">
          {t('requestId')} <code>{refusal.requestId}</code>
        </p>
      )}
      {!isMissing && (
        <div className="mt-3">
          <RetryButton />
        </div>
      )}
    </Notice>
  );
}

/** What stands beside the rest when a part could not be had. */
export function Incomplete({ refusal }: { refusal: Refusal }) {
  const t = useTranslations('states');
  return (
    <Notice tone="warn" title={t('incomplete')}>
      <p>{refusal.message}</p>
      {refusal.requestId && (
        <p className="mt-1 text-sm text-soft">
          {t('requestId')} <code>{refusal.requestId}</code>
        </p>
      )}
    </Notice>
  );
}

/** Grey bars in the place of what is on its way. */
export function Loading({ rows = 6 }: { rows?: number }) {
  const t = useTranslations('states');
  return (
    <div role="status" aria-live="polite" className="animate-pulse">
      <span className="sr-only">{t('loading')}</span>
      <div aria-hidden className="mb-6 h-8 w-56 rounded bg-sunken" />
      <div aria-hidden className="flex flex-col gap-3 rounded-xl border border-line bg-surface p-5">
        {Array.from({ length: rows }, (_, row) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: bars do not move
          <div key={row} className="h-5 rounded bg-sunken" style={{ width: `${90 - ((row * 17) % 45)}%` }} />
        ))}
      </div>
    </div>
  );
}
