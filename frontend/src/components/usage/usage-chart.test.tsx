import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeAll, expect, it, vi } from 'vitest';
import { renderIn } from '@/test/render';
import { UsageChart } from './usage-chart';

const usage = (included: string | null) => ({
  granularity: 'DAY' as const,
  timeZone: 'Asia/Tokyo',
  quantity: '1234',
  included,
  limitKind: null,
  meter: { id: 'mtr_1', name: 'api_calls', unit: 'call' },
  // Days of Tokyo: each begins at 15:00 of the day before in UTC.
  buckets: [
    { start: '2026-10-31T15:00:00Z', end: '2026-11-01T15:00:00Z', quantity: '1200', events: '3' },
    { start: '2026-11-01T15:00:00Z', end: '2026-11-02T15:00:00Z', quantity: '0', events: '0' },
    { start: '2026-11-02T15:00:00Z', end: '2026-11-03T15:00:00Z', quantity: '34', events: '1' },
  ],
});

beforeAll(() => {
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe() {}
      disconnect() {}
    },
  );
});

it('is read out as a sentence, and stands in a table too', () => {
  renderIn('en', <UsageChart usage={usage('10000')} />);
  expect(
    screen.getByRole('img', { name: 'API calls, Nov 1 to Nov 3: 1,234 call in all, 1,200 at most' }),
  ).toBeInTheDocument();
  const table = screen.getByRole('table', { hidden: true });
  expect(within(table).getAllByRole('row', { hidden: true })).toHaveLength(4);
  expect(screen.getByText('10,000 call are included in each period.')).toBeInTheDocument();
});

it('is walked through with the arrow keys', async () => {
  renderIn('zh', <UsageChart usage={usage(null)} />);
  screen.getByRole('img').focus();
  await userEvent.keyboard('{ArrowRight}');
  expect(screen.getByText('11月1日: 1,200 call')).toBeInTheDocument();
  await userEvent.keyboard('{ArrowLeft}{ArrowLeft}');
  expect(screen.getByText('11月1日: 1,200 call')).toBeInTheDocument();
});
