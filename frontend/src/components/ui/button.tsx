'use client';

import clsx from 'clsx';
import type { ComponentProps } from 'react';
import { buttonClass, type Look } from './button-class';

/** A button. While `busy` it says so, keeps its focus, and does nothing. */
export function Button({
  look = 'plain',
  small = false,
  busy = false,
  className,
  children,
  onClick,
  ...rest
}: ComponentProps<'button'> & { look?: Look; small?: boolean; busy?: boolean }) {
  return (
    <button
      type="button"
      {...rest}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
      className={clsx(buttonClass(look, small), className)}
    >
      {busy && (
        <span
          aria-hidden
          className="size-4 animate-spin rounded-full border-2 border-current border-r-transparent"
        />
      )}
      {children}
    </button>
  );
}
