/** The words of a unit's command as systemd takes them apart: quotes hold white space together, `\x20` and `\s` stand for a blank. */
export function commandWords(command: string): string[] {
  const words: string[] = [];
  for (const [raw] of command.matchAll(/(?:"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|\\.|[^\s"'\\]|\\$)+/gs))
    words.push(raw.replace(/\\x20|\\s/g, ' ').replace(/\\(.)|["']/gs, (_, escaped: string | undefined) => escaped ?? ''));
  return words;
}

/**
 * Flags of a command with their values, which follow an equals sign or stand in the next word; of one that stands there several times the
 * last counts. Empty where there is none.
 */
export function commandFlags(command: string): Map<string, string> {
  const flags = new Map<string, string>();
  const words = commandWords(command);
  for (const [i, word] of words.entries()) {
    const named = /^--([a-z][a-z0-9-]*)(?:=(.*))?$/s.exec(word);
    if (!named) continue;
    const next = words[i + 1];
    flags.set(named[1]!, named[2] ?? (next === undefined || next.startsWith('-') ? '' : next));
  }
  return flags;
}
