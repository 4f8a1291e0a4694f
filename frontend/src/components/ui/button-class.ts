import clsx from 'clsx';

export type Look = 'primary' | 'plain' | 'danger' | 'quiet';

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
