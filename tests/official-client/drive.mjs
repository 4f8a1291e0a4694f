// Drives a Stripe sandbox with Stripe's own client and says, step by step, what came of it.
//
//     node drive.mjs http://127.0.0.1:12111

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import Stripe from 'stripe';

const base = new URL(process.argv[2]);
const stripe = new Stripe('sk_test_official', {
  host: base.hostname,
  port: base.port,
  protocol: 'http',
  maxNetworkRetries: 0,
  telemetry: false,
});

let steps = 0;
async function step(name, work) {
  const value = await work();
  steps += 1;
  console.log(`ok ${steps} ${name}`);
  return value;
}

const customer = await step('a customer with a card', async () => {
  const made = await stripe.customers.create({
    email: 'ann@example.com',
    metadata: { team: 'a b' },
    payment_method: 'pm_card_visa',
  });
  const [card] = (await stripe.paymentMethods.list({ customer: made.id })).data;
  return stripe.customers.update(made.id, { invoice_settings: { default_payment_method: card.id } });
});

const subscription = await step('a subscription, paid at once', async () => {
  const price = await stripe.prices.create({
    currency: 'usd',
    unit_amount: 2900,
    recurring: { interval: 'month' },
    product_data: { name: 'Pro' },
  });
  const made = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id, quantity: 3 }],
    expand: ['latest_invoice.payments'],
  });
  assert.equal(made.status, 'active');
  assert.equal(made.latest_invoice.amount_paid, 8700);
  assert.equal(made.latest_invoice.payments.data[0].status, 'paid');
  assert.ok(made.items.data[0].current_period_end > made.created);
  return made;
});

await step('events, page by page', async () => {
  const seen = [];
  for await (const event of stripe.events.list({ limit: 3 })) seen.push(event);
  assert.ok(seen.length > 9, `${seen.length} events`);
  assert.equal(new Set(seen.map((event) => event.id)).size, seen.length);
  for (const type of ['customer.created', 'customer.subscription.created', 'invoice.paid', 'charge.succeeded'])
    assert.ok(seen.some((event) => event.type === type), type);
  const few = await stripe.events.list({ types: ['invoice.paid', 'invoice.created'] }).autoPagingToArray({ limit: 100 });
  assert.deepEqual(few.map((event) => event.type), ['invoice.paid', 'invoice.created']);
  assert.equal(few[0].data.object.parent.subscription_details.subscription, subscription.id);
});

await step('search by metadata', async () => {
  const found = await stripe.customers.search({ query: "metadata['team']:'a b' AND email~'example'" });
  assert.deepEqual(found.data.map((each) => each.id), [customer.id]);
});

await step('an idempotency key replays', async () => {
  const again = { idempotencyKey: 'once' };
  const first = await stripe.customers.create({ name: 'Bob' }, again);
  const second = await stripe.customers.create({ name: 'Bob' }, again);
  assert.equal(first.id, second.id);
  await assert.rejects(stripe.customers.create({ name: 'Eve' }, again), { type: 'StripeIdempotencyError' });
});

await step('errors are of the kinds that the client knows', async () => {
  await assert.rejects(stripe.customers.retrieve('cus_none'), {
    type: 'StripeInvalidRequestError',
    statusCode: 404,
    code: 'resource_missing',
  });
  const payment = { amount: 900, currency: 'usd', confirm: true, payment_method: 'pm_card_chargeDeclinedInsufficientFunds' };
  const declined = { ...payment, automatic_payment_methods: { enabled: true, allow_redirects: 'never' } };
  await assert.rejects(stripe.paymentIntents.create(declined), {
    type: 'StripeCardError',
    code: 'card_declined',
    decline_code: 'insufficient_funds',
  });
  await assert.rejects(stripe.customers.create({ colour: 'red' }), {
    type: 'StripeInvalidRequestError',
    code: 'parameter_unknown',
  });
  const stranger = new Stripe('sk_live_official', { host: base.hostname, port: base.port, protocol: 'http' });
  await assert.rejects(stranger.customers.list(), { type: 'StripeAuthenticationError' });
});

await step('a webhook that the client verifies', async () => {
  const received = [];
  const waiting = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const delivery = { body: Buffer.concat(chunks), signature: request.headers['stripe-signature'] };
      response.end();
      const next = waiting.shift();
      if (next) next(delivery);
      else received.push(delivery);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const next = () =>
    received.length ? Promise.resolve(received.shift()) : new Promise((resolve) => waiting.push(resolve));
  const endpoint = await stripe.webhookEndpoints.create({
    url: `http://127.0.0.1:${server.address().port}/hook`,
    enabled_events: ['customer.updated'],
  });
  await stripe.customers.update(customer.id, { name: 'Ann' });
  const { body, signature } = await next();
  const event = stripe.webhooks.constructEvent(body, signature, endpoint.secret);
  assert.equal(event.type, 'customer.updated');
  assert.deepEqual(event.data.previous_attributes, { name: null });
  const refused = { type: 'StripeSignatureVerificationError' };
  assert.throws(() => stripe.webhooks.constructEvent(body, signature, 'whsec_other'), refused);
  assert.throws(() => stripe.webhooks.constructEvent(`${body} `, signature, endpoint.secret), refused);
  await fetch(new URL('/_sandbox/webhooks', base), {
    method: 'POST',
    body: JSON.stringify({ match: 'customer.updated', kind: 'misdate', seconds: -1000 }),
  });
  await stripe.customers.update(customer.id, { name: 'Ann B.' });
  const late = await next();
  assert.throws(() => stripe.webhooks.constructEvent(late.body, late.signature, endpoint.secret), refused);
  stripe.webhooks.constructEvent(late.body, late.signature, endpoint.secret, 2000);
  server.close();
  server.closeAllConnections();
});

console.log(`${steps} steps passed`);
