import { certificateSigningRequestKind } from '../api/certificates/v1/certificate-signing-request.ts';
import {
  isIssued,
  KUBE_APISERVER_CLIENT_KUBELET,
  KUBELET_SERVING,
  withCondition,
} from '../api/certificates/v1/signer-conditions.ts';
import { nodeKind } from '../api/core/v1/node.ts';
import type { V1CertificateSigningRequest, V1Node } from '../api/gen/types.ts';
import type { IpRange } from '../api/machinery/ip.ts';
import { formatTime } from '../api/machinery/object.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import { createInformer } from '../client/informer.ts';
import { LoopMetrics } from '../client/loop-metrics.ts';
import { type Outcome, Reconciler } from '../client/reconciler.ts';
import { unlessReason } from '../client/unless-reason.ts';
import type { Clock } from '../std/clock.ts';
import { type Component, deferred } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';
import type { ApproverMetrics } from './approver-metrics.ts';
import { createClusterView, isSuperseded, isUndecided, SUPERSEDED, servingKey, workKey } from './cluster-view.ts';
import { type Decision, decide } from './decide.ts';
import type { ClusterNames } from './denied-names.ts';
import { gatherFacts } from './gather-facts.ts';
import { differsFromRequest } from './issued-check.ts';
import type { NameSource } from './names/name-source.ts';
import type { ApproverLimits, CurrentCertificate, RequestFacts } from './request-facts.ts';
import { spreadOut } from './spread-out.ts';

export interface ApproverOptions {
  /** May list and watch requests and Nodes, and approve for the signers. */
  readonly client: Client;
  readonly sources: readonly NameSource[];
  readonly allowedPrefixes: readonly IpRange[];
  readonly limits: ApproverLimits;
  /** Also decide on kubelets' client certificates. */
  readonly approveClient: boolean;
  /** Decide, log and count, but write nothing. */
  readonly dryRun: boolean;
  /** The cluster's own names; asked now and then. */
  readonly clusterNames: () => Promise<ClusterNames>;
  readonly servedCertificate: (node: V1Node) => Promise<CurrentCertificate | undefined>;
  readonly events: EventRecorder;
  readonly metrics: ApproverMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

const APPROVED_REASON = 'AllRulesHold';
const NAMES_KEPT_MS = 60_000;
/** Enough that one source that is slow does not hold up the others' nodes. */
const WORKERS = 32;
const MOST_IN_ONE_TURN = 50;
/** By then the copies have what was written. */
const NEXT_TURN_MS = 100;

/**
 * Decides on kubelets' certificate requests for as long as it runs. Level-triggered: requests that are there when it starts are looked at,
 * and a request that waits is looked at again when its Node changes or its time has come.
 */
export function createApprover(options: ApproverOptions): Component {
  return new Approver(options);
}

class Approver implements Component {
  readonly name = 'approver';
  readonly #options: ApproverOptions;
  readonly #requests;
  readonly #nodes;
  readonly #view;
  readonly #loop: Reconciler;
  readonly #done = deferred();
  /** Code and message of the rule that keeps a request, told once. */
  readonly #waiting = new Map<string, { readonly code: string; readonly message: string }>();
  readonly #seenMs = new Map<string, number>();
  #clusterNames: { readonly names: Promise<ClusterNames>; readonly untilMs: number } | undefined;

  constructor(options: ApproverOptions) {
    const { client, clock, logger, metrics } = options;
    this.#options = options;
    this.#requests = createInformer<V1CertificateSigningRequest>({ client, kind: certificateSigningRequestKind, clock, logger });
    this.#nodes = createInformer<V1Node>({ client, kind: nodeKind, clock, logger });
    this.#view = createClusterView({ requests: this.#requests, nodes: this.#nodes, clock });
    const reconcile = (key: string, signal: AbortSignal) => this.#reconcile(key, signal);
    const loop = {
      name: this.name,
      reconcile,
      clock,
      logger,
      metrics: new LoopMetrics(),
      workers: WORKERS,
      maxBackoffMs: 60_000,
    };
    this.#loop = new Reconciler(loop);
    metrics.watchPending(() => this.#pendingByRule());
    this.#done.promise.catch(() => undefined); // awaited by whoever stops the approver
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    // Nodes first: without them every request would seem to be of a node that is not there.
    await this.#nodes.start(signal);
    this.#requests.onChange(({ type, object, previous }) => {
      const name = object.metadata?.name ?? '';
      if (type === 'deleted' || !this.#concerns(object)) {
        this.#forget(name);
        if (type === 'updated' && isIssued(object) && previous && !isIssued(previous)) this.#checkIssued(object);
        return;
      }
      if (!this.#seenMs.has(name)) this.#seenMs.set(name, clock.now());
      this.#loop.add(workKey(object));
    });
    this.#nodes.onChange(({ object, type }) => {
      const key = servingKey(object.metadata?.name ?? '');
      if (type !== 'deleted' && this.#view.undecided(key).length > 0) this.#loop.add(key);
    });
    await this.#requests.start(signal);
    Promise.all([this.#nodes.done, this.#requests.done, this.#loop.run(signal)]).then(
      () => this.#done.resolve(),
      this.#done.reject,
    );
  }

  /** Undecided, not put aside, and for a signer that we decide for. */
  #concerns(csr: V1CertificateSigningRequest): boolean {
    const mine =
      csr.spec.signerName === KUBELET_SERVING ||
      (this.#options.approveClient && csr.spec.signerName === KUBE_APISERVER_CLIENT_KUBELET);
    return mine && isUndecided(csr) && !isSuperseded(csr);
  }

  /**
   * Of one node after the other, so that the requests of one never take more than one worker: the newest first, then the others, which are
   * put aside, a limited number at a time.
   */
  async #reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const mine = this.#view.undecided(key).filter((csr) => this.#concerns(csr));
    const order = ({ metadata }: V1CertificateSigningRequest) => `${metadata?.creationTimestamp ?? ''} ${metadata?.name ?? ''}`;
    const newestFirst = mine.toSorted((a, b) => (order(a) < order(b) ? 1 : -1));
    // Without writes nothing is ever put aside, and the rest would never have its turn.
    const turn = this.#options.dryRun ? newestFirst : newestFirst.slice(0, MOST_IN_ONE_TURN);
    let againMs = turn.length < mine.length ? NEXT_TURN_MS : undefined;
    for (const csr of turn) {
      const waitMs = await this.#decideOn(csr, signal);
      if (waitMs !== undefined) againMs = Math.min(waitMs, againMs ?? waitMs);
    }
    return againMs === undefined ? undefined : { requeueAfterMs: againMs };
  }

  /** Answers when to look at it again, if there is a time for it. */
  async #decideOn(csr: V1CertificateSigningRequest, signal: AbortSignal): Promise<number | undefined> {
    const { clock, limits, sources, allowedPrefixes, servedCertificate, metrics } = this.#options;
    const name = csr.metadata?.name ?? '';
    const facts = await gatherFacts(csr, {
      view: this.#view,
      cluster: await this.#names(),
      ...{ sources, allowedPrefixes, limits, servedCertificate, signal },
    });
    const decision = decide(facts);
    this.#countFailures(facts);
    if (decision.outcome === 'wait') return this.#wait(csr, facts, decision, signal);
    // Sources take their time: what was judged must still be what is there.
    if (this.#view.node(facts.nodeName)?.metadata?.resourceVersion !== facts.node?.metadata?.resourceVersion) return NEXT_TURN_MS;
    if (decision.outcome === 'approve' && !(await this.#isStillThere(facts, signal))) return NEXT_TURN_MS;
    await this.#write(csr, facts, decision, signal);
    metrics.decisions.increment(decision.outcome, decision.rule?.code ?? '', csr.spec.signerName);
    const seenMs = this.#seenMs.get(name);
    if (seenMs !== undefined) metrics.seconds.observe((clock.now() - seenMs) / 1000, decision.outcome);
    this.#forget(name);
    return undefined;
  }

  /** The copy of the Nodes may be behind, for as long as their watch is broken: a Node that has gone is not approved by what it was. */
  async #isStillThere({ nodeName, node }: RequestFacts, signal: AbortSignal): Promise<boolean> {
    const nodes = this.#options.client.resource<V1Node>(nodeKind);
    const { items } = await nodes.list({ fieldSelector: `metadata.name=${nodeName}`, signal });
    const now = items.find(({ metadata }) => metadata?.name === nodeName)?.metadata;
    return now?.uid === node?.metadata?.uid && now?.deletionTimestamp === undefined;
  }

  async #wait(
    csr: V1CertificateSigningRequest,
    facts: RequestFacts,
    decision: Decision,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { events, logger, metrics, dryRun } = this.#options;
    const name = csr.metadata?.name ?? '';
    const rule = decision.rule!;
    const before = this.#waiting.get(name);
    if (before?.message !== decision.message) {
      this.#waiting.set(name, { code: rule.code, message: decision.message });
      logger.info('Certificate request waits', { csr: name, node: facts.nodeName, rule: rule.code, why: decision.message });
      metrics.decisions.increment('wait', rule.code, csr.spec.signerName);
      if (!dryRun && facts.newerRequest === undefined) events.event(csr, 'Warning', rule.name, decision.message);
    }
    if (facts.newerRequest !== undefined) {
      if (!dryRun) await this.#markSuperseded(csr, facts.newerRequest, signal);
      if (!dryRun) this.#forget(name);
      return undefined;
    }
    return decision.retryAfterMs === undefined ? undefined : spreadOut(decision.retryAfterMs, name);
  }

  /** Conflicts reject, and the loop then decides again on what is there: nothing is ever approved twice. */
  async #write(csr: V1CertificateSigningRequest, facts: RequestFacts, decision: Decision, signal: AbortSignal): Promise<void> {
    const { client, clock, dryRun, events, logger } = this.#options;
    const approved = decision.outcome === 'approve';
    const reason = decision.rule?.name ?? APPROVED_REASON;
    const said = { csr: csr.metadata?.name, node: facts.nodeName, rule: decision.rule?.code, why: decision.message };
    if (dryRun) {
      logger.info(`Would have ${approved ? 'approved' : 'denied'} the certificate request`, said);
      return;
    }
    const condition = { type: approved ? 'Approved' : 'Denied', reason, message: decision.message, nowMs: clock.now() } as const;
    const requests = client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
    await unlessReason(requests.update(withCondition(csr, condition), { subresource: 'approval', signal }), 'NotFound');
    logger.info(`${approved ? 'Approved' : 'Denied'} the certificate request`, said);
    events.event(csr, approved ? 'Normal' : 'Warning', reason, decision.message);
  }

  /** A condition of our own, so that people see why nobody looks at it any more. It neither approves nor denies. */
  async #markSuperseded(csr: V1CertificateSigningRequest, newer: string, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    const now = formatTime(clock.now());
    const message = `APV-501 ${newer} is a newer request of the same node.`;
    const condition = {
      type: SUPERSEDED,
      status: 'True',
      reason: SUPERSEDED,
      message,
      lastUpdateTime: now,
      lastTransitionTime: now,
    };
    const marked = { ...csr, status: { ...csr.status, conditions: [...(csr.status?.conditions ?? []), condition] } };
    const requests = client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
    await unlessReason(requests.update(marked, { subresource: 'approval', signal }), 'NotFound');
  }

  #checkIssued(csr: V1CertificateSigningRequest): void {
    const ours = csr.status?.conditions?.some(({ type, reason }) => type === 'Approved' && reason === APPROVED_REASON);
    if (!ours) return;
    const { limits, logger, events, metrics } = this.#options;
    const difference = differsFromRequest(csr, limits.maxLifetimeMs);
    if (difference === undefined) return;
    metrics.issuedDifferently.increment();
    logger.error('The signer issued another certificate than was approved', { csr: csr.metadata?.name, difference });
    events.event(csr, 'Warning', 'IssuedDifferently', `APV-601 The certificate is not what was approved: ${difference}.`);
  }

  #names(): Promise<ClusterNames> {
    const { clock, clusterNames } = this.#options;
    const now = clock.now();
    if (!this.#clusterNames || now >= this.#clusterNames.untilMs) {
      const names = clusterNames();
      this.#clusterNames = { names, untilMs: now + NAMES_KEPT_MS };
      // Whoever waits for it hears of the failure; the next one asks anew.
      names.catch(() => {
        this.#clusterNames = undefined;
      });
    }
    return this.#clusterNames.names;
  }

  #countFailures({ names }: RequestFacts): void {
    const away = new Set(names.filter(({ ownership }) => ownership === 'unavailable').map(({ by }) => by.split(':')[0]!));
    for (const source of away) this.#options.metrics.sourceFailures.increment(source);
  }

  #pendingByRule(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { code } of this.#waiting.values()) counts.set(code, (counts.get(code) ?? 0) + 1);
    return counts;
  }

  #forget(name: string): void {
    this.#waiting.delete(name);
    this.#seenMs.delete(name);
  }
}
