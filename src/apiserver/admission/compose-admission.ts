import type { Logger } from '../../std/logger.ts';
import type { RbacAuthorizer } from '../authorization/rbac-authorizer.ts';
import type { Admission, AdmissionPlugin, Authorizer, ObjectReader } from '../contracts.ts';
import { createAdmissionChain } from './admission-chain.ts';
import { createCertificateApproval, createCertificateSigning } from './certificate-signers.ts';
import { createCertificateSubjectRestriction } from './certificate-subject-restriction.ts';
import { createDefaultTolerationSeconds } from './default-toleration-seconds.ts';
import { alwaysAdmit, alwaysDeny, alwaysPullImages } from './fixed-answers.ts';
import { createNamespaceLifecycle } from './namespace-lifecycle.ts';
import { createNodeRestriction } from './node-restriction.ts';
import { createPriority } from './priority.ts';
import { createRoleEscalationCheck } from './role-escalation.ts';
import { createServiceAccountAdmission } from './service-account.ts';
import { createTaintNodesByCondition } from './taint-nodes-by-condition.ts';
import { createTokenSecretCheck } from './token-secret.ts';

export interface AdmissionOptions {
  readonly enableAdmissionPlugins?: readonly string[];
  readonly disableAdmissionPlugins?: readonly string[];
  readonly admissionControl?: readonly string[];
  readonly defaultNotReadyTolerationSeconds?: number;
  readonly defaultUnreachableTolerationSeconds?: number;
}

export interface AdmissionDeps {
  readonly reader: ObjectReader;
  readonly authorizer: Authorizer;
  readonly rbac: RbacAuthorizer;
  readonly logger: Logger;
  readonly random: () => number;
}

/** The admission chain that the flags ask for, of the plugins that this server has. */
export function composeAdmission(options: AdmissionOptions, deps: AdmissionDeps): Admission {
  const { reader, authorizer } = deps;
  const tolerations = {
    notReadySeconds: options.defaultNotReadyTolerationSeconds ?? 300,
    unreachableSeconds: options.defaultUnreachableTolerationSeconds ?? 300,
  };
  return createAdmissionChain({
    enable: options.enableAdmissionPlugins ?? [],
    disable: options.disableAdmissionPlugins ?? [],
    only: options.admissionControl ?? [],
    logger: deps.logger,
    available: new Map<string, () => AdmissionPlugin>([
      ['AlwaysAdmit', () => alwaysAdmit],
      ['NamespaceLifecycle', () => createNamespaceLifecycle(reader)],
      ['ServiceAccount', () => createServiceAccountAdmission(deps)],
      ['NodeRestriction', () => createNodeRestriction(deps)],
      ['TaintNodesByCondition', () => createTaintNodesByCondition()],
      ['AlwaysPullImages', () => alwaysPullImages],
      ['Priority', () => createPriority(reader)],
      ['DefaultTolerationSeconds', () => createDefaultTolerationSeconds(tolerations)],
      ['CertificateApproval', () => createCertificateApproval(authorizer)],
      ['CertificateSigning', () => createCertificateSigning(authorizer)],
      ['CertificateSubjectRestriction', () => createCertificateSubjectRestriction()],
      ['AlwaysDeny', () => alwaysDeny],
    ]),
    always: [createRoleEscalationCheck(deps), createTokenSecretCheck(reader)],
  });
}
