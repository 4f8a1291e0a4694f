'use client';

import { Popover } from '@base-ui/react/popover';
import { Bell } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useLocale, useTranslations } from 'next-intl';
import { useState } from 'react';
import { useQuery } from 'urql';
import { Button } from '@/components/ui/button';
import { Time } from '@/components/ui/format';
import { NotificationsDocument, NotificationsMarkAllReadDocument } from '@/gql/graphql';
import { useChange } from '@/lib/client';

export function NotificationBell({ organizationId, unread }: { organizationId: string; unread: number }) {
  const t = useTranslations('notifications');
  const locale = useLocale();
  const router = useRouter();
  const [open, setOpen] = useState(false);
  const [{ data, fetching, error }, reload] = useQuery({
    query: NotificationsDocument,
    variables: { organizationId, locale },
    pause: !open,
  });
  const markAll = useChange(NotificationsMarkAllReadDocument, (answer) => ({
    ...answer.notificationsMarkAllRead,
    userErrors: [],
  }));
  const notifications = data?.notifications.nodes ?? [];
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger
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
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={8} align="end" className="z-50">
          <Popover.Popup className="flex max-h-[70dvh] w-[min(24rem,calc(100vw-2rem))] flex-col rounded-xl border border-line bg-raised shadow-xl">
            <div className="flex items-center justify-between gap-2 border-b border-line p-4">
              <Popover.Title className="font-semibold">{t('title')}</Popover.Title>
              {unread > 0 && (
                <Button
                  small
                  busy={markAll.busy}
                  onClick={async () => {
                    await markAll.run({ organizationId });
                    reload({ requestPolicy: 'network-only' });
                    router.refresh();
                  }}
                >
                  {t('markAll')}
                </Button>
              )}
            </div>
            <div className="overflow-y-auto p-2" aria-busy={fetching}>
              {error && <p className="p-3 text-bad">{t('failed')}</p>}
              {!fetching && !error && notifications.length === 0 && (
                <p className="p-3 text-soft">{t('empty')}</p>
              )}
              <ul>
                {notifications.map((notification) => (
                  <li key={notification.id} className="rounded-lg p-3">
                    <p className={notification.readAt ? 'text-soft' : 'font-semibold'}>
                      {notification.title}
                    </p>
                    <p className="text-sm whitespace-pre-line text-soft">{notification.body}</p>
                    <p className="text-sm text-soft">
                      <Time value={notification.createdAt} />
                    </p>
                  </li>
                ))}
              </ul>
            </div>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}
