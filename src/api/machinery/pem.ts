export interface PemBlock {
  readonly type: string;
  readonly hasHeaders: boolean;
  readonly der: Buffer;
}

/** A block begins with a line, as no header does: each line is looked at in one block only, however many begin and never end. */
const BLOCK = /(?<![^\n])-----BEGIN ([A-Z0-9 ]+)-----\r?\n((?:[^\r\n:]+: [^\r\n]*\r?\n)*)([A-Za-z0-9+/=\s]*?)-----END \1-----/g;

/** The PEM blocks in a text; what is around them is passed over, as Go's pem.Decode does. */
export function decodePem(text: string): PemBlock[] {
  return [...text.matchAll(BLOCK)].map(([, type, headers, body]) => ({
    type: type!,
    hasHeaders: headers !== '',
    der: Buffer.from(body!, 'base64'),
  }));
}
