import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { temporaryDirectory } from '../../test/harness/temporary-directory.ts';
import { until } from '../../test/harness/until.ts';
import { createAuthority } from '../pki/authority.ts';
import { generatePrivateKey } from '../pki/keys.ts';
import { systemClock } from '../std/clock.ts';
import { createKlogLogger } from '../std/logger.ts';
import { createSecurity } from './security.ts';
import { readServingFiles } from './serving-files.ts';
import { type CertificatePair, createTestPki, startTestApi } from './test-api.ts';

const PROXY_HEADERS = {
  allowedNames: [],
  usernameHeaders: ['x-remote-user'],
  groupHeaders: ['x-remote-group'],
  uidHeaders: [],
  extraHeaderPrefixes: [],
};

async function named(dnsName: string): Promise<CertificatePair> {
  const span = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 };
  const authority = await createAuthority({ commonName: 'names', ...span });
  const key = await generatePrivateKey();
  const usages = ['digital signature', 'server auth'];
  const { publicKeyDer } = key;
  const more = { organizations: [], dnsNames: [dnsName], ipAddresses: [], usages };
  return {
    certificatePem: await authority.issue({ publicKeyDer, commonName: 'named', ...more, ...span }),
    privateKeyPem: key.pem,
  };
}

/** A server whose certificates are files, which it follows. */
async function open() {
  const directory = await temporaryDirectory();
  const { file } = directory;
  const [pki, proxies] = await Promise.all([createTestPki(), createTestPki()]);
  const foo = await named('foo.example.com');
  const put = (name: string, text: string) => writeFile(file(name), text, { mode: 0o600 });
  const putPair = async (name: string, { certificatePem, privateKeyPem }: CertificatePair) => {
    await put(`${name}.crt`, certificatePem);
    await put(`${name}.key`, privateKeyPem);
  };
  await Promise.all([
    putPair('own', pki.serving),
    putPair('foo', foo),
    put('clients.crt', pki.caPem),
    put('proxies.crt', proxies.caPem),
  ]);
  const errors: string[] = [];
  const logger = createKlogLogger({
    component: 'test',
    verbosity: 0,
    now: () => Date.now(),
    write: (line) => void (line.startsWith('E') && errors.push(line)),
  });
  const pair = (name: string) => ({ certificate: file(`${name}.crt`), key: file(`${name}.key`) });
  const certificates = await readServingFiles(
    {
      tls: pair('own'),
      named: [{ ...pair('foo'), names: ['*.other.example.com', 'foo.example.com'] }],
      clientCa: { path: file('clients.crt'), pem: pki.caPem },
      frontProxyCa: { path: file('proxies.crt'), pem: proxies.caPem },
    },
    () => assert.fail('there is a certificate'),
    { clock: systemClock, logger },
  );
  const api = await startTestApi({
    composeSecurity: createSecurity,
    clientCaPem: pki.caPem,
    security: { frontProxy: { ...PROXY_HEADERS, caPem: proxies.caPem } },
    tls: certificates.tls,
    namedTls: certificates.namedTls,
  });
  const followed = certificates.follow(api.server);
  const agents: Agent[] = [];
  return {
    ...{ api, pki, proxies, foo, put, putPair, file, errors },
    /** Whose certificate is shown to somebody who asks for this name. */
    shown: (servername?: string) =>
      new Promise<string>((resolve, reject) => {
        const socket = connect({
          ...{ host: '127.0.0.1', port: api.server.port, rejectUnauthorized: false },
          ...(servername !== undefined && { servername }),
        });
        socket.once('error', reject);
        socket.once('secureConnect', () => {
          resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
          socket.destroy();
        });
      }),
    /** Status and user of whoever asks, on connections that are kept. */
    caller({ certificatePem, privateKeyPem }: CertificatePair, headers: Record<string, string> = {}) {
      const agent = new Agent({ keepAlive: true, cert: certificatePem, key: privateKeyPem, rejectUnauthorized: false });
      agents.push(agent);
      return () =>
        new Promise<string>((resolve, reject) => {
          const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
          const at = { host: '127.0.0.1', port: api.server.port, path, method: 'POST', agent };
          const asked = request({ ...at, headers: { 'content-type': 'application/json', ...headers } }, async (answer) => {
            let text = '';
            for await (const chunk of answer.setEncoding('utf8')) text += chunk;
            resolve(answer.statusCode === 201 ? JSON.parse(text).status.userInfo.username : String(answer.statusCode));
          });
          asked.once('error', reject);
          asked.end('{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}');
        });
    },
    async [Symbol.asyncDispose]() {
      followed.close();
      for (const agent of agents) agent.destroy();
      await api.stop();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const printOf = (pem: string) => new X509Certificate(pem).fingerprint256;

test('a new serving certificate is shown as soon as its key is there; what is half written changes nothing', async () => {
  await using server = await open();
  const { serving } = await createTestPki();
  assert.equal(await server.shown(), printOf(server.pki.serving.certificatePem));
  await server.put('own.crt', serving.certificatePem);
  await until('the half pair is noticed', () => server.errors.some((text) => text.includes('serving certificate')));
  assert.equal(await server.shown(), printOf(server.pki.serving.certificatePem));
  await server.put('own.key', serving.privateKeyPem);
  await until('the new one is shown', async () => (await server.shown()) === printOf(serving.certificatePem));
  await server.put('own.crt', '');
  await until('the empty file is noticed', () => server.errors.length > 1);
  assert.equal(await server.shown('localhost'), printOf(serving.certificatePem));
});

test('clients that ask for certain names see the certificate for them, and its successor', async () => {
  await using server = await open();
  const [own, foo] = [printOf(server.pki.serving.certificatePem), printOf(server.foo.certificatePem)];
  const names = ['foo.example.com', 'FOO.example.com.', 'a.other.example.com', 'a.b.other.example.com', 'example.com'];
  assert.deepEqual(await Promise.all(names.map(server.shown)), [foo, foo, foo, own, own]);
  const newer = await named('foo.example.com');
  // As tools put them in place that mean well.
  await server.putPair('foo-new', newer);
  await rename(server.file('foo-new.crt'), server.file('foo.crt'));
  await rename(server.file('foo-new.key'), server.file('foo.key'));
  await until('the new one is shown', async () => (await server.shown('foo.example.com')) === printOf(newer.certificatePem));
  assert.equal(await server.shown(), own);
});

test('clients of a new authority are let in and those of the old one are not, on open connections either', async () => {
  await using server = await open();
  const newer = await createTestPki();
  const [old, next] = await Promise.all([server.pki.clientPair('old'), newer.clientPair('next')]);
  const [oldCaller, nextCaller] = [server.caller(old), server.caller(next)];
  assert.deepEqual([await oldCaller(), await nextCaller()], ['old', '401']);
  await server.put('clients.crt', `${server.pki.caPem}${newer.caPem}`);
  await until('both are known', async () => (await nextCaller()) === 'next');
  assert.equal(await oldCaller(), 'old');
  await server.put('clients.crt', 'nonsense');
  await until('nonsense is noticed', () => server.errors.length > 0);
  assert.deepEqual([await oldCaller(), await nextCaller()], ['old', 'next']);
  await server.put('clients.crt', newer.caPem);
  await until('the old one is unknown', async () => (await oldCaller()) === '401');
  assert.equal(await nextCaller(), 'next');
  const { body } = await server.api.call('GET', '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication');
  assert.ok((body as unknown as { data: Record<string, string> }).data['client-ca-file']?.includes(newer.caPem.trim()));
});

test('front proxies of a new authority are believed, those of the old one are not', async () => {
  await using server = await open();
  const newer = await createTestPki();
  const headers = { 'x-remote-user': 'jane' };
  const [old, next] = await Promise.all([server.proxies.clientPair('proxy'), newer.clientPair('proxy')]);
  const [oldCaller, nextCaller] = [server.caller(old, headers), server.caller(next, headers)];
  assert.deepEqual([await oldCaller(), await nextCaller()], ['jane', '401']);
  await server.put('proxies.crt', newer.caPem);
  await until('the new one is believed', async () => (await nextCaller()) === 'jane');
  assert.equal(await oldCaller(), '401');
});
