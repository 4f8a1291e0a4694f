import { NotificationSettings } from '@/components/settings/notification-settings';
import { SettingsHistory } from '@/components/settings/settings-history';
import { Failure, NoPermission } from '@/components/ui/states';
import { NotificationSettingsDocument } from '@/gql/graphql';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

export default async function NotificationSettingsPage({
  params,
}: PageProps<'/dashboard/organizations/[id]/settings/notifications'>) {
  const { id: organizationId } = await params;
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.can('SETTINGS_READ')) return <NoPermission />;
  const { data, refusal } = await load(NotificationSettingsDocument, {
    organizationId,
    mayKeys: shell.can('KEYS_READ'),
  });
  if (refusal) return <Failure refusal={refusal} />;
  const settings = data.settingsNotifications;
  return (
    <div className="flex flex-col gap-6">
      <NotificationSettings
        organizationId={organizationId}
        settings={settings}
        mayWrite={shell.can('SETTINGS_WRITE')}
      />
      <SettingsHistory
        organizationId={organizationId}
        section="NOTIFICATIONS"
        version={settings.version}
        history={data.settingsHistory}
        mayWrite={shell.can('SETTINGS_WRITE') && shell.can('SETTINGS_WRITE')}
      />
    </div>
  );
}
