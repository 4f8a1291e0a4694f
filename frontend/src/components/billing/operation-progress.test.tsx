import { act, screen, waitFor } from '@testing-library/react';
import { type Client, Provider } from 'urql';
import { expect, it, vi } from 'vitest';
import { makeSubject, never } from 'wonka';
import type { BillingOperationState, OperationPartsFragment } from '@/gql/graphql';
import { renderIn } from '@/test/render';
import { OperationProgress } from './operation-progress';

const refresh = vi.fn();
vi.mock('next/navigation', () => ({ useRouter: () => ({ refresh }) }));

const operation = (state: BillingOperationState): OperationPartsFragment => ({
  id: 'op_1',
  kind: 'invoice_pay',
  state,
  errorCode: null,
  errorMessage: state === 'FAILED' ? 'Your card was declined.' : null,
});

/** A gateway that tells what the test has it tell. */
function open(first: OperationPartsFragment) {
  const told = makeSubject<unknown>();
  const client = { executeSubscription: () => told.source, executeQuery: () => never } as unknown as Client;
  const onConfirmed = vi.fn();
  renderIn(
    'en',
    <Provider value={client}>
      <OperationProgress
        operation={first}
        clientSecret={null}
        organizationId="org_1"
        onConfirmed={onConfirmed}
      />
    </Provider>,
  );
  const tell = (state: BillingOperationState) =>
    act(() => told.next({ data: { billingOperation: operation(state) }, stale: false, hasNext: true }));
  return { tell, onConfirmed };
}

it('says that an outcome is not known, and settles by itself', async () => {
  refresh.mockClear();
  const { tell, onConfirmed } = open(operation('UNKNOWN'));
  expect(screen.getByText('Whether it was done is not known yet')).toBeVisible();
  expect(screen.getByText(/charged once at most/)).toBeVisible();
  tell('CONFIRMED');
  expect(await screen.findByText('Done')).toBeVisible();
  await waitFor(() => expect(onConfirmed).toHaveBeenCalledOnce());
  expect(refresh).toHaveBeenCalled();
});

it('shows the sentence of a refusal, and does not take it for success', async () => {
  const { tell, onConfirmed } = open(operation('UNKNOWN'));
  tell('FAILED');
  expect(await screen.findByRole('alert')).toHaveTextContent('Your card was declined.');
  expect(onConfirmed).not.toHaveBeenCalled();
});
