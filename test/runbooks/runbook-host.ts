import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Directories of a real host that lie under a directory of the test instead. */
const HOST_PATHS = /(?<![\w.$}/-])\/(?:etc\/kubernetes|var\/lib|var\/log|data|srv\/kubernetes|opt\/k8s)(?=[/"'\s,;:]|$)/gm;
/** The documents' two networks; theirs become the cluster's own loopback addresses, with the same last number. */
const DOCUMENT_NETWORKS = /\b192\.168\.(?:20|133)\.(?=\d)/g;

/** A host of a runbook: a directory that stands for its file system, and a loopback address of its own. */
export class RunbookHost {
  readonly name: string;
  readonly root: string;
  readonly address: string;
  /** Where its lines run: the home of root. `~` is the same. */
  readonly home: string;
  readonly #network: string;

  /** @param network `127.1.2.`, the cluster's own */
  constructor(name: string, root: string, network: string, lastNumber: number) {
    this.name = name;
    this.root = root;
    this.address = `${network}${lastNumber}`;
    this.home = join(root, 'root');
    this.#network = network;
    mkdirSync(join(root, 'etc', 'kubernetes', 'ssl'), { recursive: true });
    mkdirSync(join(root, 'var', 'lib', 'kubelet'), { recursive: true });
    mkdirSync(this.home);
  }

  /** Where a path of the documents really lies. */
  path(documentPath: string): string {
    return join(this.root, documentPath);
  }

  /** A document's text with its paths under this host's directory and its addresses in this cluster's network. */
  translate(text: string): string {
    return text.replace(HOST_PATHS, (path) => this.root + path).replace(DOCUMENT_NETWORKS, this.#network);
  }
}
