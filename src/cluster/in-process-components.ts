import { join } from 'node:path';
import type { Client } from '../client/client.ts';
import { createEventRecorder } from '../client/events.ts';
import { createControllerManager } from '../controllers/controller-manager.ts';
import { createScheduler } from '../scheduler/scheduler.ts';
import type { Calm } from '../std/calm.ts';
import type { Component } from '../std/lifecycle.ts';
import { type ClusterKeys, LEAF_LIFETIME_MS } from './authorities.ts';
import { type ClusterConfig, SERVICE_CIDR } from './options.ts';

/** A client of a program, by whose name what it writes is marked, that acts as a user, without sockets. */
export type ClientAs = (program: string, user: string, ...groups: string[]) => Client;

const MANAGER = 'kube-controller-manager';

/** What the manager does as itself and not as one of its controllers. */
const MANAGER_ACCOUNTS = new Set(['shared-informers', 'leader-election', MANAGER]);

/**
 * All controllers, each as its own service account, as with `--use-service-account-credentials`.
 *
 * @param places where volumes of class `standard` lie, below the cluster's directory, and what pods' addresses are of
 */
export function createManager(
  config: ClusterConfig,
  keys: ClusterKeys,
  as: ClientAs,
  { directory, podRange, calm }: { readonly directory: string; readonly podRange: string; readonly calm: Calm | undefined },
): Component {
  const { clock, logger, random, ipv6Ranges } = config;
  return createControllerManager({
    clientFor: (account) =>
      MANAGER_ACCOUNTS.has(account)
        ? as(MANAGER, 'system:kube-controller-manager')
        : as(
            MANAGER,
            `system:serviceaccount:kube-system:${account}`,
            'system:serviceaccounts',
            'system:serviceaccounts:kube-system',
          ),
    clock,
    calm,
    logger: logger.child({ part: 'controller-manager' }),
    random,
    controllers: ['*', 'bootstrapsigner', 'tokencleaner'],
    leaderElect: false,
    identity: config.name,
    signing: { certificatePem: keys.authority.certificatePem, privateKeyPem: keys.authority.privateKeyPem },
    signingDurationMs: LEAF_LIFETIME_MS,
    serviceAccountKeyPem: keys.serviceAccountKeyPem,
    rootCaPem: keys.authority.certificatePem,
    legacyServiceAccountTokenAutoGeneration: config.legacyServiceAccountTokens,
    clusterCidrs: [podRange, ...(ipv6Ranges ? [ipv6Ranges.pods] : [])],
    serviceCidrs: [SERVICE_CIDR, ...(ipv6Ranges ? [ipv6Ranges.services] : [])],
    nodeMonitorGracePeriodMs: config.nodeMonitorGracePeriodMs,
    hostPathVolumesDirectory: join(directory, 'volumes'),
  });
}

/** The scheduler, as `system:kube-scheduler`. */
export function createClusterScheduler(
  { clock, logger, random }: ClusterConfig,
  as: ClientAs,
  calm: Calm | undefined,
): Component {
  const client = as('kube-scheduler', 'system:kube-scheduler');
  const own = logger.child({ part: 'scheduler' });
  const events = createEventRecorder({ client, component: 'default-scheduler', calm, clock, logger: own });
  return createScheduler({ client, events, clock, logger: own, random });
}
