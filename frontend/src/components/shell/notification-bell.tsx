'use client';

import { Bell } from 'lucide-react';
import dynamic from 'next/dynamic';
import { useTranslations } from 'next-intl';
import { useId, useState } from 'react';

/** Loaded when it is opened. */
const NotificationList = dynamic(
  () => import('./notification-list').then((loaded) => loaded.NotificationList),
  { ssr: false },
);

/** How much has not been read yet; opened, what it is. */
export function NotificationBell({ organizationId, unread }: { organizationId: string; unread: number }) {
  const t = useTranslations('notifications');
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        popoverTarget={id}
        aria-label={t('open', { count: unread })}
        className="relative grid size-10 place-items-center rounded-md hover:bg-sunken"
      >
        <Bell aria-hidden className="size-5" />
        {unread > 0 && (
          <span
            aria-hidden
            className="absolute top-1 right-1 min-w-4.5 rounded-full bg-bad px-1 text-xs leading-4.5 text-on-accent"
          >
            {unread > 99 ? '99+' : unread}
          </span>
        )}
      </button>
      <div
        id={id}
        popover="auto"
        role="dialog"
        aria-label={t('title')}
        onToggle={({ newState }) => setOpen(newState === 'open')}
        className="popup max-h-[70dvh] w-[min(24rem,calc(100vw-1.5rem))] flex-col open:flex"
      >
        {isOpen && <NotificationList organizationId={organizationId} unread={unread} />}
      </div>
    </>
  );
}
