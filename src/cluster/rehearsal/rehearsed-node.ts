import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { createClient } from '../../client/create-client.ts';
import type { ObjectReader } from '../../client/object-reader.ts';
import type { Transport } from '../../client/transport/transport.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { CLIENT_SIGNER, CLIENT_USAGES, NODES_GROUP, nodeUserName } from '../../kubelet/bootstrap/bootstrap.ts';
import { createCertificateManager } from '../../kubelet/certificates/certificate-manager.ts';
import type { CertificateStore, KeyPair } from '../../kubelet/certificates/certificate-store.ts';
import { rotationRetryDelayMs } from '../../kubelet/certificates/rotation-plan.ts';
import { awaitCertificate, fileSigningRequest } from '../../kubelet/certificates/signing-request.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import type { Clock, Timer } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { isAbort } from '../../std/lifecycle.ts';
import { silentLogger } from '../../std/logger.ts';
import type { Chronicle } from './chronicle.ts';
import { skewed } from './rehearsal-clock.ts';

export interface RehearsedNodeOptions {
  readonly name: string;
  readonly address: string;
  /** Opens a way to the API server that proves itself with what `pair` answers at each request; with a token when that is undefined. */
  readonly connect: (node: RehearsedNode, pair: () => KeyPair | undefined) => Transport;
  readonly clock: Clock;
  /** Shared with the control plane's components. */
  readonly reader: ObjectReader;
  readonly random: () => number;
  readonly chronicle: Chronicle;
  readonly rejoin: boolean;
}

const SIGNING_TIMEOUT_MS = 15 * 60_000;
type Purpose = 'client' | 'serving';

/** The half of a kubelet that has to do with certificates: the kubelet's own code, with its files in memory and its clock in our hands. */
export class RehearsedNode {
  readonly name: string;
  readonly clock: Clock;
  readonly #options: RehearsedNodeOptions;
  readonly #pairs: { client: KeyPair | undefined; serving: KeyPair | undefined } = { client: undefined, serving: undefined };
  readonly #ends = new Map<Purpose, Timer>();
  readonly #without = new Set<Purpose>();
  #offsetMs = 0;
  #life: AbortController | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(options: RehearsedNodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.clock = skewed(options.clock, () => this.#offsetMs);
  }

  get isOn(): boolean {
    return this.#life !== undefined;
  }

  /** The pair in use, run out or not. */
  pair(purpose: Purpose): KeyPair | undefined {
    return this.#pairs[purpose];
  }

  /** Whether its client certificate holds by the time of the world. */
  get holdsClientCertificate(): boolean {
    return (this.#pairs.client?.notAfterMs ?? 0) > this.#options.clock.now();
  }

  setClock(offsetMs: number): void {
    this.#offsetMs = offsetMs;
  }

  switchOn(): void {
    if (this.#life) return;
    const life = new AbortController();
    this.#life = life;
    for (const purpose of ['client', 'serving'] as const) if (this.#pairs[purpose]) this.#watchEnd(purpose);
    this.#ended = this.#run(life.signal).catch((error: unknown) => {
      if (!isAbort(error, life.signal)) this.#note('cannot come back', undefined, (error as Error).message);
    });
  }

  async switchOff(): Promise<void> {
    this.#life?.abort(new DOMException('switched off', 'AbortError'));
    this.#life = undefined;
    for (const timer of this.#ends.values()) timer.cancel();
    await this.#ended;
  }

  /** What the kubelet does at its start: a valid certificate is used, else a token buys one, else it ends. */
  async #run(signal: AbortSignal): Promise<void> {
    if (!this.#pairs.client || this.#pairs.client.notAfterMs <= this.clock.now()) {
      if (this.#pairs.client && !this.#options.rejoin)
        throw new CodedError('its client certificate ran out while it was off, and there is no bootstrap token', {
          code: 'NODE_LOST',
        });
      await this.#join(signal);
    }
    const client = this.#client(() => this.#pairs.client);
    await this.#register(client, signal);
    const managers = [
      this.#manager('client', client, { commonName: nodeUserName(this.name), organizations: [NODES_GROUP] }),
      this.#manager('serving', client, {
        commonName: nodeUserName(this.name),
        organizations: [NODES_GROUP],
        dnsNames: [this.name],
        ipAddresses: [this.#options.address],
      }),
    ];
    await Promise.all(managers.map((manager) => manager.start(signal)));
    await Promise.all(managers.map((manager) => manager.done));
  }

  async #join(signal: AbortSignal): Promise<void> {
    const { random } = this.#options;
    const client = this.#client(() => undefined);
    const deps = { client, clock: this.clock, logger: silentLogger, random };
    const template = { commonName: nodeUserName(this.name), organizations: [NODES_GROUP] };
    for (let failures = 0; ; ) {
      const key = await generatePrivateKey();
      try {
        const filed = await fileSigningRequest(deps, { key, template, signerName: CLIENT_SIGNER, usages: CLIENT_USAGES, signal });
        const certificatePem = await awaitCertificate(deps, filed, { timeoutMs: SIGNING_TIMEOUT_MS, signal });
        this.#take('client', pairOf(certificatePem, key.pem), 'joined');
        return;
      } catch (error) {
        if (isAbort(error, signal)) throw error;
        this.#note('renewal failed', 'client', (error as Error).message);
        await this.clock.sleep(rotationRetryDelayMs(++failures, random), signal);
      }
    }
  }

  async #register(client: Client, signal: AbortSignal): Promise<void> {
    const node: V1Node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: this.name },
      status: { addresses: [{ type: 'InternalIP', address: this.#options.address }] },
    };
    for (let failures = 0; ; ) {
      try {
        await unlessReason(client.resource<V1Node>(nodeKind).create(node, { signal }), 'AlreadyExists');
        return;
      } catch (error) {
        if (isAbort(error, signal)) throw error;
        await this.clock.sleep(rotationRetryDelayMs(++failures, this.#options.random), signal);
      }
    }
  }

  #manager(purpose: Purpose, client: Client, template: Parameters<typeof createCertificateManager>[0]['template']) {
    const store: CertificateStore = {
      currentPath: '',
      load: () => Promise.resolve(this.#pairs[purpose]),
      save: (certificatePem, privateKeyPem) => Promise.resolve(pairOf(certificatePem, privateKeyPem)),
    };
    const logger = { ...silentLogger, error: (message: string) => this.#note('renewal failed', purpose, message) };
    return createCertificateManager({
      signerName: purpose === 'client' ? CLIENT_SIGNER : 'kubernetes.io/kubelet-serving',
      usages: purpose === 'client' ? CLIENT_USAGES : ['digital signature', 'key encipherment', 'server auth'],
      template,
      store,
      initial: this.#pairs[purpose],
      client,
      clock: this.clock,
      logger: { ...logger, child: () => logger },
      random: this.#options.random,
      onRenewed: (pair) => this.#take(purpose, pair, 'renewed'),
    });
  }

  #client(pair: () => KeyPair | undefined): Client {
    const { connect, reader } = this.#options;
    return createClient({ transport: connect(this, pair), userAgent: 'kubelet', reader });
  }

  #take(purpose: Purpose, pair: KeyPair, what: 'joined' | 'renewed'): void {
    this.#pairs[purpose] = pair;
    this.#note(what, purpose);
    if (this.#without.delete(purpose)) this.#note('has a certificate again', purpose);
    this.#watchEnd(purpose);
  }

  /** Certificates that run out while the node is on are what a rehearsal looks for. */
  #watchEnd(purpose: Purpose): void {
    this.#ends.get(purpose)?.cancel();
    const { clock } = this.#options;
    const pair = this.#pairs[purpose]!;
    // What ran out while it was off is no miss of a renewal.
    if (pair.notAfterMs <= clock.now()) return;
    const timer = clock.setTimer(pair.notAfterMs - clock.now(), () => {
      if (this.#pairs[purpose] !== pair || !this.isOn) return;
      this.#without.add(purpose);
      this.#note('certificate ran out', purpose);
      // It has nothing left to prove itself with: its tries would be answered 401 twice a minute until somebody restarts it.
      if (purpose === 'client') this.#life?.abort(new DOMException('its client certificate has run out', 'AbortError'));
    });
    this.#ends.set(purpose, timer);
  }

  #note(
    what: 'joined' | 'renewed' | 'renewal failed' | 'certificate ran out' | 'has a certificate again' | 'cannot come back',
    purpose?: Purpose,
    detail?: string,
  ): void {
    this.#options.chronicle.note({
      atMs: this.#options.clock.now(),
      who: this.name,
      what,
      ...(purpose && { purpose }),
      ...(detail && { detail }),
    });
  }
}

/** As a store reads it back from its file, but for the check of the key, which takes OpenSSL longer than all the rest: it was ours a moment ago. */
function pairOf(certificatePem: string, privateKeyPem: string): KeyPair {
  const { notBeforeMs, notAfterMs } = parseCertificates(certificatePem)[0]!;
  return { certificatePem, privateKeyPem, notBeforeMs, notAfterMs };
}
