/** A name as text: labels with a dot behind each, `.` for the root; bytes that are no plain text as `\DDD`, dots in labels as `\.`. */
export type DomainName = string;

export interface Question {
  /** As it was asked, in its own upper and lower case. */
  readonly name: DomainName;
  readonly type: number;
  readonly class: number;
}

/** What a record says, by its type; of types without names in them the bytes as they stand (addresses, texts). */
export type RecordData =
  | { readonly raw: Uint8Array }
  | { readonly target: DomainName }
  | { readonly preference: number; readonly exchange: DomainName }
  | { readonly priority: number; readonly weight: number; readonly port: number; readonly host: DomainName }
  | SoaData;

export interface SoaData {
  readonly primary: DomainName;
  readonly mailbox: DomainName;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  /** How long a denial counts, in seconds. */
  readonly minimum: number;
}

export interface ResourceRecord {
  readonly name: DomainName;
  readonly type: number;
  readonly class: number;
  /** Seconds. */
  readonly ttl: number;
  readonly data: RecordData;
}

/** The OPT record (RFC 6891). */
export interface Edns {
  /** The largest datagram that the sender takes. */
  readonly size: number;
  readonly version: number;
  /** The sender understands DNSSEC. */
  readonly dnssecOk: boolean;
}

export interface Header {
  readonly id: number;
  readonly response: boolean;
  readonly opcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  readonly authenticData: boolean;
  readonly checkingDisabled: boolean;
  /** With the upper bits of the OPT record. */
  readonly rcode: number;
}

export interface Message extends Header {
  /** Undefined where a response repeats none. */
  readonly question: Question | undefined;
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  /** Without the OPT record. */
  readonly additionals: readonly ResourceRecord[];
  readonly edns: Edns | undefined;
}
