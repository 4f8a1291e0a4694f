import Link from 'next/link';
import { getTranslations } from 'next-intl/server';
import { AcceptInvitation } from '@/components/members/accept-invitation';
import { Notice } from '@/components/ui/card';
import { accessToken } from '@/server/session';

export async function generateMetadata() {
  return { title: (await getTranslations('invitation'))('title') };
}

/** Where the link of an invitation leads. Its token stands behind the #, which no server sees. */
export default async function InvitationPage() {
  const t = await getTranslations('invitation');
  const isSignedIn = (await accessToken()) !== undefined;
  return (
    <main className="mx-auto flex min-h-dvh max-w-md flex-col justify-center gap-5 p-4">
      <h1 className="text-2xl font-semibold">{t('title')}</h1>
      {isSignedIn ? (
        <AcceptInvitation />
      ) : (
        <Notice tone="accent">
          {t.rich('signInFirst', {
            link: (text) => (
              <Link href="/sign-in" target="_blank" className="link">
                {text}
              </Link>
            ),
          })}
        </Notice>
      )}
    </main>
  );
}
