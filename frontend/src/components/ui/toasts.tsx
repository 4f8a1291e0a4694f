'use client';

import dynamic from 'next/dynamic';
import { createContext, type ReactNode, useCallback, useContext, useState } from 'react';
import type { Told } from './toast-region';

const ToastRegion = dynamic(() => import('./toast-region').then((loaded) => loaded.ToastRegion), {
  ssr: false,
});

type Tell = (title: string, description?: string) => void;

const Telling = createContext<Tell>(() => {});

/** Says what has been done, in a corner, to eyes and screen readers. What shows it is loaded with the first. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [told, setTold] = useState<Told[]>([]);
  const tell = useCallback<Tell>(
    (title, description) => setTold((before) => [...before, { title, description }]),
    [],
  );
  return (
    <Telling value={tell}>
      {children}
      {told.length > 0 && <ToastRegion told={told} />}
    </Telling>
  );
}

export function useToast(): Tell {
  return useContext(Telling);
}
