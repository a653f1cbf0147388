import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { resolveContext } from './kubeconfig.ts';
import { readUsersKubeconfig } from './users-kubeconfig.ts';

async function home(t: TestContext, files: Record<string, object>) {
  const directory = await mkdtemp(join(tmpdir(), 'muster-kubeconfigs-'));
  t.after(() => rm(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(directory, name, '..'), { recursive: true });
    await writeFile(join(directory, name), JSON.stringify(content));
  }
  return (name: string) => join(directory, name);
}

const cluster = (name: string, server: string) => ({ name, cluster: { server } });
const context = (name: string, user = 'u') => ({ name, context: { cluster: name, user } });

test('the files of $KUBECONFIG are read together: the first that says something counts, and paths start where each lies', async (t) => {
  const exec = { apiVersion: 'client.authentication.k8s.io/v1beta1', command: './login' };
  const path = await home(t, {
    'a/one': { clusters: [cluster('x', 'https://first')], contexts: [context('x')], 'current-context': '' },
    'b/two': {
      clusters: [cluster('x', 'https://second'), cluster('y', 'https://y')],
      contexts: [context('y')],
      users: [{ name: 'u', user: { exec } }],
      'current-context': 'y',
    },
    'c/three': { contexts: [{ name: 'x', context: { cluster: 'y' } }], 'current-context': 'x' },
  });
  const env = { KUBECONFIG: [path('missing'), path('a/one'), '', path('b/two'), path('c/three')].join(':') };
  const kubeconfig = await readUsersKubeconfig('', env);
  const current = await resolveContext(kubeconfig!, undefined, { everyWay: true });
  assert.equal(current.server, 'https://y');
  assert.equal(current.exec?.command, path('b/login'));
  assert.equal((await resolveContext(kubeconfig!, 'x', { everyWay: true })).server, 'https://first');
  await assert.rejects(resolveContext(kubeconfig!, 'z'), {
    message: `kubeconfig ${env.KUBECONFIG}: context "z" does not exist`.replace('::', ':'),
  });
});

test('a file that is named counts alone; without one, and without $KUBECONFIG, the file at home', async (t) => {
  const path = await home(t, {
    named: { clusters: [cluster('n', 'https://n')] },
    '.kube/config': { clusters: [cluster('h', 'https://h')] },
  });
  const env = { KUBECONFIG: path('nowhere'), HOME: path('.') };
  assert.equal((await readUsersKubeconfig(path('named'), env))?.clusters[0]?.name, 'n');
  assert.equal((await readUsersKubeconfig('', { HOME: path('.'), KUBECONFIG: '' }))?.clusters[0]?.name, 'h');
  assert.equal(await readUsersKubeconfig('', {}), undefined);
  await assert.rejects(readUsersKubeconfig('', env), { message: `kubeconfig ${path('nowhere')}: no such file` });
  await assert.rejects(readUsersKubeconfig('', { KUBECONFIG: `${path('a')}:${path('b')}` }), { code: 'KUBECONFIG_UNREADABLE' });
});

test('a file of several that cannot be read is an error, not passed over', async (t) => {
  const path = await home(t, { good: { clusters: [cluster('n', 'https://n')] }, bad: { clusters: 'x' } });
  await assert.rejects(readUsersKubeconfig('', { KUBECONFIG: `${path('good')}:${path('bad')}` }), {
    message: `kubeconfig ${path('bad')}: clusters: is not a list`,
  });
});
