import type { TruncateOptions } from './audit-backend.ts';
import type { BatchOptions } from './buffered-backend.ts';
import type { RotatingFileOptions } from './rotating-file.ts';

export type AuditMode = 'batch' | 'blocking' | 'blocking-strict';

export interface AuditBackendConfig {
  readonly mode: AuditMode;
  readonly batch: BatchOptions;
  readonly truncate?: TruncateOptions;
}

/** What `--audit-*` says, checked. Without a policy file nothing is recorded. */
export interface AuditConfig {
  readonly policyFile: string;
  readonly log?: AuditBackendConfig &
    RotatingFileOptions & {
      readonly format: 'json' | 'legacy';
      /** For the path `-`. */
      readonly writeStdout?: (text: string) => void;
    };
  readonly webhook?: AuditBackendConfig & { readonly kubeconfigPath: string; readonly initialBackoffMs: number };
}
