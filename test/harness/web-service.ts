/** A web server that says who it is and who asks it, as a Deployment behind a Service, and clients of it. For tests with real pods. */
import { get } from 'node:http';
import { BUSYBOX } from './images.ts';
import type { Kubectl } from './kubectl.ts';
import { runCommand } from './run-command.ts';

export interface WebOptions {
  readonly replicas?: number;
  /** What it says beside its name. */
  readonly version?: string;
  /** More of the Service's spec. */
  readonly service?: Readonly<Record<string, unknown>>;
  /** More of the pods' spec. */
  readonly pod?: Readonly<Record<string, unknown>>;
}

/** `web-7d9f v1 on node-2 for 10.1.2.3` */
export interface WebAnswer {
  readonly pod: string;
  readonly version: string;
  readonly node: string;
  readonly client: string;
}

const SERVER = `mkdir -p /tmp/w/cgi-bin && cd /tmp/w && cat > cgi-bin/who <<'END'
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
echo $HOSTNAME $VERSION $NODE $REMOTE_ADDR
END
chmod 755 cgi-bin/who && exec httpd -f -p 8080 -h /tmp/w`;
/** Long enough for every node's rules to know that the pod goes. */
const DRAIN_SECONDS = 8;
/** The machine that tests run on may be busy. */
const ANSWER_MS = 20_000;

/** The Deployment and the Service (type NodePort, port 80) of one name. Pods spread over nodes, and serve on for a while when they go. */
export function webService(name: string, options: WebOptions = {}): object[] {
  const labels = { app: name };
  const container = {
    name: 'web',
    image: BUSYBOX,
    command: ['sh', '-c', SERVER],
    env: [
      { name: 'VERSION', value: options.version ?? 'v1' },
      { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    ],
    readinessProbe: { httpGet: { path: '/cgi-bin/who', port: 8080 }, periodSeconds: 1 },
    lifecycle: { preStop: { exec: { command: ['sleep', String(DRAIN_SECONDS)] } } },
  };
  const spread = { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: 'default' },
      spec: {
        replicas: options.replicas ?? 3,
        selector: { matchLabels: labels },
        strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        template: {
          metadata: { labels },
          spec: {
            topologySpreadConstraints: [{ ...spread, labelSelector: { matchLabels: labels } }],
            terminationGracePeriodSeconds: 2 * DRAIN_SECONDS,
            containers: [container],
            ...options.pod,
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { type: 'NodePort', selector: labels, ports: [{ port: 80, targetPort: 8080 }], ...options.service },
    },
  ];
}

const SECONDS = 5;

/** Asks from this machine, or from where `prefix` leads. Undefined when nobody answers within five seconds. */
export async function askWeb(hostAndPort: string, prefix: readonly string[] = []): Promise<WebAnswer | undefined> {
  const [program = '', ...args] = [...prefix, 'curl', '-sf', '-m', String(SECONDS), `http://${hostAndPort}/cgi-bin/who`];
  return parseAnswer((await runCommand(program, args)).stdout);
}

/** Asks from a pod, by a name or an address, so many times. */
export async function askWebFrom(kubectl: Kubectl, pod: string, host: string, times = 1): Promise<WebAnswer[]> {
  const request = `printf 'GET /cgi-bin/who HTTP/1.0\\r\\n\\r\\n' | nc -w ${SECONDS} ${host} 80 | sed '1,/^\\r*$/d'`;
  const { stdout } = await kubectl.try(['exec', pod, '--', 'sh', '-c', `for i in $(seq ${times}); do ${request}; done`]);
  return stdout.split('\n').flatMap((line) => parseAnswer(line) ?? []);
}

function parseAnswer(text: string): WebAnswer | undefined {
  const [pod, version, node, address] = text.trim().split(' ');
  if (!pod || !version || !node || !address) return undefined;
  return { pod, version, node, client: address.replace(/^\[?::ffff:/, '').replace(/]$/, '') };
}

/** On a connection of its own. */
function requestOnce(hostAndPort: string): Promise<WebAnswer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const request = get(`http://${hostAndPort}/cgi-bin/who`, { agent: false, signal }, async (response) => {
      let text = '';
      try {
        for await (const chunk of response.setEncoding('utf8')) text += chunk;
      } catch (error) {
        reject(error);
      }
      const answer = parseAnswer(text);
      if (answer) resolve(answer);
      else reject(new Error(`status ${response.statusCode}: ${text}`));
    });
    request.on('error', reject);
  });
}

export interface Load extends AsyncDisposable {
  /** Answers so far. */
  readonly answered: number;
  readonly versions: ReadonlySet<string>;
  /** Requests without an answer, with when each was. */
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

/** Asks all targets in turn, each request a connection of its own, until it is stopped. */
export function startLoad(targets: readonly string[], { clients = 1 } = {}): Load {
  let running = true;
  let answered = 0;
  let next = 0;
  const versions = new Set<string>();
  const failures: string[] = [];
  const client = async () => {
    while (running) {
      const target = targets[next++ % targets.length]!;
      try {
        versions.add((await requestOnce(target)).version);
        answered++;
      } catch (error) {
        failures.push(`${new Date().toISOString()} ${target}: ${(error as Error).message}`);
      }
    }
  };
  const done = Promise.all(Array.from({ length: clients }, client));
  const stop = async () => {
    running = false;
    await done;
  };
  return {
    get answered() {
      return answered;
    },
    versions,
    failures,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
