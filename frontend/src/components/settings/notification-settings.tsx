'use client';

import { useTranslations } from 'next-intl';
import { useCallback, useMemo } from 'react';
import { Controller } from 'react-hook-form';
import { useClient } from 'urql';
import * as v from 'valibot';
import { TextArea } from '@/components/ui/field';
import {
  type NotificationChannel,
  type NotificationEvent,
  type NotificationPartsFragment,
  type Role,
  SettingsNotificationsUpdateDocument,
} from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { fromLines, toLines } from './lines';
import { SettingsForm } from './settings-form';
import { useSettingsForm } from './use-settings-form';

const CHANNELS = ['EMAIL', 'IN_APP', 'WEBHOOK'] as const satisfies readonly NotificationChannel[];
const ROLES = ['OWNER', 'ADMIN', 'BILLING_MANAGER', 'AUDITOR', 'MEMBER'] as const satisfies readonly Role[];

type Rule = { channels: NotificationChannel[]; roles: Role[]; addresses: string };
type Values = Record<string, Rule>;

/** One field for each event, in one order, so that only what was changed counts as changed. */
export function toValues({ events }: NotificationPartsFragment): Values {
  return Object.fromEntries(
    events.map(({ event, channels, roles, addresses }) => [
      event,
      {
        channels: CHANNELS.filter((channel) => channels.includes(channel)),
        roles: ROLES.filter((role) => roles.includes(role)),
        addresses: toLines(addresses),
      },
    ]),
  );
}

/** Which event is told by which channel, and to whom. */
export function NotificationSettings({
  organizationId,
  settings,
  mayWrite,
}: {
  organizationId: string;
  settings: NotificationPartsFragment;
  mayWrite: boolean;
}) {
  const t = useTranslations('settings');
  const enums = useTranslations('enums');
  const errors = useTranslations('errors');
  const client = useClient();
  const change = useChange(SettingsNotificationsUpdateDocument, (data) => data.settingsNotificationsUpdate);
  const events = settings.events.map(({ event }) => event);
  const schema = useMemo(
    () =>
      v.record(
        v.string(),
        v.object({
          channels: v.array(v.picklist(CHANNELS)),
          roles: v.array(v.picklist(ROLES)),
          addresses: v.pipe(
            v.string(),
            v.check(
              (text) => fromLines(text).every((entry) => v.is(v.pipe(v.string(), v.email()), entry)),
              errors('emails'),
            ),
          ),
        }),
      ),
    [errors],
  );
  const sent: NotificationEvent[] = [];
  const state = useSettingsForm<Values, NotificationPartsFragment>({
    settings,
    toValues,
    schema: schema as unknown as v.GenericSchema<Values>,
    save: (changed, expectedVersion) => {
      sent.splice(0, sent.length, ...(Object.keys(changed) as NotificationEvent[]));
      return change.run({
        organizationId,
        expectedVersion,
        events: sent.map((event) => {
          const { channels = [], roles = [], addresses = '' } = changed[event] ?? {};
          return { event, channels, roles, addresses: fromLines(addresses) };
        }),
      });
    },
    current: useCallback(
      async () => (await import('./current')).currentNotifications(client, organizationId),
      [client, organizationId],
    ),
    // The gateway counts the events that were sent.
    fieldOf: ([top = '', index]) => (top === 'events' && index ? `${sent[Number(index)]}.addresses` : top),
  });
  const { control, register, formState, watch } = state.form;
  const label = (event: string) => enums(`NotificationEvent.${event as NotificationEvent}`);
  return (
    <SettingsForm
      title={t('notifications')}
      state={state}
      toValues={toValues}
      labelOf={label}
      show={(_, value) =>
        showRule(
          value as Rule,
          (channel) => enums(`NotificationChannel.${channel}`),
          (role) => enums(`Role.${role}`),
        )
      }
      mayWrite={mayWrite}
    >
      <ul className="flex flex-col divide-y divide-line">
        {events.map((event) => {
          const rule = watch(event);
          return (
            <li key={event} className="py-4 first:pt-0">
              <div className="grid items-center gap-2 sm:grid-cols-[1fr_auto]">
                <p className="font-medium" id={`event-${event}`}>
                  {label(event)}
                </p>
                <Controller
                  control={control}
                  name={`${event}.channels`}
                  render={({ field }) => (
                    <Choices
                      labelledBy={`event-${event}`}
                      all={CHANNELS}
                      chosen={(field.value ?? []) as NotificationChannel[]}
                      labelOf={(channel) => enums(`NotificationChannel.${channel}`)}
                      onChange={field.onChange}
                    />
                  )}
                />
              </div>
              <details className="mt-1">
                <summary className="disclosure">
                  {t('recipients', {
                    roles: (rule?.roles ?? []).map((role) => enums(`Role.${role}`)).join(', ') || t('nobody'),
                    count: fromLines(rule?.addresses ?? '').length,
                  })}
                </summary>
                <div className="mt-3 grid gap-4 sm:grid-cols-2">
                  <Controller
                    control={control}
                    name={`${event}.roles`}
                    render={({ field }) => (
                      <div>
                        <p className="mb-1 text-sm font-medium" id={`roles-${event}`}>
                          {t('roles')}
                        </p>
                        <Choices
                          labelledBy={`roles-${event}`}
                          all={ROLES}
                          chosen={(field.value ?? []) as Role[]}
                          labelOf={(role) => enums(`Role.${role}`)}
                          onChange={field.onChange}
                        />
                      </div>
                    )}
                  />
                  <TextArea
                    label={t('addresses')}
                    hint={t('hints.onePerLine')}
                    error={formState.errors[event]?.addresses?.message}
                    {...register(`${event}.addresses`)}
                  />
                </div>
              </details>
              {formState.errors[event]?.addresses?.message && (
                <p className="mt-1 text-sm text-bad">{formState.errors[event]?.addresses?.message}</p>
              )}
            </li>
          );
        })}
      </ul>
    </SettingsForm>
  );
}

function Choices<Name extends string>({
  labelledBy,
  all,
  chosen,
  labelOf,
  onChange,
}: {
  labelledBy: string;
  all: readonly Name[];
  chosen: readonly Name[];
  labelOf: (name: Name) => string;
  onChange: (chosen: Name[]) => void;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset needs a legend, and the name stands elsewhere
    <div role="group" aria-labelledby={labelledBy} className="flex flex-wrap gap-x-4 gap-y-1">
      {all.map((name) => (
        <label key={name} className="flex min-h-8 items-center gap-2">
          <input
            type="checkbox"
            className="size-4 accent-(--accent)"
            checked={chosen.includes(name)}
            onChange={({ target }) =>
              onChange(all.filter((other) => (other === name ? target.checked : chosen.includes(other))))
            }
          />
          {labelOf(name)}
        </label>
      ))}
    </div>
  );
}

function showRule(
  rule: Rule | undefined,
  channelOf: (channel: NotificationChannel) => string,
  roleOf: (role: Role) => string,
): string {
  if (!rule) return '';
  const { channels, roles, addresses } = rule;
  return [channels.map(channelOf).join(', '), roles.map(roleOf).join(', '), addresses]
    .filter(Boolean)
    .join('\n');
}
