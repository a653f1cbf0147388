/** What a runtime with real processes can do beyond keeping pods: images, streams, logs, statistics. In CRI's shape. */
import type { LinuxResources } from './preparation.ts';

export interface RuntimeImage {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  /** The image's user: one of both, or none. */
  readonly uid?: number;
  readonly username?: string;
  /** Never to be removed by image clean-up (the pause image). */
  readonly pinned: boolean;
}

export interface RegistryCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly serverAddress?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

export interface FilesystemUsage {
  readonly mountpoint: string;
  readonly timestampMs: number;
  readonly usedBytes: number;
  readonly inodesUsed?: number;
}

export interface ImageService {
  list(): Promise<readonly RuntimeImage[]>;
  /** Undefined when the runtime does not have it. */
  find(reference: string): Promise<RuntimeImage | undefined>;
  /** Resolves with the reference to start containers by. Rejects with the runtime's words. */
  pull(reference: string, credentials: RegistryCredentials | undefined, signal: AbortSignal): Promise<string>;
  remove(reference: string): Promise<void>;
  /** The file systems on which images and writable layers lie. */
  filesystems(): Promise<{ readonly images: readonly FilesystemUsage[]; readonly containers: readonly FilesystemUsage[] }>;
}

export interface StreamRequest {
  readonly containerId: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface ExecResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly exitCode: number;
}

export interface ContainerStreams {
  /** Runs a command to its end. Rejects when it cannot be run or takes longer than `timeoutMs` (0: no limit). */
  execSync(containerId: string, command: readonly string[], timeoutMs: number): Promise<ExecResult>;
  /** The URL of the runtime's streaming server at which this one stream is served (SPDY/3.1 and WebSocket). */
  exec(request: StreamRequest & { readonly command: readonly string[] }): Promise<URL>;
  attach(request: StreamRequest): Promise<URL>;
  portForward(sandboxId: string, ports: readonly number[]): Promise<URL>;
}

export interface ContainerLogs {
  /** The file that the runtime writes to; undefined for a container that is gone or has none. */
  pathOf(containerId: string): Promise<string | undefined>;
  /** After the file was renamed: makes the runtime write to a new one of the old name. */
  reopen(containerId: string): Promise<void>;
}

export interface ContainerUsage {
  readonly containerId: string;
  readonly podUid: string;
  readonly name: string;
  readonly attempt: number;
  readonly timestampMs: number;
  readonly cpuNanoseconds?: number;
  readonly memoryWorkingSetBytes?: number;
  readonly writableLayer?: FilesystemUsage;
}

export interface RuntimeStats {
  containers(): Promise<readonly ContainerUsage[]>;
  /** The pid of the container's first process, for its cgroup and network namespace; undefined when it is not running. */
  pidOf(containerId: string): Promise<number | undefined>;
  sandboxPidOf(sandboxId: string): Promise<number | undefined>;
}

export type ContainerResourceUpdate = LinuxResources;
