mod connections;
mod statements;
mod subscription_preview;
