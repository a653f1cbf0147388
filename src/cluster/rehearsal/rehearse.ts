import type { V1ClusterRoleBinding } from '../../api/gen/types.ts';
import { clusterRoleBindingKind } from '../../api/rbac/v1/cluster-role-binding.ts';
import { startApiServer } from '../../apiserver/apiserver.ts';
import { createApprover } from '../../approver/approver.ts';
import { ApproverMetrics } from '../../approver/approver-metrics.ts';
import { createClient } from '../../client/create-client.ts';
import type { ObjectReader } from '../../client/object-reader.ts';
import { createSharedReader } from '../../client/shared-reader.ts';
import type { Transport } from '../../client/transport/transport.ts';
import { createControllerManager } from '../../controllers/controller-manager.ts';
import { type Authority, createAuthority } from '../../pki/authority.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { type Component, ComponentGroup } from '../../std/lifecycle.ts';
import { silentLogger } from '../../std/logger.ts';
import { Resources } from '../../std/resources.ts';
import { createMemoryStore } from '../../store/memory/memory-store.ts';
import { issueLeaf } from '../authorities.ts';
import { joinBindings } from '../bootstrap-objects.ts';
import { CertificateGate } from './certificate-gate.ts';
import { Chronicle, type ChronicleEntry, type Summary } from './chronicle.ts';
import { Quiet } from './quiet.ts';
import { RehearsalClock } from './rehearsal-clock.ts';
import { RehearsedNode } from './rehearsed-node.ts';
import { type Fault, type Scenario, seededRandom } from './scenario.ts';

export interface RehearsalResult {
  readonly summary: Summary;
  readonly entries: readonly ChronicleEntry[];
}

export interface RehearsalOptions {
  readonly signal: AbortSignal;
}

const BACKDATE_MS = 5 * 60_000;
/** While a node waits for an answer, time goes step by step, so that retries come when they would; for no longer than this after it asked. */
const FINE_MS = 120_000;
/** As many nodes are switched on together; the API server refuses whole data centres at once, rightly. */
const JOINING_AT_ONCE = 100;
const NEXT_JOINING_MS = 60_000;
const LONG_WATCH_SECONDS = 1_000_000_000;
const SERVICE_RANGE = '10.96.0.0/12';

/**
 * Plays a cluster's certificates through years of its own time: API server, signer, approver and the certificate half of every kubelet are the
 * real ones, time is not. Nothing listens but the API server's own port on the loopback.
 */
export async function rehearse(scenario: Scenario, options: RehearsalOptions): Promise<RehearsalResult> {
  const rehearsal = new Rehearsal(scenario, options);
  try {
    await rehearsal.start();
    await rehearsal.play();
    return rehearsal.result();
  } finally {
    await rehearsal.stop();
  }
}

/** Watches are begun anew every few minutes, to share them out over servers. There is one here, and years have many minutes. */
function withLongWatches(transport: Transport): Transport {
  const long = (path: string) => path.replace(/([?&]timeoutSeconds=)\d+/, `$1${LONG_WATCH_SECONDS}`);
  return {
    request: (request) => transport.request({ ...request, path: long(request.path) }),
    close: (options) => transport.close(options),
  };
}

class Rehearsal {
  readonly #scenario: Scenario;
  readonly #options: RehearsalOptions;
  readonly #random: () => number;
  readonly #chronicle = new Chronicle();
  readonly #quiet = new Quiet();
  /** Of nodes and faults: every timer is observed at its time. */
  readonly #world: RehearsalClock;
  /** Of the control plane, whose many small timers are leapt over while nobody asks it for anything. */
  readonly #server: RehearsalClock;
  readonly #stack = new Resources();
  readonly #nodes = new Map<string, RehearsedNode>();
  readonly #parts = new Map<Fault['kind'], { create: () => Component; group: ComponentGroup | undefined }>();
  #apiServerAway = false;
  #gate: CertificateGate | undefined;
  /** The one that signs, first; before it all that are believed still. */
  readonly #authorities: Authority[] = [];
  #fineUntilMs: number;

  constructor(scenario: Scenario, options: RehearsalOptions) {
    this.#scenario = scenario;
    this.#options = options;
    this.#random = seededRandom(scenario.seed);
    this.#world = new RehearsalClock(scenario.startMs);
    this.#server = new RehearsalClock(scenario.startMs);
    this.#fineUntilMs = scenario.startMs + FINE_MS;
  }

  async start(): Promise<void> {
    const { caLifetimeMs, certificateLifetimeMs } = this.#scenario;
    const clock = this.#server;
    const random = this.#random;
    const authority = await this.#makeAuthority(caLifetimeMs);
    const store = createMemoryStore({ clock });
    this.#stack.defer(() => store.close());
    const [tls, serviceAccountKey] = await Promise.all([
      issueLeaf(authority, clock, { commonName: 'kube-apiserver', dnsNames: ['localhost'], use: 'server auth' }),
      generatePrivateKey(),
    ]);
    const apiServer = await startApiServer({
      ...{ store, clock, logger: silentLogger, random, bindAddress: '127.0.0.1', port: 0, tls },
      clientCaPem: authority.certificatePem,
      serviceClusterIpRange: SERVICE_RANGE,
      security: {
        clientCa: true,
        authorizationModes: ['Node', 'RBAC'],
        enableAdmissionPlugins: ['NodeRestriction'],
        serviceAccount: {
          issuer: 'https://kubernetes.default.svc',
          signingKeyPem: serviceAccountKey.pem,
          verificationKeyPems: [],
        },
      },
    });
    this.#stack.defer(() => apiServer.stop());
    // As in a cluster's process: what all of them are told in the same bytes is parsed once.
    const reader = createSharedReader({ clock });
    const as = (name: string, ...groups: string[]) =>
      createClient({
        reader,
        transport: withLongWatches(apiServer.transport({ name, groups: [...groups, 'system:authenticated'] })),
        userAgent: 'muster',
      });
    const admin = as('rehearsal', 'system:masters');
    for (const binding of joinBindings()) await admin.resource<V1ClusterRoleBinding>(clusterRoleBindingKind).create(binding);
    const gate = new CertificateGate({
      apiServer,
      clock,
      authorities: () => this.#authorities.map(({ certificate }) => certificate),
      isAway: () => this.#apiServerAway,
      onRequest: () => {
        this.#fineUntilMs = Math.max(this.#fineUntilMs, this.#world.now() + FINE_MS);
      },
    });
    this.#gate = gate;
    this.#makeNodes(gate, reader);
    this.#addPart('signer-away', () =>
      createControllerManager({
        ...{ clientFor: () => admin, clock, logger: silentLogger, random, identity: 'rehearsal' },
        controllers: ['csrapproving', 'csrsigning', 'csrcleaner'],
        signing: this.#authorities[0]!,
        signingDurationMs: certificateLifetimeMs,
      }),
    );
    this.#addPart('approver-away', () => this.#approver(admin));
    this.#quiet.start();
    this.#stack.defer(() => this.#quiet.stop());
    for (const kind of this.#parts.keys()) await this.#startPart(kind);
    this.#planFaults();
    for (const [i, node] of [...this.#nodes.values()].entries()) {
      const group = Math.floor(i / JOINING_AT_ONCE);
      if (group === 0) node.switchOn();
      else this.#at(group * NEXT_JOINING_MS, () => node.switchOn());
    }
  }

  async #makeAuthority(lifetimeMs: number): Promise<Authority> {
    const nowMs = this.#world.now();
    const dates = { notBeforeMs: nowMs - BACKDATE_MS, notAfterMs: nowMs + lifetimeMs };
    const authority = await createAuthority({ commonName: 'kubernetes', ...dates });
    this.#authorities.unshift(authority);
    this.#at(authority.notAfterMs - this.#scenario.startMs, () => this.#note('cluster', 'authority ended'));
    return authority;
  }

  #makeNodes(gate: CertificateGate, reader: ObjectReader): void {
    const { nodes, rejoin } = this.#scenario;
    for (const [i, name] of nodes.entries())
      this.#nodes.set(
        name,
        new RehearsedNode({
          name,
          address: `10.${64 + ((i >> 16) & 63)}.${(i >> 8) & 255}.${i & 255}`,
          connect: (node, pair) => gate.connect(node.clock, pair, pair() === undefined),
          ...{ clock: this.#world, random: this.#random, chronicle: this.#chronicle, rejoin, reader },
        }),
      );
  }

  #approver(client: Parameters<typeof createApprover>[0]['client']): Component {
    const nothing = { event: () => undefined, flush: () => Promise.resolve() };
    return createApprover({
      ...{ client, events: nothing, metrics: new ApproverMetrics(), clock: this.#server, logger: silentLogger },
      ...{ allowedPrefixes: [], approveClient: false, dryRun: false },
      // Every node asks for its own names here; what is rehearsed is time.
      sources: [{ name: 'rehearsal', ask: (_node, names) => Promise.resolve(names.map(() => 'own' as const)) }],
      limits: {
        ...{ maxNames: 16, minLifetimeMs: 0, maxLifetimeMs: Number.MAX_SAFE_INTEGER, maxPendingPerNode: 1000 },
        ...{ acceptNodeStatus: false, allowLoopback: false, allowRejoin: true },
      },
      clusterNames: () =>
        Promise.resolve({
          ...{
            clusterDomain: 'cluster.local',
            serviceRanges: [],
            serviceAddresses: new Set<string>(),
            moreNames: [],
            moreRanges: [],
          },
          ...{ apiServerNames: new Set<string>(), apiServerAddresses: new Set<string>() },
        }),
      servedCertificate: () => Promise.resolve(undefined),
    });
  }

  #addPart(kind: Fault['kind'], create: () => Component): void {
    this.#parts.set(kind, { create, group: undefined });
    this.#stack.defer(() => this.#stopPart(kind));
  }

  async #startPart(kind: Fault['kind']): Promise<void> {
    const part = this.#parts.get(kind)!;
    if (part.group) return;
    part.group = new ComponentGroup();
    await part.group.start(part.create());
  }

  async #stopPart(kind: Fault['kind']): Promise<void> {
    const part = this.#parts.get(kind)!;
    const { group } = part;
    part.group = undefined;
    await group?.stop();
  }

  /** Does something so long after the start. */
  #at(sinceStartMs: number, act: () => Promise<void> | void): void {
    this.#world.setTimer(this.#scenario.startMs + sinceStartMs - this.#world.now(), () => {
      this.#fineUntilMs = Math.max(this.#fineUntilMs, this.#world.now() + FINE_MS);
      void act();
    });
  }

  #planFaults(): void {
    for (const fault of this.#scenario.faults) {
      this.#at(fault.atMs, () => this.#begin(fault));
      if (fault.kind !== 'ca-replaced') this.#at(fault.atMs + fault.forMs, () => this.#end(fault));
    }
  }

  async #begin(fault: Fault): Promise<void> {
    const { kind } = fault;
    if (kind === 'ca-replaced') {
      await this.#makeAuthority(fault.forMs);
      this.#note('cluster', 'authority replaced');
      if (this.#parts.get('signer-away')?.group === undefined) return;
      await this.#stopPart('signer-away');
      await this.#startPart('signer-away');
      return;
    }
    if (kind === 'node-off' || kind === 'clock') {
      for (const node of this.#befallen(fault)) {
        this.#note(
          node.name,
          kind === 'clock' ? 'clock wrong' : 'went off',
          kind === 'clock' ? `by ${fault.offsetMs / 1000} s` : undefined,
        );
        if (kind === 'clock') node.setClock(fault.offsetMs);
        else await node.switchOff();
      }
      return;
    }
    this.#note(kind.replace('-away', ''), 'away');
    if (kind === 'apiserver-away') this.#apiServerAway = true;
    else await this.#stopPart(kind);
  }

  async #end(fault: Fault): Promise<void> {
    const { kind } = fault;
    if (kind === 'node-off' || kind === 'clock') {
      for (const node of this.#befallen(fault)) {
        this.#note(node.name, kind === 'clock' ? 'clock right' : 'came back');
        if (kind === 'clock') node.setClock(0);
        else node.switchOn();
      }
      return;
    }
    this.#note(kind.replace('-away', ''), 'back');
    if (kind === 'apiserver-away') this.#apiServerAway = false;
    else await this.#startPart(kind);
  }

  #befallen({ nodes }: Fault): RehearsedNode[] {
    return nodes.map((name) => this.#nodes.get(name)!);
  }

  /** Moves both clocks on, from one thing that happens to the next, each time when all that it led to has come to rest. */
  async play(): Promise<void> {
    const { startMs, durationMs } = this.#scenario;
    const { signal } = this.#options;
    const endMs = startMs + durationMs;
    for (;;) {
      await this.#quiet.wait();
      signal.throwIfAborted();
      const nextMs = Math.min(this.#world.nextDueMs ?? Number.POSITIVE_INFINITY, endMs);
      const serverMs = this.#server.nextDueMs ?? Number.POSITIVE_INFINITY;
      if (this.#gate?.busy && serverMs <= nextMs && serverMs <= this.#fineUntilMs) {
        this.#world.leapTo(Math.min(serverMs, nextMs));
        this.#server.step();
        continue;
      }
      this.#server.leapTo(nextMs);
      await this.#quiet.wait();
      if ((this.#world.nextDueMs ?? Number.POSITIVE_INFINITY) > endMs) {
        this.#world.leapTo(endMs);
        return;
      }
      this.#world.step();
    }
  }

  result(): RehearsalResult {
    const { nodes, durationMs } = this.#scenario;
    const lost = [...this.#nodes.values()].filter((node) => node.isOn && !node.holdsClientCertificate).map(({ name }) => name);
    const summary = this.#chronicle.summary({ nodes: nodes.length, simulatedMs: durationMs, endMs: this.#world.now(), lost });
    return { summary, entries: this.#chronicle.entries };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.switchOff()));
    // Whoever waits on these clocks while it ends is not kept waiting.
    const pump = setInterval(() => this.#server.step(), 1);
    try {
      await this.#stack.disposeAsync();
    } finally {
      clearInterval(pump);
    }
  }

  #note(who: string, what: ChronicleEntry['what'], detail?: string): void {
    this.#chronicle.note({ atMs: this.#world.now(), who, what, ...(detail && { detail }) });
  }
}
