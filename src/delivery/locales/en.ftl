footer = { $organization } · This message was sent by itself because of your role or your organization’s notification settings.

trial-ending = The trial of { $organization } ends soon
    .body =
        The trial ends on { $at }.

        To go on without a break, make sure that a payment method is on file before then.
    .action = Open billing

card-expiring = The card { $card } expires soon
    .body =
        The card { $card } of { $organization } cannot be charged after { $at }.

        Add another payment method and make it the default, so that the next invoice is paid.
    .action = Open billing

invoice-paid = Invoice { $number } is paid: { $amount }
    .body =
        { $organization } paid { $amount } for invoice { $number } on { $at }.

        Thank you. There is nothing to do.
    .action = Show the invoice

invoice-payment-failed = The payment of invoice { $number } failed
    .body =
        { $amount } for invoice { $number } of { $organization } could not be collected.

        { $again ->
            [yes] It is tried again on { $at }. To pay sooner, or by other means, open the invoice.
           *[no] Open the invoice to pay it, by other means if need be.
        }
    .action = Show the invoice

payment-requires-action = A payment waits for your confirmation
    .body =
        The bank wants { $amount } of { $organization } to be confirmed by the cardholder.

        Until then nothing is charged.
    .action = Confirm the payment

dunning-reminder = { $reminder ->
        [final_notice] Final notice: { $organization } has an unpaid invoice
        [suspension] { $organization } is restricted because of an unpaid invoice
       *[other] Reminder: { $organization } has an unpaid invoice
    }
    .body =
        A renewal of { $organization } was due { $days ->
            [0] today
            [one] a day ago
           *[other] { $days } days ago
        } and is not paid.

        { $access ->
            [full] Everything can still be used.
            [limited] What is there can be read and exported; nothing new can be made until it is paid.
           *[other] Only billing and settings can be used until it is paid.
        }
    .action = Pay now

subscription-changed = The subscription of { $organization } changed
    .body =
        Since { $at } { $organization } has the plan { $plan } with { $quantity ->
            [one] one seat
           *[other] { $quantity } seats
        }.
    .action = Open billing

subscription-canceled = { $ended ->
        [yes] The subscription of { $organization } has ended
       *[no] The subscription of { $organization } is canceled
    }
    .body = { $ended ->
        [yes] It ended on { $at }.
       *[no] It can be used until { $at }, and is not renewed. Until then it can be resumed.
    }
    .action = Open billing

dispute-opened = { $inquiry ->
        [yes] The bank asks about a payment of { $amount }
       *[no] A payment of { $amount } is disputed
    }
    .body =
        { $inquiry ->
            [yes] The bank of the cardholder asks about a payment of { $amount } of { $organization }. No money was taken; it may become a dispute.
           *[no] The bank of the cardholder disputes a payment of { $amount } of { $organization }, and has taken it back.
        } The reason given: { $reason ->
            [bank_cannot_process] the bank could not process the payment
            [check_returned] the cheque was returned
            [credit_not_processed] a refund that was promised did not come
            [customer_initiated] the customer had the debit returned
            [debit_not_authorized] the debit was not authorised
            [duplicate] it was charged twice
            [fraudulent] the cardholder did not authorise it
            [incorrect_account_details] the account’s details were wrong
            [insufficient_funds] the account lacked the funds
            [noncompliant] it broke a rule of the card network
            [product_not_received] what was paid for did not come
            [product_unacceptable] what came was not what was promised
            [subscription_canceled] the subscription had been canceled
            [unrecognized] the cardholder does not recognise it
           *[other] none in particular
        }.

        { $due ->
            [yes] Evidence can be sent until { $at }.
           *[no] No evidence can be sent.
        }
    .action = Open billing

usage-alert = { $notice ->
        [reached] { $organization } has reached { $kind ->
            [percent] { $threshold }% of its { $meter }
            [spend] { $threshold } of spending on { $meter }
           *[units] { $threshold } { $unit } of { $meter }
        }
        [recovered] { $organization } is below { $kind ->
            [percent] { $threshold }% of its { $meter }
            [spend] { $threshold } of spending on { $meter }
           *[units] { $threshold } { $unit } of { $meter }
        } again
       *[reset] A new period of { $meter } has begun for { $organization }
    }
    .body =
        { $notice ->
            [reset] In the period that began on { $since } a threshold of { $meter } was reached. Usage begins anew, and is below it.
           *[other] In the period that began on { $since } the meter { $meter } shows { $usage } { $unit }{ $limited ->
                [yes] , of { $limit } that are included
               *[no] {""}
            }{ $charged ->
                [yes] , which come to { $spend } so far
               *[no] {""}
            }.
        }

        { $notice ->
            [reached] You are told of this threshold once in each period.
           *[other] There is nothing to do.
        }
    .action = Show the usage

member-joined = { $name } joined { $organization }
    .body = { $name } accepted an invitation and is a member of { $organization } now.
    .action = Show the members

member-removed = { $name } left { $organization }
    .body = { $name } is no member of { $organization } any more. Their sessions have ended and their API keys are revoked.
    .action = Show the members

member-role-changed = { $name } has another role in { $organization }
    .body =
        { $name } is { $role ->
            [owner] an owner
            [admin] an administrator
            [billing_manager] a billing manager
            [auditor] an auditor
            [member] a member
           *[other] “{ $rolename }”
        } of { $organization } now.

        If nobody of yours decided this, look into the audit log.
    .action = Show the members

invitation = { $name } invites you to { $organization }
    .body =
        { $name } invites you to join { $organization }.

        The invitation counts until { $at }, for this address alone. If you do not know who sent it, ignore it: nothing happens.

        If you are asked for a token, it is { $token }
    .action = Accept the invitation

member-suspended = { $name } was suspended in { $organization }
    .body =
        { $name } can do nothing in { $organization } until somebody reinstates them. Their sessions have ended and their API keys are revoked.

        If nobody of yours decided this, look into the audit log.
    .action = Show the members

member-reinstated = { $name } was reinstated in { $organization }
    .body =
        { $name } was suspended, and is a member of { $organization } again. They have to sign in anew; API keys that were revoked stay so.

        If nobody of yours decided this, look into the audit log.
    .action = Show the members

role-changed = { $step ->
        [created] A new role in { $organization }: { $name }
        [deleted] The role { $name } of { $organization } was deleted
       *[updated] The role { $name } of { $organization } changed
    }
    .body =
        { $step ->
            [created] The role “{ $name }” was made in { $organization }. It can be given to members from now on.
            [deleted] The role “{ $name }” of { $organization } is not there any more. Nobody had it.
           *[updated] The role “{ $name }” of { $organization } was changed, for everybody who has it.
        }

        If nobody of yours decided this, look into the audit log.
    .action = Show the roles

api-key-created = A new API key in { $organization }: { $name }
    .body =
        The API key “{ $name }” ({ $prefix }…) was created in { $organization }.

        If nobody of yours made it, revoke it at once and look into the audit log.
    .action = Show the API keys

api-key-expiring = The API key { $name } expires soon
    .body =
        The API key “{ $name }” ({ $prefix }…) of { $organization } does not count any more after { $at }.

        Make another one, and tell the programs that use it.
    .action = Show the API keys

security-settings-changed = The security settings of { $organization } changed
    .body =
        Who may sign in to { $organization }, and how, was changed.

        If nobody of yours did it, look into the audit log.
    .action = Show the security settings

webhook-endpoint-failing = A webhook endpoint of { $organization } does not answer
    .body =
        { $url } has not taken a webhook since { $since }.

        If this goes on it is disabled on { $at }. What it misses stays in the log and can be sent again.
    .action = Show the webhooks

webhook-endpoint-disabled = A webhook endpoint of { $organization } was disabled
    .body =
        { $url } has not taken a webhook since { $since }, and is sent nothing more.

        Mend it, enable it, and send what it missed again from the log.
    .action = Show the webhooks

webhook-endpoint-orphaned = A webhook endpoint of { $organization } needs somebody new
    .body =
        { $url } was disabled on { $since }: its query was run with the rights of somebody who is no member any more.

        Change it, so that it is run with your rights, enable it, and send what it missed again from the log.
    .action = Show the webhooks
