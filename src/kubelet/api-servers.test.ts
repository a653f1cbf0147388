import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { freePort } from '../../test/harness/free-port.ts';
import { temporaryDirectory } from '../../test/harness/temporary-directory.ts';
import { until } from '../../test/harness/until.ts';
import { createAuthority } from '../pki/authority.ts';
import { systemClock } from '../std/clock.ts';
import { ComponentGroup } from '../std/lifecycle.ts';
import { silentLogger } from '../std/logger.ts';
import { openApiServers } from './api-servers.ts';
import type { KubeletOptions } from './kubelet-options.ts';
import { issuePair, reviewingApi, type TestAuthority, validSpan, viewOf } from './server/server-fixture.ts';

async function open(settings: Readonly<Record<string, unknown>>, directory: string, clientCaPem?: string) {
  const group = new ComponentGroup();
  const view = viewOf(settings);
  const options: KubeletOptions = {
    nodeName: view.nodeName,
    paths: { kubeconfig: '', certificateDirectory: directory },
    configuration: view.configuration,
    runtime: view.runtime,
    clock: systemClock,
    logger: silentLogger,
    random: Math.random,
    listen: { address: '127.0.0.1', port: 0 },
  };
  const servers = await openApiServers(options, {
    view,
    client: reviewingApi().client(),
    clientCaPem,
    names: { hostname: 'node1', ipAddresses: ['127.0.0.1'] },
    begin: (component) => group.start(component),
    onServing: () => undefined,
  });
  return { ...servers, [Symbol.asyncDispose]: () => group.stop() };
}

/** The name in the certificate that a server shows. */
const shown = (port: number) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });

async function writePair(authority: TestAuthority, directory: string, commonName: string): Promise<void> {
  const pair = await issuePair(authority, commonName, 'server auth');
  await writeFile(join(directory, 'tls.crt'), pair.certificatePem);
  await writeFile(join(directory, 'tls.key'), pair.privateKeyPem);
}

test('a certificate and a client authority that are exchanged on the disk are used from then on', async () => {
  await using directory = await temporaryDirectory();
  const path = (name: string) => join(directory.path, name);
  const authority = await createAuthority({ commonName: 'first', ...validSpan() });
  await writePair(authority, directory.path, 'one');
  await writeFile(path('ca.crt'), authority.certificatePem);
  const files = { tlsCertFile: path('tls.crt'), tlsPrivateKeyFile: path('tls.key') };
  const settings = { ...files, authentication: { x509: { clientCAFile: path('ca.crt') } } };
  await using servers = await open(settings, directory.path, authority.certificatePem);
  const { port } = servers.server!;
  assert.equal(await shown(port), 'one');
  await writePair(authority, directory.path, 'two');
  await until('the new certificate is shown', async () => (await shown(port)) === 'two');

  const other = await createAuthority({ commonName: 'second', ...validSpan() });
  const admin = await issuePair(other, 'admin', 'client auth');
  const statusOf = () =>
    new Promise<string>((resolve, reject) => {
      const pair = { cert: admin.certificatePem, key: admin.privateKeyPem };
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...pair }, () => {
        socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      });
      socket.once('data', (chunk: Buffer) => {
        resolve(String(chunk).split(' ')[1]!);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  assert.equal(await statusOf(), '401');
  await writeFile(path('ca.crt'), other.certificatePem);
  await until('the new authority’s administrator is let in', async () => (await statusOf()) === '200');
});

test('without a server nothing listens but the read-only port, where that is asked for', async () => {
  await using directory = await temporaryDirectory();
  const readOnlyPort = await freePort();
  await using servers = await open({ enableServer: false, readOnlyPort }, directory.path);
  assert.equal(servers.server, undefined);
  const answer = await fetch(`http://127.0.0.1:${readOnlyPort}/healthz`);
  assert.equal(await answer.text(), 'ok');
});

test('a cipher suite that is not known keeps the server from starting, by name', async () => {
  await using directory = await temporaryDirectory();
  await assert.rejects(open({ tlsCipherSuites: ['TLS_NONE'] }, directory.path), /TLS_NONE/);
});
