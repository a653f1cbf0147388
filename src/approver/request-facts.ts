import type { V1CertificateSigningRequest, V1Node } from '../api/gen/types.ts';
import type { CertificateRequest } from '../pki/certificate-request.ts';
import type { Purpose } from './rule.ts';

/** The request as parsed, or why it could not be. */
export type ParsedRequest =
  | { readonly ok: true; readonly request: CertificateRequest; readonly signatureHolds: boolean }
  | { readonly ok: false; readonly code: string; readonly message: string };

/**
 * Whose a name is, by the best that any source says:
 * `proven`: a source that the node cannot write says that it is the node's;
 * `foreign`: such a source says that it is somebody else's;
 * `consistent`: only the node itself says so, in its Node object;
 * `contested`: so does another node;
 * `unavailable`: a source that may know could not be asked;
 * `unknown`: nobody says anything.
 */
export type Ownership = 'proven' | 'foreign' | 'consistent' | 'contested' | 'unavailable' | 'unknown';

export interface NameFact {
  readonly kind: 'dns' | 'address';
  readonly value: string;
  readonly ownership: Ownership;
  /** Which source said so, or whose it is: `inventory`, `node-2`, `dns: timeout`. */
  readonly by: string;
  /** Why no node may ever have it, unless it is undefined. */
  readonly denied?: string;
  /** Why a node may have it only when a source of the operator says that it is its own, and none does. */
  readonly reserved?: string;
}

/** What a node has been issued before, and still serves. */
export interface CurrentCertificate {
  readonly names: readonly string[];
  readonly notAfterMs: number;
}

export interface ApproverLimits {
  readonly maxNames: number;
  readonly minLifetimeMs: number;
  readonly maxLifetimeMs: number;
  /** Undecided requests of one node; more have to wait. */
  readonly maxPendingPerNode: number;
  /** Names that only the Node object tells count as the node's. */
  readonly acceptNodeStatus: boolean;
  /** Nodes may have addresses of the loopback network: clusters on one machine. */
  readonly allowLoopback: boolean;
  /** Bootstrap tokens may ask for the name of a node that exists. */
  readonly allowRejoin: boolean;
}

/** All that rules look at; values only, so that a decision can be made again and explained. */
export interface RequestFacts {
  readonly csr: V1CertificateSigningRequest;
  readonly purpose: Purpose;
  readonly parsed: ParsedRequest;
  /** Of the user for serving certificates and renewals, of the subject for a first client certificate; empty when there is none. */
  readonly nodeName: string;
  readonly node: V1Node | undefined;
  /** Whether its Node was seen to go while the request was there. */
  readonly isOrphan: boolean;
  /** The user who used the same key before, if he is another one. */
  readonly keyUsedBy: string | undefined;
  /** Whether the API server records with what certificate a request was authenticated, as others show. */
  readonly recordsCredentials: boolean;
  readonly names: readonly NameFact[];
  readonly current: CurrentCertificate | undefined;
  /** A newer request of the same node for the same signer that was not refused. */
  readonly newerRequest: string | undefined;
  /** Undecided requests of the node, this one included. */
  readonly pendingOfNode: number;
  /** Whether a source knows a node of this name; undefined when no source lists nodes. For client certificates. */
  readonly nodeExpected: boolean | undefined;
  readonly limits: ApproverLimits;
}
