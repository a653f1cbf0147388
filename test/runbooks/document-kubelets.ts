/** The kubelets of 000, 001 and 002 beside each other, each with the configuration file and the command line of its document. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../harness/free-port.ts';
import { until } from '../harness/until.ts';
import { SERVING_SIGNER } from './csr-table.ts';
import {
  AUTO_APPROVE_BINDINGS,
  BOOTSTRAPPER_BINDING,
  type KubeletDocument,
  SERVING_KUBELET,
  WORKER_KUBELET,
} from './documents.ts';
import { ENVIRONMENT_FILE_KUBELET, EVERY_FIELD_LINES, JSON_FILE_LINES, YAML_TEMPLATE_LINES } from './kubelet-documents.ts';
import { type FlagChanges, type RunbookCluster, useRunbookCluster } from './runbook-cluster.ts';
import type { RunbookHost } from './runbook-host.ts';
import type { RunbookService } from './runbook-service.ts';
import { makeBootstrapKubeconfigs, nodeJoined, signingRequests } from './runbook-steps.ts';

export type RunbookNumber = '000' | '001' | '002';
export type Settings = Readonly<Record<string, unknown>>;

export interface DocumentKubelet {
  /** `--hostname-override`. */
  readonly name: string;
  readonly document: KubeletDocument;
  readonly host: RunbookHost;
  /** What `--config` names. */
  readonly file: string;
  readonly service: RunbookService;
  /** Address and port of its API. */
  readonly endpoint: string;
  /** What `/configz` tells. */
  readonly settings: Settings;
  /** Lines `name=value` of `/flagz`. */
  readonly flags: readonly string[];
}

interface Plan {
  readonly number: RunbookNumber;
  readonly name: string;
  readonly bootstrapName: string;
  readonly document: KubeletDocument;
  readonly fileLines: string;
  /** To what is each host's own, so that several kubelets fit on the machine of the tests. */
  readonly changes: (host: RunbookHost, port: number) => FlagChanges;
  /** Undefined: that of the document. */
  readonly ownPort?: true;
}

/** Groups of bootstrap tokens take no dots: the token of 000's node is for its short name. */
const PLANS: readonly Plan[] = [
  {
    number: '000',
    name: 'k8sm01.ops.yws.bj2.yongche.com',
    bootstrapName: 'k8s-m01',
    document: WORKER_KUBELET,
    fileLines: JSON_FILE_LINES,
    changes: ({ address }) => ({ flags: [`--healthz-bind-address=${address}`] }),
  },
  {
    number: '001',
    name: 'k8s-node-1',
    bootstrapName: 'k8s-node-1',
    document: ENVIRONMENT_FILE_KUBELET,
    fileLines: EVERY_FIELD_LINES,
    // On all addresses, where 10250 is somebody's already.
    changes: (_, port) => ({ flags: [`--port=${port}`] }),
    ownPort: true,
  },
  {
    number: '002',
    name: 'm7-autocv-gpu01',
    bootstrapName: 'm7-autocv-gpu01',
    document: SERVING_KUBELET,
    fileLines: YAML_TEMPLATE_LINES,
    // Its healthz would be on 127.0.0.1 (see CHK-14), as any other kubelet's of the machine.
    changes: () => ({ flags: ['--healthz-port=0'] }),
  },
];

/** 001, line 387, with the user's whole name (M-03): the API server may ask kubelets. */
const KUBELET_APIS_BINDING =
  'kubectl create clusterrolebinding kube-apiserver:kubelet-apis --clusterrole=system:kubelet-api-admin --user kubernetes';

/** curl with the administrator's certificate; a kubelet's own may be of its own making. */
export const ADMIN_CURL = 'curl -sSk --cert /etc/kubernetes/ssl/kubelet.pem --key /etc/kubernetes/ssl/kubelet.key';

/**
 * A cluster with the three, and further nodes' bootstrap kubeconfigs; made before the first test of the file and ended after the
 * last. To be called at the top of the file.
 */
export function useDocumentKubelets(furtherNodes: readonly string[] = []) {
  const kubelets = new Map<RunbookNumber, DocumentKubelet>();
  const runbook = useRunbookCluster(async (cluster) => {
    // Names of hosts that are directories lead nowhere.
    await cluster.startApiserver({ flags: ['--kubelet-preferred-address-types=InternalIP'] });
    await Promise.all([
      cluster.startControllerManager(),
      makeBootstrapKubeconfigs(cluster, [...PLANS.map(({ bootstrapName }) => bootstrapName), ...furtherNodes]),
      cluster.sh(BOOTSTRAPPER_BINDING),
      cluster.sh(AUTO_APPROVE_BINDINGS),
      cluster.sh(KUBELET_APIS_BINDING),
    ]);
    for (const [number, kubelet] of await Promise.all(PLANS.map((plan) => startDocumentKubelet(cluster, plan))))
      kubelets.set(number, kubelet);
  });
  return {
    get cluster(): RunbookCluster {
      return runbook.current;
    },
    of(number: RunbookNumber): DocumentKubelet {
      const kubelet = kubelets.get(number);
      if (!kubelet) throw new Error('the kubelets are there only while tests run');
      return kubelet;
    },
  };
}

async function startDocumentKubelet(cluster: RunbookCluster, plan: Plan): Promise<[RunbookNumber, DocumentKubelet]> {
  const { number, name, document } = plan;
  const host = cluster.host(name);
  const port = plan.ownPort ? await freePort() : 10250;
  const file = await cluster.sh(plan.fileLines, {
    host,
    cwd: host.path('/etc/kubernetes'),
    env: { NODE_IP: host.address },
  });
  const service = cluster.startKubelet(name, {
    ...plan.changes(host, port),
    document,
    configText: file,
    bootstrapKubeconfig: join(cluster.master.home, `kubelet-bootstrap-${plan.bootstrapName}.kubeconfig`),
  });
  await nodeJoined(cluster, name);
  if (number !== '000') await servingApproved(cluster, name, host.path(document.certificateDirectory));
  const endpoint = `${host.address}:${port}`;
  const settings = await settingsOf(cluster, endpoint);
  const flags = (await askKubelet(cluster, endpoint, '/flagz')).split('\n').filter((line) => line.includes('='));
  return [number, { name, document, host, file, service, endpoint, settings, flags }];
}

/** What `/configz` tells, once it is answered. */
export async function settingsOf(cluster: RunbookCluster, endpoint: string): Promise<Settings> {
  const answer: unknown = JSON.parse(await askKubelet(cluster, endpoint, '/configz'));
  return (answer as { kubeletconfig: Settings }).kubeletconfig;
}

/** A page of the kubelet's API, as administrator, once it is answered. */
function askKubelet(cluster: RunbookCluster, endpoint: string, path: string): Promise<string> {
  return until(`${endpoint} answers ${path}`, () => cluster.sh(`${ADMIN_CURL} --fail https://${endpoint}${path}`));
}

/** Serving requests are approved by hand (C-01). */
async function servingApproved(cluster: RunbookCluster, name: string, directory: string): Promise<void> {
  await until(`${name} has its serving certificate`, async () => {
    if (existsSync(join(directory, 'kubelet-server-current.pem'))) return true;
    for (const { metadata, spec, status } of await signingRequests(cluster))
      if (spec.signerName === SERVING_SIGNER && spec.username === `system:node:${name}` && !status?.conditions?.length)
        await cluster.sh(`kubectl certificate approve ${metadata?.name}`);
    return false;
  });
}
