import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { distrustOf } from './distrust.ts';
import { authority, issue, type Pair } from './same-named-authorities.test-support.ts';

test('of two authorities of one name, as while one replaces the other, each is believed, on both sides', async (t) => {
  const [before, after, stranger] = [await authority(), await authority(), await authority()];
  const bundle = `${before.certificate}\n${after.certificate}\n`;
  const byOpenSsl: boolean[] = [];
  const judged = async (shown: Pair): Promise<{ byServer: string | undefined; byClient: string | undefined }> => {
    const pair = { cert: shown.certificate, key: shown.key };
    const server = createServer({ ...pair, ca: bundle, requestCert: true, rejectUnauthorized: false });
    t.after(() => server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect({ ...pair, port, ca: bundle, rejectUnauthorized: false, checkServerIdentity: () => undefined });
    const [[socket]] = await Promise.all([once(server, 'secureConnection'), once(client, 'secureConnect')]);
    byOpenSsl.push(client.authorized);
    const told = {
      byServer: distrustOf(socket as TLSSocket, bundle, 'client auth'),
      byClient: distrustOf(client, bundle, 'server auth'),
    };
    client.destroy();
    (socket as TLSSocket).destroy();
    return told;
  };
  for (const by of [before, after]) assert.deepEqual(await judged(await issue(by)), { byServer: undefined, byClient: undefined });
  const { byServer, byClient } = await judged(await issue(stranger));
  assert.deepEqual([byServer, byClient], ['CERT_SIGNATURE_FAILURE', 'CERT_SIGNATURE_FAILURE']);
  // What this is for: OpenSSL alone believes one of the two.
  assert.equal(byOpenSsl.filter(Boolean).length, 1);
});
