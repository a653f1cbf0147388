/** Roles and bindings of the bootstrap, with the mistakes that guides teach (section 27 of the acceptance list: C-01, M-02, M-13). */
import type { V1CertificateSigningRequest, V1ClusterRole, V1ClusterRoleBinding } from '../../api/gen/types.ts';
import type { Finding } from '../finding.ts';
import type { Observations, SeenRbac } from '../observations.ts';
import type { Check } from './check.ts';

const BOOTSTRAPPERS = 'system:bootstrappers';
const NODES = 'system:nodes';
const CSR = 'certificatesigningrequests';

export const checkRbac: Check = (seen) =>
  seen.rbac ? [...missingBindings(seen, seen.rbac), ...oddBindings(seen.rbac), ...oddRoles(seen.rbac)] : [];

/** Whether a role lets `verb` be done with a resource of certificates.k8s.io, of whatever name. */
function allows(role: V1ClusterRole | undefined, verb: string, resource: string): boolean {
  const has = (list: readonly string[] | undefined, value: string) =>
    list?.some((item) => item === '*' || item === value) ?? false;
  return (role?.rules ?? []).some(
    (rule) =>
      has(rule.verbs, verb) &&
      has(rule.apiGroups, 'certificates.k8s.io') &&
      has(rule.resources, resource) &&
      !rule.resourceNames?.length,
  );
}

/** The groups and users that may do it. */
function whoMay({ roles, bindings }: SeenRbac, verb: string, resource: string): string[] {
  const byName = new Map(roles.map((role) => [role.metadata?.name, role]));
  return bindings
    .filter(({ roleRef }) => allows(byName.get(roleRef.name), verb, resource))
    .flatMap(({ subjects }) => (subjects ?? []).map(({ kind, name }) => `${kind} ${name}`));
}

const isBootstrapper = (subject: string) =>
  subject.startsWith(`Group ${BOOTSTRAPPERS}`) ||
  subject === 'Group system:kubelet-bootstrap' ||
  subject === 'User kubelet-bootstrap' ||
  subject.startsWith('User system:bootstrap:');

/** Whether tokens may create certificate requests: all of them, or those that `isTheirs` knows. */
export const mayBootstrap = (rbac: SeenRbac, isTheirs: (subject: string) => boolean = isBootstrapper): boolean =>
  whoMay(rbac, 'create', CSR).some(isTheirs);

/** Whether the controller-manager approves requests of tokens by itself. */
export const approvesNewNodes = (rbac: SeenRbac): boolean => whoMay(rbac, 'create', `${CSR}/nodeclient`).some(isBootstrapper);

/** Whether the controller-manager approves this new node's request by itself. */
export const mayBeApproved = (rbac: SeenRbac, { username, groups = [] }: V1CertificateSigningRequest['spec']): boolean => {
  const own = new Set([`User ${username}`, ...groups.map((group) => `Group ${group}`)]);
  return ['nodeclient', 'selfnodeclient'].some((way) => whoMay(rbac, 'create', `${CSR}/${way}`).some((who) => own.has(who)));
};

/**
 * Groups that a bootstrap token must be given to create requests and to have them approved, where the bindings name such groups; none where
 * they name the group of all tokens.
 */
export function joiningGroups(rbac: SeenRbac): string[] {
  const prefix = `Group ${BOOTSTRAPPERS}:`;
  const subjects = [CSR, `${CSR}/nodeclient`].map((resource) => whoMay(rbac, 'create', resource));
  const named = subjects
    .filter((who) => !who.includes(`Group ${BOOTSTRAPPERS}`))
    .flatMap((who) => who.filter((subject) => subject.startsWith(prefix)).slice(0, 1));
  return [...new Set(named)].map((subject) => subject.slice('Group '.length));
}

function missingBindings({ tokens = [] }: Observations, rbac: SeenRbac): Finding[] {
  const findings: Finding[] = [];
  const nobody = (resource: string, test: (subject: string) => boolean) => !whoMay(rbac, 'create', resource).some(test);
  if (tokens.length > 0 && nobody(CSR, isBootstrapper))
    findings.push({
      ...{ code: 'DOC-201', severity: 'error', subject: 'clusterrole/system:node-bootstrapper' },
      message:
        'No bootstrap token may create certificate requests: kubelets are answered "cannot create resource certificatesigningrequests".',
      evidence: `there are ${tokens.length} tokens and no binding of system:node-bootstrapper to their groups`,
      remedy: `kubectl create clusterrolebinding kubelet-bootstrap --clusterrole=system:node-bootstrapper --group=${BOOTSTRAPPERS}`,
    });
  if (tokens.length > 0 && nobody(`${CSR}/nodeclient`, isBootstrapper))
    findings.push({
      ...{
        code: 'DOC-202',
        severity: 'info',
        subject: 'clusterrole/system:certificates.k8s.io:certificatesigningrequests:nodeclient',
      },
      message: "New nodes' client requests are not approved automatically; somebody has to approve each by hand.",
      evidence: 'no bootstrap group may create certificatesigningrequests/nodeclient',
      remedy: `kubectl create clusterrolebinding auto-approve-csrs-for-group --clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient --group=${BOOTSTRAPPERS}`,
    });
  if (nobody(`${CSR}/selfnodeclient`, (subject) => subject === `Group ${NODES}` || subject.startsWith('User system:node:')))
    findings.push({
      ...{
        code: 'DOC-203',
        severity: 'warning',
        subject: 'clusterrole/system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
      },
      message: 'Nodes may not renew their client certificates by themselves: when these end, the nodes are gone.',
      evidence: `group ${NODES} may not create certificatesigningrequests/selfnodeclient`,
      remedy: `kubectl create clusterrolebinding node-client-cert-renewal --clusterrole=system:certificates.k8s.io:certificatesigningrequests:selfnodeclient --group=${NODES}`,
    });
  return findings;
}

const ALL_POWERFUL = new Set(['cluster-admin', 'admin']);
const ANYBODY = new Set(['Group system:unauthenticated', 'User system:anonymous']);
const JOINING = new Set([`Group ${BOOTSTRAPPERS}`, `Group ${NODES}`]);
/** What anonymous callers may do by upstream's own bindings. */
const PUBLIC_ROLES = new Set(['system:public-info-viewer', 'system:discovery', 'system:basic-user']);

function oddBindings({ roles, bindings }: SeenRbac): Finding[] {
  const known = new Set(roles.map(({ metadata }) => metadata?.name));
  return bindings.flatMap((binding) => {
    const subject = `clusterrolebinding/${binding.metadata?.name}`;
    const role = binding.roleRef.name;
    const subjects = (binding.subjects ?? []).map(({ kind, name }) => `${kind} ${name}`);
    const findings: Finding[] = [];
    if (!known.has(role) && (subjects.some(isBootstrapper) || subjects.includes(`Group ${NODES}`)))
      findings.push({
        ...{ code: 'DOC-204', severity: 'warning', subject },
        message: 'A binding for nodes names a cluster role that does not exist, so it gives nothing.',
        evidence: `roleRef ${role}`,
        remedy: roleRemedy(role),
      });
    const powerful = subjects.filter((name) => JOINING.has(name) || ANYBODY.has(name));
    if (ALL_POWERFUL.has(role) && powerful.length > 0)
      findings.push({
        ...{ code: 'DOC-205', severity: 'error', subject },
        message: 'Whoever can join a node, or anybody at all, has all rights on the cluster.',
        ...{ evidence: `${role} is bound to ${powerful.join(', ')}`, remedy: `kubectl delete ${subject.replace('/', ' ')}` },
      });
    const anybody = subjects.filter((name) => ANYBODY.has(name));
    if (anybody.length > 0 && !PUBLIC_ROLES.has(role) && !ALL_POWERFUL.has(role))
      findings.push({
        ...{ code: 'DOC-206', severity: 'warning', subject },
        message: 'Callers without credentials have a role beyond what every cluster shows.',
        ...{ evidence: `${role} is bound to ${anybody.join(', ')}`, remedy: `kubectl delete ${subject.replace('/', ' ')}` },
      });
    if (role === 'system:node' && subjects.includes(`Group ${NODES}`))
      findings.push({
        ...{ code: 'DOC-207', severity: 'warning', subject },
        message: 'Every node may read what belongs to every other: the Node authorizer is meant to decide instead.',
        evidence: `system:node is bound to group ${NODES}`,
        remedy: `run the API server with --authorization-mode=Node,RBAC, then: kubectl delete ${subject.replace('/', ' ')}`,
      });
    if (
      allows(
        roles.find(({ metadata }) => metadata?.name === role),
        'create',
        `${CSR}/selfnodeserver`,
      ) &&
      role !== 'cluster-admin'
    )
      findings.push(withoutEffect(subject, binding));
    return findings;
  });
}

function withoutEffect(subject: string, { roleRef }: V1ClusterRoleBinding): Finding {
  return {
    ...{ code: 'DOC-208', severity: 'info', subject },
    message:
      'A binding lets nodes renew serving certificates by themselves, which no Kubernetes since 1.11 acts on: serving requests stay Pending.',
    evidence: `${roleRef.name} allows certificatesigningrequests/selfnodeserver`,
    remedy: 'run muster approver, or approve by hand: kubectl certificate approve NAME',
  };
}

const roleRemedy = (role: string) =>
  role.endsWith(':selfnodeserver')
    ? 'no release has that role, and it would change nothing; run muster approver for serving certificates, and delete the binding'
    : `make the cluster role ${role}, or delete the binding`;

function oddRoles({ roles }: SeenRbac): Finding[] {
  return roles.flatMap(({ metadata, rules }) => {
    const wrong = (rules ?? []).find(
      ({ resources, resourceNames }) =>
        resources?.some((name) => name.startsWith(`${CSR}/self`) || name === `${CSR}/nodeclient`) && resourceNames?.length,
    );
    const misplaced = (rules ?? []).find(
      ({ resources, apiGroups }) =>
        resources?.some((name) => name.startsWith(CSR)) &&
        !apiGroups?.some((group) => group === 'certificates.k8s.io' || group === '*'),
    );
    if (!wrong && !misplaced) return [];
    const evidence = wrong
      ? `resourceNames ${wrong.resourceNames?.join(', ')}`
      : `apiGroups ${JSON.stringify(misplaced?.apiGroups)}`;
    const name = metadata?.name ?? '';
    return [
      {
        ...{ code: 'DOC-209', severity: 'warning', subject: `clusterrole/${name}` },
        message: 'A role for certificate requests is limited to a name or group that no request has, so that it allows nothing.',
        evidence,
        remedy: `kubectl create clusterrole ${name} --verb=create --resource=certificatesigningrequests.certificates.k8s.io/selfnodeclient --dry-run=client -o yaml | kubectl replace -f -`,
      } satisfies Finding,
    ];
  });
}
