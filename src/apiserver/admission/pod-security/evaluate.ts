import { hostNamespaces, hostPathVolumes, hostPorts, hostProbesAndHostLifecycle, windowsHostProcess } from './host-checks.ts';
import type { LevelVersion } from './level.ts';
import {
  allowPrivilegeEscalation,
  capabilitiesBaseline,
  capabilitiesRestricted,
  privileged,
  runAsNonRoot,
  runAsUser,
} from './privilege-checks.ts';
import {
  appArmorProfile,
  procMount,
  restrictedVolumes,
  seccompAnnotations,
  seccompBaseline,
  seccompRestricted,
  seLinuxOptions,
  sysctls,
} from './profile-checks.ts';
import type { Check, CheckedPod, Violation } from './violation.ts';

/** A check from the minor version on that began it, until a later one takes its place. */
type Since = readonly [minor: number, check: Check];

interface VersionedCheck {
  readonly since: readonly Since[];
  /** A looser check of the level below that this one makes needless. */
  readonly replaces?: string;
}

/** Windows has none of what is checked. */
const unlessWindows =
  (check: Check): Check =>
  (pod) =>
    pod.spec.os?.name === 'windows' ? undefined : check(pod);

/** Root in a user namespace is nobody on the host. */
const unlessUserNamespace =
  (check: Check): Check =>
  (pod) =>
    pod.spec.hostUsers === false ? undefined : check(pod);

const KEEPALIVE = ['tcp_keepalive_time', 'tcp_fin_timeout', 'tcp_keepalive_intvl', 'tcp_keepalive_probes'].map(
  (name) => `net.ipv4.${name}`,
);
const RESERVED_PORTS = 'net.ipv4.ip_local_reserved_ports';

/** By their upstream names, whose order is that of the answers (pod-security-admission/policy/check_*.go). */
const BASELINE: Readonly<Record<string, VersionedCheck>> = {
  appArmorProfile: { since: [[0, appArmorProfile]] },
  capabilities_baseline: { since: [[0, capabilitiesBaseline]] },
  hostNamespaces: { since: [[0, hostNamespaces]] },
  hostPathVolumes: { since: [[0, hostPathVolumes]] },
  hostPorts: { since: [[0, hostPorts]] },
  hostProbesAndHostLifecycle: { since: [[34, hostProbesAndHostLifecycle]] },
  privileged: { since: [[0, privileged]] },
  procMount: {
    since: [
      [0, procMount],
      [35, unlessUserNamespace(procMount)],
    ],
  },
  seLinuxOptions: {
    since: [
      [0, seLinuxOptions()],
      [31, seLinuxOptions('container_engine_t')],
    ],
  },
  seccompProfile_baseline: {
    since: [
      [0, seccompAnnotations],
      [19, seccompBaseline],
    ],
  },
  sysctls: {
    since: [
      [0, sysctls()],
      [27, sysctls(RESERVED_PORTS)],
      [29, sysctls(RESERVED_PORTS, ...KEEPALIVE)],
      [32, sysctls(RESERVED_PORTS, ...KEEPALIVE, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem')],
    ],
  },
  windowsHostProcess: { since: [[0, windowsHostProcess]] },
};

const RESTRICTED: Readonly<Record<string, VersionedCheck>> = {
  allowPrivilegeEscalation: {
    since: [
      [8, allowPrivilegeEscalation],
      [25, unlessWindows(allowPrivilegeEscalation)],
    ],
  },
  capabilities_restricted: {
    since: [
      [22, capabilitiesRestricted],
      [25, unlessWindows(capabilitiesRestricted)],
    ],
    replaces: 'capabilities_baseline',
  },
  procMount_restricted: { since: [[35, procMount]], replaces: 'procMount' },
  restrictedVolumes: { since: [[0, restrictedVolumes]], replaces: 'hostPathVolumes' },
  runAsNonRoot: {
    since: [
      [0, runAsNonRoot],
      [35, unlessUserNamespace(runAsNonRoot)],
    ],
  },
  runAsUser: {
    since: [
      [23, runAsUser],
      [35, unlessUserNamespace(runAsUser)],
    ],
  },
  seccompProfile_restricted: {
    since: [
      [19, seccompRestricted],
      [25, unlessWindows(seccompRestricted)],
    ],
    replaces: 'seccompProfile_baseline',
  },
};

function checkFor({ since }: VersionedCheck, version: LevelVersion['version']): Check | undefined {
  return since.findLast(([minor]) => version === 'latest' || minor <= version)?.[1];
}

/** The checks of a level, in the order of their answers. */
function checksOf({ level, version }: LevelVersion): Check[] {
  if (level === 'privileged') return [];
  const strict = level === 'restricted' ? Object.values(RESTRICTED).filter((each) => checkFor(each, version)) : [];
  const replaced = new Set(strict.map(({ replaces }) => replaces));
  const basic = Object.entries(BASELINE).flatMap(([name, each]) => (replaced.has(name) ? [] : [each]));
  return [...basic, ...strict].flatMap((each) => checkFor(each, version) ?? []);
}

/** What a pod does that the level does not allow. Empty when it is fine. */
export function evaluatePod(pod: CheckedPod, level: LevelVersion): Violation[] {
  return checksOf(level).flatMap((check) => check(pod) ?? []);
}

/** `privileged, hostPort`. */
export const describeReasons = (violations: readonly Violation[]) => violations.map(({ reason }) => reason).join(', ');
/** `privileged (container "c" must not …), hostPort (…)`. */
export const describeDetails = (violations: readonly Violation[]) =>
  violations.map(({ reason, detail }) => (detail ? `${reason} (${detail})` : reason)).join(', ');
