mod connections;
mod invoices;
mod revenue;
mod statements;
mod stripe_events;
mod subscription_preview;
mod tax;
