import { createClient, fetchExchange } from '@urql/core';
import { pipe, subscribe } from 'wonka';
import {
  InvoiceChangedDocument,
  NotificationAddedDocument,
  PaymentChangedDocument,
  SubscriptionChangedDocument,
} from '@/gql/graphql';
import { config } from '@/server/config';
import { textOf } from '@/server/documents';
import { gatewayHeaders } from '@/server/gateway';
import { accessToken } from '@/server/session';

const BEAT = 25_000;

/**
 * One stream a page, of what has changed in an organization: browsers open few connections to one host, so what the
 * gateway tells in several streams comes here in one. It names what changed; the page asks for it anew.
 */
export async function GET(request: Request): Promise<Response> {
  const token = await accessToken();
  if (!token) return new Response(null, { status: 204 });
  const { searchParams } = new URL(request.url);
  const organizationId = searchParams.get('organization') ?? '';
  const documents = [
    NotificationAddedDocument,
    SubscriptionChangedDocument,
    ...(searchParams.get('billing') === '1' ? [InvoiceChangedDocument, PaymentChangedDocument] : []),
  ];
  const ended = new AbortController();
  const client = createClient({
    url: `${config.gatewayUrl}/graphql`,
    exchanges: [fetchExchange],
    preferGetMethod: false,
    fetchSubscriptions: true,
    fetch: (input, init) => fetchUntil(ended.signal, input, init),
    fetchOptions: { headers: await gatewayHeaders(token) },
  });
  const encoder = new TextEncoder();
  let end = () => ended.abort();
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      const write = (text: string) => {
        if (!ended.signal.aborted) controller.enqueue(encoder.encode(text));
      };
      const beat = setInterval(() => write(': \n\n'), BEAT);
      const streams = documents.map((document) =>
        pipe(
          client.subscription(textOf(document), { organizationId }),
          subscribe(({ data }) => {
            for (const what of Object.keys(data ?? {}))
              write(`event: change\ndata: ${JSON.stringify(what)}\n\n`);
          }),
        ),
      );
      end = () => {
        if (ended.signal.aborted) return;
        ended.abort();
        clearInterval(beat);
        for (const { unsubscribe } of streams) unsubscribe();
      };
      request.signal.addEventListener('abort', () => {
        if (ended.signal.aborted) return;
        end();
        controller.close();
      });
      write('retry: 3000\n\n');
    },
    cancel() {
      end();
    },
  });
  return new Response(stream, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  });
}

/** Fetches a stream that ends, and does not fail, when we have ended: a reader that left is no error. */
async function fetchUntil(
  ended: AbortSignal,
  input: RequestInfo | URL,
  init?: RequestInit,
): Promise<Response> {
  const answer = await fetch(input, { ...init, signal: undefined });
  const reader = answer.body?.getReader();
  if (!reader) return answer;
  const stop = () => void reader.cancel();
  if (ended.aborted) stop();
  else ended.addEventListener('abort', stop, { once: true });
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => reader.cancel(),
  });
  return new Response(body, { status: answer.status, headers: answer.headers });
}
