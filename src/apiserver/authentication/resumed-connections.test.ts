import assert from 'node:assert/strict';
import { Agent, request } from 'node:https';
import { test } from 'node:test';
import { createAuthority, openAuthority } from '../../pki/authority.ts';
import { writeCertificate } from '../../pki/certificate-writer.ts';
import { generatePrivateKey, parsePrivateKey } from '../../pki/keys.ts';
import { formatPem } from '../../pki/pem.ts';
import { createSecurity } from '../security.ts';
import { createTestPki, startTestApi } from '../test-api.ts';

const times = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 };

/** An authority below another one, and what a client shows of both: his certificate and that of who vouches for him. */
async function clientOfIntermediate() {
  const root = await createAuthority({ commonName: 'root', ...times });
  const key = await generatePrivateKey();
  const issuer = {
    subjectDer: root.certificate.subjectDer,
    keyIdentifier: root.certificate.subjectKeyIdentifier,
    key: parsePrivateKey(root.privateKeyPem).keyObject,
  };
  const content = { publicKeyDer: key.publicKeyDer, commonName: 'between', usages: ['cert sign'], isCa: true, ...times };
  const betweenPem = formatPem('CERTIFICATE', await writeCertificate(content, issuer));
  const own = await generatePrivateKey();
  const certificate = {
    publicKeyDer: own.publicKeyDer,
    commonName: 'alice',
    usages: ['digital signature', 'client auth'],
    ...times,
  };
  const pem = await openAuthority(betweenPem, key.pem).issue(certificate);
  return { caPem: root.certificatePem, cert: `${pem}\n${betweenPem}`, key: own.pem };
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
  test(`who is vouched for by an authority between is known on his second connection, too (${version})`, async () => {
    const { caPem, cert, key } = await clientOfIntermediate();
    const proxies = await createTestPki();
    const frontProxy = { caPem: proxies.caPem, allowedNames: [], groupHeaders: [], uidHeaders: [], extraHeaderPrefixes: [] };
    const api = await startTestApi({
      composeSecurity: createSecurity,
      clientCaPem: caPem,
      security: {
        clientCaPem: caPem,
        authorizationModes: ['AlwaysAllow'],
        frontProxy: { ...frontProxy, usernameHeaders: ['X-Remote-User'] },
      },
    });
    // Without kept connections, and with remembered sessions.
    const agent = new Agent({ keepAlive: false, maxVersion: version, minVersion: version });
    const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
    const ask = () =>
      new Promise<string>((resolve, reject) => {
        const outgoing = request(
          {
            ...{ agent, cert, key, host: '127.0.0.1', port: api.server.port, servername: 'localhost', ca: api.pki.caPem },
            ...{ method: 'POST', path: '/apis/authentication.k8s.io/v1/selfsubjectreviews' },
            headers: { 'content-type': 'application/json', 'content-length': body.length },
          },
          async (answer) => {
            let text = '';
            for await (const chunk of answer) text += chunk;
            resolve(answer.statusCode === 201 ? JSON.parse(text).status.userInfo.username : text);
          },
        );
        outgoing.on('error', reject).end(body);
      });
    try {
      for (let i = 0; i < 3; i++) assert.equal(await ask(), 'alice');
    } finally {
      agent.destroy();
      await api.stop();
    }
  });
