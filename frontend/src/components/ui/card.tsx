import clsx from 'clsx';
import type { ReactNode } from 'react';

export function PageHeader({
  title,
  lead,
  actions,
}: {
  title: ReactNode;
  lead?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <header className="mb-6 flex flex-wrap items-start justify-between gap-3">
      <div className="min-w-0">
        <h1 className="text-2xl font-semibold tracking-tight">{title}</h1>
        {lead && <p className="mt-1 max-w-prose text-soft">{lead}</p>}
      </div>
      {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
    </header>
  );
}

export function Card({
  title,
  actions,
  children,
  className,
  flush = false,
}: {
  title?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
  /** The content reaches the edges: tables. */
  flush?: boolean;
}) {
  return (
    <section className={clsx('min-w-0 overflow-hidden rounded-xl border border-line bg-surface', className)}>
      {(title || actions) && (
        <div className="flex flex-wrap items-center justify-between gap-2 px-4 pt-4 sm:px-5">
          {title && <h2 className="text-base font-semibold">{title}</h2>}
          {actions}
        </div>
      )}
      <div className={flush ? 'pt-3' : 'p-4 sm:px-5'}>{children}</div>
    </section>
  );
}

export type Tone = 'good' | 'warn' | 'bad' | 'accent' | 'plain';

const TONES: Record<Tone, string> = {
  good: 'bg-good-wash text-good',
  warn: 'bg-warn-wash text-warn',
  bad: 'bg-bad-wash text-bad',
  accent: 'bg-accent-wash text-accent-strong',
  plain: 'bg-sunken text-soft',
};

export function Badge({ tone = 'plain', children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span
      className={clsx(
        'inline-flex items-center rounded-full px-2.5 py-0.5 text-sm font-medium whitespace-nowrap',
        TONES[tone],
      )}
    >
      {children}
    </span>
  );
}

/** Something people should know before they go on. `alert` is read out at once. */
export function Notice({
  tone,
  title,
  children,
  alert = false,
}: {
  tone: Tone;
  title?: ReactNode;
  children?: ReactNode;
  alert?: boolean;
}) {
  return (
    <div
      role={alert ? 'alert' : 'status'}
      className={clsx('rounded-lg px-4 py-3', TONES[tone], tone === 'plain' && 'text-text')}
    >
      {title && <p className="font-semibold">{title}</p>}
      {children && <div className="text-text">{children}</div>}
    </div>
  );
}

export function Facts({ items }: { items: { term: ReactNode; value: ReactNode }[] }) {
  return (
    <dl className="grid grid-cols-1 gap-x-6 gap-y-2 sm:grid-cols-[minmax(8rem,auto)_1fr]">
      {items.map(({ term, value }, index) => (
        // The order of facts is fixed.
        // biome-ignore lint/suspicious/noArrayIndexKey: see above
        <div key={index} className="contents">
          <dt className="text-soft max-sm:mt-1">{term}</dt>
          <dd className="min-w-0 break-words max-sm:-mt-2">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
