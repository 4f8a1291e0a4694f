footer = { $organization } · 本邮件根据您的角色或所在组织的通知设置自动发送。

trial-ending = { $organization } 的试用即将结束
    .body =
        试用将于 { $at } 结束。

        为避免服务中断，请在此之前添加付款方式。
    .action = 打开账单

card-expiring = 银行卡 { $card } 即将到期
    .body =
        { $organization } 的银行卡 { $card } 在 { $at } 之后将无法扣款。

        请添加新的付款方式并设为默认，以便支付下一张账单。
    .action = 打开账单

invoice-paid = 账单 { $number } 已支付：{ $amount }
    .body =
        { $organization } 已于 { $at } 支付账单 { $number }，金额 { $amount }。

        感谢您的付款，无需任何操作。
    .action = 查看账单

invoice-payment-failed = 账单 { $number } 扣款失败
    .body =
        { $organization } 的账单 { $number } 未能扣款，金额 { $amount }。

        { $again ->
            [yes] 我们将于 { $at } 再次尝试。如需提前付款或更换付款方式，请打开账单。
           *[no] 请打开账单付款，如有需要可改用其他方式。
        }
    .action = 查看账单

payment-requires-action = 有一笔付款等待您确认
    .body =
        银行要求持卡人确认 { $organization } 的一笔付款，金额 { $amount }。

        在确认之前不会扣款。
    .action = 确认付款

dunning-reminder = { $reminder ->
        [final_notice] 最后通知：{ $organization } 有未付账单
        [suspension] { $organization } 因未付账单已被限制使用
       *[other] 提醒：{ $organization } 有未付账单
    }
    .body =
        { $organization } 的续订{ $days ->
            [0] 已于今天到期
           *[other] 已逾期 { $days } 天
        }，尚未付款。

        { $access ->
            [full] 目前所有功能仍可使用。
            [limited] 付款之前，已有内容可以查看和导出，但不能新建。
           *[other] 付款之前，只能使用账单和设置。
        }
    .action = 立即付款

subscription-changed = { $organization } 的订阅已变更
    .body = 自 { $at } 起，{ $organization } 使用套餐 { $plan }，共 { $quantity } 个席位。
    .action = 打开账单

subscription-canceled = { $ended ->
        [yes] { $organization } 的订阅已结束
       *[no] { $organization } 的订阅已取消
    }
    .body = { $ended ->
        [yes] 订阅已于 { $at } 结束。
       *[no] 订阅可使用至 { $at }，到期不再续订。在此之前可以恢复。
    }
    .action = 打开账单

dispute-opened = { $inquiry ->
        [yes] 银行就一笔 { $amount } 的付款提出询问
       *[no] 一笔 { $amount } 的付款被提出争议
    }
    .body =
        { $inquiry ->
            [yes] 持卡人的银行就 { $organization } 的一笔付款提出询问，金额 { $amount }。款项尚未扣回，但可能转为争议。
           *[no] 持卡人的银行对 { $organization } 的一笔付款提出争议，并已扣回 { $amount }。
        }理由：{ $reason ->
            [bank_cannot_process] 银行无法处理该付款
            [check_returned] 支票被退回
            [credit_not_processed] 承诺的退款未到账
            [customer_initiated] 客户要求退回扣款
            [debit_not_authorized] 扣款未经授权
            [duplicate] 重复扣款
            [fraudulent] 持卡人未授权该付款
            [incorrect_account_details] 账户信息有误
            [insufficient_funds] 账户余额不足
            [noncompliant] 违反卡组织规则
            [product_not_received] 未收到所购商品或服务
            [product_unacceptable] 商品或服务与承诺不符
            [subscription_canceled] 订阅此前已取消
            [unrecognized] 持卡人不认识该付款
           *[other] 未说明具体理由
        }。

        { $due ->
            [yes] 证据可提交至 { $at }。
           *[no] 无法提交证据。
        }
    .action = 打开账单

usage-alert = { $notice ->
        [reached] { $organization } 的 { $meter } 用量已达到{ $kind ->
            [percent] 额度的 { $threshold }%
            [spend] { $threshold } 的费用
           *[units] { $threshold } { $unit }
        }
        [recovered] { $organization } 的 { $meter } 用量已回落到{ $kind ->
            [percent] 额度的 { $threshold }%
            [spend] { $threshold } 的费用
           *[units] { $threshold } { $unit }
        }以下
       *[reset] { $organization } 的 { $meter } 已进入新的计量周期
    }
    .body =
        { $notice ->
            [reset] 在始于 { $since } 的周期中，{ $meter } 的用量曾达到提醒阈值。新周期重新计量，目前低于该阈值。
           *[other] 在始于 { $since } 的周期中，{ $meter } 的用量为 { $usage } { $unit }{ $limited ->
                [yes] ，套餐包含 { $limit }
               *[no] {""}
            }{ $charged ->
                [yes] ，目前费用为 { $spend }
               *[no] {""}
            }。
        }

        { $notice ->
            [reached] 每个周期内，同一阈值只提醒一次。
           *[other] 无需任何操作。
        }
    .action = 查看用量

member-joined = { $name } 加入了 { $organization }
    .body = { $name } 接受了邀请，现在是 { $organization } 的成员。
    .action = 查看成员

member-removed = { $name } 离开了 { $organization }
    .body = { $name } 不再是 { $organization } 的成员，其会话已结束，API 密钥已吊销。
    .action = 查看成员

member-role-changed = { $name } 在 { $organization } 的角色已变更
    .body =
        { $name } 现在是 { $organization } 的{ $role ->
            [owner] 所有者
            [admin] 管理员
            [billing_manager] 账单管理员
            [auditor] 审计员
            [member] 普通成员
           *[other] “{ $rolename }”
        }。

        如果不是你们自己所为，请查看审计日志。
    .action = 查看成员

invitation = { $name } 邀请您加入 { $organization }
    .body =
        { $name } 邀请您加入 { $organization }。

        邀请在 { $at } 之前有效，且仅限此邮箱地址。如果您不认识发件人，请忽略本邮件，不会有任何影响。

        如需填写令牌，请使用 { $token }
    .action = 接受邀请

member-suspended = { $name } 在 { $organization } 已被停用
    .body =
        在恢复之前，{ $name } 在 { $organization } 不能进行任何操作，其会话已结束，API 密钥已吊销。

        如果不是你们自己所为，请查看审计日志。
    .action = 查看成员

member-reinstated = { $name } 在 { $organization } 已恢复
    .body =
        { $name } 曾被停用，现在重新成为 { $organization } 的成员，需要重新登录；已吊销的 API 密钥不会恢复。

        如果不是你们自己所为，请查看审计日志。
    .action = 查看成员

role-changed = { $step ->
        [created] { $organization } 新建了角色：{ $name }
        [deleted] { $organization } 的角色 { $name } 已删除
       *[updated] { $organization } 的角色 { $name } 已变更
    }
    .body =
        { $step ->
            [created] { $organization } 新建了角色“{ $name }”，现在可以分配给成员。
            [deleted] { $organization } 的角色“{ $name }”已不存在，此前没有成员使用它。
           *[updated] { $organization } 的角色“{ $name }”已变更，对所有拥有该角色的成员生效。
        }

        如果不是你们自己所为，请查看审计日志。
    .action = 查看角色

api-key-created = { $organization } 新建了 API 密钥：{ $name }
    .body =
        { $organization } 新建了 API 密钥“{ $name }”（{ $prefix }…）。

        如果不是你们自己创建的，请立即吊销，并查看审计日志。
    .action = 查看 API 密钥

api-key-expiring = API 密钥 { $name } 即将到期
    .body =
        { $organization } 的 API 密钥“{ $name }”（{ $prefix }…）在 { $at } 之后失效。

        请新建一个密钥，并更新使用它的程序。
    .action = 查看 API 密钥

security-settings-changed = { $organization } 的安全设置已变更
    .body =
        谁可以登录 { $organization } 以及登录方式已被更改。

        如果不是你们自己所为，请查看审计日志。
    .action = 查看安全设置

webhook-endpoint-failing = { $organization } 的一个 Webhook 端点没有响应
    .body =
        { $url } 自 { $since } 起没有接收任何 Webhook。

        如果情况持续，该端点将于 { $at } 停用。错过的内容会保留在记录中，可以重新发送。
    .action = 查看 Webhook

webhook-endpoint-disabled = { $organization } 的一个 Webhook 端点已停用
    .body =
        { $url } 自 { $since } 起没有接收任何 Webhook，系统不再向其发送。

        请修复并重新启用该端点，然后在记录中重新发送错过的内容。
    .action = 查看 Webhook

webhook-endpoint-orphaned = { $organization } 的一个 Webhook 端点需要新的负责人
    .body =
        { $url } 已于 { $since } 停用：其查询所依据权限的人员已不再是成员。

        请修改该端点以改用您的权限，重新启用，然后在记录中重新发送错过的内容。
    .action = 查看 Webhook
