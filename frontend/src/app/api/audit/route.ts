import { AuditExportDocument } from '@/gql/graphql';
import { CSV_COLUMNS, toCsvLine, toJsonLine } from '@/lib/audit-export';
import { auditFilter, auditSearch } from '@/lib/audit-filter';
import { ask } from '@/server/gateway';
import { accessToken } from '@/server/session';

/**
 * The audit log as CSV or JSON Lines, as it is filtered, of any size: page by page from the gateway, none of them kept.
 * How many records there are is said ahead, so that whoever reads it can show how far it is.
 */
export async function GET(request: Request): Promise<Response> {
  const token = await accessToken();
  if (!token) return Response.json({ code: 'UNAUTHENTICATED' }, { status: 401 });
  const { searchParams } = new URL(request.url);
  const asCsv = searchParams.get('format') !== 'jsonl';
  const variables = {
    organizationId: searchParams.get('organization') ?? '',
    filter: auditFilter(auditSearch(Object.fromEntries(searchParams))),
    mayKeys: searchParams.get('keys') === '1',
  };
  const first = await ask(AuditExportDocument, { ...variables, after: null, withCount: true }, token);
  if (!first.data)
    return Response.json(first.refusal, { status: first.refusal.code === 'FORBIDDEN' ? 403 : 502 });
  const encoder = new TextEncoder();
  const line = asCsv ? toCsvLine : toJsonLine;
  let page: (typeof first)['data'] | undefined = first.data;
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      if (asCsv) controller.enqueue(encoder.encode(`${CSV_COLUMNS.join(',')}\r\n`));
    },
    async pull(controller) {
      if (!page) {
        controller.close();
        return;
      }
      const { nodes, pageInfo } = page.auditLogs;
      if (nodes.length > 0) controller.enqueue(encoder.encode(nodes.map(line).join('')));
      if (!pageInfo.hasNextPage) {
        controller.close();
        return;
      }
      const next = await ask(
        AuditExportDocument,
        { ...variables, after: pageInfo.endCursor, withCount: false },
        token,
      );
      // Cut off in the middle, a file must not look whole.
      if (!next.data) controller.error(new Error(next.refusal.message));
      else page = next.data;
    },
  });
  const name = `audit-${new Date().toISOString().slice(0, 10)}.${asCsv ? 'csv' : 'jsonl'}`;
  return new Response(stream, {
    headers: {
      'content-type': asCsv ? 'text/csv; charset=utf-8' : 'application/jsonl; charset=utf-8',
      'content-disposition': `attachment; filename="${name}"`,
      'x-tollgate-records': String(first.data.auditLogs.totalCount ?? 0),
      'cache-control': 'no-store',
    },
  });
}
