'use client';

import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';

export type DialogProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  lead?: ReactNode;
  children: ReactNode;
  wide?: boolean;
};

/** What `Dialog` loads when it is opened. */
export function DialogPopup({ open, onOpenChange, title, lead, children, wide = false }: DialogProps) {
  const t = useTranslations('actions');
  return (
    <Base.Root open={open} onOpenChange={(next) => onOpenChange(next)}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-black/50" />
        <Base.Viewport className="fixed inset-0 z-50 grid place-items-center overflow-y-auto p-4">
          <Base.Popup
            className={`relative w-full rounded-xl border border-line bg-raised p-5 shadow-xl ${wide ? 'max-w-3xl' : 'max-w-lg'}`}
          >
            <Base.Title className="pr-10 text-lg font-semibold">{title}</Base.Title>
            {lead && <Base.Description className="mt-1 text-soft">{lead}</Base.Description>}
            <Base.Close
              aria-label={t('close')}
              className="absolute top-3 right-3 grid size-9 place-items-center rounded-md text-soft hover:bg-sunken"
            >
              <X aria-hidden className="size-5" />
            </Base.Close>
            <div className="mt-4">{children}</div>
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}
