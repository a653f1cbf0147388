import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { freePort } from '../harness/free-port.ts';
import { BUSYBOX } from '../harness/images.ts';
import { KUBECTL_VERSIONS, type KubectlVersion, kubectlPath } from '../harness/kubectl.ts';
import { runCommand } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';
import { useRealCluster } from './use-real-cluster.ts';

const cluster = useRealCluster();
const CLIENTS = join(import.meta.dirname, 'clients');
const LINES = 'i=0; while true; do i=$((i+1)); echo line $i; sleep 0.1; done';
const TALKER = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'talker' },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      { name: 'main', image: BUSYBOX, command: ['sh', '-c', LINES] },
      { name: 'echo', image: BUSYBOX, command: ['nc', '-lk', '-p', '7777', '-e', 'cat'] },
      { name: 'cat', image: BUSYBOX, command: ['sh', '-c', 'while true; do cat; done'], stdin: true },
      {
        name: 'web',
        image: BUSYBOX,
        command: ['sh', '-c', 'mkdir /www; echo \'<a href="/x">page</a>\' > /www/index.html; exec httpd -f -p 8080 -h /www'],
        ports: [{ containerPort: 8080 }],
      },
    ],
  },
};

describe('streams between kubectl and containers', { timeout: 600_000 }, () => {
  const stack = new AsyncDisposableStack();
  let directory: string;
  before(async () => {
    directory = stack.use(await temporaryDirectory()).path;
    const admin = cluster.current.kubectl('1.35');
    await admin.run('create -f -', { input: JSON.stringify(TALKER) });
    await admin.run('wait --for=condition=Ready pod/talker --timeout=90s');
  });
  after(async () => {
    await cluster.current.kubectl('1.35').try('delete pod --all --wait=true --timeout=60s');
    await cluster.current.expectNothingLeft();
    await stack.disposeAsync();
  });

  const environment = () => ({ ...process.env, KUBECONFIG: cluster.current.home.kubeconfig, HOME: cluster.current.home.path });
  /** A kubectl with bytes for input and output. */
  function start(version: KubectlVersion, args: readonly string[]): ChildProcess {
    const child = spawn(kubectlPath(version), args, { env: environment(), stdio: 'pipe' });
    child.stdin.on('error', () => undefined); // one that has ended early says why in its own words
    return child;
  }
  async function bytesOf(child: ChildProcess, input: Buffer): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let failure = '';
    child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr!.on('data', (chunk) => {
      failure += chunk;
    });
    child.stdin!.end(input);
    const [code] = await once(child, 'close');
    assert.equal(code, 0, failure);
    return Buffer.concat(chunks);
  }
  /** Commands that run in the container, by their arguments. */
  const processes = async () => (await cluster.current.kubectl('1.35').run('exec talker -c main -- ps -o args')).split('\n');

  for (const version of KUBECTL_VERSIONS) {
    const kubectl = () => cluster.current.kubectl(version);

    test(`exec with kubectl ${version}: both outputs, the end of the input, exit codes (KAPI-38)`, async () => {
      const both = await kubectl().try(['exec', 'talker', '-c', 'main', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
      assert.deepEqual([both.stdout, both.status], ['out\n', 7], both.stderr);
      assert.match(both.stderr, /^err\n.*exit code 7/s);
      const sum = await kubectl().run('exec -i talker -c main -- sha256sum', { input: 'hello' });
      assert.equal(sum.split(' ')[0], createHash('sha256').update('hello').digest('hex'));
      const missing = await kubectl().try('exec talker -c main -- nothing-of-that-name');
      assert.notEqual(missing.status, 0);
      assert.match(missing.stderr, /nothing-of-that-name/);
      const unnamed = await kubectl().try('exec talker -c nobody -- true');
      assert.match(unnamed.stderr, /container nobody is not valid for pod talker/);
    });

    test(`10 MB go through exec with kubectl ${version} and come back the same`, async () => {
      const sent = randomBytes(10_000_000);
      const got = await bytesOf(start(version, ['exec', '-i', 'talker', '-c', 'main', '--', 'cat']), sent);
      assert.ok(got.equals(sent), `${got.length} bytes came back`);
    });

    test(`a terminal with kubectl ${version} has the size of the client’s, and changes with it`, async () => {
      const script =
        'until stty size 2>&1 | grep -q 91; do sleep 0.1; done; stty size; trap "stty size; exit 3" WINCH; echo ready; while true; do sleep 0.1; done';
      const args = [
        join(CLIENTS, 'terminal.py'),
        kubectlPath(version),
        'exec',
        '-it',
        'talker',
        '-c',
        'main',
        '--',
        'sh',
        '-c',
        script,
      ];
      // The first size comes soon after the command has begun.
      const { status, stdout } = await runCommand('/usr/bin/python3', args, { env: environment(), timeoutMs: 30_000 });
      assert.match(stdout, /31 91/);
      assert.match(stdout, /ready/);
      assert.match(stdout, /42 123/);
      assert.equal(status, 3);
    });

    test(`attach with kubectl ${version} talks to the container’s first process`, async () => {
      const child = start(version, ['attach', '-i', 'talker', '-c', 'cat']);
      let heard = '';
      child.stdout!.on('data', (chunk) => {
        heard += chunk;
      });
      const word = `attached-${version}`;
      child.stdin!.write(`${word}\n`);
      await until('the word comes back', () => heard.includes(word));
      child.kill('SIGKILL');
      await once(child, 'close');
    });

    test(`port-forward with kubectl ${version} carries connections, one after the other and at once`, async () => {
      const port = await freePort();
      const child = start(version, ['port-forward', 'pod/talker', `${port}:8080`]);
      let said = '';
      child.stdout!.on('data', (chunk) => {
        said += chunk;
      });
      await until('it listens', () => said.includes('Forwarding from'));
      const get = () => runCommand('curl', ['-s', `http://127.0.0.1:${port}/`]);
      for (const { stdout } of [await get(), ...(await Promise.all([get(), get(), get()]))]) assert.match(stdout, /page/);
      child.kill('SIGINT');
      await once(child, 'close');
    });

    test(`cp with kubectl ${version} takes directories in and out`, async () => {
      const from = join(directory, `from-${version}`);
      await mkdir(join(from, 'deep'), { recursive: true });
      const bytes = randomBytes(2_000_000);
      await writeFile(join(from, 'deep', 'file'), bytes);
      await kubectl().run(['cp', from, `talker:/tmp/${version}`, '-c', 'main']);
      await kubectl().run(['cp', `talker:/tmp/${version}`, join(directory, `to-${version}`), '-c', 'main']);
      assert.ok((await readFile(join(directory, `to-${version}`, 'deep', 'file'))).equals(bytes));
    });

    test(`logs with kubectl ${version}: the last lines, what follows, and which container (KAPI-38)`, async () => {
      const lines = (await kubectl().run('logs talker -c main --tail=3')).trim().split('\n');
      assert.equal(lines.length, 3);
      assert.ok(lines.every((line) => /^line \d+$/.test(line)));
      const child = start(version, ['logs', '-f', 'talker', '-c', 'main', '--tail=1']);
      let heard = '';
      child.stdout!.on('data', (chunk) => {
        heard += chunk;
      });
      await until('new lines come', () => heard.split('\n').length > 5);
      child.kill('SIGKILL');
      await once(child, 'close');
      const raw = await kubectl().try('get --raw /api/v1/namespaces/default/pods/talker/log');
      assert.match(raw.stderr, /a container name must be specified for pod talker, choose one of: \[main echo cat web\]/);
      const wrong = await kubectl().try(['logs', 'talker', '-c', 'main', '--limit-bytes=-1']);
      assert.notEqual(wrong.status, 0);
    });
  }

  test('a pod is reached through its proxy, whose links lead back to it', async () => {
    const { stdout } = await cluster.current.kubectl('1.35').try('get --raw /api/v1/namespaces/default/pods/talker:8080/proxy/');
    assert.match(stdout, /<a href="\/api\/v1\/namespaces\/default\/pods\/talker:8080\/proxy\/x">page<\/a>/);
  });

  test('a Service is reached through its proxy, at the endpoints that it has', async () => {
    const admin = cluster.current.kubectl('1.35');
    await admin.run('label pod talker app=talker');
    // The stories above ended containers of the pod, which may still be backing off: the one that answers runs all the time.
    const spec = { selector: { app: 'talker' }, ports: [{ port: 80, targetPort: 8080 }], publishNotReadyAddresses: true };
    await admin.run('create -f -', {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'talker' }, spec }),
    });
    const reached = async () => {
      const { stdout, stderr } = await admin.try('get --raw /api/v1/namespaces/default/services/talker/proxy/');
      if (stdout.includes('page')) return true;
      throw new Error(`${stderr}\n${await admin.run('get endpointslices -l kubernetes.io/service-name=talker -o yaml')}`);
    };
    await until('it has endpoints', reached, { timeoutMs: 60_000 });
    const other = await admin.try('get --raw /api/v1/namespaces/default/services/talker:81/proxy/');
    assert.match(other.stderr, /no service port 81 found for service "talker"/);
  });

  test('a debug container of kubectl’s is attached to', async () => {
    const args = [
      'debug',
      'talker',
      `--image=${BUSYBOX}`,
      '-c',
      'dbg',
      '-i',
      '--image-pull-policy=Never',
      '--',
      'sh',
      '-c',
      // Containerd sends input on before it takes output: what is said at once may be said to nobody.
      'read word; for i in 1 2 3 4 5 6 7 8 9; do echo heard $word; sleep 1; done',
    ];
    const child = start('1.35', args);
    let heard = '';
    child.stdout!.on('data', (chunk) => {
      heard += chunk;
    });
    child.stdin!.write('something\n');
    await until('it is heard', () => heard.includes('heard something'), { timeoutMs: 60_000 });
    child.kill('SIGKILL');
  });

  test('python3-kubernetes talks by its own WebSockets', async () => {
    const { stdout, stderr } = await runCommand('/usr/bin/python3', [join(CLIENTS, 'stream-exec.py'), 'talker', 'main'], {
      env: environment(),
    });
    assert.deepEqual(stdout.trim().split('\n'), ["whole ['err', 'out']", 'talk heard 5', 'forward HTTP/1.1 200 OK None'], stderr);
  });

  test('50 commands at once all end as they should', async () => {
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        cluster.current
          .kubectl(i % 2 ? '1.35' : '1.20')
          .try(['exec', 'talker', '-c', 'main', '--', 'sh', '-c', `echo ${i}; exit ${i % 5}`], { timeoutMs: 120_000 }),
      ),
    );
    for (const [i, { stdout, status }] of all.entries()) assert.deepEqual([stdout, status], [`${i}\n`, i % 5]);
  });

  for (const version of KUBECTL_VERSIONS)
    test(`a kubectl ${version} that is killed leaves no stream behind`, async () => {
      const sleeper = version === '1.20' ? '77120' : '77135';
      const child = start(version, ['exec', '-i', 'talker', '-c', 'main', '--', 'sh', '-c', `cat; sleep ${sleeper}x`]);
      child.stdin!.write('x');
      await once(child.stdout!, 'data');
      assert.ok((await processes()).some((line) => line.includes(sleeper)));
      child.kill('SIGKILL');
      // Its input ends, and with it the command.
      await until('the command has ended', async () => !(await processes()).some((line) => line.includes(sleeper)));
    });

  test('a kubelet that is killed gives clients an error', async () => {
    const children = KUBECTL_VERSIONS.map((version) => start(version, ['exec', '-i', 'talker', '-c', 'main', '--', 'cat']));
    const ends = children.map(async (child) => (await once(child, 'close'))[0] as number);
    for (const child of children) {
      child.stdin!.write('x');
      await once(child.stdout!, 'data');
    }
    await cluster.current.killKubelet();
    const [, fresh] = await Promise.all(ends);
    assert.equal(fresh, 1);
    const refused = await cluster.current.kubectl('1.20').try('exec talker -c main -- true');
    assert.match(refused.stderr, /error dialing backend: dial tcp 127\.0\.0\.1:\d+: connect: connection refused/);
    const log = await cluster.current.kubectl('1.35').try('logs talker -c main');
    assert.match(
      log.stderr,
      /Get "https:\/\/127\.0\.0\.1:\d+\/containerLogs\/default\/talker\/main": dial tcp .*connection refused/,
    );
    await cluster.current.startKubelet();
    await until(
      'exec works again',
      async () => (await cluster.current.kubectl('1.35').try('exec talker -c main -- true')).status === 0,
      { timeoutMs: 60_000 },
    );
  });
});
