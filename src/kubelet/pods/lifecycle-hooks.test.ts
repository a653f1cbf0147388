import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { V1LifecycleHandler } from '../../api/gen/types.ts';
import { systemClock, VirtualClock } from '../../std/clock.ts';
import type { ContainerStreams } from '../runtime/runtime-abilities.ts';
import { createHookRunner, type HookRequest } from './lifecycle-hooks.ts';

function streams(exitCode: number, stderr = 'sorry'): ContainerStreams {
  return {
    execSync: async (_id: string, command: readonly string[]) => ({
      stdout: Buffer.from(`${command.join(' ')}\n`),
      stderr: Buffer.from(stderr),
      exitCode,
    }),
  } as unknown as ContainerStreams;
}

const request = (handler: V1LifecycleHandler, more: Partial<HookRequest> = {}): HookRequest => ({
  handler,
  container: { name: 'main', ports: [{ name: 'web', containerPort: 80 }] },
  containerId: 'id',
  podIp: '127.0.0.1',
  signal: new AbortController().signal,
  ...more,
});

test('a command decides by its exit code, and a failure tells what it printed', async () => {
  const handler = { exec: { command: ['do', 'it'] } };
  await createHookRunner({ streams: streams(0), clock: systemClock })(request(handler));
  await assert.rejects(
    createHookRunner({ streams: streams(3), clock: systemClock })(request(handler)),
    /^Error: command 'do it' exited with 3: do it\nsorry$/,
  );
  const long = { exec: { command: ['say', 'x'.repeat(1 << 20)] } };
  await assert.rejects(
    createHookRunner({ streams: streams(3, 'y'.repeat(1 << 20)), clock: systemClock })(request(long)),
    ({ message }: Error) => message.length < 12_000,
    'the status of a pod has room for what is told',
  );
});

test('a request decides by its status; it says whose it is', async (t) => {
  const agents: (string | undefined)[] = [];
  const server = createServer((incoming, response) => {
    agents.push(incoming.headers['user-agent']);
    response.writeHead(incoming.url === '/good' ? 204 : 503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const run = createHookRunner({ streams: streams(0), clock: systemClock });
  await run(request({ httpGet: { port, path: '/good' } }));
  await assert.rejects(run(request({ httpGet: { port, path: '/bad' } })), /statuscode: 503/);
  assert.match(agents[0] ?? '', /^kube-lifecycle\//);
});

test('a hook ends when its time is up, or when it is given up', async () => {
  const clock = new VirtualClock(0);
  const run = createHookRunner({ streams: streams(0), clock });
  const handler = { sleep: { seconds: 60 } };
  let ended = '';
  const tooLong = run(request(handler, { timeoutMs: 10_000 })).catch((error: Error) => {
    ended = error.message;
  });
  await clock.advance(9999);
  assert.equal(ended, '');
  await clock.advance(1);
  await tooLong;
  assert.equal(ended, 'the hook took too long');
  const life = new AbortController();
  const givenUp = run(request(handler, { signal: life.signal }));
  life.abort(new Error('the pod is ended'));
  await assert.rejects(givenUp, /the pod is ended/);
  const whole = run(request(handler));
  await clock.advance(60_000);
  await whole;
  assert.equal(clock.pending, 0);
});

test('a hook of another kind is refused by name', async () => {
  const run = createHookRunner({ streams: streams(0), clock: systemClock });
  await assert.rejects(run(request({ tcpSocket: { port: 80 } })), /tcpSocket is not supported/);
});
