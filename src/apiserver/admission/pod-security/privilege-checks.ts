import {
  type Check,
  type CheckedPod,
  containersNamed,
  containersOf,
  namesWhere,
  quoted,
  settersNamed,
  sorted,
} from './violation.ts';

export const privileged: Check = ({ spec }) => {
  const names = namesWhere(spec, ({ securityContext }) => securityContext?.privileged === true);
  if (!names.length) return undefined;
  return { reason: 'privileged', detail: `${containersNamed(names)} must not set securityContext.privileged=true` };
};

const HARMLESS: ReadonlySet<string> = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

/** Who adds capabilities that are not allowed, and which these are. */
function added({ spec }: CheckedPod, isAllowed: (capability: string) => boolean) {
  const forbidden = (container: { securityContext?: { capabilities?: { add?: readonly string[] } } }) =>
    (container.securityContext?.capabilities?.add ?? []).filter((capability) => !isAllowed(capability));
  return {
    names: namesWhere(spec, (container) => forbidden(container).length > 0),
    capabilities: sorted(containersOf(spec).flatMap(forbidden)),
  };
}

const mustNotAdd = ({ names, capabilities }: ReturnType<typeof added>) =>
  `${containersNamed(names)} must not include ${quoted(capabilities)} in securityContext.capabilities.add`;

export const capabilitiesBaseline: Check = (pod) => {
  const found = added(pod, (capability) => HARMLESS.has(capability));
  return found.names.length ? { reason: 'non-default capabilities', detail: mustNotAdd(found) } : undefined;
};

export const capabilitiesRestricted: Check = (pod) => {
  const kept = namesWhere(pod.spec, ({ securityContext }) => !securityContext?.capabilities?.drop?.includes('ALL'));
  const found = added(pod, (capability) => capability === 'NET_BIND_SERVICE');
  const details = [
    ...(kept.length ? [`${containersNamed(kept)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(found.names.length ? [mustNotAdd(found)] : []),
  ];
  return details.length ? { reason: 'unrestricted capabilities', detail: details.join('; ') } : undefined;
};

export const allowPrivilegeEscalation: Check = ({ spec }) => {
  const names = namesWhere(spec, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  if (!names.length) return undefined;
  const detail = `${containersNamed(names)} must set securityContext.allowPrivilegeEscalation=false`;
  return { reason: 'allowPrivilegeEscalation != false', detail };
};

export const runAsNonRoot: Check = ({ spec }) => {
  const ofPod = spec.securityContext?.runAsNonRoot;
  const refusing = namesWhere(spec, ({ securityContext }) => securityContext?.runAsNonRoot === false);
  const silent = namesWhere(spec, ({ securityContext }) => securityContext?.runAsNonRoot === undefined && ofPod !== true);
  const setters = settersNamed(ofPod === false, refusing);
  const reason = 'runAsNonRoot != true';
  if (setters) return { reason, detail: `${setters} must not set securityContext.runAsNonRoot=false` };
  if (!silent.length) return undefined;
  return { reason, detail: `pod or ${containersNamed(silent)} must set securityContext.runAsNonRoot=true` };
};

export const runAsUser: Check = ({ spec }) => {
  const names = namesWhere(spec, ({ securityContext }) => securityContext?.runAsUser === 0);
  const setters = settersNamed(spec.securityContext?.runAsUser === 0, names);
  return setters ? { reason: 'runAsUser=0', detail: `${setters} must not set runAsUser=0` } : undefined;
};
