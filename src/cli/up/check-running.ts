import { readRuntimeConfig } from '../../apiserver/kinds/runtime-config.ts';
import { CodedError } from '../../std/coded-error.ts';
import { etcdServersOf, type StoreSpec } from '../../store/open-store.ts';
import type { DaemonState } from '../local/daemon-state.ts';
import type { UpOptions } from './up-options.ts';

/**
 * A running cluster does not change by `up`; asking for another one than it is would go unheard.
 *
 * @throws CodedError RUNNING_OTHERWISE
 */
export function checkRunning(state: DaemonState, options: UpOptions): void {
  const difference = runsWith(state, options) ?? servesOtherwise(state, options);
  if (difference === undefined) return;
  const down = `"muster down --name ${state.name}"`;
  throw new CodedError(`cluster "${state.name}" is running ${difference}; ${down} deletes it, or choose another --name`, {
    code: 'RUNNING_OTHERWISE',
  });
}

function runsWith(state: DaemonState, { nodes, port, runtime, network }: UpOptions): string | undefined {
  const hollow = (state.nodes?.length ?? 0) - (state.realNode === undefined ? 0 : 1);
  const plugin = state.network ?? 'bridge';
  if (nodes !== undefined && nodes !== hollow) return `with ${hollow} nodes, not ${nodes}`;
  if (runtime === 'containerd' && state.realNode === undefined) return 'with hollow nodes only';
  if (runtime === 'hollow' && state.realNode !== undefined) return `with the real node ${state.realNode}`;
  if (network !== undefined && state.realNode === undefined) return 'with hollow nodes only, which have no network';
  if (network !== undefined && network !== plugin) return `with network ${plugin}`;
  if (port !== undefined && port !== Number(new URL(state.server!).port))
    return `with its API server at ${state.server}, not port ${port}`;
  return undefined;
}

function servesOtherwise(state: DaemonState, { store, etcdFiles, ...options }: UpOptions): string | undefined {
  const kept = state.store ?? 'sqlite';
  if (store !== undefined && !isSameStore(store, kept)) return `with store ${kept}, not ${store}`;
  if (etcdFiles && etcdServersOf(kept) === undefined) return `with store ${kept}, which has no use for etcd's files`;
  for (const [version, value] of Object.entries(readRuntimeConfig(options.runtimeConfig)))
    if (switched(state.runtimeConfig?.[version]) !== switched(value))
      return `without --runtime-config=${version}=${switched(value)}`;
  if (options.legacyServiceAccountTokens && !state.legacyServiceAccountTokens) return 'without --legacy-service-account-tokens';
  return undefined;
}

/** A version that is only named is on. */
const switched = (value: string | boolean | undefined) => (value === '' ? 'true' : String(value));

/** The members of an etcd may change, and be named in another order. */
function isSameStore(asked: StoreSpec, kept: StoreSpec): boolean {
  const [one, other] = [etcdServersOf(asked), etcdServersOf(kept)];
  if (one === undefined || other === undefined) return asked === kept;
  const known = other.split(',');
  return one.split(',').some((server) => known.includes(server));
}
