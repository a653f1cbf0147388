import { testStoreContract } from '../store-contract.ts';
import { sqliteDriver } from './sqlite-driver.ts';

testStoreContract(sqliteDriver());
// With a log this short checkpoints run all the time.
testStoreContract({ ...sqliteDriver({ logBytes: 64 * 1024 }), name: 'sqlite with constant checkpoints' });
