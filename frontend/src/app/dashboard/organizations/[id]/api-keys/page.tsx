import { redirect } from 'next/navigation';

/** Where mails about keys lead: the keys stand with the members. */
export default async function ApiKeysPage({ params }: PageProps<'/dashboard/organizations/[id]/api-keys'>) {
  redirect(`/dashboard/organizations/${(await params).id}/members#api-keys`);
}
