import type { IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';
import { createDeflate, createGunzip, createGzip, createInflate } from 'node:zlib';
import { LinkRewriter } from './rewrite-html.ts';

/**
 * The body of an answer: HTML with its links rewritten, compressed again as it was; anything else, and HTML in an encoding that is not
 * known here, as it is. Takes the length out of the headers where it changes.
 */
export function rewriteAnswer(
  answer: IncomingMessage,
  headers: Record<string, readonly string[]>,
  rewriteLink: (link: string) => string,
): AsyncIterable<Uint8Array> {
  const type = (headers['content-type']?.[0] ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (type !== 'text/html') return answer;
  const encoding = (headers['content-encoding']?.[0] ?? '').toLowerCase();
  const coding = { '': [], gzip: [createGunzip, createGzip], deflate: [createInflate, createDeflate] }[encoding];
  if (!coding) return answer;
  delete headers['content-length'];
  const [decode, encode] = coding.map((create) => create());
  const stages = [...(decode ? [decode] : []), linkTransform(rewriteLink), ...(encode ? [encode] : [])];
  let last: NodeJS.ReadableStream = answer;
  for (const stage of stages) {
    const previous = last;
    previous.on('error', (error: Error) => stage.destroy(error));
    last = previous.pipe(stage);
  }
  answer.once('aborted', () => stages[0]!.destroy(new Error('the backend ended its answer before it was whole')));
  return last as unknown as AsyncIterable<Uint8Array>;
}

function linkTransform(rewriteLink: (link: string) => string): Transform {
  const rewriter = new LinkRewriter(rewriteLink);
  // Bytes as characters: links are ASCII, and all else goes by as it is, whatever its character set.
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, Buffer.from(rewriter.take(chunk.toString('latin1')), 'latin1'));
    },
    flush(done) {
      done(null, Buffer.from(rewriter.end(), 'latin1'));
    },
  });
}
