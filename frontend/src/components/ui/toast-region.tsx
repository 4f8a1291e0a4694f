'use client';

import { Toast } from '@base-ui/react/toast';
import { X } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useEffect, useRef } from 'react';

export type Told = { title: string; description?: string };

/** Shows all that has been told, each for a while. */
export function ToastRegion({ told }: { told: Told[] }) {
  return (
    <Toast.Provider timeout={6000}>
      <Toast.Portal>
        <Toast.Viewport className="fixed right-4 bottom-4 z-50 flex w-[min(24rem,calc(100vw-2rem))] flex-col gap-2">
          <Toasts told={told} />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function Toasts({ told }: { told: Told[] }) {
  const t = useTranslations('actions');
  const { toasts, add } = Toast.useToastManager();
  const shown = useRef(0);
  useEffect(() => {
    for (const toast of told.slice(shown.current)) add(toast);
    shown.current = told.length;
  }, [told, add]);
  return toasts.map((toast) => (
    <Toast.Root
      key={toast.id}
      toast={toast}
      className="flex items-start gap-3 rounded-lg border border-line bg-raised p-4 shadow-lg"
    >
      <div className="min-w-0 grow">
        <Toast.Title className="font-semibold" />
        <Toast.Description className="text-soft" />
      </div>
      <Toast.Close aria-label={t('close')} className="rounded p-1 text-soft hover:bg-sunken">
        <X aria-hidden className="size-4" />
      </Toast.Close>
    </Toast.Root>
  ));
}
