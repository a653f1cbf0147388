import { ProgramError, type RunProgram } from '../host/run-program.ts';
import { CodedError } from '../std/coded-error.ts';

/** @throws CodedError PACKET_FILTER_MISSING that names the package, where nft(8) is not installed */
export async function requireNft(run: RunProgram): Promise<void> {
  try {
    await run('nft', ['--version']);
  } catch (error) {
    if (!(error instanceof ProgramError && error.code === 'PROGRAM_MISSING')) throw error;
    throw new CodedError("no packet filter can be written: install Debian's package nftables", {
      code: 'PACKET_FILTER_MISSING',
      cause: error,
    });
  }
}
