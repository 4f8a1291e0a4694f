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
