mod connections;
mod invoices;
mod statements;
mod subscription_preview;
