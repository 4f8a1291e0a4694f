import clsx from 'clsx';
import { type ComponentProps, type ReactNode, useId } from 'react';

type Described = {
  label: ReactNode;
  hint?: ReactNode;
  error?: string;
  className?: string;
};

/** What ties a control to its label, hint and error for those who do not see them side by side. */
function useDescription(hint: ReactNode, error: string | undefined) {
  const id = useId();
  const hintId = hint ? `${id}-hint` : undefined;
  const errorId = error ? `${id}-error` : undefined;
  const describedBy = [errorId, hintId].filter(Boolean).join(' ') || undefined;
  return { id, hintId, errorId, describedBy };
}

function Frame({
  id,
  hintId,
  errorId,
  label,
  hint,
  error,
  className,
  children,
}: Described & { id: string; hintId?: string; errorId?: string; children: ReactNode }) {
  return (
    <div className={clsx('flex min-w-0 flex-col gap-1', className)}>
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      {children}
      {error && (
        <p id={errorId} className="text-sm text-bad">
          {error}
        </p>
      )}
      {hint && (
        <p id={hintId} className="text-sm text-soft">
          {hint}
        </p>
      )}
    </div>
  );
}

export function TextField({ label, hint, error, className, ...rest }: Described & ComponentProps<'input'>) {
  const { id, hintId, errorId, describedBy } = useDescription(hint, error);
  return (
    <Frame {...{ id, hintId, errorId, label, hint, error, className }}>
      <input
        {...rest}
        id={id}
        className="field"
        aria-invalid={error ? true : undefined}
        aria-describedby={describedBy}
      />
    </Frame>
  );
}

export function TextArea({ label, hint, error, className, ...rest }: Described & ComponentProps<'textarea'>) {
  const { id, hintId, errorId, describedBy } = useDescription(hint, error);
  return (
    <Frame {...{ id, hintId, errorId, label, hint, error, className }}>
      <textarea
        rows={3}
        {...rest}
        id={id}
        className="field"
        aria-invalid={error ? true : undefined}
        aria-describedby={describedBy}
      />
    </Frame>
  );
}

export function SelectField({
  label,
  hint,
  error,
  className,
  children,
  ...rest
}: Described & ComponentProps<'select'>) {
  const { id, hintId, errorId, describedBy } = useDescription(hint, error);
  return (
    <Frame {...{ id, hintId, errorId, label, hint, error, className }}>
      <select
        {...rest}
        id={id}
        className="field"
        aria-invalid={error ? true : undefined}
        aria-describedby={describedBy}
      >
        {children}
      </select>
    </Frame>
  );
}

export function CheckField({ label, hint, error, className, ...rest }: Described & ComponentProps<'input'>) {
  const { id, hintId, errorId, describedBy } = useDescription(hint, error);
  return (
    <div className={clsx('flex items-start gap-3', className)}>
      <input
        {...rest}
        type="checkbox"
        id={id}
        className="mt-1 size-4 shrink-0 accent-(--accent)"
        aria-invalid={error ? true : undefined}
        aria-describedby={describedBy}
      />
      <div className="min-w-0">
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        {error && (
          <p id={errorId} className="text-sm text-bad">
            {error}
          </p>
        )}
        {hint && (
          <p id={hintId} className="text-sm text-soft">
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}
