import { useLocale, useTranslations } from 'next-intl';
import { Badge } from '@/components/ui/card';
import { Time } from '@/components/ui/format';
import type { EntitlementPartsFragment } from '@/gql/graphql';
import { formatQuantity } from '@/lib/usage';
import { meterName } from './meter-name';

/** What was used of what the organization may use, in the period that runs, and what it comes to if it goes on so. */
export function UsageMeters({
  entitlements,
  units = {},
}: {
  entitlements: EntitlementPartsFragment[];
  /** The units of meters, by name. */
  units?: Record<string, string>;
}) {
  const t = useTranslations('usage');
  const enums = useTranslations('enums');
  const locale = useLocale();
  return (
    <ul className="flex flex-col gap-4">
      {entitlements.map((entitlement) => {
        const { feature, meter, used, limit, limitKind, forecast, periodEnd, isOverride } = entitlement;
        const name = meterName(feature);
        const unit = meter ? units[meter] : undefined;
        const show = (quantity: string) => formatQuantity(quantity, locale);
        const text =
          limit === null ? show(used ?? '0') : t('usedOf', { used: show(used ?? '0'), limit: show(limit) });
        // For drawing alone: what is written stays exact.
        const share = limit && Number(limit) > 0 ? Math.min(Number(used) / Number(limit), 1) : 0;
        const isOver = limit !== null && forecast !== null && Number(forecast) > Number(limit);
        return (
          <li key={feature}>
            <div className="flex flex-wrap items-baseline justify-between gap-x-3">
              <span className="font-medium">
                {name}
                {unit && <span className="font-normal text-soft"> ({unit})</span>}
              </span>
              <span className="text-soft tabular-nums">{text}</span>
            </div>
            {limit !== null && (
              <>
                <meter
                  className="sr-only"
                  aria-label={`${name}: ${text}`}
                  min={0}
                  max={Math.max(Number(limit), 1)}
                  value={Math.min(Number(used), Number(limit))}
                />
                <div aria-hidden className="mt-1 h-2 overflow-hidden rounded-full bg-sunken">
                  <div
                    className={`h-full rounded-full ${share >= 1 ? 'bg-bad' : share >= 0.8 ? 'bg-warn' : 'bg-accent'}`}
                    style={{ width: `${share * 100}%` }}
                  />
                </div>
              </>
            )}
            <p className="mt-1 flex flex-wrap items-center gap-x-2 text-sm text-soft">
              {forecast !== null && (
                <span className={isOver ? 'text-warn' : undefined}>
                  {t(isOver ? 'forecastOver' : 'forecast', { amount: show(forecast) })}
                </span>
              )}
              {periodEnd && (
                <span>
                  {t('periodEnd')} <Time value={periodEnd} style="day" />
                </span>
              )}
              {limitKind && limit !== null && <span>{enums(`LimitKind.${limitKind}`)}</span>}
              {isOverride && <Badge tone="accent">{t('override')}</Badge>}
            </p>
          </li>
        );
      })}
    </ul>
  );
}
