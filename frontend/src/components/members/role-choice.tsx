'use client';

import { useTranslations } from 'next-intl';
import type { Role, RolePartsFragment } from '@/gql/graphql';

export const BUILT_IN = [
  'OWNER',
  'ADMIN',
  'BILLING_MANAGER',
  'AUDITOR',
  'MEMBER',
] as const satisfies readonly Role[];

/** A role as one value of a list: a built-in one by its name, the organization's own by their id. */
export function roleValue(role: Role, customRoleId: string | undefined): string {
  return role === 'CUSTOM' && customRoleId ? customRoleId : role;
}

export function roleInput(value: string): { role: Role; roleId: string | null } {
  const builtIn = BUILT_IN.find((role) => role === value);
  return builtIn ? { role: builtIn, roleId: null } : { role: 'CUSTOM', roleId: value };
}

/** The roles to choose from. Ownership is handed over, not given: OWNER stands there only for who has it. */
export function RoleOptions({ roles, withOwner }: { roles: RolePartsFragment[]; withOwner: boolean }) {
  const enums = useTranslations('enums');
  return (
    <>
      {BUILT_IN.filter((role) => withOwner || role !== 'OWNER').map((role) => (
        <option key={role} value={role}>
          {enums(`Role.${role}`)}
        </option>
      ))}
      {roles.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </>
  );
}
