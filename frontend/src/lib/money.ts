/** An amount as the gateway gives it: a decimal in its currency's usual unit, as text. */
export type MoneyValue = { amount: string; currency: string };

/**
 * An amount in the way of a language. The decimal text goes to Intl as it is: through a number, amounts beyond 2^53
 * would come out wrong.
 */
export function formatMoney({ amount, currency }: MoneyValue, locale: string): string {
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
    // As many digits as the gateway gave: its table of currencies decides, not the browser's.
    minimumFractionDigits: decimals(amount),
    maximumFractionDigits: decimals(amount),
  });
  return format.format(amount as Intl.StringNumericLiteral);
}

function decimals(amount: string): number {
  return amount.split('.')[1]?.length ?? 0;
}

export function isZero({ amount }: MoneyValue): boolean {
  return /^-?0*(\.0*)?$/.test(amount);
}
