'use client';

import { AxisBottom, AxisLeft } from '@visx/axis';
import { GridRows } from '@visx/grid';
import { Group } from '@visx/group';
import { scaleBand, scaleLinear } from '@visx/scale';
import { Bar } from '@visx/shape';
import { useFormatter, useLocale, useTranslations } from 'next-intl';
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from 'react';
import { meterName } from '@/components/billing/meter-name';

const HEIGHT = 220;
const MARGIN = { top: 12, right: 8, bottom: 28, left: 52 };
const LABEL = { fill: 'var(--soft)', fontSize: 12, fontFamily: 'inherit' };

export type UsagePoint = { day: string; quantity: number };

/**
 * What was used of a meter, day by day. The bars are pointed at or walked through with the arrow keys; the same figures
 * stand in a table below.
 */
export function UsageChart({
  meter,
  days,
  limit,
}: {
  meter: string;
  days: UsagePoint[];
  limit: number | null;
}) {
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

  const number = new Intl.NumberFormat(locale);
  const short = new Intl.NumberFormat(locale, { notation: 'compact' });
  const dayText = (day: string) =>
    format.dateTime(new Date(`${day}T00:00:00Z`), { month: 'short', day: 'numeric', timeZone: 'UTC' });
  const inner = {
    width: Math.max(width - MARGIN.left - MARGIN.right, 50),
    height: HEIGHT - MARGIN.top - MARGIN.bottom,
  };
  const most = Math.max(...days.map(({ quantity }) => quantity), 1);
  const x = scaleBand({ domain: days.map(({ day }) => day), range: [0, inner.width], padding: 0.25 });
  const y = scaleLinear({ domain: [0, most], range: [inner.height, 0], nice: true });
  const sum = days.reduce((all, { quantity }) => all + quantity, 0);
  const summary = t('chart', {
    meter: meterName(meter),
    from: dayText(days[0]?.day ?? ''),
    to: dayText(days.at(-1)?.day ?? ''),
    sum: number.format(sum),
    most: number.format(most),
  });
  const every = Math.max(Math.ceil(days.length / Math.max(Math.floor(inner.width / 70), 1)), 1);
  const point = chosen === undefined ? undefined : days[chosen];

  const walk = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setChosen((now) => Math.min(Math.max((now ?? (step > 0 ? -1 : days.length)) + step, 0), days.length - 1));
  };
  const pointAt = (event: PointerEvent<SVGSVGElement>) => {
    const left = event.clientX - event.currentTarget.getBoundingClientRect().left - MARGIN.left;
    const index = Math.floor((left / inner.width) * days.length);
    setChosen(index >= 0 && index < days.length ? index : undefined);
  };

  return (
    <div ref={frame} className="min-w-0">
      <p aria-live="polite" className="min-h-6 text-sm text-soft tabular-nums">
        {point
          ? `${dayText(point.day)}: ${number.format(point.quantity)}`
          : t('sum', { sum: number.format(sum), count: days.length })}
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
        <Group left={MARGIN.left} top={MARGIN.top}>
          <GridRows scale={y} width={inner.width} numTicks={4} stroke="var(--line)" />
          {days.map(({ day, quantity }, index) => (
            <Bar
              key={day}
              x={x(day)}
              y={y(quantity)}
              width={x.bandwidth()}
              height={inner.height - (y(quantity) ?? 0)}
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
            tickValues={days.filter((_, index) => index % every === 0).map(({ day }) => day)}
            tickFormat={(day) => dayText(String(day))}
            tickLabelProps={{ ...LABEL, textAnchor: 'middle' }}
          />
        </Group>
      </svg>
      {limit !== null && (
        <p className="mt-1 text-sm text-soft">{t('limit', { limit: number.format(limit) })}</p>
      )}
      <details className="mt-2">
        <summary className="disclosure">{t('table')}</summary>
        <div className="mt-2 max-h-64 overflow-y-auto">
          <table className="w-full border-collapse text-sm">
            <caption className="sr-only">{summary}</caption>
            <thead>
              <tr className="text-left text-soft">
                <th scope="col" className="py-1 font-medium">
                  {t('day')}
                </th>
                <th scope="col" className="py-1 text-right font-medium">
                  {t('quantity')}
                </th>
              </tr>
            </thead>
            <tbody>
              {days.map(({ day, quantity }) => (
                <tr key={day} className="border-t border-line">
                  <th scope="row" className="py-1 text-left font-normal">
                    {dayText(day)}
                  </th>
                  <td className="py-1 text-right tabular-nums">{number.format(quantity)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </div>
  );
}
