import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { distrustOf } from './distrust.ts';

x509.cryptoProvider.set(webcrypto as never);
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

interface Pair {
  readonly certificate: string;
  readonly key: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** Without key identifiers, as OpenSSL's command line and old programs make them. */
async function make(subject: string, issuer: string, by: Pair | undefined, extensions: x509.Extension[]): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    ...{ subject, issuer, signingAlgorithm: ALGORITHM, extensions },
    ...{ publicKey: keys.publicKey, signingKey: (by?.keys ?? keys).privateKey },
    ...{ notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) },
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----`;
  return { certificate: certificate.toString('pem'), key, keys };
}

const authority = () => make('CN=kubernetes', 'CN=kubernetes', undefined, [new x509.BasicConstraintsExtension(true)]);
const issue = (by: Pair) => make('CN=me', 'CN=kubernetes', by, []);

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
