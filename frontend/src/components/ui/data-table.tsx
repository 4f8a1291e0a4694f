'use client';

import {
  type ColumnDef,
  createSortedRowModel,
  rowSortingFeature,
  sortFn_basic,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import clsx from 'clsx';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { type ReactNode, useMemo } from 'react';

export const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { basic: sortFn_basic },
});

export type Column<Row> = {
  id: string;
  header: string;
  cell: (row: Row) => ReactNode;
  /** What the column is sorted by; without it, it cannot be. Only for lists that are here as a whole. */
  sortBy?: (row: Row) => string | number;
  align?: 'end';
  /** Left out where the screen is narrow. */
  wideOnly?: boolean;
};

/** A table: its name for screen readers, its columns (the same from one rendering to the next), and sorting where all of the list is here. */
export function DataTable<Row extends { id: string }>({
  caption,
  columns,
  rows,
}: {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
}) {
  const definitions = useMemo(
    () =>
      columns.map(
        ({ id, header, cell, sortBy }): ColumnDef<typeof features, Row> => ({
          id,
          header,
          accessorFn: sortBy ?? (() => ''),
          cell: ({ row }) => cell(row.original),
          enableSorting: sortBy !== undefined,
          sortFn: 'basic',
        }),
      ),
    [columns],
  );
  const table = useTable({ features, columns: definitions, data: rows, getRowId: ({ id }) => id });
  const column = (id: string) => columns.find((candidate) => candidate.id === id);
  const classOf = (id: string) =>
    clsx(
      'px-3 py-2.5 first:pl-4 last:pr-4 sm:first:pl-5 sm:last:pr-5',
      column(id)?.align === 'end' ? 'text-right' : 'text-left',
      column(id)?.wideOnly && 'max-md:hidden',
    );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reachable by keyboard
    <section className="relative overflow-x-auto" aria-label={caption} tabIndex={0}>
      <table className="w-full border-collapse">
        <caption className="sr-only">{caption}</caption>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id} className="border-y border-line bg-sunken text-sm text-soft">
              {group.headers.map((header) => {
                const sorted = header.column.getIsSorted();
                const title = column(header.column.id)?.header;
                return (
                  <th
                    key={header.id}
                    scope="col"
                    className={clsx(classOf(header.column.id), 'font-medium whitespace-nowrap')}
                    aria-sort={sorted === 'asc' ? 'ascending' : sorted === 'desc' ? 'descending' : undefined}
                  >
                    {header.column.getCanSort() ? (
                      <button
                        type="button"
                        className="inline-flex items-center gap-1 rounded"
                        onClick={header.column.getToggleSortingHandler()}
                      >
                        {title}
                        {sorted === 'asc' && <ArrowUp aria-hidden className="size-4" />}
                        {sorted === 'desc' && <ArrowDown aria-hidden className="size-4" />}
                      </button>
                    ) : (
                      title
                    )}
                  </th>
                );
              })}
            </tr>
          ))}
        </thead>
        <tbody>
          {table.getRowModel().rows.map((row) => (
            <tr key={row.id} className="border-b border-line last:border-0">
              {row.getAllCells().map((cell) => (
                <td key={cell.id} className={clsx(classOf(cell.column.id), 'align-middle')}>
                  <table.FlexRender cell={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
