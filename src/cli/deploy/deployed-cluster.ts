import { allKinds } from '../../api/all-kinds.ts';
import type { Inventory } from '../../api/config/v1/inventory.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1Node, V1Secret, V1Service } from '../../api/gen/types.ts';
import { apiVersionOf, type ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { createClient } from '../../client/create-client.ts';
import { createHttpsTransport } from '../../client/transport/https.ts';
import { withRetry } from '../../client/transport/retry.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { joinBindings, kubeletClientBinding } from '../../cluster/bootstrap-objects.ts';
import {
  bootstrapTokenSecret,
  generateBootstrapToken,
  splitBootstrapToken,
  TOKEN_NAMESPACE,
} from '../../cluster/bootstrap-token.ts';
import type { Cluster, NodeState } from '../../deploy/apply/cluster.ts';
import type { Pair } from '../../deploy/assets/material.ts';
import { bootstrapGroup } from '../../deploy/nodes/membership.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { within } from '../../std/within.ts';
import { approveServing } from './approve-serving.ts';
import { readClusterState } from './cluster-state.ts';
import { dnsObjects } from './dns-objects.ts';
import { networkObjects } from './network-objects.ts';

export interface DeployedClusterOptions {
  readonly inventory: Inventory;
  /** `https://127.0.0.1:PORT`: a tunnel. */
  readonly server: string;
  readonly authorityPem: string;
  readonly admin: Pair;
  readonly clock: Clock;
  /** Ends the tunnel. */
  readonly close: () => Promise<void>;
}

/** Of the API server's certificate, towards kubelets. */
const API_SERVER_USER = 'kubernetes';
const TOKEN_LIFETIME_MS = 24 * 3_600_000;
const READY_MS = 180_000;
const ANSWER_MS = 5_000;
const POLL_MS = 500;

/** A deployed cluster by its API, as its administrator. */
export function openDeployedCluster({ inventory, server, authorityPem, admin, clock, close }: DeployedClusterOptions): Cluster {
  const credentials = () => ({ certificatePem: admin.certificate, privateKeyPem: admin.key });
  const direct = createHttpsTransport({ server, caPem: authorityPem, credentials });
  const transport = withRetry(direct, { clock });
  const userAgent = 'muster-deploy';
  const client = createClient({ transport, userAgent });
  /** Hears of each failure, of which retries tell nothing. */
  const impatient = createClient({ transport: direct, userAgent });

  /** Makes what is not there. Asked first: a Service that is there is refused for its address before it is for its name. */
  const create = async <T extends KubeObject>(kind: ResourceKind, object: T, signal: AbortSignal): Promise<string[]> => {
    const objects = client.resource<T>(kind, object.metadata?.namespace);
    const name = object.metadata?.name ?? '';
    const there = await unlessReason(objects.get(name, { signal }), 'NotFound');
    if (there) {
      requireSameAddress(there, object);
      // Masters come and go.
      if ('endpoints' in object) await objects.patch(name, { endpoints: object.endpoints }, { type: 'merge', signal });
      return [];
    }
    return (await unlessReason(objects.create(object, { signal }), 'AlreadyExists')) ? [`${kind.kind} ${name}`] : [];
  };

  return {
    client,
    async waitReady(signal, { patienceMs = READY_MS, waiting = () => undefined } = {}) {
      const endMs = clock.now() + patienceMs;
      for (let told = ''; ; ) {
        try {
          await within(clock, ANSWER_MS, impatient.raw({ path: '/readyz', signal }), 'it does not answer');
          return;
        } catch (cause) {
          signal.throwIfAborted();
          const why = unreadyChecks((cause as Error).message);
          if (clock.now() > endMs)
            throw new CodedError(`the API server is not ready: ${why}`, {
              code: 'API_SERVER_NOT_READY',
              retryable: true,
              cause,
            });
          if (why !== told) waiting(why);
          told = why;
        }
        await clock.sleep(POLL_MS, signal);
      }
    },
    async prepare(signal) {
      const objects = [
        ...joinBindings(),
        kubeletClientBinding(API_SERVER_USER),
        ...networkObjects(inventory),
        ...dnsObjects(inventory),
      ];
      const made = objects.map((object) =>
        create(kindOf(object), object, signal).catch((cause: Error) => {
          throw notServed(object, cause) ?? cause;
        }),
      );
      return (await Promise.all(made)).flat();
    },
    async createToken(node, signal) {
      const token = generateBootstrapToken();
      const secret = bootstrapTokenSecret({
        ...splitBootstrapToken(token),
        description: 'kubelet-bootstrap-token',
        expiresMs: clock.now() + TOKEN_LIFETIME_MS,
        usages: ['signing', 'authentication'],
        groups: [bootstrapGroup(node)],
      });
      await client.resource<V1Secret>(secretKind, TOKEN_NAMESPACE).create(secret, { signal });
      return token;
    },
    approveServing: (addresses, signal) => approveServing({ client, addresses, clock, signal }),
    async nodes(signal) {
      const { items } = await client.resource<V1Node>(nodeKind).list({ signal });
      return new Map(items.map((node) => [node.metadata?.name ?? '', stateOf(node)]));
    },
    state: (signal) => readClusterState(client, signal),
    async close() {
      await transport.close({ final: true });
      await close();
    },
  };
}

/** Of the lines of an answer to `/readyz` those of checks that do not hold; of any other failure all. */
function unreadyChecks(message: string): string {
  const failed = message.split('\n').filter((line) => line.startsWith('[-]'));
  return failed.length > 0 ? failed.map((line) => line.slice('[-]'.length)).join(', ') : message;
}

/** A Service keeps its address for as long as it lives; kubelets would tell pods of another one. */
function requireSameAddress(there: KubeObject, wanted: KubeObject): void {
  const [has, is] = [there, wanted].map((object) =>
    'spec' in object ? (object.spec as V1Service['spec'])?.clusterIP : undefined,
  );
  if (is === undefined || has === is) return;
  const { name, namespace } = wanted.metadata ?? {};
  throw new CodedError(
    `network.dnsAddress is ${is}, and Service ${namespace}/${name} has ${has}: put that back, or delete the Service, which the same command makes again`,
    { code: 'DNS_ADDRESS_DIFFERS' },
  );
}

/** What an API server of a release before 1.21 has not, which Muster's DNS server and its Service need. */
function notServed({ apiVersion, kind }: KubeObject, cause: Error): CodedError | undefined {
  if (kind !== 'EndpointSlice' || !('code' in cause) || cause.code !== 404) return undefined;
  return new CodedError(
    `the API server does not serve ${apiVersion}, which network.dns "muster" needs: let it be "none" with releases before 1.21`,
    { code: 'DNS_UNSUPPORTED', cause },
  );
}

function kindOf({ apiVersion, kind }: KubeObject): ResourceKind {
  const found = allKinds.find((one) => one.kind === kind && apiVersionOf(one) === apiVersion);
  if (!found) throw new Error(`no kind ${kind} of ${apiVersion} is known`);
  return found;
}

function stateOf(node: V1Node): NodeState {
  const condition = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return {
    ready: condition?.status === 'True',
    message: condition?.message ?? 'has not told its state yet',
    podCidrs: node.spec?.podCIDRs ?? [],
    heartbeat: condition?.lastHeartbeatTime?.toString() ?? '',
  };
}
