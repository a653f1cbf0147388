import { GrpcError, isGrpcStatus } from '../../std/grpc/grpc-error.ts';
import { StoreError } from '../store.ts';

/** A member that has yet to get all data is asked for nothing else; it says so before it looks at the request. */
const isOfLearner = (error: unknown): boolean =>
  error instanceof GrpcError && error.detail === 'etcdserver: rpc not supported for learner';

/** Whether a failed call never reached a member that would have carried it out, so that any call may be made again. */
export function wasNotCarriedOut(error: unknown): boolean {
  if (isOfLearner(error)) return true;
  if (!isGrpcStatus(error, 'Unavailable')) return false;
  // etcdserver/api/v3rpc/rpctypes/error.go: a member without a leader refuses before it looks at the request.
  return /^(connection error: |No connection established|etcdserver: (no leader|server stopped|not capable))/.test(error.detail);
}

/** Whether another attempt, or another member, may do better. */
export function mayPass(error: unknown): boolean {
  // Too many requests, which comes as ResourceExhausted like a full disk does, is over soon.
  if (isGrpcStatus(error, 'ResourceExhausted')) return error.detail === 'etcdserver: too many requests';
  return isOfLearner(error) || isGrpcStatus(error, 'Unavailable', 'DeadlineExceeded', 'Internal', 'Canceled');
}

/** What a call that failed for good means to the store's users. `what` names the call. */
export function toStoreError(error: unknown, what: string): unknown {
  if (!(error instanceof GrpcError)) return error;
  const { detail } = error;
  const options = { cause: error };
  if (detail === 'etcdserver: mvcc: required revision has been compacted') return new StoreError('compacted', detail, options);
  if (detail === 'etcdserver: mvcc: required revision is a future revision')
    return new StoreError('future-revision', detail, options);
  if (detail === 'etcdserver: requested lease not found') return new StoreError('lease-not-found', detail, options);
  if (detail === 'etcdserver: mvcc: database space exceeded')
    return new StoreError('no-space', `${detail}: compact and defragment etcd, then disarm its alarm; reads still work`, options);
  if (detail === 'etcdserver: request is too large' || detail === 'etcdserver: too many operations in txn request')
    return new StoreError('too-large', detail, options);
  // A client of Go's would not have sent it: its limit is that of the server.
  const [, sizes] = /^grpc: received message larger than max (\(\d+ vs\. \d+\))$/.exec(detail) ?? [];
  if (sizes !== undefined)
    return new StoreError(
      'too-large',
      `rpc error: code = ResourceExhausted desc = trying to send message larger than max ${sizes}`,
      options,
    );
  if (detail === 'etcdserver: corrupt cluster') return new StoreError('corrupt', detail, options);
  return new StoreError('unavailable', `etcd: ${what}: ${detail}`, options);
}
