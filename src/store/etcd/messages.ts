import { createMessageCodec } from '../../std/grpc/message-codec.ts';

/**
 * The messages of etcd's v3 API that are used here, with the fields that are used (etcd/api/etcdserverpb/rpc.proto,
 * mvccpb/kv.proto). Keys are bytes there; ours are texts in UTF-8, and others' keys are only passed over.
 */
export const ETCD_MESSAGES = {
  ResponseHeader: { revision: '3 int64' },
  KeyValue: { key: '1 string', createRevision: '2 int64', modRevision: '3 int64', version: '4 int64', value: '5 bytes' },

  RangeRequest: {
    key: '1 string',
    rangeEnd: '2 string',
    limit: '3 int64',
    revision: '4 int64',
    serializable: '7 bool',
    countOnly: '9 bool',
  },
  RangeResponse: { header: '1 ResponseHeader', kvs: '2 repeated KeyValue', count: '4 int64' },
  PutRequest: { key: '1 string', value: '2 bytes', lease: '3 int64' },
  PutResponse: { header: '1 ResponseHeader' },
  DeleteRangeRequest: { key: '1 string' },

  /** `target` 0 is the key's version, 2 the revision of its last write; `result` 0 is equality. */
  Compare: { target: '2 enum', key: '3 string', version: '4 int64', modRevision: '6 int64' },
  RequestOp: { range: '1 RangeRequest', put: '2 PutRequest', deleteRange: '3 DeleteRangeRequest' },
  ResponseOp: { range: '1 RangeResponse' },
  TxnRequest: { compare: '1 repeated Compare', success: '2 repeated RequestOp', failure: '3 repeated RequestOp' },
  TxnResponse: { header: '1 ResponseHeader', succeeded: '2 bool', responses: '3 repeated ResponseOp' },

  CompactionRequest: { revision: '1 int64' },
  CompactionResponse: { header: '1 ResponseHeader' },

  LeaseGrantRequest: { ttl: '1 int64', id: '2 int64' },
  LeaseGrantResponse: { id: '2 int64', ttl: '3 int64' },
  LeaseRevokeRequest: { id: '1 int64' },
  LeaseRevokeResponse: {},
  LeaseKeepAliveRequest: { id: '1 int64' },
  LeaseKeepAliveResponse: { id: '2 int64', ttl: '3 int64' },

  WatchRequest: { create: '1 WatchCreateRequest' },
  WatchCreateRequest: {
    key: '1 string',
    rangeEnd: '2 string',
    startRevision: '3 int64',
    progressNotify: '4 bool',
    prevKv: '6 bool',
    fragment: '8 bool',
  },
  WatchResponse: {
    header: '1 ResponseHeader',
    created: '3 bool',
    canceled: '4 bool',
    compactRevision: '5 int64',
    cancelReason: '6 string',
    fragment: '7 bool',
    events: '11 repeated Event',
  },
  /** `type` 0 is a put, 1 a deletion. */
  Event: { type: '1 enum', kv: '2 KeyValue', prevKv: '3 KeyValue' },

  StatusRequest: {},
  StatusResponse: { version: '2 string', dbSize: '3 int64', dbSizeInUse: '9 int64' },
  SnapshotRequest: {},
  SnapshotResponse: { remainingBytes: '2 uint64', blob: '3 bytes' },
} as const;

export const etcdCodec = createMessageCodec(ETCD_MESSAGES);

export type EtcdMessages = typeof ETCD_MESSAGES;

/** Target of a `Compare`. */
export const COMPARE_VERSION = 0;
export const COMPARE_MOD_REVISION = 2;

export const EVENT_DELETE = 1;
