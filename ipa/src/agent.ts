import type { Logger } from "@iot-esim/shared/runtime/logger";
import { toHex } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { CardLock } from "./card/card-lock.ts";
import type { EimConfiguration } from "./card/eim-configuration.ts";
import { CardError } from "./card/errors.ts";
import { Es10 } from "./card/es10.ts";
import { Es10Commands } from "./card/es10-commands.ts";
import { IsdRChannel } from "./card/isd-r-channel.ts";
import { EimLinks, type LinkedEim } from "./eim-links.ts";
import { journalledMemory } from "./eim-memory.ts";
import { transferredIn } from "./esipa/eim-package.ts";
import type { EsipaTarget } from "./esipa/http-link.ts";
import type { IpaDeps } from "./ipa-settings.ts";
import { PollSchedule } from "./poll-schedule.ts";
import {
	retryWaitingNotifications,
	unattemptedNotifications,
	withoutNumbers,
} from "./procedures/direct-notifications.ts";
import { provideWaitingDownloadResults } from "./procedures/download-result.ts";
import { ProcedureError } from "./procedures/errors.ts";
import { IpaEvents } from "./procedures/event-emitter.ts";
import { isLinkFailure, isServerFailure, isUnreachable } from "./procedures/failure-kind.ts";
import { followFallbackPolicy, resumeFallback } from "./procedures/fallback.ts";
import { type LocalAction, type LocalOutcome, performLocally } from "./procedures/local-actions.ts";
import { deliverNotifications } from "./procedures/notifications.ts";
import { poll } from "./procedures/poll.ts";
import type { ProcedureContext, ProcedureSettings } from "./procedures/procedure-context.ts";
import { offerWaitingResults, resumeWork } from "./procedures/resume.ts";
import { eimsToPoll, startUp } from "./procedures/start-up.ts";
import { answerUnderWay, type Transfer, transferEimPackage } from "./procedures/transfer-eim-package.ts";

export type { DeviceNetwork, IpaDeps, IpaSettings } from "./ipa-settings.ts";

/** What one round over all eIMs came to. */
export interface CycleResult {
	/** Packages worked off. */
	readonly packages: number;
	/** The first failure; the round went on with other eIMs after it. */
	readonly failure: Error | undefined;
	/** The device has gone to its fallback profile or come back: eIMs may be reached now that were not before. */
	readonly hasSwitched?: boolean;
}

/** The IPA of one device. */
export interface Ipa {
	readonly events: IpaEvents;
	/** One round: start-up when needed, unfinished work, polls until no eIM has anything left. */
	pollOnce(signal?: AbortSignal): Promise<CycleResult>;
	/**
	 * ESipa.TransferEimPackage: what an eIM has brought, a whole BF4E, done in turn with the rounds; the answer.
	 * @param isFrom tells which eIM of the card has brought it
	 * @throws ProcedureError IPA_TRANSFER_REFUSED, IPA_TRANSFER_INVALID; what a round would throw
	 */
	transferEimPackage(message: Uint8Array, isFrom: (eim: EsipaTarget) => boolean): Promise<Uint8Array>;
	/**
	 * What the device does to its own card, in turn with the rounds; the eIMs are told at the next poll.
	 * @throws CardError, ProcedureError IPA_NO_EIM
	 */
	perform(action: LocalAction): Promise<LocalOutcome>;
	/** Somebody says that an eIM has something: the pause of `run` ends now, or the next one at once. */
	pollSoon(): void;
	/** Rounds with pauses in between, until the signal; then lets go of the card. */
	run(signal: AbortSignal): Promise<void>;
	/** Lets go of the card and of the eIMs. */
	close(): Promise<void>;
}

/** Builds an agent; nothing is opened before the first round. */
export function createIpa(deps: IpaDeps): Ipa {
	return new Agent(deps);
}

class Agent implements Ipa {
	readonly events: IpaEvents;
	readonly #deps: IpaDeps;
	readonly #log: Logger;
	readonly #channel: IsdRChannel;
	readonly #es10: Es10;
	readonly #commands: Es10Commands;
	readonly #lock = new CardLock();
	readonly #links: EimLinks;
	readonly #schedule: PollSchedule;
	/** Ends what goes on between the rounds. */
	#running = new AbortController().signal;
	#eid: Uint8Array | undefined;
	#eims: readonly LinkedEim[] = [];
	#notifications: readonly Uint8Array[] = [];

	constructor(deps: IpaDeps) {
		this.#deps = deps;
		this.#log = deps.logger("ipa.agent");
		this.events = new IpaEvents(this.#log);
		this.#channel = new IsdRChannel(deps.driver, { ...deps.settings.card, logger: deps.logger("ipa.card") });
		this.#es10 = new Es10(this.#channel);
		this.#commands = new Es10Commands(this.#channel);
		const memoryOf = deps.settings.procedures.minimizeBytes ? journalledMemory(deps) : undefined;
		this.#links = new EimLinks(deps.link, this.#log, deps.settings.eimDialect, memoryOf);
		this.#schedule = new PollSchedule(deps);
		// With another profile the device attaches anew, and gets another address.
		this.events.on("refresh-finished", () => this.#links.renew());
	}

	pollOnce(signal: AbortSignal = new AbortController().signal): Promise<CycleResult> {
		return this.#lock.run(() => this.#cycle(signal, true));
	}

	perform(action: LocalAction): Promise<LocalOutcome> {
		const work = async () => {
			const context = await this.#start(this.#running);
			const outcome = await performLocally(context, action, this.#eimIds());
			if (outcome.isDone && action.type === "reset-memory") await this.#readEims(context.eid);
			return outcome;
		};
		return this.#lock.run(work).finally(() => this.#schedule.endPauseWhenUrgent());
	}

	transferEimPackage(message: Uint8Array, isFrom: (eim: EsipaTarget) => boolean): Promise<Uint8Array> {
		// Once the eIMs are known, strangers do not even wait for the card: nobody can fill the queue in front of it.
		if (this.#eims.length > 0 && !this.#eims.some(({ configuration }) => isFrom(configuration))) {
			return Promise.reject(strangerRefused());
		}
		return new Promise((resolve, reject) => {
			const work = async () => {
				const { answer, later, mayHaveChangedEims } = await this.#transfer(message, isFrom);
				resolve(answer);
				// Nobody waits for the rest any more, and the card stays with it until it is done.
				await later?.();
				if (mayHaveChangedEims && this.#eid !== undefined) await this.#readEims(this.#eid);
			};
			const done = this.#lock.run(work).catch(async (error) => {
				reject(error);
				if (!(error instanceof ProcedureError)) await this.#report(toError(error));
			});
			done.finally(() => this.#schedule.endPauseWhenUrgent());
		});
	}

	async #transfer(message: Uint8Array, isFrom: (eim: EsipaTarget) => boolean): Promise<Transfer> {
		const context = await this.#start(this.#running);
		const eim = this.#eims.find(({ configuration }) => isFrom(configuration));
		if (eim === undefined) throw strangerRefused();
		const brought = transferredIn(message);
		if (brought === undefined) throw new ProcedureError("IPA_TRANSFER_INVALID", "no TransferEimPackageRequest");
		const known = answerUnderWay(context, brought);
		if (known !== undefined) return { answer: known, mayHaveChangedEims: false };
		try {
			await this.#finishEarlierWork(context);
		} catch (error) {
			// The card may have given the very result that is asked for, and the device no way to send it.
			const found = isLinkFailure(error) ? answerUnderWay(context, brought) : undefined;
			if (found === undefined) throw error;
			return { answer: found, mayHaveChangedEims: false };
		}
		const others = this.#eims.filter((one) => one !== eim).map((one) => one.eimId);
		return transferEimPackage(context, eim, brought, others);
	}

	pollSoon(): void {
		this.#schedule.endPause();
	}

	async run(signal: AbortSignal): Promise<void> {
		this.#running = signal;
		const stopWatching = this.#deps.network?.onChange((isAddressLost) => {
			if (isAddressLost) this.#links.renew();
			else this.#links.tryAnew();
		});
		let failures = 0;
		while (!signal.aborted) {
			const polls = this.#schedule.mayPoll();
			const { failure, hasSwitched } = await this.#lock.run(() => this.#cycle(signal, polls));
			if (failure !== undefined) failures++;
			else if (polls) failures = 0;
			if (signal.aborted) break;
			if (hasSwitched) continue;
			const pause = this.#schedule.pause(failures);
			this.events.emit({ type: "sleeping", ms: pause });
			await this.#schedule.sleep(pause, signal);
		}
		stopWatching?.();
		await this.close();
		this.events.emit({ type: "stopped" });
	}

	close(): Promise<void> {
		return this.#lock.run(async () => {
			this.#eid = undefined;
			await this.#channel.close();
			await this.#links.close();
		});
	}

	/** @param polls false in quiet hours: only what must not wait is done then */
	async #cycle(signal: AbortSignal, polls: boolean): Promise<CycleResult> {
		let packages = 0;
		let failure: Error | undefined;
		let wasReached = false;
		try {
			const context = await this.#start(signal);
			await resumeFallback(context, this.#eimIds());
			if (polls) await this.#finishEarlierWork(context);
			else await this.#resume(context);
			for (const { eimId } of polls ? this.#eims : []) {
				const outcome = await this.#drain(context, eimId);
				packages += outcome.packages;
				failure ??= outcome.failure;
				wasReached ||= !isUnreachable(outcome.failure);
			}
			if (polls && failure === undefined) await this.#offerResults(context);
		} catch (error) {
			failure = toError(error);
			if (!signal.aborted) await this.#report(failure);
		}
		if (signal.aborted) return { packages, failure: undefined };
		const hasSwitched = await this.#mindFallback(signal, wasReached, failure);
		return { packages, failure, ...(hasSwitched ? { hasSwitched } : {}) };
	}

	/** Counts rounds without any eIM, and does what the fallback policy makes of them. */
	async #mindFallback(signal: AbortSignal, wasReached: boolean, failure: Error | undefined): Promise<boolean> {
		const { journal, clock, settings } = this.#deps;
		if (settings.fallback === undefined || this.#eid === undefined) return false;
		try {
			if (wasReached) await journal.note({ type: "eim-reached" });
			else if (isUnreachable(failure)) await journal.note({ type: "eim-unreachable", at: clock.now() });
			return await followFallbackPolicy(this.#context(this.#eid, signal), settings.fallback, this.#eimIds());
		} catch (error) {
			if (!signal.aborted) await this.#report(toError(error));
			return false;
		}
	}

	#eimIds(): readonly string[] {
		return this.#eims.map((eim) => eim.eimId);
	}

	/** Step 0: EID, eIM configuration, pending notifications, once per card session. */
	async #start(signal: AbortSignal): Promise<ProcedureContext> {
		if (this.#eid === undefined) {
			const identity = await startUp(this.#es10);
			const eid = toHex(identity.eid);
			const configurations = this.#eimsToPoll(identity.configurations);
			if (configurations.length === 0) {
				throw new ProcedureError("IPA_NO_EIM", `the card ${eid} is associated with no eIM that can be polled`);
			}
			const device = deviceText(this.#deps.settings.procedures.deviceInfo);
			const seen = configurations.map((one) => one.eimId);
			await this.#deps.journal.note({ type: "card-seen", eid, device, eimIds: seen });
			this.#eims = await this.#links.update(identity.eid, configurations);
			this.#notifications = identity.pendingNotifications;
			this.#eid = identity.eid;
			const eimIds = this.#eims.map((eim) => eim.eimId);
			this.#log.info("started", { eid, eimIds });
			this.events.emit({ type: "started", eid, eimIds });
		}
		return this.#context(this.#eid, signal);
	}

	#context(eid: Uint8Array, signal: AbortSignal): ProcedureContext {
		const { journal, clock, random, logger, settings } = this.#deps;
		return {
			eid,
			es10: this.#es10,
			commands: this.#commands,
			channel: this.#channel,
			rsp: this.#deps.rsp,
			journal,
			clock,
			random,
			log: logger("ipa.procedure").with({ eid: toHex(eid) }),
			emit: (event) => this.events.emit(event),
			settings: settings.procedures,
			signal,
			eimIds: this.#eimIds(),
			isMetered: this.#deps.network?.isMetered() ?? false,
		};
	}

	/** Step 1: what earlier runs have left, before anything new is asked for. */
	async #finishEarlierWork(context: ProcedureContext): Promise<void> {
		const { journal } = this.#deps;
		const { work } = journal.state;
		if (work.phase !== "idle") {
			await this.#resume(context);
			// Also of a download: its result waits there when the eIM could not be reached to take it.
			this.#notifications = await unattemptedNotifications(context);
		}
		const [first] = this.#eims;
		if (first === undefined) return;
		const { waitingNotifications } = journal.state;
		await retryWaitingNotifications(context, first);
		const others = withoutNumbers(this.#notifications, waitingNotifications);
		await deliverNotifications(context, first, others);
		this.#notifications = [];
	}

	/**
	 * One eIM that cannot be reached must not keep others from the device, and one that is reached and does not take a
	 * result, be it for an error of its own, must not keep it from going on: the result stays on the card and is offered
	 * again.
	 */
	async #resume(context: ProcedureContext): Promise<void> {
		const { phase } = this.#deps.journal.state.work;
		try {
			await resumeWork(context, this.#eims);
		} catch (error) {
			const { work } = this.#deps.journal.state;
			const isWaiting = work.phase === "package-executed" && work.rollback.state !== "armed";
			if (!isLinkFailure(error) || !isWaiting) throw error;
			if (isUnreachable(error) && this.#eims.length < 2) throw error;
			await this.#deps.journal.note({ type: "result-left-on-card" });
		}
		// What was executed before its result found nobody may have added or removed eIMs.
		if (phase !== "idle") await this.#readEims(context.eid);
	}

	/** Steps 2 to 9 for one eIM, again and again while it has packages. */
	async #drain(context: ProcedureContext, eimId: string): Promise<CycleResult> {
		let packages = 0;
		let before: string | undefined;
		try {
			const waiting = this.#eims.find((one) => one.eimId === eimId);
			if (waiting !== undefined) await provideWaitingDownloadResults(context, waiting);
			while (packages < this.#deps.settings.packagesInOneGo) {
				const eim = this.#eims.find((one) => one.eimId === eimId);
				if (eim === undefined) break;
				const others = this.#eims.filter((one) => one !== eim).map((one) => one.eimId);
				const result = await poll(context, eim, others, this.#deps.registeredPlmn?.());
				if (!result.hadPackage) break;
				packages++;
				if (result.mayHaveChangedEims) await this.#readEims(context.eid);
				if (result.packageHash === before) {
					this.#log.warn("the same package came again", { eimId });
					break;
				}
				before = result.packageHash;
			}
			return { packages, failure: undefined };
		} catch (error) {
			const failure = toError(error);
			if (context.signal.aborted || !isOfOneEim(failure)) throw failure;
			this.events.emit({ type: "poll-failed", eimId, code: failure.code, reason: failure.message });
			this.#log.warn("poll failed", { eimId, error: failure });
			return { packages, failure };
		}
	}

	#eimsToPoll(configurations: readonly EimConfiguration[]): readonly EimConfiguration[] {
		const { eimId, procedures } = this.#deps.settings;
		return eimsToPoll(configurations, eimId, procedures.protocols);
	}

	/** After eIM configuration operations; a card without any eIM left ends the session. */
	async #readEims(eid: Uint8Array): Promise<void> {
		const configurations = this.#eimsToPoll(await this.#es10.getEimConfigurationData());
		this.#eims = await this.#links.update(eid, configurations);
		if (configurations.length === 0) this.#eid = undefined;
	}

	async #offerResults(context: ProcedureContext): Promise<void> {
		if (!this.#deps.journal.state.hasWaitingResults) return;
		await offerWaitingResults(context, this.#eims);
	}

	async #report(failure: Error): Promise<void> {
		const code = failure instanceof EsimError ? failure.code : "UNKNOWN";
		if (failure instanceof CardError) {
			// The next round begins with a fresh session on the card.
			this.#eid = undefined;
			await this.#channel.close().catch(() => undefined);
			this.#log.warn("card lost", { error: failure });
			this.events.emit({ type: "card-lost", reason: failure.message });
			return;
		}
		this.#log.warn("round failed", { error: failure });
		this.events.emit({ type: "poll-failed", eimId: "", code, reason: failure.message });
	}
}

/** What other eIMs may be spared. */
function isOfOneEim(failure: Error): failure is EsimError {
	return isLinkFailure(failure) || isServerFailure(failure) || failure instanceof ProcedureError;
}

function strangerRefused(): ProcedureError {
	return new ProcedureError("IPA_TRANSFER_REFUSED", "no eIM of this card has this certificate");
}

/** TAC and IMEI: what tells one device from another. */
function deviceText({ tac, imei }: ProcedureSettings["deviceInfo"]): string {
	return toHex(tac) + (imei === undefined ? "" : toHex(imei));
}

function toError(error: unknown): Error {
	return error instanceof Error ? error : new Error(String(error));
}
