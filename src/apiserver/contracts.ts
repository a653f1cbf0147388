/** The few types that the API server's folders share. */
import type { X509Certificate } from 'node:crypto';
import type { Duplex, Readable } from 'node:stream';
import type { KindDefinition } from '../api/machinery/kind.ts';
import type { DynamicObject } from '../api/machinery/object.ts';

/** Who makes a request. */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** A request as every filter sees it, whether it came by HTTP/1.1, HTTP/2 or the in-process transport. */
export interface ServerRequest {
  readonly method: string;
  /** Decoded, without query. */
  readonly path: string;
  /** Path and query as they were sent. */
  readonly uri?: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The values of a header that was given several times, apart; without it they are taken from the comma-joined text. */
  headerValues?(name: string): readonly string[];
  /** DER of the verified client certificate, leaf first; undefined when none was given or it did not verify. */
  readonly peerCertificate?: PeerCertificate;
  readonly remoteAddress: string;
  /** Aborted when the client goes away, the request's time is up or the server stops. */
  readonly signal: AbortSignal;
  /** Set when the request wants to go on as another protocol: its connection, with what has come on it behind the head. */
  readonly takeOver?: () => { readonly socket: Duplex; readonly head: Buffer };
  /** The body as it comes, for whoever passes it on; instead of `readBody`. Absent: it is there as a whole only. */
  readonly bodyStream?: () => Readable;
  /** The whole body, decompressed; rejects with 413 when it is larger than the limit. May be called once. */
  readBody(limitBytes: number): Promise<Buffer>;
}

export interface PeerCertificate {
  readonly raw: Buffer;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly organizationalUnits: readonly string[];
  readonly notAfterMs: number;
  /** The certificate as TLS has read it already. */
  readonly opened?: X509Certificate;
  /** DER of the certificates between this one and an authority, as the client or TLS had them. Nothing in it has been verified. */
  readonly chain?: () => readonly Buffer[];
}

/** Where a handler writes its answer. */
export interface ServerResponse {
  readonly headersSent: boolean;
  /** Statuses and headers may be sent once. Header names lower-case. */
  writeHead(status: number, headers?: Readonly<Record<string, string | readonly string[]>>): void;
  /** False when the receiver is slow: wait for `drained` before writing more. */
  write(chunk: Uint8Array | string): boolean;
  end(chunk?: Uint8Array | string): void;
  /** Resolves when more can be written, or the client is gone. */
  drained(): Promise<void>;
  /**
   * Sends a long body after the head, to its end: `fill` is called with buffers that are used again, and returns how much it put in,
   * 0 at the end. Resolves when all is sent or the client is gone; rejects when the signal is aborted before. Absent: `end` takes it whole.
   */
  pour?(fill: (target: Buffer) => number, signal: AbortSignal): Promise<void>;
  /** Has the client open another connection for what it asks next, while what runs on this one goes on. Absent where that cannot be said in passing. */
  leaveConnection?(): void;
  /**
   * Where writers of small chunks get in line, since a write costs as much for one as for several together, and of large ones that many get, whose writes
   * are too much for one turn. They return how many bytes they wrote. Absent: a write costs nothing.
   */
  readonly turns?: { enlist(write: () => number): void };
}

/** What a request is about (apiserver/pkg/endpoints/request/requestinfo.go). */
export interface RequestInfo {
  readonly isResourceRequest: boolean;
  /** get list watch create update patch delete deletecollection; the lower-case HTTP method for others. */
  readonly verb: string;
  readonly path: string;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
}

/** A request that has been read, authenticated (undefined before) and is on its way through the filters. */
export interface RequestContext {
  /** How long it waited for its turn. */
  waitedMs?: number;
  readonly request: ServerRequest;
  readonly info: RequestInfo;
  user: UserInfo;
  /** `Warning` headers to send. */
  readonly warnings: string[];
  /** Names this request in answers and logs (`Audit-Id`); made up by the first server that saw it. */
  readonly auditId?: string;
  /** Headers that go with the answer, whatever it is; lower-case names. */
  readonly answerHeaders?: Record<string, string>;
  /** Absent when nobody records this request. */
  audit?: AuditNotes;
  /** When its time is up; by the clock of `performance`. Absent: it goes on for as long as it takes. */
  readonly deadlineMs?: number;
  /** To be called when a watch has sent what there was at its beginning, or is passed on to another server. Absent: nobody waits for that. */
  begun?: () => void;
}

/** What the audit log shall say of a request besides the request itself. */
export interface AuditNotes {
  /** Keys look like `authorization.k8s.io/decision`. A key that was noted before keeps its first value, as upstream. */
  addAuditAnnotation(key: string, value: string): void;
  /** The same where the policy asks for what was requested, and not for metadata alone. */
  addRequestAnnotation?(key: string, value: () => string): void;
  /** The body as it was decoded, before admission changes it; kept only where the policy asks for it. */
  requestObject?(object: object): void;
  /** Whom the request acts as from now on, and the verb that allowed it; empty for plain `impersonate`. */
  impersonated?(user: UserInfo, constraint: string): void;
  /** The answer's JSON, for answers that are sent in another form. */
  responseObject?(json: () => Buffer): void;
}

export type Handler = (context: RequestContext, response: ServerResponse) => Promise<void>;
/** Authentication, in-flight limits, authorization and so on: a handler around a handler. */
export type Filter = (next: Handler) => Handler;

/**
 * undefined: these are not credentials of mine; a user: they are good; rejecting: they are mine and bad (401), with a reason that is
 * logged and never sent.
 */
export interface Authenticator {
  authenticate(
    request: Pick<ServerRequest, 'headers' | 'headerValues' | 'peerCertificate' | 'remoteAddress'> & { readonly path?: string },
  ): Promise<UserInfo | undefined>;
}

/** Authenticates a bearer token alone, as TokenReview needs it. */
export interface TokenAuthenticator {
  authenticateToken(
    token: string,
    audiences?: readonly string[],
  ): Promise<{ user: UserInfo; audiences?: readonly string[] } | undefined>;
}

/** The attributes that a decision is made on. For non-resource requests only user, verb and path count. */
export interface AuthorizationAttributes extends Omit<RequestInfo, 'path'> {
  readonly user: UserInfo;
  readonly path: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface Decision {
  readonly decision: 'allow' | 'deny' | 'no-opinion';
  readonly reason: string;
  readonly evaluationError?: string;
}

export interface Authorizer {
  authorize(attributes: AuthorizationAttributes): Promise<Decision>;
}

/** A write on its way from authorization to storage. */
export interface AdmissionAttributes {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly kind: KindDefinition;
  readonly subresource: string;
  readonly namespace: string;
  /** Empty on create with generateName until the name is made. */
  readonly name: string;
  /** What is to be stored, or the body of an action subresource; mutating plugins change it in place. Undefined for DELETE. */
  readonly object: DynamicObject | undefined;
  /** What is stored now. Undefined for CREATE. */
  readonly oldObject: DynamicObject | undefined;
  readonly user: UserInfo;
  /** An update by a patch, which is another verb to authorizers. */
  readonly isPatch?: true;
  readonly dryRun: boolean;
  /** What the request's CreateOptions, UpdateOptions or DeleteOptions have set. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly warnings: string[];
  /** Absent when nobody records the request. */
  readonly audit?: AuditNotes;
  /** When the request's time is up, by the clock of `performance`: who is asked is told how much of it is left. */
  readonly deadlineMs?: number;
  /** Made by the first mutating plugin that may have to run twice. */
  reinvocation?: Reinvocation;
}

/** How mutating plugins run again after others have changed the object (apiserver/pkg/admission/reinvocation.go). */
export interface Reinvocation {
  /** This is the second round. */
  again: boolean;
  /** A plugin changed what those before it may want to see: all mutating plugins run once more. */
  wanted: boolean;
}

/** A plugin rejects by throwing a `StatusError`. */
export interface AdmissionPlugin {
  readonly name: string;
  handles(attributes: AdmissionAttributes): boolean;
  admit?(attributes: AdmissionAttributes): Promise<void>;
  validate?(attributes: AdmissionAttributes): Promise<void>;
}

/** Runs all mutating, then (after schema validation) all validating plugins in order. */
export interface Admission {
  admit(attributes: AdmissionAttributes): Promise<void>;
  validate(attributes: AdmissionAttributes): Promise<void>;
}

/**
 * Reads objects for authorizers, admission and token checks, from the watch cache: never blocks on the network, and is as
 * fresh as the cache. `waitFresh` reads behind every write acknowledged before the call.
 */
export interface ObjectReader {
  get(kind: KindDefinition, namespace: string, name: string): DynamicObject | undefined;
  list(kind: KindDefinition, namespace?: string): readonly DynamicObject[];
  waitFresh(kind: KindDefinition): Promise<void>;
  /** Calls back after each change of a kind's objects (both undefined never); returns the way to end it. */
  subscribe(kind: KindDefinition, listener: (change: ObjectChange) => void): () => void;
}

/** Objects are parsed when they are first looked at, which is to be done while the listener runs. */
export interface ObjectChange {
  /** Of the object, known without looking at it. */
  readonly namespace: string;
  readonly name: string;
  readonly object?: DynamicObject | undefined;
  readonly previous?: DynamicObject | undefined;
  /** Whether the object may have a field of this name, as it is or, when it is gone, as it was last. Absent: look at it. */
  mayHave?(field: string): boolean;
}

/** Writes on the server's own behalf (bootstrap policy, token Secrets): defaulted and validated, past authorization and admission. */
export interface ObjectWriter {
  create(kind: KindDefinition, object: DynamicObject): Promise<DynamicObject>;
  /**
   * Reads, lets `change` return the new object (undefined: leave as is), writes; again after a conflict. With the name of a part
   * (`status`), writes that part only.
   */
  modify(
    kind: KindDefinition,
    namespace: string,
    name: string,
    change: (existing: DynamicObject) => DynamicObject | undefined,
    part?: string,
  ): Promise<DynamicObject>;
  delete(kind: KindDefinition, namespace: string, name: string): Promise<void>;
}

/** Answers one virtual kind (`SubjectAccessReview`) or one action subresource (`serviceaccounts/token`). */
export interface ActionHandler {
  /** `pods/eviction`, `serviceaccounts/token`, or a review kind's resource: `subjectaccessreviews`. With the group: `apps/deployments/scale`. */
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  /** Admission has looked at what was sent before it is handled. Other handlers ask it themselves, or do not. */
  readonly admitFirst?: true;
  handle(context: RequestContext, body: DynamicObject | undefined, response: ServerResponse): Promise<undefined | ActionAnswer>;
}

export interface ActionAnswer {
  readonly status: number;
  readonly object: object;
  /** With a kind, the object is shown as a table, or by its metadata, to those who ask for that; with the time that ages are counted to. */
  readonly shownAs?: { readonly kind: KindDefinition; readonly nowMs: number };
}
