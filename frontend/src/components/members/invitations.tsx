'use client';

import { useTranslations } from 'next-intl';
import { type FormEvent, useState } from 'react';
import * as v from 'valibot';
import { Button } from '@/components/ui/button';
import { Badge, Card, Notice } from '@/components/ui/card';
import { SelectField, TextField } from '@/components/ui/field';
import { Time } from '@/components/ui/format';
import { EmptyState } from '@/components/ui/states';
import {
  type InvitationPartsFragment,
  InvitationResendDocument,
  InvitationRevokeDocument,
  MemberInviteDocument,
  type RolePartsFragment,
} from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { RoleOptions, roleInput } from './role-choice';
import { Secret } from './secret';
import { useAction } from './use-action';

/** Invites by mail address, and shows who has been invited and has not come yet. */
export function Invitations({
  organizationId,
  invitations,
  roles,
  mayWrite,
}: {
  organizationId: string;
  invitations: InvitationPartsFragment[];
  roles: RolePartsFragment[];
  mayWrite: boolean;
}) {
  const t = useTranslations('invitations');
  const enums = useTranslations('enums');
  const errors = useTranslations('errors');
  const states = useTranslations('states');
  const { problem, setProblem, settle } = useAction();
  const [token, setToken] = useState<string>();
  const invite = useChange(MemberInviteDocument, (data) => data.memberInvite);
  const resend = useChange(InvitationResendDocument, (data) => data.invitationResend);
  const revoke = useChange(InvitationRevokeDocument, (data) => data.invitationRevoke);
  const [values, setValues] = useState({ email: '', role: 'MEMBER' });
  const [problems, setProblems] = useState<{ email?: string; role?: string }>({});
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setToken(undefined);
    const schema = v.pipe(v.string(), v.trim(), v.nonEmpty(errors('required')), v.email(errors('email')));
    const email = v.safeParse(schema, values.email);
    setProblems({ email: email.issues?.[0].message });
    if (!email.success) return;
    const outcome = await invite.run({ organizationId, email: email.output, ...roleInput(values.role) });
    if (outcome.kind === 'refused') {
      for (const { path, message } of outcome.errors) {
        setProblems({ [path[0] === 'role' || path[0] === 'roleId' ? 'role' : 'email']: message });
      }
      return;
    }
    if (outcome.kind === 'fault') {
      setProblem(outcome.message || states('unreachable'));
      return;
    }
    settle(outcome, t('sent', { email: email.output }));
    setToken(outcome.payload.token ?? undefined);
    setValues({ ...values, email: '' });
  };
  const pending = invitations.filter(({ status }) => status === 'PENDING' || status === 'EXPIRED');
  return (
    <Card title={t('title')}>
      <div className="flex flex-col gap-4">
        {mayWrite && (
          <form noValidate onSubmit={submit} className="grid items-start gap-3 sm:grid-cols-[1fr_14rem_auto]">
            <TextField
              label={t('email')}
              type="email"
              error={problems.email}
              value={values.email}
              onChange={({ target }) => setValues({ ...values, email: target.value })}
            />
            <SelectField
              label={t('role')}
              error={problems.role}
              value={values.role}
              onChange={({ target }) => setValues({ ...values, role: target.value })}
            >
              <RoleOptions roles={roles} withOwner={false} />
            </SelectField>
            <Button type="submit" look="primary" busy={invite.busy} className="sm:mt-6">
              {t('invite')}
            </Button>
          </form>
        )}
        {problem && (
          <Notice tone="bad" alert>
            {problem}
          </Notice>
        )}
        {token && <Secret label={t('link')} hint={t('linkHint')} value={invitationLink(token)} />}
        {pending.length === 0 ? (
          <EmptyState>{t('none')}</EmptyState>
        ) : (
          <ul className="flex flex-col divide-y divide-line">
            {pending.map((invitation) => (
              <li key={invitation.id} className="flex flex-wrap items-center justify-between gap-3 py-3">
                <div className="min-w-0">
                  <p className="font-medium break-all">{invitation.email}</p>
                  <p className="text-sm text-soft">
                    {invitation.customRole?.name ?? enums(`Role.${invitation.role}`)} · {t('until')}{' '}
                    <Time value={invitation.expiresAt} />
                  </p>
                </div>
                <div className="flex flex-wrap items-center gap-2">
                  <Badge tone={invitation.status === 'PENDING' ? 'accent' : 'plain'}>
                    {enums(`InvitationStatus.${invitation.status}`)}
                  </Badge>
                  {mayWrite && (
                    <>
                      <Button
                        small
                        onClick={async () => {
                          const outcome = await resend.run({
                            invitationId: invitation.id,
                            expectedVersion: invitation.version,
                          });
                          if (settle(outcome, t('sent', { email: invitation.email }))) {
                            setToken(outcome.payload.token ?? undefined);
                          }
                        }}
                      >
                        {t('resend')}
                        <span className="sr-only"> {invitation.email}</span>
                      </Button>
                      <Button
                        small
                        look="danger"
                        onClick={async () =>
                          settle(
                            await revoke.run({
                              invitationId: invitation.id,
                              expectedVersion: invitation.version,
                            }),
                            t('revoked'),
                          )
                        }
                      >
                        {t('revoke')}
                        <span className="sr-only"> {invitation.email}</span>
                      </Button>
                    </>
                  )}
                </div>
              </li>
            ))}
          </ul>
        )}
      </div>
    </Card>
  );
}

/** As in the mail: behind the #, so that no server's log has it. */
function invitationLink(token: string): string {
  return `${window.location.origin}/invitations#token=${encodeURIComponent(token)}`;
}
