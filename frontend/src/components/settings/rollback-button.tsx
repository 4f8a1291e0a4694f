'use client';

import dynamic from 'next/dynamic';
import { useTranslations } from 'next-intl';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import type { SettingSection } from '@/gql/graphql';

/** Loaded when it is opened. */
const RollbackDialog = dynamic(() => import('./rollback-dialog').then((loaded) => loaded.RollbackDialog), {
  ssr: false,
});

export type RollbackProps = {
  organizationId: string;
  section: SettingSection;
  expectedVersion: string;
  /** The version to go back to. */
  to: string;
};

export function RollbackButton(props: RollbackProps) {
  const t = useTranslations('settings');
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button small onClick={() => setOpen(true)}>
        {t('rollBack')}
        <span className="sr-only"> {t('version', { version: props.to })}</span>
      </Button>
      {isOpen && <RollbackDialog {...props} onClose={() => setOpen(false)} />}
    </>
  );
}
