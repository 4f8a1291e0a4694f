import { SecuritySettings } from '@/components/settings/security-settings';
import { SettingsHistory } from '@/components/settings/settings-history';
import { Failure, NoPermission } from '@/components/ui/states';
import { SecuritySettingsDocument } from '@/gql/graphql';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

export default async function SecuritySettingsPage({
  params,
}: PageProps<'/dashboard/organizations/[id]/settings/security'>) {
  const { id: organizationId } = await params;
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.can('SETTINGS_READ')) return <NoPermission />;
  const { data, refusal } = await load(SecuritySettingsDocument, {
    organizationId,
    mayKeys: shell.can('KEYS_READ'),
  });
  if (refusal) return <Failure refusal={refusal} />;
  const settings = data.settingsSecurity;
  return (
    <div className="flex flex-col gap-6">
      <SecuritySettings
        organizationId={organizationId}
        settings={settings}
        mayWrite={shell.can('SETTINGS_WRITE')}
      />
      <SettingsHistory
        organizationId={organizationId}
        section="SECURITY"
        version={settings.version}
        history={data.settingsHistory}
        mayWrite={shell.can('SETTINGS_WRITE') && shell.can('SETTINGS_WRITE')}
      />
    </div>
  );
}
