'use client';

import { Menu, X } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { type ReactNode, useId, useRef } from 'react';
import { Navigation, type NavigationItem } from './navigation';

/** The navigation where the screen has no room for it beside the page: the browser's own dialog, which keeps the focus. */
export function PhoneMenu({ items, children }: { items: NavigationItem[]; children: ReactNode }) {
  const t = useTranslations('navigation');
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const close = () => dialog.current?.close();
  return (
    <>
      <button
        type="button"
        aria-label={t('open')}
        className="grid size-10 place-items-center rounded-md hover:bg-sunken lg:hidden"
        onClick={() => dialog.current?.showModal()}
      >
        <Menu aria-hidden className="size-6" />
      </button>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: a click beside it closes it; the keyboard has Escape */}
      <dialog
        ref={dialog}
        aria-labelledby={titleId}
        onClick={({ target }) => target === dialog.current && close()}
        className="m-0 h-dvh max-h-none w-[min(20rem,85vw)] max-w-none bg-surface p-0 text-text shadow-xl backdrop:bg-black/50"
      >
        <div className="flex min-h-full flex-col gap-4 p-4">
          <div className="flex items-center justify-between">
            <h2 id={titleId} className="text-lg font-semibold">
              {t('label')}
            </h2>
            <button
              type="button"
              aria-label={t('close')}
              className="grid size-10 place-items-center rounded-md hover:bg-sunken"
              onClick={close}
            >
              <X aria-hidden className="size-5" />
            </button>
          </div>
          {children}
          <Navigation items={items} onNavigate={close} />
        </div>
      </dialog>
    </>
  );
}
