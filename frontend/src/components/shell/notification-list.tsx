'use client';

import { useRouter } from 'next/navigation';
import { useLocale, useTranslations } from 'next-intl';
import { useQuery } from 'urql';
import { Button } from '@/components/ui/button';
import { Time } from '@/components/ui/format';
import { NotificationsDocument, NotificationsMarkAllReadDocument } from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { hashed } from '@/lib/hashed';

export function NotificationList({ organizationId, unread }: { organizationId: string; unread: number }) {
  const t = useTranslations('notifications');
  const locale = useLocale();
  const router = useRouter();
  const [{ data, fetching, error }, reload] = useQuery({
    query: hashed(NotificationsDocument),
    variables: { organizationId, locale },
    requestPolicy: 'network-only',
  });
  const markAll = useChange(NotificationsMarkAllReadDocument, (answer) => ({
    ...answer.notificationsMarkAllRead,
    userErrors: [],
  }));
  const notifications = data?.notifications.nodes ?? [];
  return (
    <>
      <div className="flex items-center justify-between gap-2 border-b border-line p-4">
        <h2 className="font-semibold">{t('title')}</h2>
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
        {!fetching && !error && notifications.length === 0 && <p className="p-3 text-soft">{t('empty')}</p>}
        <ul>
          {notifications.map((notification) => (
            <li key={notification.id} className="rounded-lg p-3">
              <p className={notification.readAt ? 'text-soft' : 'font-semibold'}>{notification.title}</p>
              <p className="text-sm whitespace-pre-line text-soft">{notification.body}</p>
              <p className="text-sm text-soft">
                <Time value={notification.createdAt} />
              </p>
            </li>
          ))}
        </ul>
      </div>
    </>
  );
}
