import { getTranslations } from 'next-intl/server';
import { signInAsDemoUser } from '@/app/actions';
import { LanguageChoice } from '@/components/shell/preferences';
import { TimeZoneInput } from '@/components/shell/time-zone-input';
import { buttonClass } from '@/components/ui/button-class';
import { Notice } from '@/components/ui/card';
import { config } from '@/server/config';
import { demoUsers } from '@/server/demo';

export async function generateMetadata() {
  return { title: (await getTranslations('signIn'))('title') };
}

export default async function SignInPage({ searchParams }: PageProps<'/sign-in'>) {
  const t = await getTranslations('signIn');
  const { ended, failed } = await searchParams;
  const users = await demoUsers();
  return (
    <main className="mx-auto flex min-h-dvh max-w-md flex-col justify-center gap-5 p-4">
      <div className="flex items-center gap-3">
        {/* biome-ignore lint/performance/noImgElement: an icon of 300 bytes */}
        <img src="/favicon.svg" alt="" width={36} height={36} />
        <h1 className="text-2xl font-semibold">{t('title')}</h1>
      </div>
      {ended && <Notice tone="warn">{t('ended')}</Notice>}
      {failed && (
        <Notice tone="bad" alert>
          {t('failed')}
        </Notice>
      )}
      {config.openid && (
        <a href="/api/session/oidc" className={buttonClass('primary')}>
          {t('openid')}
        </a>
      )}
      {config.demoSignIn && (
        <form
          action={signInAsDemoUser}
          className="flex flex-col gap-3 rounded-xl border border-line bg-surface p-5"
        >
          <h2 className="font-semibold">{t('demo')}</h2>
          <p className="text-soft">{t('demoHint')}</p>
          <TimeZoneInput />
          {users === undefined && (
            <Notice tone="bad" alert>
              {t('unreachable', { address: config.gatewayUrl })}
            </Notice>
          )}
          {users?.length === 0 && <p>{t('nobody')}</p>}
          {users?.map(({ id, label }) => (
            <button
              key={id}
              type="submit"
              name="user"
              value={id}
              className={`${buttonClass('plain')} justify-start py-2 text-left`}
            >
              {label}
            </button>
          ))}
        </form>
      )}
      {!config.openid && !config.demoSignIn && (
        <Notice tone="warn" title={t('notConfigured')}>
          {t('notConfiguredHint')}
        </Notice>
      )}
      <LanguageChoice />
    </main>
  );
}
