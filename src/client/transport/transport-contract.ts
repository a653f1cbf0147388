import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Transport, TransportRequest } from './transport.ts';

/** What stands behind the transport under test. */
export interface ContractSubject {
  transport: Transport;
  /** A path that is answered 200 with a small JSON document, at once. */
  shortPath: string;
  /** A path that is answered 404 with a Status. */
  missingPath: string;
  /** A path whose answer begins with a whole line and then does not end by itself: a watch. */
  endlessPath: string;
  /** A path that takes a POST of JSON and answers with what it holds in `metadata.name`, somewhere. */
  writePath: string;
  writeBody(name: string): string;
  /** Whether the server noticed that nobody reads the endless answer any more; resolves when it did. */
  endlessEnded(): Promise<void>;
}

const get = (path: string, more: Partial<TransportRequest> = {}): TransportRequest => ({
  method: 'GET',
  path,
  headers: { accept: 'application/json' },
  ...more,
});

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** The behaviour that every transport has. `open` gives a fresh subject, to be cleaned up by `t.after`. */
export function transportContract(name: string, open: (t: TestContext) => Promise<ContractSubject>): void {
  const contract = (title: string, check: (subject: ContractSubject) => Promise<void>) =>
    test(`${name}: ${title}`, async (t) => {
      const subject = await open(t);
      t.after(() => subject.transport.close({ final: true }));
      await check(subject);
    });

  contract('an answer has its status, lower-case headers and whole body', async ({ transport, shortPath }) => {
    const response = await transport.request(get(shortPath));
    assert.equal(response.status, 200);
    assert.match(response.headers['content-type'] ?? '', /^application\/json/);
    assert.ok(Object.keys(response.headers).every((header) => header === header.toLowerCase() && !header.startsWith(':')));
    JSON.parse(await textOf(response.body));
  });

  contract('a failure of the request is an answer, not a rejection', async ({ transport, missingPath }) => {
    const response = await transport.request(get(missingPath));
    assert.equal(response.status, 404);
    assert.equal(JSON.parse(await textOf(response.body)).kind, 'Status');
  });

  contract('a body is sent, as text and as bytes', async ({ transport, writePath, writeBody }) => {
    for (const [i, body] of [writeBody('text-0'), Buffer.from(writeBody('bytes-1'))].entries()) {
      const response = await transport.request({
        method: 'POST',
        path: writePath,
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body,
      });
      assert.ok(response.status < 300, `status ${response.status}`);
      assert.match(await textOf(response.body), i === 0 ? /text-0/ : /bytes-1/);
    }
  });

  contract('a hundred requests at once are each answered', async ({ transport, shortPath }) => {
    const responses = await Promise.all(Array.from({ length: 100 }, () => transport.request(get(shortPath))));
    const texts = await Promise.all(responses.map(({ body }) => textOf(body)));
    assert.ok(texts.every((text) => text.length > 0 && text === texts[0]));
  });

  contract('chunks of an answer arrive before its end', async ({ transport, endlessPath }) => {
    const { body } = await transport.request(get(endlessPath));
    for await (const chunk of body) {
      assert.ok(chunk.length > 0);
      break;
    }
  });

  contract('ending the reading early ends the request at the server', async ({ transport, endlessPath, endlessEnded }) => {
    const { body } = await transport.request(get(endlessPath));
    for await (const _ of body) break;
    await endlessEnded();
  });

  contract('aborting ends the reading with the reason, and the request at the server', async (subject) => {
    const controller = new AbortController();
    const { body } = await subject.transport.request(get(subject.endlessPath, { signal: controller.signal }));
    const reason = new Error('enough');
    await assert.rejects(async () => {
      for await (const _ of body) controller.abort(reason);
    }, reason);
    await subject.endlessEnded();
  });

  contract('a request that was aborted before it began is not sent', async ({ transport, shortPath }) => {
    const reason = new Error('not wanted');
    await assert.rejects(transport.request(get(shortPath, { signal: AbortSignal.abort(reason) })), reason);
  });

  contract('closing ends what runs, and the next request works', async ({ transport, endlessPath, shortPath }) => {
    const { body } = await transport.request(get(endlessPath));
    const reading = body[Symbol.asyncIterator]();
    assert.equal((await reading.next()).done, false);
    await transport.close();
    await assert.rejects(async () => {
      while (!(await reading.next()).done) {
        // chunks that were on their way
      }
      throw new Error('ended without an error, which would be taken for the end of the watch');
    });
    const response = await transport.request(get(shortPath));
    assert.equal(response.status, 200);
    await textOf(response.body);
  });

  contract('after the final close requests are refused', async ({ transport, shortPath }) => {
    await transport.request(get(shortPath)).then(({ body }) => textOf(body));
    await transport.close({ final: true });
    await transport.close({ final: true });
    await assert.rejects(transport.request(get(shortPath)), /closed/);
  });
}
