import { useTranslations } from 'next-intl';
import type { ActorKind } from '@/gql/graphql';

/** Who did it: a person, a key, Stripe or the system. */
export function Actor({
  kind,
  user,
  apiKey,
}: {
  kind: ActorKind;
  user: { name: string | null; email: string | null } | null;
  apiKey?: { name: string } | null;
}) {
  const enums = useTranslations('enums');
  return <>{user?.name ?? user?.email ?? apiKey?.name ?? enums(`ActorKind.${kind}`)}</>;
}
