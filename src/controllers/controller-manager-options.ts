import type { Client } from '../client/client.ts';
import type { Calm } from '../std/calm.ts';
import type { Clock } from '../std/clock.ts';
import type { Logger } from '../std/logger.ts';
import type { AuthoritySource, SigningMaterial } from './csrsigning/signing-material.ts';

/** A pair of PEMs, or something that gives the authority each time that it is asked, so that files may change. */
export type SigningSource = SigningMaterial | AuthoritySource;

export interface ControllerManagerOptions {
  /**
   * A client that acts as the named ServiceAccount in kube-system, or as the manager itself. Also asked for `shared-informers`, which
   * reads for all controllers, `leader-election` and `kube-controller-manager`: these are the manager itself in any case.
   */
  clientFor: (account: string) => Client;
  /**
   * Makes an account's ServiceAccount when it is not there. Called once for every account of a controller that runs, or would run
   * upstream, so that the accounts in kube-system are those that the documentation, and bindings made from it, speak of.
   */
  ensureAccount?: (account: string) => Promise<void>;
  clock: Clock;
  /** Where the API server is in this process: when it has time for Events. */
  calm?: Calm | undefined;
  logger: Logger;
  random: () => number;
  /** As `--controllers`: `*`, `x`, `-x`. Default `['*']`. */
  controllers?: readonly string[];
  /** Who holds the lease, and what events say as their host. */
  identity: string;
  /** Wait until elected (Lease kube-system/kube-controller-manager). Default false. */
  leaderElect?: boolean | LeaderElectionTimes;
  /** Signs for every signer that `signers` does not name. Without either, nothing is signed. */
  signing?: SigningSource;
  /** By signer name: `kubernetes.io/kubelet-serving`. */
  signers?: Readonly<Partial<Record<string, SigningSource>>>;
  /** Default 8760 h. */
  signingDurationMs?: number;
  /** Signs the tokens in Secrets. Without it, that controller does not run. */
  serviceAccountKeyPem?: string;
  /** Published in every namespace and beside tokens. Without it, it is not. */
  rootCaPem?: string;
  /** Every ServiceAccount gets a token Secret by itself, as before 1.24. Default: where the API server gives no tokens on request. */
  legacyServiceAccountTokenAutoGeneration?: boolean;
  /** Ranges of pod addresses to give nodes their parts of, one an address family. Without them, none are given. */
  clusterCidrs?: readonly string[];
  /** Kept out of the nodes' parts. */
  serviceCidrs?: readonly string[];
  /** Default 24. */
  nodeCidrMaskSizeIpv4?: number;
  /** Default 64. */
  nodeCidrMaskSizeIpv6?: number;
  /** Default 5 s. */
  nodeMonitorPeriodMs?: number;
  /** Default 50 s, as today's upstream. */
  nodeMonitorGracePeriodMs?: number;
  /** How long a node may be silent after it was made. Default 60 s. */
  nodeStartupGracePeriodMs?: number;
  /** Nodes a second that are given a NoExecute taint. Default 0.1. */
  nodeEvictionRate?: number;
  /** The same in a large zone most of whose nodes are unhealthy. Default 0.01. */
  secondaryNodeEvictionRate?: number;
  /** Default 50. */
  largeClusterSizeThreshold?: number;
  /** Default 0.55. */
  unhealthyZoneThreshold?: number;
  /** How many ended pods may stay. Default 12500; 0 keeps all. */
  terminatedPodGcThreshold?: number;
  /** How often everything that quotas limit is measured anew. Default 5 min. */
  resourceQuotaSyncPeriodMs?: number;
  /** Default 5. */
  concurrentResourceQuotaSyncs?: number;
  /** Whether volumes are made for claims that name a class. Default true. */
  dynamicProvisioning?: boolean;
  /** Where the host-path provisioner makes its volumes, on the machine of the nodes; without it there is none. */
  hostPathVolumesDirectory?: string;
  /** How long tokens in Secrets that were made by themselves stay without use. Default a year. */
  legacyTokenCleanUpPeriodMs?: number;
  /** Times and tolerance of the horizontal pod autoscaler; upstream's defaults. */
  podAutoscaler?: {
    syncPeriodMs?: number;
    tolerance?: number;
    downscaleStabilizationMs?: number;
    cpuInitializationMs?: number;
    initialReadinessMs?: number;
  };
  /** Volumes stay on nodes that say that they use them, however long those do not answer. Default false. */
  disableForceDetachOnTimeout?: boolean;
  /** Default 100. */
  maxEndpointsPerSlice?: number;
  /** Default 1000. */
  mirroringMaxEndpointsPerSubset?: number;
  /** Objects that a controller works on at a time, by the controller's name. Default 5 for each. */
  concurrentSyncs?: Readonly<Record<string, number>>;
  /** Default true. */
  enableGarbageCollector?: boolean;
  /** Default 20. */
  concurrentGcSyncs?: number;
  /** How long the garbage collector keeps out of the way of what starts. Default 1 s. */
  garbageCollectorDelayMs?: number;
}

export interface LeaderElectionTimes {
  leaseDurationMs?: number;
  renewDeadlineMs?: number;
  retryPeriodMs?: number;
  namespace?: string;
  name?: string;
}
