import { BillingSettingsForm } from '@/components/settings/billing-settings-form';
import { SettingsHistory } from '@/components/settings/settings-history';
import { Failure, NoPermission } from '@/components/ui/states';
import { BillingSettingsDocument } from '@/gql/graphql';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

export default async function BillingSettingsPage({
  params,
}: PageProps<'/dashboard/organizations/[id]/settings/billing'>) {
  const { id: organizationId } = await params;
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.can('SETTINGS_READ')) return <NoPermission />;
  const { data, refusal } = await load(BillingSettingsDocument, {
    organizationId,
    mayKeys: shell.can('KEYS_READ'),
  });
  if (refusal) return <Failure refusal={refusal} />;
  const settings = data.settingsBilling;
  return (
    <div className="flex flex-col gap-6">
      <BillingSettingsForm
        organizationId={organizationId}
        settings={settings}
        mayWrite={shell.can('BILLING_WRITE')}
      />
      <SettingsHistory
        organizationId={organizationId}
        section="BILLING"
        version={settings.version}
        history={data.settingsHistory}
        mayWrite={shell.can('SETTINGS_WRITE') && shell.can('BILLING_WRITE')}
      />
    </div>
  );
}
