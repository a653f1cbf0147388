import type { Finding } from '../finding.ts';
import type { SeenRbac, SeenToken } from '../observations.ts';
import { type Check, day, fromNow } from './check.ts';
import { joiningGroups, mayBootstrap } from './rbac-checks.ts';

const EVERY_TOKEN = 'system:bootstrappers';
const SOON_MS = 2 * 3_600_000;
/** The token cleaner works at once; one that is there so long after its end shows that nobody cleans. */
const LEFT_MS = 10 * 60_000;

export const checkTokens: Check = ({ tokens = [], rbac, nowMs }) => tokens.flatMap((token) => checkToken(token, rbac, nowMs));

function checkToken(token: SeenToken, rbac: SeenRbac | undefined, nowMs: number): Finding[] {
  const { expiresMs, usages, groups, problem } = token;
  const subject = `secret/kube-system/${token.secretName}`;
  const about = `muster token delete ${token.id} && muster token create`;
  if (problem !== undefined)
    return [
      {
        ...{ code: 'DOC-101', severity: 'error', subject },
        message: 'A bootstrap token is not in the form that the API server honours.',
        ...{ evidence: problem, remedy: `kubectl -n kube-system delete secret ${token.secretName}; muster token create` },
      },
    ];
  const findings: Finding[] = [];
  if (expiresMs === undefined)
    findings.push({
      ...{ code: 'DOC-102', severity: 'warning', subject },
      message: 'A bootstrap token never expires: whoever finds it can join a node for ever.',
      ...{ evidence: 'no expiration', remedy: about },
    });
  else if (nowMs - expiresMs > LEFT_MS)
    findings.push({
      ...{ code: 'DOC-103', severity: 'warning', subject },
      message: 'A bootstrap token has expired and is still there: nobody cleans up.',
      evidence: `expired ${fromNow(expiresMs, nowMs)} (${day(expiresMs)})`,
      remedy:
        'let the controller-manager run the controllers tokencleaner and bootstrapsigner (--controllers=*,tokencleaner,bootstrapsigner)',
    });
  else if (expiresMs - nowMs < SOON_MS)
    findings.push({
      ...{ code: 'DOC-104', severity: 'info', subject },
      message: 'A bootstrap token expires soon; nodes that join afterwards need another one.',
      ...{ evidence: `expires ${fromNow(expiresMs, nowMs)} (${day(expiresMs)})`, remedy: 'muster token create' },
    });
  if (!usages.includes('authentication'))
    findings.push({
      ...{ code: 'DOC-105', severity: usages.includes('signing') ? 'info' : 'warning', subject },
      message: 'A bootstrap token may not be used to authenticate, so no node can join with it.',
      evidence: `usages: ${usages.join(', ') || 'none'}`,
      remedy: `muster token create --usages=signing,authentication`,
    });
  if (usages.includes('authentication') && rbac && isLeftOut(token, rbac))
    findings.push({
      ...{ code: 'DOC-107', severity: 'error', subject },
      message: 'A bootstrap token may not create certificate requests, though others may: no node can join with it.',
      evidence: `its groups: ${[EVERY_TOKEN, ...groups].join(', ')}; no binding of system:node-bootstrapper names one of them`,
      remedy: reachRemedy(token, joiningGroups(rbac)),
    });
  else if (groups.length === 0 && usages.includes('authentication'))
    findings.push({
      ...{ code: 'DOC-106', severity: 'info', subject },
      message: 'A bootstrap token has no group of its own; only bindings to system:bootstrappers reach it.',
      ...{
        evidence: 'no auth-extra-groups',
        remedy: 'muster token create --groups=system:bootstrappers:kubeadm:default-node-token',
      },
    });
  return findings;
}

const reachRemedy = ({ id }: SeenToken, groups: readonly string[]) =>
  groups.length > 0
    ? `muster token delete ${id} && muster token create --groups=${groups.join(',')}`
    : `kubectl create clusterrolebinding kubelet-bootstrap --clusterrole=system:node-bootstrapper --group=${EVERY_TOKEN}`;

/** Whether bindings reach other tokens, and not this one. Where they reach none, that is told by itself. */
function isLeftOut({ id, groups }: SeenToken, rbac: SeenRbac): boolean {
  const own = new Set(
    [EVERY_TOKEN, 'system:authenticated', ...groups].map((group) => `Group ${group}`).concat(`User system:bootstrap:${id}`),
  );
  return mayBootstrap(rbac) && !mayBootstrap(rbac, (subject) => own.has(subject));
}
