import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { secretKind } from '../api/core/v1/secret.ts';
import type { V1Secret } from '../api/gen/types.ts';
import type { Client } from '../client/client.ts';
import { createClient } from '../client/create-client.ts';
import type { ObjectReader } from '../client/object-reader.ts';
import { unlessReason } from '../client/unless-reason.ts';
import { writeFileAtomic } from '../std/atomic-file.ts';
import { Backoff } from '../std/backoff.ts';
import type { Timer } from '../std/clock.ts';
import { makeDirectories } from '../std/directories.ts';
import type { Logger } from '../std/logger.ts';
import {
  type BootstrapToken,
  bootstrapTokenSecret,
  generateBootstrapToken,
  splitBootstrapToken,
  TOKEN_NAMESPACE,
  TOKEN_SECRET_PREFIX,
} from './bootstrap-token.ts';
import type { ControlPlane } from './control-plane.ts';
import type { NodeRecord } from './data-directory.ts';
import type { RunningKubelet } from './hollow-kubelet.ts';
import { bootstrapKubeconfig } from './kubeconfigs.ts';
import type { ClusterConfig } from './options.ts';

/** A node of a cluster that runs in this process. */
export interface ClusterNode {
  readonly name: string;
  /** Where its kubelet serves HTTPS. */
  readonly address: string;
  readonly port: number;
  /** Starts its kubelet; a stopped one with the identity that it had. Resolves when it has its identity and works. */
  start(): Promise<void>;
  /** Ends its kubelet as a crash of the machine would: the Node object stays. */
  stop(): Promise<void>;
}

export interface ManagedNode extends ClusterNode {
  /** Takes back the token that the node joined with, now that it has a certificate. */
  forgetToken(): Promise<void>;
}

export interface ClusterNodeOptions extends NodeRecord {
  readonly config: ClusterConfig;
  readonly controlPlane: ControlPlane;
  /** Makes its kubelet, each time anew. */
  readonly createKubelet: CreateKubelet;
  /** Of the cluster; the node's own files are in `nodes/<name>` below. */
  readonly directory: string;
}

export interface NodeKubeletOptions {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** The node's own. */
  readonly directory: string;
  readonly config: ClusterConfig;
  /** Shared by all parts of the cluster. */
  readonly reader: ObjectReader;
  readonly logger: Logger;
}

export type CreateKubelet = (options: NodeKubeletOptions) => RunningKubelet;

/** Where a node keeps what is its own. */
export const nodeDirectory = (clusterDirectory: string, name: string) => join(clusterDirectory, 'nodes', name);

/** A node that could not join for so long gets a new token at its next start. */
const TOKEN_LIFETIME_MS = 3_600_000;

/**
 * One node: a kubelet with files, identity, address and connection of its own. It is given a token when it has no kubeconfig
 * yet, and is started again, as systemd would, when it ends by itself.
 */
export function createClusterNode(options: ClusterNodeOptions): ManagedNode {
  const { name, address, port, config, controlPlane } = options;
  const { clock } = config;
  const logger = config.logger.child({ node: name });
  const directory = nodeDirectory(options.directory, name);
  const admin = createClient({ transport: controlPlane.adminTransport, userAgent: 'muster' });
  const backoff = new Backoff({ initialMs: 1000, maxMs: 60_000, random: config.random });
  let tokenId: string | undefined;
  let kubelet: RunningKubelet | undefined;
  let restart: Timer | undefined;

  /** From a start to the stop that ends it. */
  let life: AbortController | undefined;
  /** The latest attempt to run it. */
  let attempt: Promise<void> = Promise.resolve();
  /** All stops so far: the next kubelet has the address of the last. */
  let stopping: Promise<void> = Promise.resolve();

  const run = async (signal: AbortSignal): Promise<void> => {
    tokenId = (await prepareFiles({ directory, name, controlPlane, admin, nowMs: clock.now() })) ?? tokenId;
    if (signal.aborted) return;
    const current = options.createKubelet({ name, address, port, directory, config, reader: controlPlane.reader, logger });
    kubelet = current;
    try {
      await current.start();
    } catch (error) {
      await current.stop();
      throw error;
    }
    current.ended.catch((error: unknown) => runAgain('Kubelet ended and will be started again', error, signal));
  };
  const runAgain = (what: string, error: unknown, signal: AbortSignal): void => {
    if (signal.aborted) return;
    const delayMs = backoff.next();
    logger.error(what, { error, delayMs: Math.round(delayMs) });
    restart = clock.setTimer(delayMs, () => {
      attempt = run(signal).then(
        () => backoff.reset(),
        (failure: unknown) => runAgain('Kubelet cannot start, and is tried again', failure, signal),
      );
    });
  };

  return {
    name,
    address,
    port,
    async start() {
      if (!life) {
        const own = new AbortController();
        life = own;
        attempt = stopping
          .then(() => run(own.signal))
          .catch((error: unknown) => {
            if (life === own) life = undefined;
            throw error;
          });
      }
      await attempt;
    },
    async stop() {
      life?.abort(new DOMException(`node ${name} is stopped`, 'AbortError'));
      life = undefined;
      restart?.cancel();
      const [current, last, before] = [kubelet, attempt, stopping];
      kubelet = undefined;
      const ended = (async () => {
        await current?.stop();
        await Promise.allSettled([last, before]); // told to whoever asked for them
      })();
      stopping = ended.catch(() => undefined);
      await ended;
    },
    async forgetToken() {
      if (tokenId === undefined) return;
      const secrets = admin.resource<V1Secret>(secretKind, TOKEN_NAMESPACE);
      await unlessReason(secrets.delete(`${TOKEN_SECRET_PREFIX}${tokenId}`), 'NotFound');
      tokenId = undefined;
    },
  };
}

/**
 * Makes the node's directory and, unless the node has a kubeconfig of its own, a bootstrap kubeconfig with a new token.
 *
 * @returns the token's id when there is one
 */
async function prepareFiles(options: {
  directory: string;
  name: string;
  controlPlane: ControlPlane;
  admin: Client;
  nowMs: number;
}): Promise<string | undefined> {
  const { directory, name, controlPlane, admin, nowMs } = options;
  await makeDirectories(join(directory, 'pki'), 0o700);
  if (await exists(join(directory, 'kubeconfig'))) return undefined;
  const text = generateBootstrapToken();
  const token: BootstrapToken = {
    ...splitBootstrapToken(text),
    description: `joins node ${name}`,
    expiresMs: nowMs + TOKEN_LIFETIME_MS,
    usages: ['authentication'],
    groups: [],
  };
  await admin.resource<V1Secret>(secretKind, TOKEN_NAMESPACE).create(bootstrapTokenSecret(token));
  const kubeconfig = bootstrapKubeconfig({ server: controlPlane.server, caPem: controlPlane.caPem, token: text });
  await writeFileAtomic(join(directory, 'bootstrap-kubeconfig'), kubeconfig, { mode: 0o600 });
  return token.id;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
