import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import type { PodSandbox, Runtime, SandboxRequest } from './runtime.ts';
import { withRuntimeClasses } from './runtime-classes.ts';

const PREPARATION = { hostname: 'p', dns: { servers: [], searches: [], options: [] }, logDirectory: '/l', cgroupParent: '' };

function setUp() {
  const requests: SandboxRequest[] = [];
  const asked: string[] = [];
  const runtime = {
    runSandbox: async (request: SandboxRequest) => {
      requests.push(request);
      return {} as PodSandbox;
    },
  } as Runtime;
  const client = {
    resource: () => ({
      get: async (name: string) => {
        asked.push(name);
        if (name === 'none') throw new Error('runtimeclass.node.k8s.io "none" not found');
        return { handler: `${name}-handler` };
      },
    }),
  } as unknown as Client;
  const wrapped = withRuntimeClasses(runtime, client);
  const run = (runtimeClassName?: string) => {
    const pod: V1Pod = { spec: { containers: [], runtimeClassName } };
    return wrapped.runSandbox({ pod, attempt: 0, preparation: PREPARATION });
  };
  return { requests, asked, run };
}

test('a sandbox is made by the handler of its pod’s class, and nobody is asked about pods without one', async () => {
  const { requests, asked, run } = setUp();
  await run();
  await run('kata');
  assert.deepEqual(
    requests.map(({ preparation }) => preparation?.runtimeHandler),
    [undefined, 'kata-handler'],
  );
  assert.deepEqual(asked, ['kata']);
});

test('a class that there is not keeps the sandbox from being made', async () => {
  const { requests, run } = setUp();
  await assert.rejects(run('none'), { message: 'runtimeclass.node.k8s.io "none" not found' });
  assert.deepEqual(requests, []);
});
