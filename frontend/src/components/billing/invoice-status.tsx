import { useTranslations } from 'next-intl';
import { Badge } from '@/components/ui/card';
import type { InvoiceStatus } from '@/gql/graphql';
import { INVOICE_TONES } from '@/lib/tones';

export function InvoiceStatusBadge({ status }: { status: InvoiceStatus }) {
  const enums = useTranslations('enums');
  return <Badge tone={INVOICE_TONES[status] ?? 'plain'}>{enums(`InvoiceStatus.${status}`)}</Badge>;
}
