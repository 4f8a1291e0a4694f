mod idempotency;
mod invoice_pay;
mod operations;
mod payment_intent;
mod payment_method;
mod plan;
mod subscription_cancel;
mod subscription_create;
