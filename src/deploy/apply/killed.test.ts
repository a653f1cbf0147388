/** An `apply` that is killed anywhere: the next one makes of what is left what one makes of bare hosts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../std/clock.ts';
import { desiredSteps } from '../desired/desired.ts';
import { sysctlsOf } from '../desired/preparation.ts';
import type { Step, UnitStep } from '../desired/step.ts';
import type { FileFact, HostFacts } from '../facts/facts.ts';
import { isEmpty, planCluster } from '../plan/plan.ts';
import { factsThatFit, testInventory, testMaterial } from '../test-material.ts';
import { createTranscriptTransport } from '../transport/transcript.ts';
import { agentInput } from './agent-script.ts';
import { applyPlans } from './apply.ts';
import type { Cluster, NodeState } from './cluster.ts';

const inventory = await testInventory({
  hosts: [
    { name: 'm', address: '192.168.20.31', roles: ['etcd', 'master', 'worker'] },
    { name: 'w', address: '192.168.20.41' },
  ],
});
const known = { sysctls: new Set(sysctlsOf(inventory).keys()), device: 'eth0' };
const desired = new Map(inventory.hosts.map((host) => [host.name, desiredSteps(inventory, host, testMaterial, known)]));
const SERVING = '/etc/kubernetes/ssl/kubelet-server-current.pem';
const made: FileFact = { type: 'file', mode: 0o600, owner: 'root', group: 'root', sizeBytes: 1, sha256: 'a'.repeat(64) };
const framesOf = (step: Step) => Buffer.concat([...agentInput([step])]).toString('latin1');

/** Where the command is killed, counted in what it asks of hosts and of the cluster; within a step that starts a service, if `within`. */
interface Death {
  readonly point: number;
  readonly within?: boolean;
}

/** Two bare hosts, and what is left of them and their cluster when a command ends. */
class Scene {
  #done = new Map(inventory.hosts.map(({ name }) => [name, [] as Step[]]));
  #steps = new Map(
    [...desired].map(([name, steps]) => [name, new Map([...steps.map((step) => [framesOf(step), step] as const)])] as const),
  );
  #joining = new Set<string>();
  #served = new Set<string>();
  #isPrepared = false;
  /** How many points the last command came to. */
  points = 0;

  facts(): Map<string, HostFacts> {
    return new Map(
      [...this.#done].map(([name, done]) => {
        const fact = factsThatFit(done);
        const files = new Map(fact.files);
        if (this.#joining.has(name)) files.set('/etc/kubernetes/kubelet.kubeconfig', made);
        // What kernels have is not nothing before it is set.
        const sysctls = new Map([...known.sysctls].map((key) => [key, { value: '?', writable: true }] as const));
        return [
          name,
          {
            ...{ ...fact, files, swaps: 0, modules: new Set(['overlay', 'br_netfilter']) },
            sysctls: new Map([...sysctls, ...fact.sysctls]),
            certificates: new Map(this.#served.has(name) ? [[SERVING, 'a certificate']] : []),
          },
        ];
      }),
    );
  }

  plans = () => planCluster({ inventory, desired, signer: '' }, this.facts());

  /** Runs `apply`, up to where it is killed. */
  async apply(death?: Death): Promise<void> {
    this.points = 0;
    const killed = new AbortController();
    /** Whether the command still lives. */
    const live = (): void => {
      if (this.points++ === death?.point) killed.abort(new Error('killed'));
      killed.signal.throwIfAborted();
    };
    let nowMs = 0;
    await applyPlans({
      ...{ inventory, material: testMaterial, facts: this.facts(), plans: this.plans() },
      transports: new Map(
        inventory.hosts.map(({ name }) => [
          name,
          createTranscriptTransport(name, ({ script, input }) => {
            if (script.includes(SERVING)) return this.#served.has(name) ? 'served\n' : '';
            if (script.includes('NRestarts'))
              return [...script.matchAll(/'([a-z-]+\.service)'/g)]
                .map(([, unit]) => `report\t${unit}\tactive\tnotify\t0\t9\t\n`)
                .join('');
            return this.#carryOut(name, input, live, death);
          }),
        ]),
      ),
      openCluster: async () => this.#cluster(live),
      progress: () => undefined,
      clock: {
        now: () => nowMs,
        async sleep(ms: number) {
          nowMs += ms;
        },
      } as Clock,
      signal: killed.signal,
    });
  }

  /** As the agent: a step is done or it is not, but for a service that runs before it is written down with what. */
  #carryOut(name: string, input: Buffer, live: () => void, death: Death | undefined): string {
    const done = this.#done.get(name)!;
    for (const step of this.#read(name, input)) {
      try {
        live();
      } catch (error) {
        if (death?.within && step.type === 'unit') done.push({ ...step, fingerprint: '' } satisfies UnitStep & Step);
        throw error;
      }
      done.push(step);
      const hasToken = done.some((one) => one.type === 'file' && one.path === inventory.kubelet.bootstrapKubeconfig);
      const isKubelet = (step.type === 'unit' || step.type === 'restarted') && step.name === 'kubelet.service';
      if (isKubelet && hasToken) this.#joining.add(name);
    }
    return 'end\n';
  }

  *#read(name: string, input: Buffer): Generator<Step> {
    for (let rest = input; rest.length > 0; ) {
      const [op, ...words] = rest.subarray(0, rest.indexOf('\n')).toString().split('\t');
      const bytes = Number(op === 'file' ? words[4] : op === 'run' ? words[0] : 0);
      const length = rest.indexOf('\n') + 1 + bytes;
      const frame = rest.subarray(0, length).toString('latin1');
      const step = this.#steps.get(name)!.get(frame);
      if (step) yield step;
      else if (op === 'file' && words[0] === inventory.kubelet.bootstrapKubeconfig)
        yield {
          ...{ type: 'file', path: words[0], phase: 'node', mode: 0o600, owner: 'root', group: 'root' },
          content: { bytes: Buffer.alloc(0), sha256: '' },
          secret: true,
        };
      else if (frame.endsWith("systemctl restart 'kubelet.service'"))
        yield { type: 'restarted', name: 'kubelet.service', phase: 'node' };
      else assert.fail(`${name}: what is ${JSON.stringify(frame.slice(0, 200))}?`);
      rest = rest.subarray(length);
    }
  }

  #cluster(live: () => void): Cluster {
    const cluster: Partial<Cluster> = {
      waitReady: async () => live(),
      prepare: async () => {
        live();
        this.#isPrepared = true;
        return [];
      },
      createToken: async () => {
        live();
        return 'abcdef.0123456789abcdef';
      },
      approveServing: async () => {
        live();
        for (const name of this.#joining) this.#served.add(name);
      },
      nodes: async () => {
        live();
        const state: NodeState = { ready: true, message: '', podCidrs: [], heartbeat: `${this.points}` };
        return new Map([...this.#joining].map((name) => [name, state]));
      },
      close: async () => undefined,
    };
    return cluster as Cluster;
  }

  requireWhole(when: string): void {
    const left = this.plans().filter((plan) => !isEmpty(plan));
    assert.deepEqual(
      left.flatMap(({ host, changes }) => changes.map(({ title }) => `${host}: ${title}`)),
      [],
      when,
    );
    assert.deepEqual(left, [], when);
    assert.ok(this.#isPrepared, `${when}: the cluster has its objects`);
    assert.deepEqual([...this.#served].sort(), ['m', 'w'], when);
  }
}

test('killed at any point, within any service’s start, an apply is made whole by the next', async () => {
  const whole = new Scene();
  await whole.apply();
  whole.requireWhole('never killed');
  const { points } = whole;
  assert.ok(points > 150, `${points} points`);
  for (const within of [false, true])
    for (let point = 0; point < points; point++) {
      const scene = new Scene();
      await assert.rejects(scene.apply({ point, within }), /killed/);
      await scene.apply();
      scene.requireWhole(`killed at ${point} of ${points}`);
    }
});

test('killed again and again, each time a little later, it comes to its end', async () => {
  const scene = new Scene();
  for (let point = 1; ; point += 3) {
    const isKilled = await scene.apply({ point }).then(
      () => false,
      (error: Error) => /killed/.test(error.message),
    );
    if (!isKilled) break;
  }
  scene.requireWhole('at last');
});
