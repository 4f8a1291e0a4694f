'use client';

import clsx from 'clsx';
import {
  Building2,
  ChartColumn,
  CreditCard,
  FileText,
  Gauge,
  Layers,
  type LucideIcon,
  ReceiptText,
  ScrollText,
  Settings,
  ShieldCheck,
  Users,
} from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { useTranslations } from 'next-intl';

export type NavigationItem = { key: NavigationKey; href: string };
export type NavigationKey = keyof typeof ICONS;

const ICONS = {
  overview: Gauge,
  billing: ReceiptText,
  plans: Layers,
  paymentMethods: CreditCard,
  invoices: FileText,
  usage: ChartColumn,
  settings: Settings,
  members: Users,
  audit: ScrollText,
  admin: ShieldCheck,
  organizations: Building2,
} satisfies Record<string, LucideIcon>;

export function Navigation({ items, onNavigate }: { items: NavigationItem[]; onNavigate?: () => void }) {
  const t = useTranslations('navigation');
  const path = usePathname();
  const current = items
    .filter(({ href }) => path === href || path.startsWith(`${href}/`))
    .sort((one, other) => other.href.length - one.href.length)[0];
  return (
    <nav aria-label={t('label')}>
      <ul className="flex flex-col gap-1">
        {items.map(({ key, href }) => {
          const Icon = ICONS[key];
          const isCurrent = current?.key === key;
          return (
            <li key={key}>
              <Link
                href={href}
                prefetch={false}
                onClick={onNavigate}
                aria-current={isCurrent ? 'page' : undefined}
                className={clsx(
                  'flex min-h-10 items-center gap-3 rounded-md px-3 font-medium',
                  isCurrent
                    ? 'bg-accent-wash text-accent-strong'
                    : 'text-soft hover:bg-sunken hover:text-text',
                )}
              >
                <Icon aria-hidden className="size-5 shrink-0" />
                {t(key)}
              </Link>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}
