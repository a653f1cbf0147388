/** Mail addresses as Go's net/mail reads them (RFC 5322, with what it lets through besides). */
import { isIP } from 'node:net';

/** Whether a text is one address: `a@b`, `Name <a@b>`, `a@b (name)`, or a group of one. */
export function isMailAddress(text: string): boolean {
  const reader = new Reader(text);
  const found = reader.address(true);
  return found === 1 && reader.skipComments() && reader.atEnd;
}

const isVisible = (character: string) => (character > ' ' && character < '\u007f') || character >= '\u0080';
const isBlank = (character: string) => character === ' ' || character === '\t';
/** What ends a word, and what does so in addresses alone. */
const NEVER_IN_WORDS = '<>":';
const NOT_IN_ADDRESSES = '()[];@\\,';

/** What each method reads, it has read; undefined or false is a text that is none. */
class Reader {
  #rest: string;

  constructor(text: string) {
    this.#rest = text;
  }

  get atEnd(): boolean {
    return this.#rest === '';
  }

  /** How many addresses stand there: more than one in groups. */
  address(mayBeGroup: boolean): number | undefined {
    this.#skipBlanks();
    if (this.atEnd) return undefined;
    const before = this.#rest;
    if (this.#bareAddress()) {
      this.#skipBlanks();
      return !this.#take('(') || this.#comment() ? 1 : undefined;
    }
    this.#rest = before;
    if (!this.#rest.startsWith('<') && !this.#phrase()) return undefined;
    this.#skipBlanks();
    if (mayBeGroup && this.#take(':')) return this.#group();
    return this.#take('<') && this.#bareAddress() && this.#take('>') ? 1 : undefined;
  }

  /** Comments and blanks; false for a comment that does not end. */
  skipComments(): boolean {
    this.#skipBlanks();
    while (this.#take('(')) {
      if (!this.#comment()) return false;
      this.#skipBlanks();
    }
    return true;
  }

  #group(): number | undefined {
    this.#skipBlanks();
    if (this.#take(';')) return this.skipComments() ? 0 : undefined;
    for (let count = 1; ; count++) {
      this.#skipBlanks();
      if (this.address(false) === undefined || !this.skipComments()) return undefined;
      if (this.#take(';')) return this.skipComments() ? count : undefined;
      if (!this.#take(',')) return undefined;
    }
  }

  #bareAddress(): boolean {
    this.#skipBlanks();
    if (this.#rest.startsWith('"') ? !this.#quoted() : !this.#dottedWord()) return false;
    if (!this.#take('@')) return false;
    this.#skipBlanks();
    return this.#take('[') ? this.#literal() : this.#dottedWord();
  }

  #dottedWord(): boolean {
    const word = this.#while((each) => isVisible(each) && !NEVER_IN_WORDS.includes(each) && !NOT_IN_ADDRESSES.includes(each));
    return word !== '' && !word.startsWith('.') && !word.endsWith('.') && !word.includes('..');
  }

  /** A name: words and quoted texts. One is enough, whatever follows. */
  #phrase(): boolean {
    for (let count = 0; ; count++) {
      if (count > 0 && !this.skipComments()) return false;
      this.#skipBlanks();
      const isWord = this.#rest.startsWith('"')
        ? this.#quoted() !== undefined
        : this.#while((each) => isVisible(each) && !NEVER_IN_WORDS.includes(each)) !== '';
      if (!isWord) return count > 0;
    }
  }

  /** What stands in quotes. */
  #quoted(): string | undefined {
    const found = /^"((?:\\[\t -~\u0080-\u{10ffff}]|[\t !#-[\]-~\u0080-\u{10ffff}])*)"/u.exec(this.#rest);
    if (!found) return undefined;
    this.#rest = this.#rest.slice(found[0].length);
    return found[1];
  }

  /** An address of a machine in brackets, the first of which was read. */
  #literal(): boolean {
    const text = this.#while((each) => isVisible(each) && !'[]\\'.includes(each));
    return this.#take(']') && isIP(text) !== 0 && !text.includes('%');
  }

  /** To the end of a comment whose beginning was read. */
  #comment(): boolean {
    let depth = 1;
    while (depth > 0 && !this.atEnd) {
      if (this.#rest.length > 1 && this.#rest.startsWith('\\')) this.#rest = this.#rest.slice(1);
      else if (this.#rest.startsWith('(')) depth++;
      else if (this.#rest.startsWith(')')) depth--;
      this.#rest = this.#rest.slice(1);
    }
    return depth === 0;
  }

  #skipBlanks(): void {
    this.#while(isBlank);
  }

  #while(goesOn: (character: string) => boolean): string {
    let end = 0;
    while (end < this.#rest.length && goesOn(this.#rest[end]!)) end++;
    const read = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end);
    return read;
  }

  #take(character: string): boolean {
    if (!this.#rest.startsWith(character)) return false;
    this.#rest = this.#rest.slice(1);
    return true;
  }
}
