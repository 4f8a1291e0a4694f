import clsx from 'clsx';
import type { ComponentProps } from 'react';

type Look = 'primary' | 'plain' | 'danger' | 'quiet';

const LOOKS: Record<Look, string> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-strong',
  plain: 'border border-field bg-surface text-text hover:bg-sunken',
  danger: 'border border-bad bg-surface text-bad hover:bg-bad-wash',
  quiet: 'text-text hover:bg-sunken',
};

export function buttonClass(look: Look = 'plain', small = false): string {
  return clsx(
    'inline-flex items-center justify-center gap-2 rounded-md font-medium',
    'disabled:cursor-not-allowed disabled:opacity-60 aria-disabled:cursor-not-allowed aria-disabled:opacity-60',
    small ? 'min-h-8 px-2.5 text-sm' : 'min-h-10 px-4',
    LOOKS[look],
  );
}

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
