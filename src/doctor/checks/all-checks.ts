import { type Finding, sortFindings } from '../finding.ts';
import type { Observations } from '../observations.ts';
import { checkAccountKeys } from './account-key-checks.ts';
import { checkApiServices, checkCertificates, checkDns, checkServer } from './certificate-checks.ts';
import type { Check } from './check.ts';
import { checkHosts } from './host-checks.ts';
import { checkJoining } from './joining-checks.ts';
import { checkClientCertificates, checkRefusals, checkServing, checkSettings } from './kubelet-checks.ts';
import { checkKubeletFiles } from './kubelet-file-checks.ts';
import { checkPodNetwork } from './network-checks.ts';
import { checkLeaders, checkNodes, checkVersions } from './node-checks.ts';
import { checkRbac } from './rbac-checks.ts';
import { checkRequests } from './request-checks.ts';
import { checkTokens } from './token-checks.ts';
import { checkUnits } from './unit-checks.ts';

const ALL_CHECKS: readonly Check[] = [
  checkTokens,
  checkRbac,
  checkRequests,
  checkNodes,
  checkVersions,
  checkLeaders,
  checkServing,
  checkRefusals,
  checkClientCertificates,
  checkSettings,
  checkCertificates,
  checkServer,
  checkAccountKeys,
  checkDns,
  checkApiServices,
  checkHosts,
  checkUnits,
  checkPodNetwork,
  checkKubeletFiles,
  checkJoining,
];

/** All findings of all checks, the worst first. */
export const diagnose = (seen: Observations): Finding[] => sortFindings(ALL_CHECKS.flatMap((check) => check(seen)));
