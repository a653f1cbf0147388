import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseCertificates } from '../../pki/certificate.ts';
import { VirtualClock } from '../../std/clock.ts';
import { main } from '../main.ts';

const root = await mkdtemp(join(tmpdir(), 'muster-certs-'));
after(() => rm(root, { recursive: true, force: true }));
const clock = new VirtualClock(Date.UTC(2026, 0, 1));

async function certs(...argv: string[]) {
  const out = { stdout: '', stderr: '' };
  const status = await main('muster', ['certs', ...argv], {
    stdout: (text) => {
      out.stdout += text;
    },
    stderr: (text) => {
      out.stderr += text;
    },
    ...{ clock, signal: new AbortController().signal, random: () => 0.5, env: {}, cwd: root, ready() {} },
  });
  return { status, ...out };
}

test('what no certificate could hold is refused by its flag, and nothing is made', async () => {
  const wrong: readonly [flag: string, value: string, message: RegExp][] = [
    ['--apiserver-name', 'two words', /--apiserver-name: "two words" is not a DNS name/],
    ['--apiserver-name', '10.0.0.1', /--apiserver-name: 10.0.0.1 is an address; say it with --apiserver-ip/],
    ['--apiserver-ip', 'api.example', /--apiserver-ip: "api.example" is not an IP address/],
    ['--service-cluster-ip-range', '10.0.0.0', /--service-cluster-ip-range: "10.0.0.0" is not a range of addresses/],
    ['--cluster-domain', '', /--cluster-domain: "" is not a DNS name/],
  ];
  for (const [flag, value, message] of wrong) {
    const { status, stderr } = await certs('init', '--dir=none', flag, value);
    assert.equal(status, 2, flag);
    assert.match(stderr, message);
  }
  assert.deepEqual(await readdir(root), []);
});

test('a domain with a final dot and a name of many hosts are names of certificates', async () => {
  const domain = ['--cluster-domain', 'example.', '--apiserver-name', '*.api.example'];
  assert.equal((await certs('init', '--dir=dot', '--only=apiserver', ...domain)).status, 0);
  const names = parseCertificates(await readFile(join(root, 'dot', 'apiserver.pem')))[0]!.dnsNames;
  assert.ok(names.includes('kubernetes.default.svc.example') && names.includes('*.api.example'), names.join(' '));
});

test('what is there and not good is told in one sentence with both ways on', async () => {
  await certs('init', '--dir=conflict', '--only=apiserver');
  const { status, stderr } = await certs('init', '--dir=conflict', '--only=apiserver', '--apiserver-ip=10.9.9.9');
  assert.equal(status, 1);
  assert.match(stderr, /apiserver\.pem: the certificate lacks "10\.9\.9\.9"; --force makes .*"muster certs renew"/);
  assert.equal((await certs('init', '--dir=conflict', '--only=apiserver', '--apiserver-ip=10.9.9.9', '--force')).status, 0);
});

test('who may read certificates and no keys can list them', async () => {
  await certs('init', '--dir=list', '--only=admin');
  // Root may read every file; a directory in a key's place is what nobody can read.
  for (const key of ['admin.key', 'ca.key']) {
    await rm(join(root, 'list', key));
    await mkdir(join(root, 'list', key));
  }
  const { status, stdout } = await certs('list', '--dir=list');
  assert.equal(status, 0);
  assert.match(stdout, /^admin +Jan 01, 2027 00:00 UTC +1y +ca$/m);
});
