'use client';

import dynamic from 'next/dynamic';
import type { DialogProps } from './dialog-popup';

const DialogPopup = dynamic(() => import('./dialog-popup').then((loaded) => loaded.DialogPopup), {
  ssr: false,
});

/**
 * A dialog: it keeps the focus, closes by Escape, and gives the focus back. Loaded when one is opened: a page's first view
 * has none.
 */
export function Dialog(props: DialogProps) {
  return props.open ? <DialogPopup {...props} /> : null;
}
