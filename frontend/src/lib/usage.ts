import type { MeterUse } from '@/components/billing/usage-meters';

type UsageDay = { day: string; meter: string; quantity: string };

/** What was used of each meter over the days given, beside what the plan includes of it. */
export function metersOf(days: readonly UsageDay[], features: unknown): MeterUse[] {
  const sums = new Map<string, number>();
  for (const { meter, quantity } of days) sums.set(meter, (sums.get(meter) ?? 0) + Number(quantity));
  return [...sums]
    .map(([meter, used]) => ({ meter, used, limit: limitOf(meter, features) }))
    .sort((one, other) => one.meter.localeCompare(other.meter));
}

export function limitOf(meter: string, features: unknown): number | null {
  const limit = (features as Record<string, unknown> | null)?.[meter];
  return typeof limit === 'number' ? limit : null;
}

/** One meter day by day, days without use included. */
export function daysOf(
  days: readonly UsageDay[],
  meter: string,
  since: string,
  until: string,
): { day: string; quantity: number }[] {
  const used = new Map(
    days.filter((day) => day.meter === meter).map(({ day, quantity }) => [day, Number(quantity)]),
  );
  const all: { day: string; quantity: number }[] = [];
  const date = new Date(`${since}T00:00:00Z`);
  for (let day = since; day <= until; day = date.toISOString().slice(0, 10)) {
    all.push({ day, quantity: used.get(day) ?? 0 });
    date.setUTCDate(date.getUTCDate() + 1);
  }
  return all;
}
