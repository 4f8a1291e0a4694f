'use client';

import clsx from 'clsx';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { useTranslations } from 'next-intl';

const SECTIONS = [
  { key: 'general', path: '' },
  { key: 'billing', path: '/billing' },
  { key: 'notifications', path: '/notifications' },
  { key: 'security', path: '/security' },
] as const;

export function SettingsTabs({ organizationId }: { organizationId: string }) {
  const t = useTranslations('settings');
  const current = usePathname();
  const base = `/dashboard/organizations/${organizationId}/settings`;
  return (
    <nav aria-label={t('sections')} className="mb-6 overflow-x-auto border-b border-line">
      <ul className="flex min-w-max gap-1">
        {SECTIONS.map(({ key, path }) => {
          const isCurrent = current === `${base}${path}`;
          return (
            <li key={key}>
              <Link
                href={`${base}${path}`}
                prefetch={false}
                aria-current={isCurrent ? 'page' : undefined}
                className={clsx(
                  '-mb-px block border-b-2 px-3 py-2.5 font-medium',
                  isCurrent
                    ? 'border-accent text-accent-strong'
                    : 'border-transparent text-soft hover:text-text',
                )}
              >
                {t(key)}
              </Link>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}
