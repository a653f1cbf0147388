import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrpcError } from '../../std/grpc/grpc-error.ts';
import { StoreError } from '../store.ts';
import { toStoreError } from './etcd-error.ts';

test('a request beyond etcd’s limits is too large, in the words that a client of Go’s has for it', () => {
  const told = (detail: string) => {
    const error = toStoreError(new GrpcError('ResourceExhausted', detail), 'Txn');
    assert.ok(error instanceof StoreError);
    return [error.code, error.message];
  };
  assert.deepEqual(told('etcdserver: request is too large'), ['too-large', 'etcdserver: request is too large']);
  assert.deepEqual(told('grpc: received message larger than max (2679469 vs. 2097152)'), [
    'too-large',
    'rpc error: code = ResourceExhausted desc = trying to send message larger than max (2679469 vs. 2097152)',
  ]);
});
