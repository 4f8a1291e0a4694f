'use client';

import { useSyncExternalStore } from 'react';

const never = () => () => {};

/** Tells the server which time zone the browser is in, with the form that it stands in. */
export function TimeZoneInput() {
  const zone = useSyncExternalStore(
    never,
    () => Intl.DateTimeFormat().resolvedOptions().timeZone,
    () => '',
  );
  return <input type="hidden" name="timeZone" value={zone} />;
}
