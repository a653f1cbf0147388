import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readManifest } from './bundle.ts';
import { closureOf, debPackage, packagesIndex } from './packages.ts';

const deb = (name: string, more = '') =>
  debPackage(
    `${name}_1.0_amd64.deb`,
    `Package: ${name}\nVersion: 1.0\nArchitecture: amd64\n${more}Description: a package\n of several lines\n`,
    Buffer.from(name),
  );
const packages = [
  deb('etcd-server', 'Depends: adduser, libc6 (>= 2.34),\n pipexec:any | daemon\n'),
  deb('adduser', 'Pre-Depends: passwd\n'),
  deb('passwd'),
  deb('rundaemon', 'Provides: daemon (= 1.0)\n'),
  deb('haproxy', 'Depends: adduser\n'),
];
const names = (chosen: readonly { readonly name: string }[]) => chosen.map(({ name }) => name);

test('a host gets what it lacks with all that this needs, as far as the bundle has it, and nothing else', () => {
  assert.deepEqual(names(closureOf(['etcd-server'], packages)), ['etcd-server', 'adduser', 'passwd', 'rundaemon']);
  assert.deepEqual(names(closureOf(['haproxy'], packages)), ['adduser', 'passwd', 'haproxy']);
  assert.deepEqual(closureOf(['containerd'], packages), []);
});

test('apt is told of each package by its own control file, with size and digest', () => {
  const [, second] = packagesIndex(packages.slice(0, 2)).split('\n\n');
  assert.equal(
    second,
    'Package: adduser\nVersion: 1.0\nArchitecture: amd64\nPre-Depends: passwd\nDescription: a package\n of several lines\n' +
      `Filename: ./adduser_1.0_amd64.deb\nSize: 7\nSHA256: ${packages[1]!.sha256}\n`,
  );
});

test('what is not a package, or has a name that a shell would read, is refused', () => {
  assert.throws(
    () => debPackage('a b.deb', 'Package: ab\nVersion: 1\nArchitecture: all\n', Buffer.alloc(0)),
    /is not a Debian package/,
  );
  assert.throws(
    () => debPackage('ab.deb', 'Package: $(reboot)\nVersion: 1\nArchitecture: all\n', Buffer.alloc(0)),
    /is not a Debian/,
  );
  assert.throws(() => debPackage('ab.deb', '', Buffer.alloc(0)), /"ab\.deb" is not a Debian package/);
});

test('a manifest that leads out of the bundle, or is not whole, is refused', () => {
  const file = { path: 'muster', sizeBytes: 1, sha256: 'f'.repeat(64) };
  const manifest = (files: readonly unknown[]) =>
    JSON.stringify({ kind: 'Bundle', apiVersion: 'config.muster.dev/v1', version: '1', architecture: 'x64', files });
  assert.equal(readManifest(manifest([file])).files[0]?.path, 'muster');
  for (const path of ['../muster', 'packages/../x.deb', 'packages/a/b.deb', '/etc/passwd', { toString: 1 }])
    assert.throws(() => readManifest(manifest([{ ...file, path }])), /names a file that no bundle has/);
  assert.throws(() => readManifest(manifest([file, file])), /twice/);
  assert.throws(() => readManifest('{}'), /is not one/);
  assert.throws(() => readManifest('null'), /is not one/);
  assert.throws(() => readManifest('{'), /cannot be read/);
});
