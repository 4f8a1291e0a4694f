import { GeneralSettingsForm } from '@/components/settings/general-settings-form';
import { SettingsHistory } from '@/components/settings/settings-history';
import { Failure, NoPermission } from '@/components/ui/states';
import { GeneralSettingsDocument } from '@/gql/graphql';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

export default async function GeneralSettingsPage({
  params,
}: PageProps<'/dashboard/organizations/[id]/settings'>) {
  const { id: organizationId } = await params;
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.can('SETTINGS_READ')) return <NoPermission />;
  const { data, refusal } = await load(GeneralSettingsDocument, {
    organizationId,
    mayKeys: shell.can('KEYS_READ'),
  });
  if (refusal) return <Failure refusal={refusal} />;
  const settings = data.settingsGeneral;
  return (
    <div className="flex flex-col gap-6">
      <GeneralSettingsForm
        organizationId={organizationId}
        settings={settings}
        timeZones={Intl.supportedValuesOf('timeZone')}
        mayWrite={shell.can('SETTINGS_WRITE')}
      />
      <SettingsHistory
        organizationId={organizationId}
        section="GENERAL"
        version={settings.version}
        history={data.settingsHistory}
        mayWrite={shell.can('SETTINGS_WRITE') && shell.can('SETTINGS_WRITE')}
      />
    </div>
  );
}
