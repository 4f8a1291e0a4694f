mod connections;
mod invoices;
mod statements;
mod stripe_events;
mod subscription_preview;
mod tax;
