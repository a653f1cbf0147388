import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createTestPki, type TestPki } from '../../src/apiserver/test-api.ts';
import { type ComponentProcess, startComponent } from '../harness/component-process.ts';
import { freePort } from '../harness/free-port.ts';
import { type Kubectl, kubectl } from '../harness/kubectl.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';

export interface ApiserverAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** `muster kube-apiserver` as a process of its own, with a directory of files for its flags; it can be stopped and started again. */
export interface ApiserverProcess extends AsyncDisposable {
  readonly server: string;
  readonly pki: TestPki;
  readonly process: ComponentProcess;
  /** Of an administrator of the cluster. */
  readonly kubectl: Kubectl;
  file(...parts: string[]): string;
  /** Writes a file for a flag; objects as JSON, which is YAML. */
  write(name: string, content: string | object): Promise<string>;
  /** Starts it with these flags besides what it needs, and waits until it is ready. Its store is sqlite unless they name an etcd. */
  start(...flags: string[]): Promise<void>;
  stop(): Promise<void>;
  /** A request with headers alone for credentials. */
  send(path: string, headers?: Readonly<Record<string, string>>): Promise<ApiserverAnswer>;
}

export async function openApiserverProcess(): Promise<ApiserverProcess> {
  const directory = await temporaryDirectory();
  const pki = await createTestPki();
  const admin = await pki.clientPair('admin', ['system:masters']);
  const port = await freePort();
  const server = `https://127.0.0.1:${port}`;
  const write: ApiserverProcess['write'] = async (name, content) => {
    await writeFile(directory.file(name), typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
    return directory.file(name);
  };
  const [ca, certificate, key] = await Promise.all([
    write('ca.pem', pki.caPem),
    write('apiserver.pem', pki.serving.certificatePem),
    write('apiserver.key', pki.serving.privateKeyPem),
    mkdir(directory.file('home')),
  ]);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const kubeconfig = await write('admin.kubeconfig', {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': base64(pki.caPem) } }],
    users: [
      {
        name: 'admin',
        user: {
          'client-certificate-data': base64(admin.certificatePem),
          'client-key-data': base64(admin.privateKeyPem),
        },
      },
    ],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'admin' } }],
    'current-context': 'x',
  });
  let running: ComponentProcess | undefined;
  const send: ApiserverProcess['send'] = (path, headers = {}) =>
    new Promise((resolve, reject) => {
      const outgoing = request(`${server}${path}`, { ca: pki.caPem, agent: false, headers }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }));
      });
      outgoing.once('error', reject);
      outgoing.end();
    });
  return {
    server,
    pki,
    kubectl: kubectl('1.35', kubeconfig, directory.file('home')),
    file: directory.file,
    write,
    send,
    get process() {
      if (!running) throw new Error('it has not been started');
      return running;
    },
    async start(...flags) {
      const started = startComponent('kube-apiserver', [
        ...(flags.some((flag) => flag.startsWith('--etcd-servers='))
          ? []
          : ['--store=sqlite', `--data-dir=${directory.file('data')}`]),
        '--bind-address=127.0.0.1',
        `--secure-port=${port}`,
        `--tls-cert-file=${certificate}`,
        `--tls-private-key-file=${key}`,
        `--client-ca-file=${ca}`,
        // Or a file says it.
        ...(flags.some((flag) => flag.startsWith('--authorization-config')) ? [] : ['--authorization-mode=RBAC']),
        '--service-cluster-ip-range=10.96.0.0/16',
        ...flags,
      ]);
      running = started;
      await until('the API server is ready', async () => {
        if (started.exitStatus !== undefined) return 'ended' as const;
        return (await send('/readyz')).status === 200 && ('ready' as const);
      });
      if (started.exitStatus !== undefined)
        throw new Error(`kube-apiserver ended with ${started.exitStatus}:\n${started.output}`);
    },
    async stop() {
      await running?.stop();
    },
    async [Symbol.asyncDispose]() {
      await running?.stop();
      await directory[Symbol.asyncDispose]();
    },
  };
}
