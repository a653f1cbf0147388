import {
  KUBE_APISERVER_CLIENT,
  KUBE_APISERVER_CLIENT_KUBELET,
  KUBELET_SERVING,
  LEGACY_UNKNOWN,
} from '../api/certificates/v1/signer-conditions.ts';
import { hasReason } from '../client/unless-reason.ts';
import type { Component } from '../std/lifecycle.ts';
import type { ControllerManagerOptions, SigningSource } from './controller-manager-options.ts';
import type { AuthoritySource } from './csrsigning/signing-material.ts';
import type { ControllerContext } from './framework/controller.ts';

/** A controller, or the reason why it does not run with these options. Each is loaded when it is made. */
type Factory = (context: ControllerContext, options: ControllerManagerOptions) => Promise<Component | { readonly why: string }>;

const YEAR_MS = 8760 * 3_600_000;
const SIGNERS = [KUBE_APISERVER_CLIENT, KUBE_APISERVER_CLIENT_KUBELET, KUBELET_SERVING, LEGACY_UNKNOWN];

/** How each supported controller is made, by upstream's name. */
export const CONTROLLER_FACTORIES: Readonly<Record<string, Factory>> = {
  'certificatesigningrequest-approving-controller': async (context) =>
    (await import('./csrapproving/controller.ts')).createCsrApprovingController(context),

  'certificatesigningrequest-signing-controller': async (context, options) => {
    const { createCsrSigningController } = await import('./csrsigning/controller.ts');
    const { fixedAuthority } = await import('./csrsigning/signing-material.ts');
    const toSource = (source: SigningSource): AuthoritySource => (typeof source === 'function' ? source : fixedAuthority(source));
    const common = options.signing && toSource(options.signing);
    const authorities: Record<string, AuthoritySource> = {};
    for (const signer of SIGNERS) {
      const own = options.signers?.[signer];
      const source = own ? toSource(own) : common;
      if (source) authorities[signer] = source;
      else
        context.logger.warn('Signer has no certificate and key and does not run: what is approved for it gets no certificate', {
          signer,
        });
    }
    if (Object.keys(authorities).length === 0) return { why: 'no CSR signer cert and key files were given' };
    return createCsrSigningController(context, { authorities, signingDurationMs: options.signingDurationMs ?? YEAR_MS });
  },

  'certificatesigningrequest-cleaner-controller': async (context) =>
    (await import('./csrcleaner/controller.ts')).createCsrCleanerController(context),

  'bootstrap-signer-controller': async (context) =>
    (await import('./bootstrapsigner/controller.ts')).createBootstrapSignerController(context),

  'token-cleaner-controller': async (context) =>
    (await import('./tokencleaner/controller.ts')).createTokenCleanerController(context),

  'serviceaccount-controller': async (context) =>
    (await import('./serviceaccount/controller.ts')).createServiceAccountController(context),

  'serviceaccount-token-controller': async (context, options) => {
    const {
      serviceAccountKeyPem: privateKeyPem,
      rootCaPem,
      legacyServiceAccountTokenAutoGeneration: autoGenerate = 'where-needed',
    } = options;
    if (!privateKeyPem) return { why: 'there is no private key to sign tokens with' };
    const { createServiceAccountTokenController } = await import('./serviceaccount-token/controller.ts');
    return createServiceAccountTokenController(context, {
      privateKeyPem,
      rootCaPem,
      autoGenerate,
      ...workersOf(context, options),
    });
  },

  'root-ca-certificate-publisher-controller': async (context, { rootCaPem }) => {
    if (!rootCaPem) return { why: 'there is no root CA to publish' };
    return (await import('./rootcacertpublisher/controller.ts')).createRootCaCertPublisher(context, { rootCaPem });
  },

  'node-ipam-controller': async (context, options) => {
    if (!options.clusterCidrs?.length) return { why: 'node CIDRs are not to be allocated' };
    const { createNodeIpamController } = await import('./nodeipam/controller.ts');
    return createNodeIpamController(context, {
      clusterCidrs: options.clusterCidrs,
      serviceCidrs: options.serviceCidrs ?? [],
      maskSizeIpv4: options.nodeCidrMaskSizeIpv4 ?? 24,
      maskSizeIpv6: options.nodeCidrMaskSizeIpv6 ?? 64,
    });
  },

  'node-lifecycle-controller': async (context, options) => {
    const { createNodeLifecycleController } = await import('./nodelifecycle/controller.ts');
    return createNodeLifecycleController(context, {
      monitorPeriodMs: options.nodeMonitorPeriodMs ?? 5000,
      gracePeriodMs: options.nodeMonitorGracePeriodMs ?? 50_000,
      startupGracePeriodMs: options.nodeStartupGracePeriodMs ?? 60_000,
      evictionRate: options.nodeEvictionRate ?? 0.1,
      secondaryEvictionRate: options.secondaryNodeEvictionRate ?? 0.01,
      largeClusterThreshold: options.largeClusterSizeThreshold ?? 50,
      unhealthyZoneThreshold: options.unhealthyZoneThreshold ?? 0.55,
    });
  },

  'taint-eviction-controller': async (context) =>
    (await import('./tainteviction/controller.ts')).createTaintEvictionController(context),

  'clusterrole-aggregation-controller': async (context) =>
    (await import('./clusterrole-aggregation/controller.ts')).createClusterRoleAggregationController(context),

  'namespace-controller': async (context, options) =>
    (await import('./namespace/controller.ts')).createNamespaceController(context, workersOf(context, options)),

  'ttl-controller': async (context) => (await import('./ttl/controller.ts')).createTtlController(context),

  'pod-garbage-collector-controller': async (context, { terminatedPodGcThreshold = 12_500 }) =>
    (await import('./podgc/controller.ts')).createPodGcController(context, { terminatedPodThreshold: terminatedPodGcThreshold }),

  'replicaset-controller': async (context, options) =>
    (await import('./replicaset/controller.ts')).createReplicaSetController(context, workersOf(context, options)),

  'replicationcontroller-controller': async (context, options) =>
    (await import('./replicaset/controller.ts')).createReplicationControllerController(context, workersOf(context, options)),

  'deployment-controller': async (context, options) =>
    (await import('./deployment/controller.ts')).createDeploymentController(context, workersOf(context, options)),

  'daemonset-controller': async (context, options) =>
    (await import('./daemonset/controller.ts')).createDaemonSetController(context, workersOf(context, options)),

  'statefulset-controller': async (context, options) =>
    (await import('./statefulset/controller.ts')).createStatefulSetController(context, workersOf(context, options)),

  'job-controller': async (context, options) =>
    (await import('./job/controller.ts')).createJobController(context, workersOf(context, options)),

  'cronjob-controller': async (context, options) =>
    (await import('./cronjob/controller.ts')).createCronJobController(context, workersOf(context, options)),

  'ttl-after-finished-controller': async (context, options) =>
    (await import('./ttlafterfinished/controller.ts')).createTtlAfterFinishedController(context, workersOf(context, options)),

  'disruption-controller': async (context) => (await import('./disruption/controller.ts')).createDisruptionController(context),

  'persistentvolume-binder-controller': async (context, { hostPathVolumesDirectory: hostPathDirectory, dynamicProvisioning }) =>
    (await import('./persistentvolume/controller.ts')).createPersistentVolumeController(context, {
      hostPathDirectory,
      dynamicProvisioning,
    }),

  'persistentvolume-attach-detach-controller': async (context, { disableForceDetachOnTimeout }) =>
    (await import('./attachdetach/controller.ts')).createAttachDetachController(context, { disableForceDetachOnTimeout }),

  'horizontal-pod-autoscaler-controller': async (context, options) =>
    (await import('./podautoscaler/controller.ts')).createPodAutoscalerController(context, {
      ...workersOf(context, options),
      ...options.podAutoscaler,
    }),

  'service-cidr-controller': async (context) => {
    if (!(await mayServe(context, '/apis/networking.k8s.io/v1', 'servicecidrs'))) return { why: 'there are no ServiceCIDRs' };
    return (await import('./servicecidr/controller.ts')).createServiceCidrController(context);
  },

  'legacy-serviceaccount-token-cleaner-controller': async (context, { legacyTokenCleanUpPeriodMs: periodMs }) =>
    (await import('./legacytokencleaner/controller.ts')).createLegacyTokenCleaner(context, { periodMs }),

  'ephemeral-volume-controller': async (context, options) =>
    (await import('./ephemeralvolume/controller.ts')).createEphemeralVolumeController(context, workersOf(context, options)),

  'resourceclaim-controller': async (context, options) => {
    if (!(await mayServe(context, '/apis/resource.k8s.io/v1', 'resourceclaims'))) return { why: 'there are no ResourceClaims' };
    const { createResourceClaimController } = await import('./resourceclaim/controller.ts');
    return createResourceClaimController(context, workersOf(context, options));
  },

  'device-taint-eviction-controller': async (context) => {
    if (!(await mayServe(context, '/apis/resource.k8s.io/v1', 'resourceslices'))) return { why: 'there are no ResourceSlices' };
    return (await import('./devicetainteviction/controller.ts')).createDeviceTaintEvictionController(context);
  },

  'persistentvolume-expander-controller': async (context) =>
    (await import('./volumeexpand/controller.ts')).createVolumeExpandController(context),

  'endpointslice-controller': async (context, options) =>
    (await import('./endpointslice/controller.ts')).createEndpointSliceController(context, {
      ...workersOf(context, options),
      maxEndpointsPerSlice: options.maxEndpointsPerSlice,
    }),

  'endpoints-controller': async (context, options) =>
    (await import('./endpoints/controller.ts')).createEndpointsController(context, workersOf(context, options)),

  'endpointslice-mirroring-controller': async (context, options) =>
    (await import('./endpointslicemirroring/controller.ts')).createEndpointSliceMirroringController(context, {
      ...workersOf(context, options),
      maxEndpointsPerSubset: options.mirroringMaxEndpointsPerSubset,
    }),

  'persistentvolumeclaim-protection-controller': async (context) =>
    (await import('./pvcprotection/controller.ts')).createPvcProtectionController(context),

  'persistentvolume-protection-controller': async (context) =>
    (await import('./pvprotection/controller.ts')).createPvProtectionController(context),

  'volumeattributesclass-protection-controller': async (context) => {
    if (!(await mayServe(context, '/apis/storage.k8s.io/v1', 'volumeattributesclasses')))
      return { why: 'there are no VolumeAttributesClasses' };
    return (await import('./vacprotection/controller.ts')).createVacProtectionController(context);
  },

  'resourcequota-controller': async (context, options) => {
    const [{ createResourceQuotaController }, { createMetadataClient }] = await Promise.all([
      import('./resourcequota/controller.ts'),
      import('./garbagecollector/metadata-client.ts'),
    ]);
    return createResourceQuotaController(context, {
      metadataClient: createMetadataClient(context.client),
      ...(options.resourceQuotaSyncPeriodMs && { syncPeriodMs: options.resourceQuotaSyncPeriodMs }),
      ...(options.concurrentResourceQuotaSyncs && { workers: options.concurrentResourceQuotaSyncs }),
    });
  },

  'validatingadmissionpolicy-status-controller': async (context) =>
    (await import('./policystatus/controller.ts')).createPolicyStatusController(context),

  'garbage-collector-controller': async (context, options) => {
    if (options.enableGarbageCollector === false) return { why: 'the garbage collector is switched off' };
    const [{ createGarbageCollector }, { createMetadataClient }] = await Promise.all([
      import('./garbagecollector/controller.ts'),
      import('./garbagecollector/metadata-client.ts'),
    ]);
    return createGarbageCollector(context, {
      metadataClient: createMetadataClient(context.client),
      workers: options.concurrentGcSyncs,
      delayMs: options.garbageCollectorDelayMs ?? 1000,
    });
  },
};

const workersOf = ({ name }: ControllerContext, { concurrentSyncs }: ControllerManagerOptions): { workers?: number } => ({
  workers: concurrentSyncs?.[name],
});

/** Whether a server has a kind that older ones have not. When it cannot be asked now, it may: informers go on trying. */
async function mayServe({ client, logger }: ControllerContext, path: string, resource: string): Promise<boolean> {
  try {
    const { resources } = JSON.parse((await client.raw({ path })).text) as { resources: readonly { readonly name: string }[] };
    return resources.some(({ name }) => name === resource);
  } catch (error) {
    // Not even the group.
    if (hasReason(error, 'NotFound')) return false;
    logger.debug(1, 'Unable to find out whether a kind is served', { resource, err: error });
    return true;
  }
}
