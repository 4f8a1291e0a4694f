import { useLocale, useTranslations } from 'next-intl';
import { meterName } from './meter-name';

export type MeterUse = {
  meter: string;
  used: number;
  limit: number | null;
  /** What it comes to by the end of the period, if it goes on like this. */
  forecast?: number;
};

/** What has been used of what the plan includes. */
export function UsageMeters({ meters }: { meters: MeterUse[] }) {
  const t = useTranslations('usage');
  const locale = useLocale();
  const number = new Intl.NumberFormat(locale);
  return (
    <ul className="flex flex-col gap-4">
      {meters.map(({ meter, used, limit, forecast }) => {
        const share = limit ? Math.min(used / limit, 1) : 0;
        const text = limit
          ? t('usedOf', { used: number.format(used), limit: number.format(limit) })
          : number.format(used);
        return (
          <li key={meter}>
            <div className="flex flex-wrap justify-between gap-2">
              <span className="font-medium">{meterName(meter)}</span>
              <span className="text-soft tabular-nums">{text}</span>
            </div>
            {limit !== null && (
              <meter
                className="sr-only"
                aria-label={`${meterName(meter)}: ${text}`}
                min={0}
                max={limit}
                value={Math.min(used, limit)}
              />
            )}
            {limit !== null && (
              <div aria-hidden className="mt-1 h-2 overflow-hidden rounded-full bg-sunken">
                <div
                  className={`h-full rounded-full ${share >= 1 ? 'bg-bad' : share >= 0.8 ? 'bg-warn' : 'bg-accent'}`}
                  style={{ width: `${share * 100}%` }}
                />
              </div>
            )}
            {forecast !== undefined && (
              <p className={`mt-1 text-sm ${limit && forecast > limit ? 'text-warn' : 'text-soft'}`}>
                {limit && forecast > limit
                  ? t('forecastOver', { amount: number.format(forecast) })
                  : t('forecast', { amount: number.format(forecast) })}
              </p>
            )}
          </li>
        );
      })}
    </ul>
  );
}
