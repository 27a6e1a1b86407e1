import type { Store } from "@iot-esim/eim/storage/store";
import { afterAll, afterEach, beforeAll, describe } from "vitest";
import { storeAccessContract } from "./store-access.ts";
import { storeDevicesContract } from "./store-devices.ts";
import { storeJobsContract } from "./store-jobs.ts";
import { storeOperationsContract } from "./store-operations.ts";
import { storePackagesContract } from "./store-packages.ts";
import { storeResultsContract } from "./store-results.ts";
import { storeWakeUpsContract } from "./store-wake-ups.ts";

/** A place for stores: a folder, a server. */
export interface StorePlace {
	/** A new, empty database and how to open it; opening again finds what was kept. */
	newDatabase(): Promise<() => Promise<Store>>;
	/** True where what was kept is there after closing and opening. */
	readonly isDurable: boolean;
	close(): Promise<void>;
}

/** Opens an empty store; it is closed after the suite. */
export type OpenStore = () => Promise<Store>;

/** One body of tests for every store. */
export function storeContract(name: string, openPlace: () => Promise<StorePlace>): void {
	describe(`store on ${name}`, () => {
		let place: StorePlace | undefined;
		let opened: Store[] = [];
		beforeAll(async () => {
			place = await openPlace();
		});
		afterEach(async () => {
			for (const store of opened) await store.close();
			opened = [];
		});
		afterAll(async () => {
			await place?.close();
		});
		const newDatabase = async () => {
			if (!place) throw new Error("the place of the stores did not open");
			const open = await place.newDatabase();
			return async () => {
				const store = await open();
				opened.push(store);
				return store;
			};
		};
		const open: OpenStore = async () => (await newDatabase())();

		storeDevicesContract(open, newDatabase, () => place?.isDurable ?? false);
		storeOperationsContract(open);
		storePackagesContract(open, newDatabase, () => place?.isDurable ?? false);
		storeResultsContract(open, newDatabase, () => place?.isDurable ?? false);
		storeJobsContract(open, newDatabase, () => place?.isDurable ?? false);
		storeAccessContract(open);
		storeWakeUpsContract(open);
	});
}
