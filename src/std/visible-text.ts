/** What moves the cursor, rewrites lines or turns the direction of writing. Ends of lines and tabs are not among them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const HIDDEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** Text of others for a terminal: what they say must not hide what else is said, nor speak in our name. */
export const visibleText = (text: string): string =>
  text.replace(HIDDEN, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, '0')}`;
  });

/** The same as one line. */
export const visibleLine = (text: string): string => visibleText(text.replace(/\r?\n/g, ' '));
