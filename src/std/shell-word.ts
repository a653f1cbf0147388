/** A text in quotes, so that a shell reads exactly this as one word. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** What no shell reads as anything else than itself. */
const PLAIN = /^[A-Za-z0-9_./:@%+=,][A-Za-z0-9_./:@%+=,-]*$/;

/** A text as one word of a shell, in quotes where it needs them: for commands that people are shown to be run. */
export const shellWord = (text: string): string => (PLAIN.test(text) ? text : quote(text));
