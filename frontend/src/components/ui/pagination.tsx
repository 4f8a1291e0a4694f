import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { buttonClass } from './button-class';

type PageInfo = {
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  startCursor: string | null;
  endCursor: string | null;
};

/** The way through a list, in the address: a page can be kept, sent, and gone back to. */
export function Pagination({
  path,
  search,
  pageInfo,
}: {
  path: string;
  search: Record<string, string | undefined>;
  pageInfo: PageInfo;
}) {
  const t = useTranslations('pagination');
  if (!pageInfo.hasNextPage && !pageInfo.hasPreviousPage) return null;
  const at = (position: Record<string, string | null>) => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...search, ...position })) {
      if (value && (name in position || (name !== 'after' && name !== 'before'))) query.set(name, value);
    }
    return `${path}?${query}`;
  };
  return (
    <nav aria-label={t('label')} className="flex justify-end gap-2 border-t border-line p-3">
      {pageInfo.hasPreviousPage && (
        <Link
          href={at({ before: pageInfo.startCursor })}
          className={buttonClass('plain', true)}
          prefetch={false}
        >
          {t('previous')}
        </Link>
      )}
      {pageInfo.hasNextPage && (
        <Link
          href={at({ after: pageInfo.endCursor })}
          className={buttonClass('plain', true)}
          prefetch={false}
        >
          {t('next')}
        </Link>
      )}
    </nav>
  );
}
