import type { Message, MessageInput } from '../../std/grpc/message-schema.ts';
import { type EtcdMessages, etcdCodec } from './messages.ts';

type Name = keyof EtcdMessages & string;

/** A call of etcd's API: where it goes and what it is made of. */
export interface EtcdMethod<Request extends Name, Response extends Name> {
  /** `/etcdserverpb.KV/Range` */
  readonly path: string;
  /** Whether making it twice is the same as making it once. */
  readonly repeatable: boolean;
  readonly encode: (request: MessageInput<EtcdMessages, Request>) => Buffer;
  readonly decode: (bytes: Buffer) => Message<EtcdMessages, Response>;
}

function method<Request extends Name, Response extends Name>(
  path: string,
  request: Request,
  response: Response,
  repeatable = false,
): EtcdMethod<Request, Response> {
  return {
    path: `/etcdserverpb.${path}`,
    repeatable,
    encode: (message) => etcdCodec.encode(request, message),
    decode: (bytes) => etcdCodec.decode(response, bytes),
  };
}

export const etcdMethods = {
  range: method('KV/Range', 'RangeRequest', 'RangeResponse', true),
  txn: method('KV/Txn', 'TxnRequest', 'TxnResponse'),
  compact: method('KV/Compact', 'CompactionRequest', 'CompactionResponse', true),
  grantLease: method('Lease/LeaseGrant', 'LeaseGrantRequest', 'LeaseGrantResponse'),
  revokeLease: method('Lease/LeaseRevoke', 'LeaseRevokeRequest', 'LeaseRevokeResponse'),
  status: method('Maintenance/Status', 'StatusRequest', 'StatusResponse', true),
} as const;

/** Streams: what is sent on them is made by their users. */
export const KEEP_ALIVE_PATH = '/etcdserverpb.Lease/LeaseKeepAlive';
export const WATCH_PATH = '/etcdserverpb.Watch/Watch';
export const SNAPSHOT_PATH = '/etcdserverpb.Maintenance/Snapshot';
