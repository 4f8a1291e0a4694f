import { getTranslations } from 'next-intl/server';
import { SettingsTabs } from '@/components/settings/settings-tabs';
import { PageHeader } from '@/components/ui/card';

export async function generateMetadata() {
  return { title: (await getTranslations('settings'))('title') };
}

export default async function SettingsLayout({
  children,
  params,
}: LayoutProps<'/dashboard/organizations/[id]/settings'>) {
  const t = await getTranslations('settings');
  const { id } = await params;
  return (
    <>
      <PageHeader title={t('title')} lead={t('lead')} />
      <SettingsTabs organizationId={id} />
      {children}
    </>
  );
}
