import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import { renderIn } from '@/test/render';
import { ConflictDialog } from './conflict-dialog';
import { showPlainly } from './show';

const base = { name: 'Acme', slug: 'acme', locale: 'en', timeZone: 'UTC' };

async function open(mine: typeof base, theirs: typeof base) {
  const onResolve = vi.fn();
  renderIn(
    'en',
    <ConflictDialog
      base={base}
      theirs={theirs}
      mine={mine}
      author="Adam"
      labelOf={(field) => field}
      show={showPlainly}
      onResolve={onResolve}
      onClose={() => {}}
    />,
  );
  await screen.findByRole('dialog');
  return onResolve;
}

it('asks only about what both have changed, and merges the rest', async () => {
  const onResolve = await open(
    { ...base, name: 'Mine', locale: 'zh' },
    { ...base, name: 'Theirs', timeZone: 'Asia/Tokyo' },
  );
  const save = screen.getByRole('button', { name: 'Save what is chosen' });
  expect(save).toBeDisabled();
  expect(screen.getAllByRole('radio')).toHaveLength(2);
  await userEvent.click(screen.getByRole('radio', { name: /Theirs/ }));
  await userEvent.click(save);
  expect(onResolve).toHaveBeenCalledWith({
    name: 'Theirs',
    slug: 'acme',
    locale: 'zh',
    timeZone: 'Asia/Tokyo',
  });
});

it('has nothing to ask when the two touched different fields', async () => {
  const onResolve = await open({ ...base, name: 'Mine' }, { ...base, slug: 'acme-2' });
  expect(screen.queryByRole('radio')).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'Save what is chosen' }));
  expect(onResolve).toHaveBeenCalledWith({ ...base, name: 'Mine', slug: 'acme-2' });
});
