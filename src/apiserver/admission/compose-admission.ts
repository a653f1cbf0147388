import type { Kubeconfig } from '../../pki/kubeconfig.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import type { RbacAuthorizer } from '../authorization/rbac-authorizer.ts';
import type { Admission, AdmissionPlugin, Authorizer, ObjectReader, ObjectWriter } from '../contracts.ts';
import type { Egress } from '../egress/egress.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import type { AdmissionMetrics } from '../metrics/admission-metrics.ts';
import { createAdmissionChain } from './admission-chain.ts';
import { createCertificateApproval, createCertificateSigning } from './certificate-signers.ts';
import { createCertificateSubjectRestriction } from './certificate-subject-restriction.ts';
import { createClaimStatusAccess } from './claim-status-access.ts';
import { createClusterTrustBundleAttest } from './cluster-trust-bundle-attest.ts';
import type { AdmissionConfiguration } from './configuration/admission-configuration.ts';
import { createDefaultIngressClass } from './default-ingress-class.ts';
import { createDefaultStorageClass } from './default-storage-class.ts';
import { createDefaultTolerationSeconds } from './default-toleration-seconds.ts';
import { denyServiceExternalIps } from './deny-service-external-ips.ts';
import { createDeviceAdminAccess } from './device-admin-access.ts';
import { createEventRateLimit } from './event-rate-limit.ts';
import { extendedResourceToleration } from './extended-resource-toleration.ts';
import { alwaysAdmit, alwaysDeny, alwaysPullImages } from './fixed-answers.ts';
import { createImagePolicyWebhook } from './image-policy-webhook.ts';
import { limitPodHardAntiAffinityTopology } from './limit-pod-hard-anti-affinity-topology.ts';
import { createLimitRanger } from './limit-ranger/limit-ranger.ts';
import { createNamespaceAutoProvision, createNamespaceExists } from './namespace-exists.ts';
import { createNamespaceLifecycle } from './namespace-lifecycle.ts';
import { createNodeDeclaredFeatureValidator } from './node-declared-features.ts';
import { createNodeRestriction } from './node-restriction.ts';
import { createOwnerReferencesPermissionEnforcement } from './owner-references-permission.ts';
import { createPersistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import { createPodNodeSelector } from './pod-node-selector.ts';
import { createPodResizeValidator } from './pod-resize-validator.ts';
import { createPodSecurity, DEFAULT_CONFIGURATION } from './pod-security/pod-security.ts';
import { createPodTolerationRestriction } from './pod-toleration-restriction.ts';
import { createPodTopologyLabels } from './pod-topology-labels.ts';
import { createMutatingPolicies } from './policies/mutating-policies.ts';
import { createParamAccessCheck } from './policies/param-access.ts';
import { createValidatingPolicies } from './policies/validating-policies.ts';
import { createPriority } from './priority.ts';
import { denyPrivilegedContainers } from './privileged-containers.ts';
import { createResourceQuota } from './resource-quota/resource-quota.ts';
import { createRoleEscalationCheck } from './role-escalation.ts';
import { createRuntimeClass } from './runtime-class.ts';
import { createServiceAccountAdmission } from './service-account.ts';
import { createStorageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { createTaintNodesByCondition } from './taint-nodes-by-condition.ts';
import { createTokenSecretCheck } from './token-secret.ts';
import { createMutatingWebhooks } from './webhooks/mutating-webhooks.ts';
import { createServiceAddress } from './webhooks/service-address.ts';
import { createValidatingWebhooks } from './webhooks/validating-webhooks.ts';
import { WebhookConnections } from './webhooks/webhook-connections.ts';
import { createWebhookUsers } from './webhooks/webhook-users.ts';

export interface AdmissionOptions {
  readonly enableAdmissionPlugins?: readonly string[];
  readonly disableAdmissionPlugins?: readonly string[];
  readonly admissionControl?: readonly string[];
  /** `--admission-control-config-file`, read. */
  readonly admissionConfiguration?: AdmissionConfiguration;
  /** `--allow-privileged`. Default true, unlike the flag's. */
  readonly allowPrivileged?: boolean;
  readonly defaultNotReadyTolerationSeconds?: number;
  readonly defaultUnreachableTolerationSeconds?: number;
  /** Keys of tokens. With none to sign with, tokens are not given on request: pods get them from Secrets. */
  readonly serviceAccount?: { readonly signingKeyPem?: string };
}

export interface AdmissionDeps {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly authorizer: Authorizer;
  readonly rbac: RbacAuthorizer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly kinds: KindRegistry;
  readonly egress?: Egress | undefined;
  readonly metrics?: AdmissionMetrics | undefined;
}

/**
 * The admission chain that the flags ask for, of the plugins that this server has.
 *
 * @throws CodedError ADMISSION_PLUGINS for a plugin that it has not, or that lacks what it must be told
 */
export function composeAdmission(options: AdmissionOptions, deps: AdmissionDeps): Admission {
  return createAdmissionChain({
    enable: options.enableAdmissionPlugins ?? [],
    disable: options.disableAdmissionPlugins ?? [],
    only: options.admissionControl ?? [],
    logger: deps.logger,
    metrics: deps.metrics,
    available: new Map([...defaultPlugins(options, deps), ...otherPlugins(options, deps)]),
    always: [
      createRoleEscalationCheck(deps),
      createTokenSecretCheck(deps.reader),
      createDeviceAdminAccess(deps.reader),
      createClaimStatusAccess(deps.authorizer),
      createParamAccessCheck(deps),
      ...(options.allowPrivileged === false ? [denyPrivilegedContainers] : []),
    ],
  });
}

type Plugins = readonly (readonly [name: string, create: () => AdmissionPlugin])[];

/** Those that upstream runs unless told otherwise, and NodeRestriction. */
function defaultPlugins(options: AdmissionOptions, deps: AdmissionDeps): Plugins {
  const { reader, authorizer, random, clock } = deps;
  const tolerations = {
    notReadySeconds: options.defaultNotReadyTolerationSeconds ?? 300,
    unreachableSeconds: options.defaultUnreachableTolerationSeconds ?? 300,
  };
  const configuration = options.admissionConfiguration ?? {};
  const { podSecurity = DEFAULT_CONFIGURATION, limitedResources: limited = [] } = configuration;
  const resolve = createServiceAddress(reader, random);
  const webhooks = (users: Kubeconfig | undefined) => ({
    ...deps,
    connections: new WebhookConnections(resolve, users && createWebhookUsers(users, clock), deps.egress),
  });
  return [
    ['NamespaceLifecycle', () => createNamespaceLifecycle(reader)],
    ['LimitRanger', () => createLimitRanger(reader)],
    ['ServiceAccount', () => createServiceAccountAdmission({ ...deps, tokensInSecrets: tokensAreInSecrets(options) })],
    ['NodeRestriction', () => createNodeRestriction(deps)],
    ['TaintNodesByCondition', () => createTaintNodesByCondition()],
    ['PodSecurity', () => createPodSecurity(reader, podSecurity)],
    ['Priority', () => createPriority(reader)],
    ['DefaultTolerationSeconds', () => createDefaultTolerationSeconds(tolerations)],
    ['DefaultStorageClass', () => createDefaultStorageClass(reader)],
    ['StorageObjectInUseProtection', () => createStorageObjectInUseProtection()],
    ['PersistentVolumeClaimResize', () => createPersistentVolumeClaimResize(reader)],
    ['RuntimeClass', () => createRuntimeClass(reader)],
    ['CertificateApproval', () => createCertificateApproval(authorizer)],
    ['CertificateSigning', () => createCertificateSigning(authorizer)],
    ['ClusterTrustBundleAttest', () => createClusterTrustBundleAttest(authorizer)],
    ['CertificateSubjectRestriction', () => createCertificateSubjectRestriction()],
    ['DefaultIngressClass', () => createDefaultIngressClass(reader)],
    ['PodTopologyLabels', () => createPodTopologyLabels(reader)],
    ['NodeDeclaredFeatureValidator', () => createNodeDeclaredFeatureValidator(reader)],
    ['PodResizeValidator', () => createPodResizeValidator(reader)],
    ['MutatingAdmissionPolicy', () => createMutatingPolicies(deps)],
    ['MutatingAdmissionWebhook', () => createMutatingWebhooks(webhooks(configuration.mutatingWebhookUsers))],
    ['ValidatingAdmissionPolicy', () => createValidatingPolicies(deps)],
    ['ValidatingAdmissionWebhook', () => createValidatingWebhooks(webhooks(configuration.validatingWebhookUsers))],
    ['ResourceQuota', () => createResourceQuota({ ...deps, limited })],
  ];
}

/** Those that run only when they are named. */
function otherPlugins(options: AdmissionOptions, deps: AdmissionDeps): Plugins {
  const { reader, writer, clock } = deps;
  const configuration = options.admissionConfiguration ?? {};
  const { eventLimits, imagePolicy, nodeSelectors = {}, tolerations = NO_TOLERATIONS } = configuration;
  return [
    ['AlwaysAdmit', () => alwaysAdmit],
    ['NamespaceAutoProvision', () => createNamespaceAutoProvision(reader, writer)],
    ['NamespaceExists', () => createNamespaceExists(reader)],
    ['LimitPodHardAntiAffinityTopology', () => limitPodHardAntiAffinityTopology],
    ['AlwaysPullImages', () => alwaysPullImages],
    [
      'ImagePolicyWebhook',
      () => {
        if (!imagePolicy) throw new CodedError(NO_IMAGE_POLICY, { code: 'ADMISSION_PLUGINS' });
        return createImagePolicyWebhook(imagePolicy, deps);
      },
    ],
    ['PodNodeSelector', () => createPodNodeSelector(reader, nodeSelectors)],
    ['PodTolerationRestriction', () => createPodTolerationRestriction(reader, tolerations)],
    [
      'EventRateLimit',
      () => {
        if (!eventLimits) throw new CodedError(NO_LIMITS, { code: 'ADMISSION_PLUGINS' });
        return createEventRateLimit(eventLimits, clock);
      },
    ],
    ['ExtendedResourceToleration', () => extendedResourceToleration],
    ['OwnerReferencesPermissionEnforcement', () => createOwnerReferencesPermissionEnforcement(deps)],
    ['DenyServiceExternalIPs', () => denyServiceExternalIps],
    ['AlwaysDeny', () => alwaysDeny],
  ];
}

const NO_TOLERATIONS = { default: [], whitelist: [] };
const NO_IMAGE_POLICY = 'ImagePolicyWebhook: --admission-control-config-file must say how it is reached';
const NO_LIMITS = 'EventRateLimit: --admission-control-config-file must give its limits';

const tokensAreInSecrets = ({ serviceAccount }: AdmissionOptions) =>
  serviceAccount !== undefined && serviceAccount.signingKeyPem === undefined;
