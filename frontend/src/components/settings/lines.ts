/** A list as people write it in a text area: one entry a line. */
export function toLines(entries: readonly string[]): string {
  return entries.join('\n');
}

export function fromLines(text: string): string[] {
  return text
    .split(/[\n,;]/)
    .map((line) => line.trim())
    .filter(Boolean);
}

/** Text that may be left out: an empty field clears it. */
export function orNull(text: string): string | null {
  return text.trim() || null;
}
