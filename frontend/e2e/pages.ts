import type { Person } from './support';

/** Every page, by whom it is looked at. */
export const PAGES: { name: string; person: Person; address: (organization: string) => string }[] = [
  { name: 'overview', person: 'Olivia', address: () => '/dashboard' },
  { name: 'settings-general', person: 'Olivia', address: (id) => `/dashboard/organizations/${id}/settings` },
  {
    name: 'settings-billing',
    person: 'Olivia',
    address: (id) => `/dashboard/organizations/${id}/settings/billing`,
  },
  {
    name: 'settings-notifications',
    person: 'Olivia',
    address: (id) => `/dashboard/organizations/${id}/settings/notifications`,
  },
  {
    name: 'settings-security',
    person: 'Olivia',
    address: (id) => `/dashboard/organizations/${id}/settings/security`,
  },
  { name: 'members', person: 'Olivia', address: (id) => `/dashboard/organizations/${id}/members` },
  { name: 'billing', person: 'Olivia', address: () => '/dashboard/billing' },
  { name: 'plans', person: 'Olivia', address: () => '/dashboard/billing/plans' },
  { name: 'payment-methods', person: 'Olivia', address: () => '/dashboard/billing/payment-methods' },
  { name: 'invoices', person: 'Olivia', address: () => '/dashboard/billing/invoices' },
  { name: 'usage', person: 'Olivia', address: () => '/dashboard/billing/usage' },
  { name: 'audit', person: 'Olivia', address: () => '/dashboard/audit' },
  { name: 'admin', person: 'Priya', address: () => '/admin' },
];
