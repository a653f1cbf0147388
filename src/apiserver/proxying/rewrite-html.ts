/** Attributes that hold links, by element (the list of apimachinery/pkg/util/proxy/transport.go). */
const LINKS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    a: 'href',
    applet: 'codebase',
    area: 'href',
    audio: 'src',
    base: 'href',
    blockquote: 'cite',
    body: 'background',
    button: 'formaction',
    command: 'icon',
    del: 'cite',
    embed: 'src',
    form: 'action',
    frame: 'longdesc src',
    head: 'profile',
    html: 'manifest',
    iframe: 'longdesc src',
    img: 'longdesc src usemap',
    input: 'src usemap formaction',
    ins: 'cite',
    link: 'href',
    object: 'classid codebase data usemap',
    q: 'cite',
    script: 'src',
    source: 'src',
    track: 'src',
    video: 'poster src',
  }).map(([element, attributes]) => [element, new Set(attributes.split(' '))]),
);

/** Elements whose text is no HTML. */
const RAW_TEXT: ReadonlySet<string> = new Set(['script', 'style', 'textarea', 'title', 'xmp', 'iframe', 'noembed', 'noframes']);

const CLOSING: ReadonlyMap<string, RegExp> = new Map([...RAW_TEXT].map((name) => [name, new RegExp(`</${name}`, 'i')]));

/** A tag that is longer goes by as it is: what waits for its end is bounded. */
const LONGEST_TAG = 64 * 1024;

/** With or without a value: a name that has none must not be tried again from each of its letters. */
const ATTRIBUTE = /([^\s"'<>/=]+)(?:(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'=<>`]+))?/g;

/** Rewrites the links in the tags of HTML that comes in pieces; everything else stays byte for byte. */
export class LinkRewriter {
  readonly #rewrite: (link: string) => string;
  #waiting = '';
  /** The element in whose raw text we are. */
  #raw: string | undefined;
  /** How far the end of the markup that is waiting has been looked for: every character is looked at once. */
  #looked: Looked = { at: 1, quote: '' };

  constructor(rewrite: (link: string) => string) {
    this.#rewrite = rewrite;
  }

  /** The next piece; returns what is ready to be sent. */
  take(text: string): string {
    let rest = this.#waiting + text;
    let out = '';
    for (;;) {
      const at = this.#raw === undefined ? rest.indexOf('<') : closingTag(rest, this.#raw);
      if (at < 0) {
        // In raw text the beginning of the closing tag may have come already.
        const keep = this.#raw === undefined ? 0 : Math.min(rest.length, this.#raw.length + 2);
        out += rest.slice(0, rest.length - keep);
        this.#waiting = rest.slice(rest.length - keep);
        return out;
      }
      out += rest.slice(0, at);
      rest = rest.slice(at);
      const end = endOfMarkup(rest, this.#looked);
      if (end < 0 && rest.length < LONGEST_TAG) {
        this.#waiting = rest;
        return out;
      }
      this.#looked = { at: 1, quote: '' };
      if (end < 0) {
        this.#waiting = '';
        return out + rest;
      }
      out += this.#tag(rest.slice(0, end));
      rest = rest.slice(end);
    }
  }

  /** What is left when no more comes. */
  end(): string {
    const left = this.#waiting;
    this.#waiting = '';
    return left;
  }

  #tag(tag: string): string {
    const [, slash, name = ''] = /^<(\/?)([A-Za-z][^\s/>]*)/.exec(tag) ?? [];
    const element = name.toLowerCase();
    if (slash) {
      this.#raw = undefined;
      return tag;
    }
    if (RAW_TEXT.has(element) && !tag.endsWith('/>')) this.#raw = element;
    const links = LINKS.get(element);
    if (!links) return tag;
    return tag.replace(ATTRIBUTE, (whole: string, attribute: string, equals: string, value: string | undefined) => {
      if (value === undefined || !links.has(attribute.toLowerCase())) return whole;
      const quote = value.startsWith('"') || value.startsWith("'") ? value[0]! : '';
      const link = decodeEntities(quote ? value.slice(1, -1) : value);
      const rewritten = this.#rewrite(link);
      return rewritten === link ? whole : `${attribute}${equals}${quote}${encodeEntities(rewritten)}${quote}`;
    });
  }
}

const closingTag = (text: string, element: string): number => text.search(CLOSING.get(element)!);

interface Looked {
  at: number;
  /** The quotation mark inside of which that is. */
  quote: string;
}

/** Where a tag or comment that begins at 0 ends; -1 when its end has not come, and `looked` says how far there is none. */
function endOfMarkup(text: string, looked: Looked): number {
  if (text.startsWith('<!--')) {
    const end = text.indexOf('-->', Math.max(4, looked.at));
    looked.at = text.length - 2;
    return end < 0 ? -1 : end + 3;
  }
  if ('<!--'.startsWith(text)) return -1;
  if (!/^<[A-Za-z/!?]/.test(text)) return 1; // a lonely bracket
  let { quote } = looked;
  for (let i = looked.at; i < text.length; i++) {
    const character = text[i]!;
    if (quote) {
      if (character === quote) quote = '';
    } else if ((character === '"' || character === "'") && /[=\s]/.test(text[i - 1]!)) quote = character;
    else if (character === '>') return i + 1;
  }
  looked.at = text.length;
  looked.quote = quote;
  return -1;
}

const decodeEntities = (text: string) =>
  text
    .replace(/&amp;|&#38;/g, '&')
    .replace(/&quot;|&#34;/g, '"')
    .replace(/&#39;|&apos;/g, "'");
const encodeEntities = (text: string) => text.replace(/&/g, '&amp;').replace(/"/g, '&#34;').replace(/'/g, '&#39;');
