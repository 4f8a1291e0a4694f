import { redirect } from 'next/navigation';

/** Where mails about webhooks lead: what is told, and by which channel, stands with the notifications. */
export default async function WebhooksPage({ params }: PageProps<'/dashboard/organizations/[id]/webhooks'>) {
  redirect(`/dashboard/organizations/${(await params).id}/settings/notifications`);
}
