import { type Clock, sleep } from "@iot-esim/shared/runtime/clock";
import type { Logger, LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { toHex } from "@iot-esim/shared/util/bytes";
import { type Duration, Milliseconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { CardDriver } from "./card/card-channel.ts";
import { CardLock } from "./card/card-lock.ts";
import { CardError } from "./card/errors.ts";
import { Es10 } from "./card/es10.ts";
import { Es10Commands } from "./card/es10-commands.ts";
import { IsdRChannel, type IsdRChannelOptions } from "./card/isd-r-channel.ts";
import { EimLinks, type LinkedEim } from "./eim-links.ts";
import { transferredIn } from "./esipa/eim-package.ts";
import type { EsipaLink } from "./esipa/esipa-link.ts";
import type { EsipaTarget } from "./esipa/http-link.ts";
import { retryWaitingNotifications, unattemptedNotifications } from "./procedures/direct-notifications.ts";
import { provideWaitingDownloadResults } from "./procedures/download-result.ts";
import { ProcedureError } from "./procedures/errors.ts";
import { IpaEvents } from "./procedures/event-emitter.ts";
import { isLinkFailure, isRejection, isServerFailure } from "./procedures/failure-kind.ts";
import { deliverNotifications } from "./procedures/notifications.ts";
import { poll } from "./procedures/poll.ts";
import type { DirectRsp, ProcedureContext, ProcedureSettings } from "./procedures/procedure-context.ts";
import { offerWaitingResults, resumeWork } from "./procedures/resume.ts";
import { eimsToPoll, startUp } from "./procedures/start-up.ts";
import { answerUnderWay, type Transfer, transferEimPackage } from "./procedures/transfer-eim-package.ts";
import type { Journal } from "./state/journal.ts";

/** How the agent behaves; `config.ts` makes it from a file. */
export interface IpaSettings {
	readonly card: Omit<IsdRChannelOptions, "logger">;
	readonly procedures: ProcedureSettings;
	/** Polls this eIM alone; all that the card is associated with when absent. */
	readonly eimId?: string | undefined;
	readonly pollInterval: Duration;
	/** Pause after the first failure; doubled after each further one. */
	readonly retryAfter: Duration;
	readonly retryAtMost: Duration;
	/** Packages worked off in one go before the agent pauses all the same. */
	readonly packagesInOneGo: number;
}

/** Every effect of the agent. */
export interface IpaDeps {
	readonly driver: CardDriver;
	/** The way to an eIM, from what the card says of it. */
	readonly link: (target: EsipaTarget) => EsipaLink;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly journal: Journal;
	readonly logger: LoggerFactory;
	readonly settings: IpaSettings;
	/** The device's own way to SM-DP+ and SM-DS, for direct downloads. */
	readonly rsp?: DirectRsp | undefined;
	/** The network that the device is registered in: MCC and MNC in three octets (3GPP TS 24.008). */
	readonly registeredPlmn?: () => Uint8Array | undefined;
}

/** What one round over all eIMs came to. */
export interface CycleResult {
	/** Packages worked off. */
	readonly packages: number;
	/** The first failure; the round went on with other eIMs after it. */
	readonly failure: Error | undefined;
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
	/** Rounds with pauses in between, until the signal; then lets go of the card. */
	run(signal: AbortSignal): Promise<void>;
	/** Lets go of the card and of the eIMs. */
	close(): Promise<void>;
}

/** Builds an agent; nothing is opened before the first round. */
export function createIpa(deps: IpaDeps): Ipa {
	return new Agent(deps);
}

const JITTER = 0.1;

class Agent implements Ipa {
	readonly events: IpaEvents;
	readonly #deps: IpaDeps;
	readonly #log: Logger;
	readonly #channel: IsdRChannel;
	readonly #es10: Es10;
	readonly #commands: Es10Commands;
	readonly #lock = new CardLock();
	readonly #links: EimLinks;
	/** Ends what goes on between the rounds. */
	#running = new AbortController().signal;
	#eid: Uint8Array | undefined;
	#eims: readonly LinkedEim[] = [];
	#notifications: readonly Uint8Array[] = [];
	/** A journal without records says nothing of results that wait on the card. */
	#mustOfferResults: boolean;

	constructor(deps: IpaDeps) {
		this.#deps = deps;
		this.#log = deps.logger("ipa.agent");
		this.events = new IpaEvents(this.#log);
		this.#channel = new IsdRChannel(deps.driver, { ...deps.settings.card, logger: deps.logger("ipa.card") });
		this.#es10 = new Es10(this.#channel);
		this.#commands = new Es10Commands(this.#channel);
		this.#links = new EimLinks(deps.link, this.#log);
		this.#mustOfferResults = deps.journal.isNew;
	}

	pollOnce(signal: AbortSignal = new AbortController().signal): Promise<CycleResult> {
		return this.#lock.run(() => this.#cycle(signal));
	}

	transferEimPackage(message: Uint8Array, isFrom: (eim: EsipaTarget) => boolean): Promise<Uint8Array> {
		return new Promise((resolve, reject) => {
			const work = async () => {
				const { answer, later, mayHaveChangedEims } = await this.#transfer(message, isFrom);
				resolve(answer);
				// Nobody waits for the rest any more, and the card stays with it until it is done.
				await later?.();
				if (mayHaveChangedEims && this.#eid !== undefined) await this.#readEims(this.#eid);
			};
			this.#lock.run(work).catch(async (error) => {
				reject(error);
				if (!(error instanceof ProcedureError)) await this.#report(toError(error));
			});
		});
	}

	async #transfer(message: Uint8Array, isFrom: (eim: EsipaTarget) => boolean): Promise<Transfer> {
		const context = await this.#start(this.#running);
		const eim = this.#eims.find(({ configuration }) => isFrom(configuration));
		if (eim === undefined) throw new ProcedureError("IPA_TRANSFER_REFUSED", "no eIM of this card has this certificate");
		const brought = transferredIn(message);
		if (brought === undefined) throw new ProcedureError("IPA_TRANSFER_INVALID", "no TransferEimPackageRequest");
		const answer = answerUnderWay(context, brought);
		if (answer !== undefined) return { answer, mayHaveChangedEims: false };
		await this.#finishEarlierWork(context);
		const others = this.#eims.filter((one) => one !== eim).map((one) => one.eimId);
		return transferEimPackage(context, eim, brought, others);
	}

	async run(signal: AbortSignal): Promise<void> {
		this.#running = signal;
		let failures = 0;
		while (!signal.aborted) {
			const { failure } = await this.pollOnce(signal);
			failures = failure === undefined ? 0 : failures + 1;
			const pause = this.#pause(failures);
			if (signal.aborted) break;
			this.events.emit({ type: "sleeping", ms: pause });
			await sleep(this.#deps.clock, pause, signal).catch(() => undefined);
		}
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

	async #cycle(signal: AbortSignal): Promise<CycleResult> {
		let packages = 0;
		let failure: Error | undefined;
		try {
			const context = await this.#start(signal);
			await this.#finishEarlierWork(context);
			for (const { eimId } of this.#eims) {
				const outcome = await this.#drain(context, eimId);
				packages += outcome.packages;
				failure ??= outcome.failure;
			}
			if (failure === undefined) await this.#offerResults(context);
		} catch (error) {
			failure = toError(error);
			if (!signal.aborted) await this.#report(failure);
		}
		return { packages, failure: signal.aborted ? undefined : failure };
	}

	/** Step 0: EID, eIM configuration, pending notifications, once per card session. */
	async #start(signal: AbortSignal): Promise<ProcedureContext> {
		if (this.#eid === undefined) {
			const identity = await startUp(this.#es10);
			const eid = toHex(identity.eid);
			const configurations = eimsToPoll(identity.configurations, this.#deps.settings.eimId);
			if (configurations.length === 0) {
				throw new ProcedureError("IPA_NO_EIM", `the card ${eid} is associated with no eIM that can be polled`);
			}
			await this.#deps.journal.note({ type: "card-seen", eid });
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
		await retryWaitingNotifications(context, first);
		if (this.#notifications.length === 0) return;
		await deliverNotifications(context, first, this.#notifications);
		this.#notifications = [];
	}

	/**
	 * One eIM that cannot be reached must not keep others from the device, and one that rejects a result must not keep
	 * it from going on: the result stays on the card and is offered again.
	 */
	async #resume(context: ProcedureContext): Promise<void> {
		try {
			await resumeWork(context, this.#eims);
		} catch (error) {
			const { work } = this.#deps.journal.state;
			const isWaiting = work.phase === "package-executed" && work.rollback.state !== "armed";
			if (!isLinkFailure(error) || !isWaiting) throw error;
			if (!isRejection(error) && this.#eims.length < 2) throw error;
			await this.#deps.journal.note({ type: "result-left-on-card" });
		}
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

	/** After eIM configuration operations; a card without any eIM left ends the session. */
	async #readEims(eid: Uint8Array): Promise<void> {
		const configurations = eimsToPoll(await this.#es10.getEimConfigurationData(), this.#deps.settings.eimId);
		this.#eims = await this.#links.update(eid, configurations);
		if (configurations.length === 0) this.#eid = undefined;
	}

	async #offerResults(context: ProcedureContext): Promise<void> {
		if (!this.#mustOfferResults && !this.#deps.journal.state.hasWaitingResults) return;
		await offerWaitingResults(context, this.#eims);
		this.#mustOfferResults = false;
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

	#pause(failures: number): Duration {
		const { pollInterval, retryAfter, retryAtMost } = this.#deps.settings;
		const first = Math.min(retryAfter, pollInterval);
		const base = failures === 0 ? pollInterval : Math.min(retryAtMost, first * 2 ** Math.min(failures - 1, 20));
		const [octet = 0] = this.#deps.random.bytes(1);
		return Milliseconds(Math.round(base * (1 - JITTER + (2 * JITTER * octet) / 255)));
	}
}

/** What other eIMs may be spared. */
function isOfOneEim(failure: Error): failure is EsimError {
	return isLinkFailure(failure) || isServerFailure(failure) || failure instanceof ProcedureError;
}

function toError(error: unknown): Error {
	return error instanceof Error ? error : new Error(String(error));
}
