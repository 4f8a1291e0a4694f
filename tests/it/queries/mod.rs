mod connections;
mod statements;
