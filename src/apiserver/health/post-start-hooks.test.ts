import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestApi } from '../test-api.ts';
import { DoneCheck } from './health-checks.ts';
import { postStartHooks } from './post-start-hooks.ts';

test('what upstream’s suite looks for is there: all done once the server is ready', async (t) => {
  const api = await startTestApi();
  t.after(() => api.stop());
  const hooks = [
    ...['start-apiserver-admission-initializer', 'generic-apiserver-start-informers', 'start-apiextensions-informers'],
    ...['start-apiextensions-controllers', 'crd-informer-synced', 'bootstrap-controller', 'rbac/bootstrap-roles'],
    ...['scheduling/bootstrap-system-priority-classes', 'start-cluster-authentication-info-controller'],
    ...['start-kube-aggregator-informers', 'apiservice-registration-controller', 'kube-apiserver-autoregistration'],
    ...['apiservice-status-local-available-controller', 'apiservice-openapi-controller'],
  ].map((name) => `poststarthook/${name}`);
  for (const [path, more] of [
    ['healthz', []],
    ['livez', []],
    ['readyz', ['etcd-readiness', 'informer-sync', 'shutdown']],
  ] as const) {
    const { status, text } = await api.call('GET', `/${path}?verbose`);
    assert.equal(status, 200);
    for (const name of ['ping', 'log', 'etcd', 'autoregister-completion', ...hooks, ...more])
      assert.ok(text.includes(`[+]${name} ok\n`), `${path}: ${name}\n${text}`);
    assert.ok(text.endsWith(`${path} check passed\n`));
  }
  assert.equal((await api.call('GET', '/readyz/poststarthook/bootstrap-controller')).text, 'ok');
  assert.match((await api.call('GET', '/livez?verbose&exclude=etcd')).text, /^\[\+\]etcd excluded: ok$/m);
});

test('a hook is done when what it stands for is', async () => {
  const defaults = new DoneCheck('poststarthook/start-system-namespaces-controller');
  const own = new DoneCheck('of-our-own');
  const hooks = postStartHooks([own, defaults]);
  const bootstrap = hooks.find(({ name }) => name === 'poststarthook/bootstrap-controller')!;
  assert.equal(hooks.at(-1), own);
  await assert.rejects(bootstrap.check());
  defaults.done();
  await bootstrap.check();
});
