/** How far a node came on its way from a token to Ready, and what holds it up. */
import {
  hasCondition,
  isIssued,
  KUBE_APISERVER_CLIENT_KUBELET,
  KUBELET_SERVING,
} from '../../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { parseSpecRequest } from '../../pki/certificate-request.ts';
import { day, fromNow } from '../checks/check.ts';
import { covers } from '../checks/name-cover.ts';
import { approvesNewNodes, mayBootstrap } from '../checks/rbac-checks.ts';
import type { Observations, SeenNode } from '../observations.ts';
import { fetchStep, requestSteps } from './request-steps.ts';
import { type Step, timeOf } from './step.ts';

/** @param name of the node, which may not exist yet */
export function nodeSteps(seen: Observations, name: string): Step[] {
  const node = seen.nodes?.find((each) => each.node.metadata?.name === name);
  const requests = seen.requests && requestsOf(seen.requests, name);
  const of = (signer: string) => requests?.filter(({ spec }) => spec.signerName === signer) ?? [];
  const [clients, servings] = [of(KUBE_APISERVER_CLIENT_KUBELET), of(KUBELET_SERVING)];
  const [client, serving] = [newest(clients), newest(servings)];
  const looked = requests !== undefined;
  const joined = node !== undefined;
  return [
    ...(joined || client ? [] : tokenSteps(seen)),
    ...(joined && !client ? [] : requestSteps('client certificate', client, { looked, past: joined, count: clients.length })),
    ...(client && !joined && isPending(client) ? approverSteps(seen) : []),
    ...(client && isIssued(client) ? [fetchStep(client, name, joined || serving !== undefined, seen.nowMs)] : []),
    ...registrationSteps(node, seen, timeOf(client?.metadata?.creationTimestamp)),
    ...(joined ? requestSteps('serving certificate', serving, { looked, past: false, count: servings.length, node }) : []),
    ...(node ? servingSteps(node) : []),
  ];
}

/** Requests by or for the node: by user, or for a token's by the name that it asks for. */
function requestsOf(requests: readonly V1CertificateSigningRequest[], name: string): V1CertificateSigningRequest[] {
  const user = `system:node:${name}`;
  return requests.filter(
    (csr) => csr.spec.username === user || (csr.spec.signerName === KUBE_APISERVER_CLIENT_KUBELET && commonNameOf(csr) === user),
  );
}

function commonNameOf({ spec }: V1CertificateSigningRequest): string | undefined {
  try {
    return parseSpecRequest(spec.request).commonName;
  } catch {
    return undefined; // unreadable: nobody's
  }
}

function newest(requests: readonly V1CertificateSigningRequest[] = []): V1CertificateSigningRequest | undefined {
  const created = (csr: V1CertificateSigningRequest) => timeOf(csr.metadata?.creationTimestamp) ?? 0;
  return requests.reduce<V1CertificateSigningRequest | undefined>(
    (best, csr) => (!best || created(csr) >= created(best) ? csr : best),
    undefined,
  );
}

function tokenSteps({ tokens, rbac, nowMs }: Observations): Step[] {
  const steps: Step[] = [];
  if (!tokens) steps.push({ state: 'unknown', title: 'bootstrap token', seen: 'Secrets of kube-system may not be read' });
  else {
    const good = tokens.filter(
      ({ problem, expiresMs, usages }) =>
        !problem && usages.includes('authentication') && (expiresMs === undefined || expiresMs > nowMs),
    );
    steps.push(
      good.length > 0
        ? { state: 'done', title: 'bootstrap token', seen: `${good.map(({ id }) => id).join(', ')} can be joined with` }
        : {
            ...{ state: 'missing', title: 'bootstrap token', seen: `${tokens.length} tokens, none that can be joined with` },
            ...{ wanted: 'a token that has not expired and may authenticate', remedy: 'muster token create' },
          },
    );
  }
  if (!rbac) steps.push({ state: 'unknown', title: 'right to ask for a certificate', seen: 'cluster roles may not be read' });
  else
    steps.push(
      mayBootstrap(rbac)
        ? { state: 'done', title: 'right to ask for a certificate', seen: 'bootstrap tokens may create certificate requests' }
        : {
            ...{
              state: 'missing',
              title: 'right to ask for a certificate',
              seen: 'no binding of system:node-bootstrapper for tokens',
            },
            remedy:
              'kubectl create clusterrolebinding kubelet-bootstrap --clusterrole=system:node-bootstrapper --group=system:bootstrappers',
          },
    );
  return steps;
}

const isPending = (csr: V1CertificateSigningRequest) => !hasCondition(csr, 'Approved') && !hasCondition(csr, 'Denied');

/** Who decides on a new node's request. */
function approverSteps(seen: Observations): Step[] {
  const { rbac } = seen;
  const title = 'who may approve';
  if (!rbac) return [{ state: 'unknown', title, seen: 'cluster roles may not be read' }];
  return approvesNewNodes(rbac)
    ? [
        {
          state: 'waiting',
          title,
          seen: `kube-controller-manager does it by itself; ${leaderOf(seen)}`,
          remedy: 'see that it runs, with the controller csrapproving (--controllers), and look at its log',
        },
      ]
    : [
        {
          ...{ state: 'missing', title, seen: 'nobody by himself: tokens have no binding for automatic approval' },
          remedy:
            'kubectl create clusterrolebinding auto-approve-csrs-for-group --clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient --group=system:bootstrappers',
        },
      ];
}

/** Whether a controller-manager is at work, by its Lease. One that runs without leader election has none. */
function leaderOf({ leaders, nowMs }: Observations): string {
  if (!leaders) return 'its Lease may not be read';
  const renewedMs = timeOf(leaders.get('kube-controller-manager')?.spec?.renewTime);
  return renewedMs === undefined
    ? 'it has no Lease in kube-system: it has never led here, or runs without leader election'
    : `it last renewed its Lease ${fromNow(renewedMs, nowMs)}`;
}

function registrationSteps(seen: SeenNode | undefined, { nowMs, nodes }: Observations, askedMs: number | undefined): Step[] {
  if (!nodes) return [{ state: 'unknown', title: 'Node object', seen: 'Nodes may not be read' }];
  if (!seen)
    return [
      {
        state: 'waiting',
        title: 'Node object',
        seen: 'the kubelet makes it once it has its client certificate',
        remedy: 'on the node: journalctl -u kubelet',
      },
    ];
  const { node, lease } = seen;
  const name = node.metadata?.name ?? '';
  const madeMs = timeOf(node.metadata?.creationTimestamp);
  // What came before the request that is told of is no part of this story, and would be taken for a wait.
  const isFormer = madeMs !== undefined && askedMs !== undefined && madeMs < askedMs;
  const steps: Step[] = [
    isFormer
      ? { state: 'done', title: 'Node object', seen: `there since ${day(madeMs)}, before that request` }
      : { state: 'done', title: 'Node object', seen: 'registered', atMs: madeMs },
  ];
  const renewedMs = timeOf(lease?.spec?.renewTime);
  const limitMs = 1000 * (lease?.spec?.leaseDurationSeconds ?? 40);
  if (renewedMs === undefined) steps.push({ state: 'unknown', title: 'Lease', seen: 'there is none, or it may not be read' });
  else if (nowMs - renewedMs <= limitMs)
    steps.push({ state: 'done', title: 'Lease', seen: `renewed ${Math.max(0, Math.round((nowMs - renewedMs) / 1000))} s ago` });
  else
    steps.push({
      ...{ state: 'missing', title: 'Lease', seen: `not renewed since ${day(renewedMs)}: the kubelet is silent` },
      remedy: `on the node: systemctl status kubelet; compare its clock, its way to the API server, the end of its client certificate; when that has ended: muster rescue ${name}`,
    });
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  steps.push(
    ready?.status === 'True'
      ? { state: 'done', title: 'Ready', seen: ready.reason ?? 'True', atMs: timeOf(ready.lastTransitionTime) }
      : {
          ...{ state: 'missing', title: 'Ready', seen: `${ready?.reason ?? 'no condition yet'}: ${ready?.message ?? ''}` },
          remedy: `kubectl describe node ${name}; on the node: journalctl -u kubelet`,
        },
  );
  return steps;
}

function servingSteps({ probe, node }: SeenNode): Step[] {
  const title = ':10250';
  if (!probe) return [{ state: 'unknown', title, seen: 'not asked' }];
  if (probe.endsHandshakes)
    return [
      {
        state: 'missing',
        title,
        seen: `ends the handshake: ${probe.unreachable}`,
        wanted: 'a serving certificate',
        remedy: 'see the steps above',
      },
    ];
  if (probe.unreachable !== undefined) return [{ state: 'unknown', title, seen: `no answer from here: ${probe.unreachable}` }];
  const { certificate } = probe;
  if (!certificate) return [{ state: 'unknown', title, seen: 'shows no certificate' }];
  const remedy = `delete /var/lib/kubelet/pki/kubelet-server-* on ${node.metadata?.name}, restart the kubelet and approve its request`;
  if (certificate.selfSigned)
    return [
      {
        state: 'missing',
        title,
        seen: 'serves a certificate that the kubelet made itself',
        wanted: 'one of the cluster’s authority',
        remedy: 'set serverTLSBootstrap: true and approve the request',
      },
    ];
  if (!covers(certificate.names, probe.address))
    return [
      {
        state: 'missing',
        title,
        seen: `serves a certificate for ${certificate.names.join(', ')}`,
        wanted: `one for ${probe.address}`,
        remedy,
      },
    ];
  return [{ state: 'done', title, seen: `serves a certificate until ${day(certificate.notAfterMs)}` }];
}
