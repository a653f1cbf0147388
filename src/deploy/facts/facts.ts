/** A path of a host, as it is. */
export type FileFact =
  | {
      readonly type: 'file';
      readonly mode: number;
      readonly owner: string;
      readonly group: string;
      readonly sizeBytes: number;
      readonly sha256: string;
      readonly content?: string;
      /** A user who may read it by an access list, if that was asked. */
      readonly reader?: string;
    }
  | { readonly type: 'directory'; readonly mode: number; readonly owner: string; readonly group: string }
  | { readonly type: 'link'; readonly target: string }
  | { readonly type: 'other' };

export interface UnitFact {
  /** As systemctl(1) tells: `loaded`, `not-found`, `masked`. */
  readonly load: string;
  readonly active: string;
  /** `enabled`, `disabled`, empty for none. */
  readonly enabled: string;
  /** Of what it was last started with by `apply`; empty: never. */
  readonly fingerprint: string;
}

/** What is known of a host. Maps hold only what is there. */
export interface HostFacts {
  readonly hostname: string;
  readonly machineId: string;
  readonly kernel: string;
  readonly architecture: string;
  readonly system: string;
  /** The name of process 1. */
  readonly init: string;
  readonly cpus: number;
  readonly memoryKiB: number;
  /** Free where /var/lib is. */
  readonly diskKiB: number;
  /** Seconds since the epoch, by the host's clock. */
  readonly time: number;
  readonly selinux: 'enforcing' | 'permissive' | 'none';
  readonly swaps: number;
  readonly fstabSwaps: number;
  readonly modules: ReadonlySet<string>;
  /** Modules that are not loaded, and can be. */
  readonly loadable: ReadonlySet<string>;
  readonly filesystems: ReadonlySet<string>;
  /** TCP ports that something listens on. */
  readonly ports: ReadonlySet<number>;
  readonly files: ReadonlyMap<string, FileFact>;
  readonly units: ReadonlyMap<string, UnitFact>;
  /** Path → PEM, of those that were asked for; never with a key. */
  readonly certificates: ReadonlyMap<string, string>;
  readonly programs: ReadonlySet<string>;
  /** That the dynamic linker finds, of those that were asked for. */
  readonly libraries: ReadonlySet<string>;
  readonly sysctls: ReadonlyMap<string, { readonly value: string; readonly writable: boolean }>;
  /** Address → network device. */
  readonly devices: ReadonlyMap<string, string>;
  readonly accounts: ReadonlyMap<string, { readonly uid: number; readonly gid: number }>;
  /** Whose the numbers are that were asked for. */
  readonly holders: { readonly passwd: ReadonlyMap<number, string>; readonly group: ReadonlyMap<number, string> };
}
