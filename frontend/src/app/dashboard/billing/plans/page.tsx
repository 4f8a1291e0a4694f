import { getTranslations } from 'next-intl/server';
import { PlanChoice } from '@/components/billing/plan-choice';
import { SubscriptionActions } from '@/components/billing/subscription-actions';
import { SubscriptionCard } from '@/components/billing/subscription-card';
import { PageHeader } from '@/components/ui/card';
import { EmptyState, Failure, NoPermission } from '@/components/ui/states';
import { PlansDocument } from '@/gql/graphql';
import { config } from '@/server/config';
import { load } from '@/server/gateway';
import { loadShell } from '@/server/shell';

export async function generateMetadata() {
  return { title: (await getTranslations('navigation'))('plans') };
}

export default async function PlansPage() {
  const t = await getTranslations('plans');
  const { shell, refusal: unseen } = await loadShell();
  if (unseen) return <Failure refusal={unseen} />;
  if (!shell.organization || !shell.can('SUBSCRIPTION_READ')) return <NoPermission />;
  const { data, refusal } = await load(PlansDocument, {
    organizationId: shell.organization.id,
    mayBilling: shell.can('BILLING_READ'),
  });
  if (refusal) return <Failure refusal={refusal} />;
  const { plans, organization } = data;
  const mayChange = shell.can('SUBSCRIPTION_WRITE');
  const { subscription } = organization;
  return (
    <>
      <PageHeader title={t('title')} lead={mayChange ? t('lead') : t('readOnlyLead')} />
      <div className="flex flex-col gap-6">
        <SubscriptionCard
          subscription={subscription}
          actions={
            mayChange &&
            subscription && (
              <SubscriptionActions
                organizationId={organization.id}
                subscription={subscription}
                publishableKey={config.stripePublishableKey}
              />
            )
          }
        />
        {plans.length === 0 ? (
          <EmptyState>{t('none')}</EmptyState>
        ) : (
          <PlanChoice
            organizationId={organization.id}
            plans={plans.filter(({ isActive }) => isActive)}
            subscription={subscription}
            members={organization.members.totalCount}
            paymentMethods={organization.paymentMethods ?? []}
            mayChange={mayChange}
            publishableKey={config.stripePublishableKey}
          />
        )}
      </div>
    </>
  );
}
