import type { EimPackage } from "@iot-esim/eim/domain/eim-package";
import type { Store } from "@iot-esim/eim/storage/store";
import { Days, Milliseconds, Minutes } from "@iot-esim/shared/util/duration";
import type { Life } from "./life.ts";
import type { Breakage } from "./world.ts";

/** How long a deliberately careless eIM puts off what it should have done at once. */
const LATER = Milliseconds(40);

/** The same store but for some methods. */
function changed(store: Store, changes: Partial<Store>): Store {
	return new Proxy(store, { get: (from, name) => Reflect.get(name in changes ? changes : from, name) });
}

/** Sends packages before their counter is burnt: the step that stores both comes a moment after the answer. */
function unburntCounters(store: Store, life: Life): Store {
	return changed(store, {
		async takeNextPackage(poll, build) {
			const device = await store.loadDevice(poll.eid);
			const { items } = await store.listOperations({ eid: poll.eid, states: ["queued"], limit: 50 });
			const operation = items.at(-1);
			const { items: sent } = await store.listOperations({ eid: poll.eid, states: ["sent"], limit: 1 });
			if (device === undefined || operation === undefined || sent.length > 0) return store.takeNextPackage(poll, build);
			const built = await build({ device, operation, counter: device.counter + 1 });
			if (built.kind !== "euiccPackage") return store.takeNextPackage(poll, build);
			life.clock.schedule(LATER, () => {
				const isMeant = (draft: { readonly operation: { readonly id: string } }) => draft.operation.id === operation.id;
				store.takeNextPackage(poll, (draft) => (isMeant(draft) ? built : build(draft))).catch(() => undefined);
			});
			const sentPackage: EimPackage = { ...built, operationId: operation.id, eid: poll.eid, firstSentAt: poll.at };
			return { kind: "package", package: sentPackage, operation, device, repeated: false };
		},
	});
}

/** Acknowledges results and notifications before they are durable: storing them comes a moment after the answer. */
function earlyAcknowledgements(store: Store, life: Life): Store {
	const later = (act: () => Promise<unknown>) => {
		life.clock.schedule(LATER, () => void act().catch(() => undefined));
	};
	return changed(store, {
		async recordResult(record) {
			later(() => store.recordResult(record));
			return { repeated: false };
		},
		async saveNotifications(notifications) {
			later(() => store.saveNotifications(notifications));
			return notifications.length;
		},
	});
}

/** Deliberate faults of the kind that the invariants are there to find. */
export const breakages: Readonly<Record<string, Breakage>> = {
	"a counter that is not burnt before it is sent": { store: unburntCounters },
	"an acknowledgement before the store": { store: earlyAcknowledgements },
	"no rollback": {
		ipa: (settings) => {
			// It waits so long for each attempt that a stuck device is not simulated second by second.
			const procedures = { ...settings.procedures, rollbackAfter: Days(3650), deliveryRetry: Minutes(10) };
			return { ...settings, procedures };
		},
	},
};
