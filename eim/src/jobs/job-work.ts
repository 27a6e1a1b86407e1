import { Eid } from "@iot-esim/shared/ids/eid";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { fromHex } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { waitingText } from "../domain/awake.ts";
import type { Job, JobKind } from "../domain/job.ts";
import { withoutHeld } from "../domain/operation.ts";
import { heldUntil } from "../domain/wake-up.ts";
import type { EsipaContext } from "../esipa/esipa-deps.ts";
import { injectPackages, type PackageInjector } from "../esipa/inject-packages.ts";
import { verifyKeptResults } from "../esipa/kept-results.ts";
import { pollSmds } from "../esipa/smds-polling.ts";
import { refreshDevice } from "../esipa/state-change.ts";
import type { WakeLater } from "../wake/wake-device.ts";
import { type DoneAgain, GiveUp, type JobWork } from "./job-runner.ts";

/** An address that is none stays none, however often it is tried. */
function orGiveUp(error: unknown): never {
	if (error instanceof EsimError && error.code === "ES9PLUS_ADDRESS_INVALID") throw new GiveUp(error.message);
	throw error;
}

/** CancelSessionResponse with the error undefinedError(127): all that can be said without the eUICC. */
const UNSIGNED_CANCELLATION = "BF410381017F";

/** Without a way to devices nothing is brought; what waits is polled for. */
const NO_INJECTOR: PackageInjector = {
	transfer: () => Promise.reject(new GiveUp("this eIM has no way to bring packages to devices")),
};

/** Wakes a device that sleeps; answers when to look again, undefined when nothing waits for it. */
export type WakeDevice = (eid: Eid) => Promise<WakeLater | undefined>;

const NO_WAKING: WakeDevice = () => Promise.reject(new GiveUp("this eIM has no way to wake devices"));

/** As many as may wait for a device. */
const OPERATIONS_LOOKED_AT = 200;

/** What each kind of job does. Every piece of work may be done twice. */
export function jobWork(
	context: EsipaContext,
	injector: PackageInjector = NO_INJECTOR,
	wake: WakeDevice = NO_WAKING,
): Readonly<Record<JobKind, JobWork>> {
	const { store, es9plus, clock } = context;

	/** Forwards a notification, as the eUICC signed it, to the address inside it. */
	const deliverNotification: JobWork = async (job) => {
		const notification = await store.loadNotification(job.reference);
		if (notification === undefined) throw new GiveUp("the notification is no longer there");
		const { eid, address, bytes, seqNumber, event } = notification;
		await es9plus.handleNotification(address, bytes).catch(orGiveUp);
		context.logger("eim.jobs").info("notification delivered", { eid, seqNumber, address, attempts: job.attempts });
		return { at: clock.now(), type: "notificationDelivered", eid, facts: { seqNumber, address, event } };
	};

	const verifyKept: JobWork = async (job) => {
		const device = await store.loadDevice(Eid(job.reference));
		if (device !== undefined) await verifyKeptResults(context, device);
		return undefined;
	};

	const stateRefresh: JobWork = async (job) => {
		const device = await store.loadDevice(Eid(job.reference));
		if (device !== undefined) await refreshDevice(context, device);
		return undefined;
	};

	/**
	 * Tells the SM-DP+ that a session is over: what the eUICC signed, when it could not be told at once, or without a
	 * signature where the eIM ended the session and the device has not. Its refusal is an answer too.
	 */
	const cancelAtSmdp: JobWork = async (job: Job) => {
		const transactionId = TransactionId(job.reference);
		const session = await store.loadSession(transactionId);
		if (session === undefined) throw new GiveUp("the session is no longer there");
		if (session.details.isServerTold !== undefined) return undefined;
		const response = session.details.cancelSessionResponse ?? UNSIGNED_CANCELLATION;
		await es9plus.cancelSession(session.smdpAddress, {
			transactionId: TransactionId.toBytes(transactionId),
			cancelSessionResponse: fromHex(response),
		});
		return undefined;
	};

	return {
		deviceWakeUp: (job) => wakeUp(wake, job),
		smdsPolling: (job) => askSmds(context, job),
		packageInjection: (job) => bringPackages(context, injector, job),
		notificationDelivery: deliverNotification,
		keptResultVerification: verifyKept,
		sessionCancellation: cancelAtSmdp,
		stateRefresh,
	};
}

async function wakeUp(wake: WakeDevice, job: Job): Promise<DoneAgain | undefined> {
	const later = await wake(Eid(job.reference));
	return later && { runAgainAt: later.until, error: later.reason };
}

async function bringPackages(
	context: EsipaContext,
	injector: PackageInjector,
	job: Job,
): Promise<DoneAgain | undefined> {
	const device = await context.store.loadDevice(Eid(job.reference));
	if (device === undefined) return undefined;
	const now = context.clock.now();
	const held = heldUntil(device, now);
	if (held !== undefined) return { runAgainAt: held, error: waitingText(device, now) ?? "" };
	await injectPackages(context, injector, device);
	return laterHeld(context, device.eid);
}

/** When something is no longer held that cannot be brought before. */
async function laterHeld({ store, clock }: EsipaContext, eid: Eid): Promise<DoneAgain | undefined> {
	const { items } = await store.listOperations({ eid, states: ["queued"], limit: OPERATIONS_LOOKED_AT });
	const { nextAt } = withoutHeld(items, clock.now());
	return nextAt === undefined ? undefined : { runAgainAt: nextAt, error: "what waits is held" };
}

async function askSmds(context: EsipaContext, job: Job): Promise<DoneAgain | undefined> {
	const device = await context.store.loadDevice(Eid(job.reference));
	if (device?.smdsPolling === undefined) return undefined;
	const { at, ...error } = await pollSmds(context, { ...device, smdsPolling: device.smdsPolling });
	return { runAgainAt: at, ...error };
}
