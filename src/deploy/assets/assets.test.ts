import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import { systemClock } from '../../std/clock.ts';
import { testInventory } from '../test-material.ts';
import { type AssetFiles, openAssetFiles, readOnlyAssetFiles } from './asset-files.ts';
import { authorityFile, newAuthority, SERVICE_ACCOUNT } from './authorities.ts';
import { openAssets } from './open-assets.ts';
import { beginRenewal, endRenewal } from './renewal.ts';
import { forgetPrevious, promoteNext, writeNext } from './rotation.ts';

const inventory = await testInventory({ pki: { authorities: 'separate' } });
const open = (files: AssetFiles, nowMs = Date.now()) =>
  openAssets({
    inventory,
    files,
    executable: import.meta.filename,
    libraries: new Map(),
    clock: { ...systemClock, now: () => nowMs },
  });
const count = (pem: string) => parseCertificates(pem).length;

test('assets are made once, keys for their user alone, and opened as they are', async () => {
  await using directory = await temporaryDirectory();
  const files = await openAssetFiles(directory.file('assets'));
  const made = await open(files);
  const again = await open(files);
  assert.equal(again.authority.key, made.authority.key);
  assert.equal(again.serviceAccount.key, made.serviceAccount.key);
  assert.equal(again.pairOf('a', 'apiserver').certificate, made.pairOf('a', 'apiserver').certificate);
  assert.notEqual(made.etcdAuthority.certificate, made.authority.certificate);
  assert.equal((await stat(directory.file('assets', 'pki', 'hosts', 'a', 'apiserver.key'))).mode & 0o777, 0o600);
  const [etcd] = parseCertificates(made.pairOf('a', 'etcd').certificate);
  assert.ok(etcd!.isSignedBy(parseCertificates(made.etcdAuthority.certificate)[0]!));
});

test('who only reads gets keys for what is missing, and leaves nothing anywhere', async () => {
  await using directory = await temporaryDirectory();
  const made = await open(readOnlyAssetFiles(directory.file('assets')));
  assert.match(made.pairOf('a', 'apiserver').key, /PRIVATE KEY/);
  assert.deepEqual(await readdir(directory.path), []);
});

test('making assets that was cut short at any file goes on, with the keys that were made', async () => {
  for (let writes = 0, isWhole = false; !isWhole; writes++) {
    await using directory = await temporaryDirectory();
    const files = await openAssetFiles(directory.path);
    const written = new Map<string, string>();
    const cut: AssetFiles = {
      ...files,
      async write(name, text, secret) {
        if (written.size === writes) throw new Error('cut short');
        written.set(name, text);
        await files.write(name, text, secret);
      },
    };
    isWhole = await open(cut).then(
      () => true,
      () => false,
    );
    const { authority, etcdAuthority, frontProxyAuthority, serviceAccount } = await open(files);
    const keys = { 'pki/ca': authority, 'pki/etcd/ca': etcdAuthority, 'pki/front-proxy/ca': frontProxyAuthority };
    for (const [path, { key, certificate }] of Object.entries({ ...keys, 'pki/service-account': serviceAccount })) {
      assert.equal(written.get(`${path}.key`) ?? key, key, `${path}.key after ${writes} files`);
      assert.equal(written.get(`${path}.pem`) ?? certificate, certificate);
    }
  }
});

test('an authority without its certificate is not made again behind those that it has signed', async () => {
  await using directory = await temporaryDirectory();
  const files = await openAssetFiles(directory.path);
  await open(files);
  await files.remove('pki/ca.pem');
  await assert.rejects(open(files), { code: 'AUTHORITY_UNUSABLE', message: /there is a key pki\/ca\.key, but no certificate/ });
});

test('an authority without its key is never replaced unasked', async () => {
  await using directory = await temporaryDirectory();
  const files = await openAssetFiles(directory.path);
  await open(files);
  await files.remove('pki/ca.key');
  await assert.rejects(open(files), { code: 'AUTHORITY_UNUSABLE', message: /its key pki\/ca\.key is missing/ });
});

test('while an authority is replaced both are trusted, first the old one signs, then the new one', async () => {
  await using directory = await temporaryDirectory();
  const files = await openAssetFiles(directory.path);
  const name = authorityFile(inventory, 'cluster');
  const old = await open(files);
  const next = await newAuthority(inventory, 'cluster', Date.now());
  await writeNext(files, name, { certificate: next.certificatePem, key: next.privateKeyPem });
  const bundle = await open(files);
  assert.deepEqual([bundle.authority.stage, bundle.authority.key], ['bundle', old.authority.key]);
  assert.equal(bundle.authority.trust, old.authority.certificate + next.certificatePem);
  assert.equal(bundle.admin.certificate, old.admin.certificate);
  await promoteNext(files, name);
  const signing = await open(files);
  assert.deepEqual([signing.authority.stage, signing.authority.key], ['signing', next.privateKeyPem]);
  assert.equal(signing.authority.trust, next.certificatePem + old.authority.certificate);
  assert.ok(parseCertificates(signing.admin.certificate)[0]!.isSignedBy(next.certificate));
  assert.equal(signing.pairOf('a', 'etcd').certificate, old.pairOf('a', 'etcd').certificate);
  await forgetPrevious(files, name);
  const settled = await open(files);
  assert.deepEqual([settled.authority.stage, count(settled.authority.trust)], ['settled', 1]);
  assert.equal(settled.admin.certificate, signing.admin.certificate);
});

test('a replacement that was cut short at any file goes on: what signs is one pair, and both are trusted', async () => {
  const at = { path: SERVICE_ACCOUNT.path, publicHalf: 'key' } as const;
  const authority = authorityFile(inventory, 'cluster');
  const next = await newAuthority(inventory, 'cluster', Date.now());
  for (let writes = 0; writes < 8; writes++) {
    await using directory = await temporaryDirectory();
    const files = await openAssetFiles(directory.path);
    const old = await open(files);
    await writeNext(files, authority, { certificate: next.certificatePem, key: next.privateKeyPem });
    await writeNext(files, at, { certificate: '', key: old.authority.key });
    let left = writes;
    const cut: AssetFiles = {
      ...files,
      write: async (...words) => (left-- > 0 ? files.write(...words) : Promise.reject(new Error('cut short'))),
      remove: async (name) => (left-- > 0 ? files.remove(name) : Promise.reject(new Error('cut short'))),
    };
    await promoteNext(cut, authority).catch(() => undefined); // that it was cut short is the point
    const between = await open(files);
    assert.equal(count(between.authority.trust), 2, `after ${writes} changes`);
    assert.ok([old.authority.key, next.privateKeyPem].includes(between.authority.key));
    await promoteNext(files, authority);
    await promoteNext(files, at);
    await promoteNext(files, at);
    const done = await open(files);
    assert.equal(done.authority.stage, 'signing');
    assert.equal(done.authority.key, next.privateKeyPem);
    assert.equal(done.authority.trust, next.certificatePem + old.authority.certificate);
    assert.equal(done.serviceAccount.key, old.authority.key);
    assert.ok(done.serviceAccount.trust.includes(old.serviceAccount.certificate));
  }
});

test('a renewal makes each certificate again once, and none after it has ended', async () => {
  await using directory = await temporaryDirectory();
  const files = await openAssetFiles(directory.path);
  const startMs = Date.parse('2026-03-01T00:00:00Z');
  const old = await open(files, startMs);
  await beginRenewal(files, startMs + 60_500);
  const renewed = await open(files, startMs + 60_700);
  assert.notEqual(renewed.admin.certificate, old.admin.certificate);
  assert.equal(renewed.authority.certificate, old.authority.certificate);
  assert.equal((await open(files, startMs + 90_000)).admin.certificate, renewed.admin.certificate);
  await endRenewal(files);
  assert.equal((await open(files, startMs + 99_000)).admin.certificate, renewed.admin.certificate);
  await writeFile(directory.file('pki', 'renewal.json'), '{}');
  await assert.rejects(open(files), { code: 'ASSETS_MALFORMED' });
  assert.match(await readFile(directory.file('pki', 'ca.pem'), 'utf8'), /CERTIFICATE/);
});
