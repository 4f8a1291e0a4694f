import { getTranslations } from 'next-intl/server';
import { PaymentForm } from '@/components/billing/payment-form';
import { PaymentMethodList } from '@/components/billing/payment-method-list';
import { Card, PageHeader } from '@/components/ui/card';
import { EmptyState, Failure, NoPermission } from '@/components/ui/states';
import { PaymentMethodsDocument } from '@/gql/graphql';
import { config } from '@/server/config';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

export async function generateMetadata() {
  return { title: (await getTranslations('navigation'))('paymentMethods') };
}

export default async function PaymentMethodsPage() {
  const t = await getTranslations('paymentMethods');
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.organization || !shell.can('BILLING_READ')) return <NoPermission />;
  const { data, refusal } = await load(PaymentMethodsDocument, { organizationId: shell.organization.id });
  if (refusal) return <Failure refusal={refusal} />;
  const mayWrite = shell.can('BILLING_WRITE');
  return (
    <>
      <PageHeader title={t('title')} lead={t('lead')} />
      <div className="flex flex-col gap-6">
        <Card title={t('yours')}>
          {data.paymentMethods.length === 0 ? (
            <EmptyState>{t('none')}</EmptyState>
          ) : (
            <PaymentMethodList methods={data.paymentMethods} mayWrite={mayWrite} />
          )}
        </Card>
        {mayWrite && (
          <PaymentForm
            organizationId={shell.organization.id}
            publishableKey={config.stripePublishableKey}
            withTestCards={!config.stripePublishableKey && !config.isProduction}
          />
        )}
      </div>
    </>
  );
}
