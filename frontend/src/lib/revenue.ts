type Billed = {
  subscription: {
    status: string;
    quantity: string;
    plan: {
      billingInterval: 'MONTH' | 'YEAR';
      price: { minorUnits: string; amount: string; currency: string };
    } | null;
  } | null;
};

/**
 * What subscriptions bring in a month, by currency: amounts of several currencies are never added. In minor units, so
 * that nothing is rounded but the twelfth of a year, once for each.
 */
export function monthlyRevenue(organizations: readonly Billed[]): { currency: string; amount: string }[] {
  const sums = new Map<string, { minor: bigint; digits: number }>();
  for (const { subscription } of organizations) {
    if (!subscription?.plan || !['ACTIVE', 'PAST_DUE'].includes(subscription.status)) continue;
    const { price, billingInterval } = subscription.plan;
    const whole = BigInt(price.minorUnits) * BigInt(subscription.quantity);
    const minor = billingInterval === 'YEAR' ? whole / 12n : whole;
    const digits = price.amount.split('.')[1]?.length ?? 0;
    const sum = sums.get(price.currency);
    sums.set(price.currency, { minor: (sum?.minor ?? 0n) + minor, digits });
  }
  return [...sums].map(([currency, { minor, digits }]) => ({ currency, amount: toDecimal(minor, digits) }));
}

export function countBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): [string, number][] {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return [...counts].sort(([one], [other]) => one.localeCompare(other));
}

function toDecimal(minor: bigint, digits: number): string {
  if (digits === 0) return minor.toString();
  const sign = minor < 0n ? '-' : '';
  const text = (minor < 0n ? -minor : minor).toString().padStart(digits + 1, '0');
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
