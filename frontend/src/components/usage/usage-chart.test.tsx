import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeAll, expect, it, vi } from 'vitest';
import { renderIn } from '@/test/render';
import { UsageChart } from './usage-chart';

const days = [
  { day: '2026-11-01', quantity: 1200 },
  { day: '2026-11-02', quantity: 0 },
  { day: '2026-11-03', quantity: 34 },
];

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
  renderIn('en', <UsageChart meter="api_calls" days={days} limit={10_000} />);
  expect(
    screen.getByRole('img', { name: 'API calls, Nov 1 to Nov 3: 1,234 in all, 1,200 on the busiest day' }),
  ).toBeInTheDocument();
  const table = screen.getByRole('table', { hidden: true });
  expect(within(table).getAllByRole('row', { hidden: true })).toHaveLength(4);
  expect(screen.getByText('The plan includes 10,000 a month.')).toBeInTheDocument();
});

it('is walked through with the arrow keys', async () => {
  renderIn('zh', <UsageChart meter="api_calls" days={days} limit={null} />);
  screen.getByRole('img').focus();
  await userEvent.keyboard('{ArrowRight}');
  expect(screen.getByText('11月1日: 1,200')).toBeInTheDocument();
  await userEvent.keyboard('{ArrowLeft}{ArrowLeft}');
  expect(screen.getByText('11月1日: 1,200')).toBeInTheDocument();
});
