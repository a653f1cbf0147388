import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { KUBERNETES_MAJOR, KUBERNETES_MINOR, KUBERNETES_VERSION, MUSTER_VERSION } from './version.ts';

test("Muster's version is the package's", () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  assert.equal(MUSTER_VERSION, manifest.version);
});

test('the parts of the Kubernetes version agree', () => {
  assert.ok(KUBERNETES_VERSION.startsWith(`v${KUBERNETES_MAJOR}.${KUBERNETES_MINOR}.`));
});
