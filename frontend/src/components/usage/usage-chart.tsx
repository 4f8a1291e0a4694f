'use client';

import { AxisBottom, AxisLeft } from '@visx/axis';
import { GridRows } from '@visx/grid';
import { scaleBand, scaleLinear } from '@visx/scale';
import { useFormatter, useLocale, useTranslations } from 'next-intl';
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from 'react';
import { meterName } from '@/components/billing/meter-name';
import type { MeterUsageQuery, UsageGranularity } from '@/gql/graphql';
import { formatQuantity } from '@/lib/usage';

const HEIGHT = 220;
const MARGIN = { top: 12, right: 8, bottom: 28, left: 52 };
const LABEL = { fill: 'var(--soft)', fontSize: 12, fontFamily: 'inherit' };

type MeterUsage = MeterUsageQuery['usageByMeter'];

const TIMES = {
  HOUR: { hour: 'numeric', minute: '2-digit' },
  DAY: { month: 'short', day: 'numeric' },
  MONTH: { month: 'short', year: 'numeric' },
} as const satisfies Record<UsageGranularity, object>;

/**
 * What was used of a meter, by hour, day or month of the organization's clock. The bars are pointed at or walked through with the arrow keys; the same figures
 * stand in a table below.
 */
export function UsageChart({ usage }: { usage: MeterUsage }) {
  const t = useTranslations('usage');
  const format = useFormatter();
  const locale = useLocale();
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(640);
  const [chosen, setChosen] = useState<number>();
  useEffect(() => {
    if (!frame.current) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width));
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);

  const { buckets, meter, timeZone, included, granularity } = usage;
  const show = (quantity: string) => formatQuantity(quantity, locale);
  const short = new Intl.NumberFormat(locale, { notation: 'compact' });
  const timeText = (start: string) => format.dateTime(new Date(start), { ...TIMES[granularity], timeZone });
  const inner = {
    width: Math.max(width - MARGIN.left - MARGIN.right, 50),
    height: HEIGHT - MARGIN.top - MARGIN.bottom,
  };
  // For drawing alone: what is written stays exact.
  const most = Math.max(...buckets.map(({ quantity }) => Number(quantity)), 1);
  const x = scaleBand({ domain: buckets.map(({ start }) => start), range: [0, inner.width], padding: 0.25 });
  const y = scaleLinear({ domain: [0, most], range: [inner.height, 0], nice: true });
  const summary = t('chart', {
    meter: meterName(meter.name),
    from: timeText(buckets[0]?.start ?? new Date().toISOString()),
    to: timeText(buckets.at(-1)?.start ?? new Date().toISOString()),
    sum: show(usage.quantity),
    unit: meter.unit,
    most: show(String(most)),
  });
  const every = Math.max(Math.ceil(buckets.length / Math.max(Math.floor(inner.width / 70), 1)), 1);
  const point = chosen === undefined ? undefined : buckets[chosen];

  const walk = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setChosen((now) =>
      Math.min(Math.max((now ?? (step > 0 ? -1 : buckets.length)) + step, 0), buckets.length - 1),
    );
  };
  const pointAt = (event: PointerEvent<SVGSVGElement>) => {
    const left = event.clientX - event.currentTarget.getBoundingClientRect().left - MARGIN.left;
    const index = Math.floor((left / inner.width) * buckets.length);
    setChosen(index >= 0 && index < buckets.length ? index : undefined);
  };

  return (
    <div ref={frame} className="min-w-0">
      <p aria-live="polite" className="min-h-6 text-sm text-soft tabular-nums">
        {point
          ? `${timeText(point.start)}: ${show(point.quantity)} ${meter.unit}`
          : t('sum', { sum: show(usage.quantity), unit: meter.unit })}
      </p>
      <svg
        role="img"
        aria-label={summary}
        width={width}
        height={HEIGHT}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys walk through its bars
        tabIndex={0}
        className="block max-w-full rounded"
        onPointerMove={pointAt}
        onPointerLeave={() => setChosen(undefined)}
        onKeyDown={walk}
        onBlur={() => setChosen(undefined)}
      >
        <g transform={`translate(${MARGIN.left} ${MARGIN.top})`}>
          <GridRows scale={y} width={inner.width} numTicks={4} stroke="var(--line)" />
          {buckets.map(({ start, quantity }, index) => (
            <rect
              key={start}
              x={x(start)}
              y={y(Number(quantity))}
              width={x.bandwidth()}
              height={inner.height - y(Number(quantity))}
              rx={2}
              fill={index === chosen ? 'var(--chart-2)' : 'var(--chart-1)'}
            />
          ))}
          <AxisLeft
            scale={y}
            numTicks={4}
            hideAxisLine
            hideTicks
            tickFormat={(value) => short.format(Number(value))}
            tickLabelProps={{ ...LABEL, textAnchor: 'end', dx: -4, dy: 4 }}
          />
          <AxisBottom
            top={inner.height}
            scale={x}
            hideTicks
            stroke="var(--line)"
            tickValues={buckets.filter((_, index) => index % every === 0).map(({ start }) => start)}
            tickFormat={(start) => timeText(String(start))}
            tickLabelProps={{ ...LABEL, textAnchor: 'middle' }}
          />
        </g>
      </svg>
      {included !== null && (
        <p className="mt-1 text-sm text-soft">{t('limit', { limit: show(included), unit: meter.unit })}</p>
      )}
      <details className="mt-2">
        <summary className="disclosure">{t('table')}</summary>
        <div className="mt-2 max-h-64 overflow-y-auto">
          <table className="w-full border-collapse text-sm">
            <caption className="sr-only">{summary}</caption>
            <thead>
              <tr className="text-left text-soft">
                <th scope="col" className="py-1 font-medium">
                  {t('time')}
                </th>
                <th scope="col" className="py-1 text-right font-medium">
                  {t('quantity')}
                </th>
              </tr>
            </thead>
            <tbody>
              {buckets.map(({ start, quantity }) => (
                <tr key={start} className="border-t border-line">
                  <th scope="row" className="py-1 text-left font-normal">
                    {timeText(start)}
                  </th>
                  <td className="py-1 text-right tabular-nums">{show(quantity)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </div>
  );
}
